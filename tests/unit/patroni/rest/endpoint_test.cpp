#include "patroni/rest/endpoint.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace patroni {
namespace {

TEST(EndpointTest, TakesAUrlApart) {
    const std::vector<std::pair<std::string, Endpoint>> cases{
        {"http://192.168.1.1:8008", {false, "192.168.1.1", 8008}},
        {"http://192.168.1.1:8008/", {false, "192.168.1.1", 8008}},
        {"https://pg1.example.com:8008", {true, "pg1.example.com", 8008}},
        {"HTTP://pg1:1", {false, "pg1", 1}},
        {"http://pg1:65535", {false, "pg1", 65535}},
        {"http://[::1]:8008", {false, "::1", 8008}},
        {"https://[2001:db8::7]:8008/", {true, "2001:db8::7", 8008}},
        // Without a port it is the scheme's own.
        {"http://pg1", {false, "pg1", 80}},
        {"https://pg1", {true, "pg1", 443}},
        {"http://[::1]", {false, "::1", 80}},
    };
    for (const auto& [url, endpoint] : cases) {
        const auto parsed = Endpoint::parse(url);
        ASSERT_TRUE(parsed) << url << ": " << parsed.reason();
        EXPECT_EQ(parsed.value(), endpoint) << url << " became " << parsed.value().url();
    }
}

TEST(EndpointTest, SaysWhyAUrlWillNotDo) {
    const std::string scheme = "only http:// and https:// are allowed";
    const std::string no_host = "it has no host";
    const std::string no_url = "it is not a URL";
    const std::string too_long = "it must end after the port";
    const std::string no_name = "its host has more than 255 bytes";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", scheme},
        {"192.168.1.1:8008", scheme},
        {"pg1:8008", scheme},
        {"ftp://pg1", scheme},
        {"postgres://pg1:5432", scheme},
        {"http://", no_host},
        {"http://:8008", no_host},
        {"http:/pg1", no_host},
        {"http://[]:8008", no_host},
        {"http://" + std::string(256, 'p') + ":8008", no_name},
        {"http://pg1:0", no_url},
        {"http://pg1:65536", no_url},
        {"http://pg1:-1", no_url},
        {"http://pg1:80x", no_url},
        {"http://::1:8008", no_url},
        {"http://[::1:8008", no_url},
        {"http://pg1:8008/patroni", too_long},
        {"http://pg1:8008?lag=1", too_long},
        {"http://pg1:8008#top", too_long},
        {"http://me:secret@pg1:8008", "Patroni needs no password for what is read here: remove it"},
    };
    for (const auto& [url, reason] : cases) {
        const auto parsed = Endpoint::parse(url);
        ASSERT_FALSE(parsed) << url << " became " << parsed.value().url();
        EXPECT_EQ(parsed.reason(), reason) << url;
    }
}

TEST(EndpointTest, OfApiUrlIsTheApiThatAMemberNames) {
    const std::vector<std::pair<std::string, Endpoint>> cases{
        {"http://127.0.0.11:8008/patroni", {false, "127.0.0.11", 8008}},
        {"https://pg1.example.com:8008/patroni", {true, "pg1.example.com", 8008}},
        {"https://[2001:db8::7]:8008/patroni", {true, "2001:db8::7", 8008}},
        {"http://127.0.0.11:8008/", {false, "127.0.0.11", 8008}},
        {"http://127.0.0.11:8008", {false, "127.0.0.11", 8008}},
    };
    for (const auto& [api_url, endpoint] : cases) {
        const auto parsed = Endpoint::of_api_url(api_url);
        ASSERT_TRUE(parsed) << api_url << ": " << parsed.reason();
        EXPECT_EQ(parsed.value(), endpoint) << api_url;
    }
    EXPECT_EQ(Endpoint::of_api_url("").reason(), "no api_url in Patroni's answer");
    const std::string longest(255, 'p');
    EXPECT_EQ(Endpoint::of_api_url("http://" + longest + ":8008/patroni").value().host, longest);
    EXPECT_FALSE(Endpoint::of_api_url("http://" + longest + "p:8008/patroni"));
    for (const std::string api_url :
         {"patroni", "127.0.0.11:8008/patroni", "ftp://h/patroni", "http://", "http:///patroni",
          "http://h:0/patroni", "http://h:x/patroni", "http://me:secret@h:8008/patroni"})
        EXPECT_FALSE(Endpoint::of_api_url(api_url)) << api_url;
}

TEST(EndpointTest, UrlGivesWhatParseTakes) {
    const std::vector<std::string> urls{"http://192.168.1.1:8008", "https://pg1.example.com:443",
                                        "https://[2001:db8::7]:8008"};
    for (const auto& url : urls)
        EXPECT_EQ(Endpoint::parse(url).value().url(), url);
}

TEST(EndpointTest, TheDotThatEndsANameIsForDnsAlone) {
    const auto endpoint = Endpoint::parse("https://pg1.example.com.:8008").value();
    EXPECT_EQ(endpoint.host, "pg1.example.com.");
    EXPECT_EQ(endpoint.server_name(), "pg1.example.com");
    EXPECT_EQ(Endpoint::parse("https://[::1]:8008").value().server_name(), "::1");
}

}  // namespace
}  // namespace patroni
