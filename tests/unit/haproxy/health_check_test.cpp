#include "haproxy/model/health_check.h"

#include <gtest/gtest.h>

#include "haproxy_text.h"

namespace haproxy {
namespace {

/// "httpchk GET /x, expect status 200": of a section with these lines after these of its defaults.
std::string check_of(const std::string& own, const std::string& defaults = {}) {
    const auto configuration = read_text("defaults\n" + defaults + "listen a\n" + own);
    const auto proxies = proxies_of(configuration);
    const HealthCheck check = health_check_of(proxies.at(0));
    std::string text = check.name.empty() ? "connect" : check.name;
    for (const auto& request : check.requests)
        text += " " + request.method + " " + request.uri.text;
    for (const auto& expect : check.expects)
        text += std::string(", expect ") + (expect.negated ? "! " : "") + expect.kind + " " +
                expect.pattern.text;
    for (const auto* line : check.overridden)
        text += ", overridden " + std::to_string(line->place.line);
    for (const auto* line : check.replaced)
        text += ", replaced " + std::to_string(line->place.line);
    return text;
}

// What HAProxy 2.6 sent for each of them was seen with a server that logs its requests.
TEST(HealthCheck, OfHttpHasTheRequestThatHaproxySends) {
    EXPECT_EQ(check_of(" option httpchk\n"), "httpchk OPTIONS /");
    EXPECT_EQ(check_of(" option httpchk /primary\n"), "httpchk OPTIONS /primary");
    EXPECT_EQ(check_of(" option httpchk GET /primary HTTP/1.1\n"), "httpchk GET /primary");
    EXPECT_EQ(check_of(" option httpchk GET /1\n option httpchk GET /2\n"),
              "httpchk GET /2, overridden 3");
    EXPECT_EQ(check_of(" option httpchk\n http-check send meth GET uri /n hdr Host uri ver 1\n"),
              "httpchk GET /n");
    EXPECT_EQ(check_of(" http-check send meth GET uri /q\n option httpchk\n"), "httpchk GET /q");
    EXPECT_EQ(check_of(" option httpchk /1\n http-check send meth GET uri /2\n"),
              "httpchk GET /2, overridden 3");
    EXPECT_EQ(check_of(" http-check send meth GET uri /1\n option httpchk /2\n"),
              "httpchk OPTIONS /2, overridden 3");
    EXPECT_EQ(check_of(" option httpchk GET /1\n http-check connect port 8008\n"
                       " http-check send meth GET uri /2\n"),
              "httpchk GET /2");
}

TEST(HealthCheck, RulesOfTheSectionReplaceThoseOfTheDefaults) {
    const std::string defaults = " option httpchk GET /primary\n http-check expect status 503\n";
    EXPECT_EQ(check_of("", defaults), "httpchk GET /primary, expect status 503");
    EXPECT_EQ(check_of(" option httpchk GET /b\n", defaults),
              "httpchk GET /b, replaced 2, replaced 3");
    EXPECT_EQ(check_of(" http-check expect status 200\n", defaults),
              "httpchk, expect status 200, replaced 2, replaced 3");
}

TEST(HealthCheck, OfTheLastOptionWins) {
    EXPECT_EQ(check_of(" option httpchk GET /f\n option tcp-check\n"), "tcp-check, overridden 3");
    EXPECT_EQ(check_of(" option pgsql-check user x\n option httpchk /g\n"),
              "httpchk OPTIONS /g, overridden 3");
    EXPECT_EQ(check_of(" option tcp-check\n", " option httpchk /g\n"), "tcp-check");
    EXPECT_EQ(check_of(""), "connect");
}

TEST(HealthCheck, ThatSendsARequestAsBytesIsOneOfHttp) {
    EXPECT_EQ(check_of(" option tcp-check\n tcp-check connect port 8008\n"
                       " tcp-check send GET\\ /primary\\ HTTP/1.0\\r\\n\\r\\n\n"
                       " tcp-check expect rstring ^HTTP/1.[01]\\ 200\n"),
              "tcp-check GET /primary, expect rstring ^HTTP/1.[01] 200");
}

TEST(HealthCheck, ExpectationsMayBeNegated) {
    EXPECT_EQ(check_of(" option httpchk /p\n http-check expect min-recv 5 ! status 503\n"),
              "httpchk OPTIONS /p, expect ! status 503");
}

}  // namespace
}  // namespace haproxy
