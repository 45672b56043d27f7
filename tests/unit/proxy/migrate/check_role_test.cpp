#include "patroni_proxy/migrate/pieces/check_role.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy/grammar/reader.h"

namespace proxy::migrate {
namespace {

using testing::HasSubstr;

/// "leader", "replica lag 16MB zone=a streaming", or why there is no role; then remarks.
std::string role(const std::string& rules) {
    const auto configuration =
        haproxy::read({{"h.cfg", "listen a\n" + rules}},
                      [](const std::string&) { return std::optional<std::string>(); });
    const auto proxies = haproxy::proxies_of(configuration);
    const CheckRole found = role_of(haproxy::health_check_of(proxies.at(0)));
    std::string text = found.why_none.empty() ? "" : "none: " + found.why_none;
    for (const auto& one : found.roles)
        text += (text.empty() ? "" : " ") + one;
    if (!found.max_lag.empty())
        text += " lag " + found.max_lag;
    for (const auto& [tag, value] : found.tags)
        text += " " + tag + "=" + value;
    text += found.streaming ? " streaming" : "";
    for (const auto& remark : found.remarks)
        text += "; " + std::string(name_of(remark.outcome)) + ": " + remark.why;
    return text;
}

TEST(CheckRole, ComesFromThePath) {
    for (const auto& [path, expected] : std::vector<std::pair<std::string, std::string>>{
             {"/", "leader"},
             {"/primary", "leader"},
             {"/read-write", "leader"},
             {"/master", "leader"},
             {"/standby-leader", "standby_leader"},
             {"/replica", "replica"},
             {"/read-only", "any"},
             {"/sync", "sync"},
             {"/async", "async"},
             {"/quorum", "quorum"},
             {"/read-only-sync", "sync leader"},
             {"/read-only-quorum", "quorum leader"},
             {"/replica?lag=16MB&tag_zone=a&replication_state=streaming",
              "replica lag 16MB zone=a streaming"},
             {"/replica/?lag=10485760", "replica lag 10485760"}})
        EXPECT_EQ(role(" option httpchk OPTIONS " + path + "\n"), expected) << path;
    EXPECT_EQ(role(" option httpchk\n"), "leader");
}

TEST(CheckRole, SaysWhatBehavesDifferently) {
    EXPECT_THAT(role(" option httpchk /leader\n"),
                HasSubstr("leader; changed in behaviour: in a standby cluster"));
    EXPECT_THAT(role(" option httpchk /health\n"),
                HasSubstr("any; changed in behaviour: /health asks for no role"));
    EXPECT_THAT(role(" option httpchk /replica?lag=5XB\n"),
                HasSubstr("not carried over: 'lag=5XB' has no counterpart"));
    EXPECT_THAT(role(" option httpchk /replica?foo=1\n"), HasSubstr("'foo=1'"));
}

TEST(CheckRole, DependsOnTheStatusThatIsExpected) {
    const std::string check = " option httpchk /primary\n http-check expect ";
    for (const std::string good : {"status 200", "status 200-399", "status 200,204", "rstatus ^2",
                                   "! status 503", "! rstatus ^5"})
        EXPECT_EQ(role(check + good + "\n"), "leader") << good;
    for (const std::string inverted : {"! status 200", "status 503", "rstatus ^5"})
        EXPECT_THAT(role(check + inverted + "\n"), HasSubstr("replica; changed in behaviour"))
            << inverted;
    EXPECT_THAT(role(check + "status 200-599\n"),
                HasSubstr("none: the status of a member without the role is accepted"));
    EXPECT_THAT(role(check + "rstatus .*\n"), HasSubstr("none: the expected status '.*'"));
    EXPECT_THAT(role(" option httpchk /replica\n http-check expect status 503\n"),
                HasSubstr("none: it lets members through that do not have the role"));
}

TEST(CheckRole, MayStandInTheBody) {
    const std::string patroni = " option httpchk GET /patroni\n";
    EXPECT_THAT(role(patroni + " http-check expect rstring primary|master\n"),
                HasSubstr("leader; carried over"));
    EXPECT_THAT(role(patroni + " http-check expect string replica\n"), HasSubstr("replica;"));
    EXPECT_THAT(role(patroni), HasSubstr("none: '/patroni' names a role in its body only"));
    EXPECT_THAT(role(" option httpchk /primary\n http-check expect string xyz\n"),
                HasSubstr("leader; not carried over"));
    EXPECT_THAT(role(" option httpchk /primary\n http-check expect hdr name x\n"),
                HasSubstr("leader; not carried over"));
}

TEST(CheckRole, IsMissingWhereNoneIsAskedFor) {
    for (const std::string rules :
         {"", " option tcp-check\n", " option pgsql-check user x\n", " option external-check\n",
          " option httpchk /liveness\n", " option httpchk\n option tcp-check\n"})
        EXPECT_THAT(role(rules), HasSubstr("none: ")) << rules;
    EXPECT_THAT(role(" option httpchk \"/${UNKNOWN}\"\n"), HasSubstr("is not known here"));
    EXPECT_THAT(role(" option httpchk\n http-check connect\n http-check send uri /a\n"
                     " http-check connect\n http-check send uri /b\n"),
                HasSubstr("none: several paths"));
}

}  // namespace
}  // namespace proxy::migrate
