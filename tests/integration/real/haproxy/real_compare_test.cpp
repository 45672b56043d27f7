// A file of contrib/haproxy is imported and runs beside the real HAProxy with the original, in
// front of a real cluster: `compare` finds that both use the same members, before and after a
// switchover. So do the files that import is tested with.

#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy_under_test.h"
#include "integration/real/testbed.h"
#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"
#include "support/wait.h"

using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
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
    // It looks at its own times: each difference that it told of must have ended for it as well,
    // whichever of the two was slower.
    const auto ends = [&] {
        const std::string told = follow.output();
        return count_of(told, "; for ") * 2 == count_of(told, ": HAProxy says ");
    };
    EXPECT_NO_THROW(support::eventually(ends, 30s, "each difference to end")) << follow.output();
    follow.signal(SIGINT);
    EXPECT_EQ(follow.wait_for_exit().code, 0) << follow.output();
    EXPECT_THAT(follow.output(), AllOf(HasSubstr("primary/pg-node-2"), HasSubstr("agreement "),
                                       Not(HasSubstr(" now\n"))));
}

/// HAProxy with a file that import is tested with, and the proxy with what import makes of it. The
/// servers are members of the testbed; each of the two has an address of its own.
class SideBySide {
  public:
    SideBySide(const std::string& name, int number)
        : name_(name), socket_((directory_.path() / "admin.sock").string()) {
        const std::string address = "127.0.0." + std::to_string(40 + 2 * number);
        const std::string cfg = directory_.write(name, with_own_addresses(name, address));
        const auto imported = support::run({PROXY_BINARY, "import", cfg});
        EXPECT_THAT(imported.status.code, AnyOf(0, 3)) << name << ": " << imported.err;
        const std::string own = "127.0.0." + std::to_string(41 + 2 * number);
        std::string config = replace_all(imported.out, address, own);
        if (config.find("\nlisten_address:") == std::string::npos)
            config = "listen_address: \"" + own + ":8009\"\n" + config;
        file_ = directory_.write("patroni_proxy.yaml", config);
        processes_.push_back(std::make_unique<support::DaemonProcess>(
            std::vector<std::string>{"/usr/sbin/haproxy", "-db", "-f", cfg}));
        processes_.push_back(std::make_unique<support::DaemonProcess>(
            std::vector<std::string>{PROXY_BINARY, file_}));
        processes_.back()->wait_for_line("HTTP API: listening on ");
    }

    /// What compare says where they differ, once they have had time to agree.
    [[nodiscard]] std::string difference() const {
        support::RunResult result;
        try {
            support::eventually(
                [&] {
                    result = support::run(
                        {PROXY_BINARY, "compare", "--for", "1s", "--haproxy", socket_, file_});
                    return result.status.code == 0;
                },
                60s, "HAProxy and the proxy to agree");
            return {};
        } catch (const support::TimedOut&) {
            return name_ + ": " + result.out + result.err;
        }
    }

  private:
    [[nodiscard]] std::string with_own_addresses(const std::string& name,
                                                 const std::string& address) const {
        std::ostringstream original;
        original << std::ifstream(TEST_DATA "/haproxy/import/" + name).rdbuf();
        const std::string text = std::regex_replace(
            original.str(), std::regex(R"((bind\s+)[^\s:]*:)"), "$01" + address + ":");
        static const std::regex server(R"((server\s+\S+\s+)(\d+\.\d+\.\d+\.\d+))");
        std::string changed;
        std::map<std::string, std::string> members;
        auto rest = text.cbegin();
        for (std::smatch found; std::regex_search(rest, text.cend(), found, server);
             rest = found[0].second) {
            const std::string member = "127.0.0.1" + std::to_string(1 + members.size() % 3);
            changed.append(rest, found[0].first);
            changed += found[1];
            changed += members.emplace(found[2], member).first->second;
        }
        changed.append(rest, text.cend());
        // Without a package's service there is no /run/haproxy.
        changed = replace_all(changed, "/run/haproxy/", directory_.path().string() + "/its_");
        return "global\n    stats socket " + socket_ + " level admin\n" + changed;
    }

    std::string name_;
    support::TempDir directory_;
    std::string socket_;
    std::string file_;
    std::vector<std::unique_ptr<support::DaemonProcess>> processes_;
};

TEST(RealCompare, ImportedFilesRouteAsHaproxyDoes) {
    Testbed testbed;
    std::vector<std::unique_ptr<SideBySide>> pairs;
    for (const char* file : {"clusters.cfg", "front_and_back.cfg", "limits.cfg", "many_paths.cfg",
                             "named_defaults.cfg", "networks.cfg", "tracking.cfg"})
        pairs.push_back(std::make_unique<SideBySide>(file, static_cast<int>(pairs.size())));
    for (const auto& pair : pairs)
        EXPECT_EQ(pair->difference(), "");
    testbed.run({"switchover", "--to", "p2"});
    for (const auto& pair : pairs)
        EXPECT_EQ(pair->difference(), "") << "after the switchover";
}

}  // namespace
