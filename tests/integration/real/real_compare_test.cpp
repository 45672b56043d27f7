// A file of contrib/haproxy is imported and runs beside the real HAProxy with the original, in
// front of a real cluster: `compare` finds that both use the same members, before and after a
// switchover.

#include <chrono>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy_under_test.h"
#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "support/wait.h"
#include "testbed.h"

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
        ++count;
    return count;
}

TEST(RealCompare, AnImportedFileAgreesWithHaproxyThroughASwitchover) {
    Testbed testbed;
    const support::TempDir directory;
    const HaproxyUnderTest haproxy("httpchk_only.cfg");
    const auto imported = support::run({PROXY_BINARY, "import", haproxy.file()});
    ASSERT_EQ(imported.status.code, 0) << imported.err;
    const std::string config = replace_all(imported.out, HaproxyUnderTest::kAddress, "127.0.0.21");
    const ProxyUnderTest proxy("listen_address: \"127.0.0.1:0\"\n" + config);
    const std::string file = directory.write(
        "patroni_proxy.yaml",
        "listen_address: \"127.0.0.1:" + std::to_string(proxy.port("HTTP API")) + "\"\n" + config);
    std::vector<std::string> compare{PROXY_BINARY, "compare", "--haproxy", haproxy.socket(), file};
    const auto agree = [&] {
        support::eventually([&] { return support::run(compare).status.code == 0; }, 60s,
                            "HAProxy and the proxy to agree");
    };
    agree();
    compare.insert(compare.end(), {"--follow", "--interval", "200ms"});
    support::DaemonProcess follow(compare);
    follow.wait_for_line("HAProxy's primary and port main/primary");
    testbed.run({"switchover", "--to", "p2"});
    follow.wait_for_line("until HAProxy followed", 0, 60s);
    compare.resize(compare.size() - 3);
    agree();
    // It looks at its own times: each difference that it told of must have ended for it as well.
    support::eventually(
        [&] {
            const std::string told = follow.output();
            return count_of(told, ": HAProxy says ") ==
                   2 * count_of(told, "until HAProxy followed");
        },
        30s, "the comparison that follows to agree, too");
    follow.signal(SIGINT);
    EXPECT_EQ(follow.wait_for_exit().code, 0) << follow.output();
    EXPECT_THAT(follow.output(), AllOf(HasSubstr("primary/pg-node-2"), HasSubstr("agreement "),
                                       Not(HasSubstr(" now\n"))));
}

}  // namespace
