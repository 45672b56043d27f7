#include "patroni_proxy/host/session_end.h"

#include <cstddef>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace proxy {
namespace {

std::vector<SessionEnd> all_ends() {
    std::vector<SessionEnd> ends;
    for (std::size_t i = 0; i < kSessionEnds; ++i)
        ends.push_back(static_cast<SessionEnd>(i));
    return ends;
}

// Dashboards and alerts are made of these names: they stay.
TEST(SessionEndTest, HasItsNameInMetricsAndLogs) {
    const std::vector<std::pair<SessionEnd, std::string_view>> names{
        {SessionEnd::client_closed, "client_closed"},
        {SessionEnd::backend_closed, "backend_closed"},
        {SessionEnd::client_failed, "client_failed"},
        {SessionEnd::backend_failed, "backend_failed"},
        {SessionEnd::member_out, "member_out"},
        {SessionEnd::idle_timeout, "idle_timeout"},
        {SessionEnd::port_removed, "port_removed"},
        {SessionEnd::proxy_stopped, "proxy_stopped"},
        {SessionEnd::out_of_resources, "out_of_resources"},
        {SessionEnd::closed_by_operator, "closed_by_operator"},
        {SessionEnd::cancel_request, "cancel_request"},
        {SessionEnd::not_allowed, "not_allowed"},
        {SessionEnd::bad_header, "bad_header"},
        {SessionEnd::port_disabled, "port_disabled"},
        {SessionEnd::port_full, "port_full"},
        {SessionEnd::proxy_full, "proxy_full"},
        {SessionEnd::no_backend, "no_backend"},
        {SessionEnd::queue_timeout, "queue_timeout"},
        {SessionEnd::queue_full, "queue_full"},
        {SessionEnd::no_resources, "no_resources"},
    };
    ASSERT_EQ(names.size(), kSessionEnds);
    for (const auto& [end, name] : names)
        EXPECT_EQ(name_of(end), name);
}

TEST(SessionEndTest, EachHasItsOwnDescription) {
    std::set<std::string_view> descriptions;
    for (const auto end : all_ends())
        descriptions.insert(describe(end));
    EXPECT_EQ(descriptions.size(), kSessionEnds);
    EXPECT_EQ(descriptions.count(""), 0U);
    EXPECT_EQ(describe(SessionEnd::client_closed), "closed by the client");
    EXPECT_EQ(describe(SessionEnd::no_backend), "no backends available");
}

TEST(SessionEndTest, TellsRefusalsAndOrderlyEndsApart) {
    const std::set<SessionEnd> refusals{
        SessionEnd::port_disabled, SessionEnd::not_allowed,  SessionEnd::port_full,
        SessionEnd::proxy_full,    SessionEnd::no_backend,   SessionEnd::queue_timeout,
        SessionEnd::queue_full,    SessionEnd::no_resources, SessionEnd::bad_header};
    const std::set<SessionEnd> orderly{SessionEnd::client_closed, SessionEnd::backend_closed,
                                       SessionEnd::cancel_request};
    for (const auto end : all_ends()) {
        EXPECT_EQ(is_refusal(end), refusals.count(end) == 1) << name_of(end);
        EXPECT_EQ(is_orderly(end), orderly.count(end) == 1) << name_of(end);
    }
}

}  // namespace
}  // namespace proxy
