#include "haproxy/model/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "haproxy_text.h"

namespace haproxy {
namespace {

const std::string kText =
    "defaults\n"
    " mode http\n"
    "defaults pg\n"
    " timeout client 1m\n"
    " option tcplog\n"
    " default-server inter 3s fall 3 check\n"
    "defaults more from pg\n"
    " timeout client 2m\n"
    " default-server fall 4\n"
    "listen a from pg\n"
    " bind 10.0.0.1:1,:2 name x interface eth0\n"
    " no option tcplog\n"
    " server one 10.0.0.1:5432 port 8008\n"
    " default-server no-check rise 5 disabled\n"
    " server two 10.0.0.2:5432 fall 9 check enabled\n"
    " server three 10.0.0.3:5432 weight\n"
    "backend b\n"
    " timeout client 3m\n"
    " timeout client 4m\n"
    " server-template pg 1-3 pg.example.com:5432 check wrong 5\n";

std::string options_of(const Server& server) {
    std::string all;
    for (const auto& [keyword, option] : server.options)
        all += (all.empty() ? "" : ", ") + option.text() + (option.known ? "" : "?");
    return all;
}

TEST(Proxy, InheritsFromItsDefaultsAndTheLastOneWins) {
    const auto configuration = read_text(kText);
    const auto proxies = proxies_of(configuration);
    ASSERT_EQ(proxies.size(), 2U);
    const Proxy& a = proxies[0];
    EXPECT_EQ(a.mode(), "tcp") << "the anonymous defaults are not of this chain";
    EXPECT_EQ(a.last({"timeout", "client"})->word(2), "1m");
    EXPECT_EQ(a.option("tcplog"), nullptr);
    const Proxy& b = proxies[1];
    EXPECT_EQ(b.last({"timeout", "client"})->word(2), "4m");
    EXPECT_NE(b.option("tcplog"), nullptr) << "it inherits from the last defaults before it";
    EXPECT_EQ(b.last({"maxconn"}), nullptr);
}

TEST(Proxy, GivesServersWhatDefaultServerLinesBeforeThemSay) {
    const auto configuration = read_text(kText);
    const auto proxies = proxies_of(configuration);
    ASSERT_EQ(proxies[0].servers.size(), 3U);
    EXPECT_EQ(options_of(proxies[0].servers[0]), "check, fall 3, inter 3s, port 8008");
    EXPECT_EQ(options_of(proxies[0].servers[1]), "check, enabled, fall 9, inter 3s, rise 5");
    EXPECT_EQ(options_of(proxies[0].servers[2]), "disabled, fall 3, inter 3s, rise 5, weight");
    ASSERT_EQ(proxies[1].servers.size(), 1U);
    EXPECT_TRUE(proxies[1].servers[0].every);
    EXPECT_EQ(proxies[1].servers[0].address.text, "pg.example.com:5432");
    EXPECT_EQ(options_of(proxies[1].servers[0]), "5?, check, fall 4, inter 3s, wrong?");
}

TEST(Proxy, HasItsListeningAddresses) {
    const auto configuration = read_text(kText);
    const auto proxies = proxies_of(configuration);
    ASSERT_EQ(proxies[0].binds.size(), 1U);
    EXPECT_EQ(proxies[0].binds[0].addresses.size(), 2U);
    ASSERT_NE(proxies[0].binds[0].find("interface"), nullptr);
    EXPECT_EQ(proxies[0].binds[0].find("interface")->value(), "eth0");
}

TEST(Proxy, OfUnknownDefaultsIsRefused) {
    const auto configuration = read_text("listen a from b\n");
    try {
        (void)proxies_of(configuration);
        FAIL();
    } catch (const ReadError& error) {
        EXPECT_STREQ(error.what(), "h.cfg:1: there is no section 'defaults b' before it");
    }
}

TEST(Proxy, OfALongChainOfDefaultsIsRefused) {
    std::string text = "defaults d0\n";
    for (int count = 1; count < 300; ++count) {
        text += "defaults d" + std::to_string(count) + " from d" + std::to_string(count - 1) + "\n";
        for (int line = 0; line < 50; ++line)
            text += " retries 3\n";
    }
    const auto configuration = read_text(text);
    EXPECT_THROW((void)proxies_of(configuration), ReadError);
}

TEST(GlobalSetting, IsTheLastOne) {
    const auto configuration = read_text("global\n maxconn 1\nglobal\n maxconn 2\n");
    EXPECT_EQ(global_setting(configuration, {"maxconn"})->word(1), "2");
    EXPECT_EQ(global_setting(configuration, {"nbthread"}), nullptr);
}

TEST(ProxyTest, WhatAllSectionsInheritIsBounded) {
    const auto refusal = [](const std::string& text) {
        const auto configuration = read_text(text);
        try {
            (void)proxies_of(configuration);
            return std::string();
        } catch (const ReadError& error) {
            return std::string(error.what());
        }
    };
    std::string inherited = "defaults\n";
    for (int i = 0; i < 1'000; ++i)
        inherited += " retries 3\n";
    for (int i = 0; i < 1'001; ++i)
        inherited += "listen a\n";
    EXPECT_EQ(refusal(inherited),
              "h.cfg:2002: all sections together inherit more than 1000000 statements");
    std::string options = "listen a\n default-server";
    for (const auto* option : {"check", "backup", "disabled", "send-proxy", "ssl", "inter 1s",
                               "rise 1", "fall 1", "weight 1", "maxconn 1"})
        options.append(" ").append(option);
    options += "\n";
    for (int i = 0; i < 49'000; ++i)
        options += " server s 1:1\n";
    EXPECT_EQ(refusal(options), "");
    options.insert(options.find("\n server"), " minconn 1");
    EXPECT_THAT(refusal(options),
                testing::EndsWith(": all servers together have more than 500000 settings"));
}

}  // namespace
}  // namespace haproxy
