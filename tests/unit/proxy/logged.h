#pragma once

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "daemon/log/log.h"
#include "support/wait.h"

namespace proxy {

/// What is logged while `task` runs.
template <typename Task>
std::string logged_during(Task task) {
    // What was logged before may still be on its way.
    EXPECT_TRUE(daemons::log::flush(support::default_timeout));
    testing::internal::CaptureStderr();
    task();
    EXPECT_TRUE(daemons::log::flush(support::default_timeout));
    return testing::internal::GetCapturedStderr();
}

inline std::size_t count_of(const std::string& part, const std::string& text) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

}  // namespace proxy
