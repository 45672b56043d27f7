#include "patroni_proxy/hooks/hook_job.h"

#include <map>
#include <string>

#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>
#include <gtest/gtest.h>

namespace proxy::hooks {
namespace {

using history::Change;
using history::History;

std::map<std::string, std::string> variables_of(const HookJob& job) {
    return {job.environment.begin(), job.environment.end()};
}

Poco::JSON::Object::Ptr json_in(const HookJob& job) {
    return Poco::JSON::Parser().parse(job.json).extract<Poco::JSON::Object::Ptr>();
}

history::Record switchover() {
    history::Record record;
    record.cluster = "main";
    record.kind = history::Kind::leader;
    record.cause = history::Cause::switchover;
    record.from = "p1";
    record.to = "p2";
    record.words = "planned switchover";
    record.summary = "leader p1 -> p2: planned switchover";
    return record;
}

TEST(HookJobTest, ANewLeaderComesWithTheRecordSoFar) {
    const HookJob job = job_of({"main", Change{Change::What::leader, "p2", {}, {}}, switchover()});
    EXPECT_EQ(job.event, "leader");
    auto variables = variables_of(job);
    EXPECT_EQ(variables["PATRONI_PROXY_EVENT"], "leader");
    EXPECT_EQ(variables["PATRONI_PROXY_CLUSTER"], "main");
    EXPECT_EQ(variables["PATRONI_PROXY_OLD_LEADER"], "p1");
    EXPECT_EQ(variables["PATRONI_PROXY_LEADER"], "p2");
    EXPECT_EQ(variables["PATRONI_PROXY_CAUSE"], "switchover");
    EXPECT_EQ(variables["PATRONI_PROXY_WORDS"], "planned switchover");
    const auto json = json_in(job);
    EXPECT_EQ(json->getValue<std::string>("leader"), "p2");
    EXPECT_TRUE(json->isNull("port"));
    EXPECT_EQ(json->getObject("record")->getValue<std::string>("leader_before"), "p1");
}

TEST(HookJobTest, APortHasItsMembers) {
    const HookJob job = job_of({"main", Change{Change::What::port, "p1", "ro", {"p2", "p3"}}, {}});
    EXPECT_EQ(job.subject, "main/ro");
    auto variables = variables_of(job);
    EXPECT_EQ(variables["PATRONI_PROXY_EVENT"], "port");
    EXPECT_EQ(variables["PATRONI_PROXY_PORT"], "ro");
    EXPECT_EQ(variables["PATRONI_PROXY_SERVING"], "p2 p3");
    // A script with `set -u` needs every variable, and none may come from our own environment.
    EXPECT_TRUE(variables.contains("PATRONI_PROXY_OLD_LEADER"));
    EXPECT_TRUE(variables.contains("PATRONI_PROXY_SUMMARY"));
    EXPECT_TRUE(json_in(job)->isNull("record"));
}

TEST(HookJobTest, TheEndOfARecord) {
    const HookJob job = job_of({"main", {}, switchover()});
    EXPECT_EQ(job.event, "ended");
    EXPECT_EQ(variables_of(job)["PATRONI_PROXY_LEADER"], "p2");
}

TEST(HookJobTest, NamesFromElsewhereStayOnOneLine) {
    history::Record record = switchover();
    record.words = "a\nb";
    auto variables = variables_of(job_of({"main", {}, record}));
    EXPECT_EQ(variables["PATRONI_PROXY_WORDS"].find('\n'), std::string::npos);
}

}  // namespace
}  // namespace proxy::hooks
