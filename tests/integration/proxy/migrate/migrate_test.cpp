// The commands for those who come from HAProxy, as a user runs them.

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/fake_cluster.h"
#include "integration/proxy_under_test.h"
#include "support/fakes/certificates.h"
#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"

namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kTop = "listen_address: \"127.0.0.1:0\"\nworkers: 1\n";

support::RunResult run_proxy(const std::vector<std::string>& arguments,
                             const support::ProcessOptions& options = {}) {
    std::vector<std::string> argv{PROXY_BINARY};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return support::run(argv, options);
}

/// A file of HAProxy for this cluster, with a port for writes and one for reads that falls back.
std::string haproxy_cfg(const FakeCluster& cluster) {
    std::string text =
        "defaults\n mode tcp\n timeout connect 2s\n timeout client 30m\n timeout server 30m\n"
        " default-server inter 200ms check on-marked-down shutdown-sessions\n"
        "frontend write\n bind 127.0.0.1:0\n default_backend bk_primary\n"
        "frontend read\n bind 127.0.0.1:0\n use_backend bk_primary if { nbsrv(bk_replicas) eq 0 }\n"
        " default_backend bk_replicas\n";
    for (const auto& [backend, path] :
         {std::pair("bk_primary", "/primary"), std::pair("bk_replicas", "/replica")}) {
        text += std::string("backend ") + backend +
                "\n balance leastconn\n option httpchk OPTIONS " + path +
                "\n http-check expect status 200\n";
        for (std::size_t i = 0; i < cluster.backends.size(); ++i)
            text += " server pg" + std::to_string(i) + " " + cluster.backends[i]->ip() + ":" +
                    std::to_string(cluster.backends[i]->port()) + " addr " +
                    cluster.patronis[i]->ip() + " port " +
                    std::to_string(cluster.patronis[i]->port()) + "\n";
    }
    return text;
}

class Migrate : public testing::Test {
  protected:
    [[nodiscard]] std::string imported(const FakeCluster& cluster) const {
        const auto result =
            run_proxy({"import", directory_.write("haproxy.cfg", haproxy_cfg(cluster))});
        EXPECT_EQ(result.status.code, 0) << result.err;
        return result.out;
    }

    support::TempDir directory_;
};

TEST_F(Migrate, AnImportedFileRoutes) {
    FakeCluster cluster(2);
    const ProxyUnderTest proxy(kTop + imported(cluster));
    EXPECT_EQ(proxy.connect("main/write").receive_line(), "b1");
    EXPECT_EQ(proxy.connect("main/read").receive_line(), "b2");

    // The way out of reads: no replica is left.
    cluster.answer_cluster(support::ClusterJson().member(cluster.member(0, "leader")).str());
    proxy.update_clusters();
    EXPECT_EQ(proxy.connect("main/read").receive_line(), "b1");
}

TEST_F(Migrate, ImportReportsWhatItLeavesOut) {
    const auto file =
        directory_.write("haproxy.cfg",
                         "listen a\n bind *:5000\n option httpchk /primary\n frobnicate\n server s "
                         "10.0.0.1:5432 check port 8008\n");
    const auto report = (directory_.path() / "report").string();
    const auto result = run_proxy({"import", file, "--report", report});
    EXPECT_EQ(result.status.code, 3);
    EXPECT_THAT(result.out, HasSubstr("roles: [leader]"));
    EXPECT_THAT(result.err, IsEmpty());
    std::ifstream text(report);
    EXPECT_THAT(std::string(std::istreambuf_iterator<char>(text), {}),
                StartsWith("not carried over:\n  haproxy.cfg:4: frobnicate\n"));
}

TEST_F(Migrate, ImportTakesValuesForATemplate) {
    const auto file = directory_.write(
        "haproxy.j2",
        "listen a\n bind {{ vip }}:5000\n option httpchk /primary\n{% for h in x %}\n"
        " server {{ h }} {{ h.ip }}:5432 check port 8008\n{% endfor %}\n");
    const auto result = run_proxy({"import", file, "--set", "vip=10.0.0.9", "--host",
                                   "http://10.0.0.1:8008", "--host", "http://10.0.0.2:8008"});
    EXPECT_EQ(result.status.code, 0) << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr("listen: \"10.0.0.9:5000\""),
                                  HasSubstr("- \"http://10.0.0.2:8008\"")));
}

TEST_F(Migrate, WhatCannotBeReadIsRefused) {
    const auto bad = directory_.write("bad.cfg", "global\n \"open\n");
    for (const std::string command : {"import", "doctor"}) {
        const auto result = run_proxy({command, bad});
        EXPECT_EQ(result.status.code, 1);
        EXPECT_EQ(result.err, "bad.cfg:2: unmatched quote \"\n");
        EXPECT_EQ(run_proxy({command, "/no/such/file"}).status.code, 1);
        EXPECT_EQ(run_proxy({command}).status.code, 2);
    }
}

