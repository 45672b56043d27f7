#pragma once

#include <csignal>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "integration/fake_cluster.h"
#include "support/process/child_process.h"
#include "support/wait.h"

/// Whether a process ignores a signal.
inline bool ignores(pid_t process, int signal) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    std::string word;
    while (status >> word && word != "SigIgn:") {
    }
    std::uint64_t ignored = 0;
    status >> std::hex >> ignored;
    return (ignored >> (signal - 1) & 1U) != 0;
}

/// How a program that polls the cluster once ends if nobody reads what it prints, as behind
/// `| head -c1`. Its output and its requests may meet a closed peer, so it has to ignore SIGPIPE.
inline support::ExitStatus end_without_reader(const FakeCluster& cluster,
                                              const std::vector<std::string>& command) {
    for (const auto& patroni : cluster.patronis)
        patroni->hold("/cluster");
    support::ChildProcess process(command);
    support::eventually(
        [&] {
            std::size_t asked = 0;
            for (const auto& patroni : cluster.patronis)
                asked += patroni->requests("/cluster");
            return asked > 0;
        },
        "a request");
    EXPECT_TRUE(ignores(process.pid(), SIGPIPE));
    (void)process.take_output();
    (void)process.take_error();
    for (const auto& patroni : cluster.patronis)
        patroni->release("/cluster");
    return process.wait(support::default_timeout).value_or(support::ExitStatus{});
}