TEST_F(Migrate, DoctorSaysWhatIsWrong) {
    const auto file =
        directory_.write("haproxy.cfg", "listen a\n bind *:5000\n server s 10.0.0.1:5432 check\n");
    const auto result = run_proxy({"doctor", file});
    EXPECT_EQ(result.status.code, 6);
    EXPECT_THAT(result.out, HasSubstr("haproxy.cfg:1: critical in listen a: no role is asked for"));
    EXPECT_THAT(run_proxy({"doctor", "--json", file}).out, HasSubstr("\"worst\": \"critical\""));
}

TEST_F(Migrate, AFileNamedLikeACommandIsStillAFile) {
    const FakeCluster cluster(1);
    directory_.write("import", cluster.config());
    const auto result =
        run_proxy({"--check", "./import"}, {.working_directory = directory_.path()});
    EXPECT_EQ(result.status.code, 0) << result.err;
}

TEST_F(Migrate, BootstrapPrintsAConfigurationThatServes) {
    FakeCluster cluster(2);
    for (const auto& patroni : cluster.patronis)
        patroni->answer("/patroni",
                        {.body = R"({"database_system_identifier": "7312345678901234567",
            "patroni": {"scope": "orders", "version": "4.0.4"}})"});
    const auto result = run_proxy({"bootstrap", cluster.patronis[0]->url()});
    ASSERT_EQ(result.status.code, 0) << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr("  orders:\n"), HasSubstr(cluster.patronis[1]->url()),
                                  HasSubstr("system_identifier: \"7312345678901234567\"")));
    const auto check = run_proxy({"--check", directory_.write("bootstrap.yaml", result.out)});
    EXPECT_EQ(check.status.code, 0) << check.err;

    EXPECT_THAT(run_proxy({"bootstrap", "http://127.0.0.1:1"}).err,
                HasSubstr("http://127.0.0.1:1/cluster: "));
    EXPECT_EQ(run_proxy({"bootstrap", "nonsense"}).status.code, 2);
}

/// The CSV of an HAProxy that has this server UP and all others DOWN.
std::string csv(const FakeCluster& cluster, std::size_t up) {
    std::string text = "# pxname,svname,status,type,addr,check_status,\n";
    for (std::size_t i = 0; i < cluster.backends.size(); ++i)
        text += "bk_primary,pg" + std::to_string(i) + "," + (i == up ? "UP" : "DOWN") + ",2," +
                cluster.backends[i]->ip() + ":" + std::to_string(cluster.backends[i]->port()) +
                ",L7OK,\n";
    return text;
}

class Compare : public Migrate {
  protected:
    Compare() { say(0); }

    void say(std::size_t up) {
        support::Answer answer;
        answer.body = csv(cluster_, up);
        haproxy_.answer("/;csv", answer);
    }
    /// The configuration with the address of the API that the proxy took.
    [[nodiscard]] std::string file() const {
        return directory_.write("with_api.yaml", "listen_address: \"127.0.0.1:" +
                                                     std::to_string(proxy_.port("HTTP API")) +
                                                     "\"\n" + config_);
    }
    [[nodiscard]] std::vector<std::string> arguments(std::vector<std::string> more = {}) const {
        std::vector<std::string> all{"compare", "--haproxy", haproxy_.url() + "/", file()};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    FakeCluster cluster_{2};
    support::FakePatroni haproxy_;  // a statistics page
    std::string config_ = imported(cluster_);
    ProxyUnderTest proxy_{kTop + config_};
};

TEST_F(Compare, AgreesWithAnHaproxyThatUsesTheSameMember) {
    const auto result = run_proxy(arguments());
    EXPECT_EQ(result.status.code, 0) << result.out << result.err;
    EXPECT_THAT(result.out,
                AllOf(HasSubstr("HAProxy's bk_primary and port main/write\n"),
                      HasSubstr("agreement 100.00 % of 2 comparisons in 0 s; 0 differences")));
}

TEST_F(Compare, SaysWhatDiffersAndWhy) {
    say(1);
    const auto result = run_proxy(arguments());
    EXPECT_EQ(result.status.code, 1) << result.out << result.err;
    EXPECT_THAT(result.out, AllOf(HasSubstr("bk_primary/pg0 ("), HasSubstr("HAProxy says DOWN"),
                                  HasSubstr("patroni_proxy main/write does not use it: role is "),
                                  HasSubstr("2 differences, 2 now")));
    EXPECT_THAT(run_proxy(arguments({"--json"})).out, HasSubstr("\"differ_now\": true"));
    EXPECT_EQ(run_proxy({"compare", "--haproxy", haproxy_.url() + "/", "--control",
                         "127.0.0.1:" + std::to_string(proxy_.port("HTTP API"))})
                  .status.code,
              1);
}

TEST_F(Compare, FollowsASwitchoverUntilHaproxyAgrees) {
    std::vector<std::string> argv{PROXY_BINARY};
    const auto all = arguments({"--follow", "--interval", "20ms"});
    argv.insert(argv.end(), all.begin(), all.end());
    support::DaemonProcess compare(argv);
    compare.wait_for_line("HAProxy's bk_primary and port main/write");
    cluster_.lead_by(1);
    proxy_.update_clusters();
    // Each is seen by itself, and both before HAProxy follows.
    compare.wait_for_line("patroni_proxy main/write does not use it: ");
    compare.wait_for_line("patroni_proxy main/write uses it: ");
    say(1);
    compare.wait_for_line("until HAProxy followed");
    compare.signal(SIGINT);
    EXPECT_EQ(compare.wait_for_exit().code, 0) << compare.output();
    EXPECT_THAT(compare.output(), HasSubstr("2 until HAProxy followed"));
}

TEST_F(Compare, AsksAPageThatHasAPassword) {
    std::string page = haproxy_.url();
    page.insert(page.find("//") + 2, "ops:s%40cret@");
    const auto in_url = run_proxy({"compare", "--haproxy", page + "/", file()});
    EXPECT_EQ(in_url.status.code, 0) << in_url.err;
    const auto passwords = directory_.write("password", "ops:s@cret\n");
    EXPECT_EQ(run_proxy(arguments({"--password-file", passwords})).status.code, 0);
    for (const auto& request : haproxy_.request_log())
        EXPECT_THAT(request.headers, Contains("Authorization: Basic b3BzOnNAY3JldA=="));

    support::Answer refusal;
    refusal.status = 401;
    haproxy_.answer("/;csv", refusal);
    for (const auto& result :
         {run_proxy({"compare", "--haproxy", page + "/", file()}),
          run_proxy({"compare", "--haproxy", "ftp://ops:s@cret@lb1/", file()})}) {
        EXPECT_NE(result.status.code, 0);
        EXPECT_THAT(result.err, AllOf(Not(HasSubstr("cret")), Not(HasSubstr("ops"))));
    }
    EXPECT_THAT(run_proxy(arguments()).err, HasSubstr("--password-file"));
    EXPECT_THAT(run_proxy(arguments({"--password-file", directory_.write("bad", "cret\n")})).err,
                AllOf(HasSubstr("USER:PASSWORD"), Not(HasSubstr("cret"))));
}

TEST_F(Compare, AsksAPageOverTls) {
    const support::CertificateAuthority ca(directory_);
    const auto server = ca.issue({.name = "server", .hosts = {"127.0.0.1"}});
    support::FakePatroni page(
        support::TlsOptions{.certificate = server.certificate, .key = server.key});
    support::Answer answer;
    answer.body = csv(cluster_, 0);
    page.answer("/;csv", answer);
    const auto compare = [&](const std::vector<std::string>& more) {
        std::vector<std::string> all{"compare", "--haproxy", page.url() + "/", file()};
        all.insert(all.end(), more.begin(), more.end());
        return run_proxy(all);
    };
    EXPECT_EQ(compare({"--ca-cert", ca.certificate()}).status.code, 0);
    EXPECT_EQ(compare({"--skip-verify"}).status.code, 0);
    const auto refused = compare({});
    EXPECT_EQ(refused.status.code, 4);
    EXPECT_THAT(refused.err, HasSubstr("certificate"));
}

TEST_F(Compare, SaysWhoGaveNoAnswer) {
    const auto nobody = run_proxy({"compare", "--haproxy", "/no/such.sock", file()});
    EXPECT_EQ(nobody.status.code, 4);
    EXPECT_THAT(nobody.err, HasSubstr("/no/such.sock: "));
    support::Answer without_addresses;
    without_addresses.body = "# pxname,svname,status,type\np,s,UP,2\n";
    haproxy_.answer("/;csv", without_addresses);
    EXPECT_THAT(run_proxy(arguments()).err, HasSubstr("'level operator'"));
    say(0);
    EXPECT_THAT(run_proxy(arguments({"--map", "bk_primary=no/port"})).err,
                HasSubstr("there is no port no/port"));
    EXPECT_EQ(run_proxy({"compare", "--haproxy", haproxy_.url() + "/",
                         directory_.write("bad.yaml", "clusters: 5\n")})
                  .status.code,
              4);
    for (const std::string option : {"--for", "--interval", "--map"}) {
        const auto result = run_proxy(arguments({option, "nonsense"}));
        EXPECT_EQ(result.status.code, 2);
        EXPECT_THAT(result.err, HasSubstr("'nonsense' must be "));
    }
}

}  // namespace
