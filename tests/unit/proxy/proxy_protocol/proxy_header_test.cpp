#include "patroni_proxy/proxy_protocol/proxy_header.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/proxy/postgres/postgres_bytes.h"

namespace proxy {
namespace {

using namespace std::string_literals;
using Kind = ProxyHeader::Kind;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string v2(unsigned char command, unsigned char family, const std::string& rest) {
    std::string header = kSignature;
    header += static_cast<char>(command);
    header += static_cast<char>(family);
    header += static_cast<char>(rest.size() >> 8U);
    header += static_cast<char>(rest.size() & 0xffU);
    return header + rest;
}

const std::string kAddresses = "\x0a\x01\x02\x03\x0a\x09\x08\x07\x9c\x40\x15\x38"s;

std::string ends_of(const ProxyHeader& header) {
    return header.source.to_string() + " to " + header.destination.to_string();
}

TEST(ProxyHeaderTest, Version1) {
    const struct {
        std::string line;
        std::string ends;
    } cases[]{
        {"PROXY TCP4 10.1.2.3 10.9.8.7 40000 5432\r\n", "10.1.2.3:40000 to 10.9.8.7:5432"},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
         "255.255.255.255:65535 to 255.255.255.255:65535"},
        {"PROXY TCP6 2001:db8::1 fd00::5 1 0\r\n", "[2001:db8::1]:1 to [fd00::5]:0"},
        {"PROXY TCP6 ::ffff:10.1.2.3 fd00::5 1 2\r\n", "10.1.2.3:1 to [fd00::5]:2"},
    };
    for (const auto& [line, ends] : cases) {
        const auto header = read_proxy_header(line + "\0\0\0\x08"s);
        EXPECT_EQ(header.kind, Kind::proxied) << line << header.problem;
        EXPECT_EQ(header.size, line.size());
        EXPECT_EQ(ends_of(header), ends);
    }
    for (const auto* line :
         {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"}) {
        const auto header = read_proxy_header(line);
        EXPECT_EQ(header.kind, Kind::local) << line;
        EXPECT_EQ(header.size, std::string(line).size());
    }
}

TEST(ProxyHeaderTest, Version2) {
    const std::string tlvs = "\x04\0\x05zeros\x02\0\x03sni"s;
    for (const auto& more : {""s, tlvs}) {
        const std::string bytes = v2(0x21, 0x11, kAddresses + more);
        const auto header = read_proxy_header(bytes + "startup");
        EXPECT_EQ(header.kind, Kind::proxied) << header.problem;
        EXPECT_EQ(header.size, bytes.size()) << "what extends it is skipped";
        EXPECT_EQ(ends_of(header), "10.1.2.3:40000 to 10.9.8.7:5432");
    }
    const std::string v6 = std::string(15, '\0') + '\x01' + "\xfd" + std::string(14, '\0') +
                           "\x05" + "\x9c\x40\x15\x38";
    EXPECT_EQ(ends_of(read_proxy_header(v2(0x21, 0x21, v6))), "[::1]:40000 to [fd00::5]:5432");
    // A health check of the sender, and what says nothing of TCP.
    for (const auto& bytes : {v2(0x20, 0x00, ""), v2(0x20, 0x11, kAddresses), v2(0x21, 0x00, "tlv"),
                              v2(0x21, 0x31, std::string(216, 'u')), v2(0x21, 0x12, kAddresses)}) {
        const auto header = read_proxy_header(bytes);
        EXPECT_EQ(header.kind, Kind::local) << header.problem;
        EXPECT_EQ(header.size, bytes.size());
    }
}

TEST(ProxyHeaderTest, EveryPieceOfAHeaderIsIncomplete) {
    for (const auto& bytes : {"PROXY TCP4 10.1.2.3 10.9.8.7 40000 5432\r\n"s,
                              v2(0x21, 0x11, kAddresses + "extension"), v2(0x20, 0, "")})
        for (std::size_t size = 0; size < bytes.size(); ++size)
            EXPECT_EQ(read_proxy_header(bytes.substr(0, size)).kind, Kind::incomplete) << size;
}

TEST(ProxyHeaderTest, WhatIsNoHeader) {
    for (const auto& bytes : {startup_packet(), ssl_request(), cancel_request(), "\x16\x03\x01"s,
                              "PROXYTCP4 "s, "proxy TCP4 "s, "\r\nGET"s})
        EXPECT_EQ(read_proxy_header(bytes).kind, Kind::none);
}

TEST(ProxyHeaderTest, WhatIsABadHeader) {
    for (const auto& bytes : {
             "PROXY TCP4 10.1.2.3 10.9.8.7 40000\r\n"s,
             "PROXY TCP4 10.1.2.3 10.9.8.7 40000 5432 6\r\n"s,
             "PROXY TCP4  10.1.2.3 10.9.8.7 40000 5432\r\n"s,
             "PROXY TCP4 10.1.2.3 10.9.8.7 40000 65536\r\n"s,
             "PROXY TCP4 10.1.2.3 10.9.8.7 040 5432\r\n"s,
             "PROXY TCP4 10.1.2.3 10.9.8.7 -1 5432\r\n"s,
             "PROXY TCP4 10.1.2 10.9.8.7 1 5432\r\n"s,
             "PROXY TCP4 ::1 ::1 1 2\r\n"s,
             "PROXY TCP6 10.1.2.3 10.9.8.7 1 2\r\n"s,
             "PROXY TCP6 [::1] [::1] 1 2\r\n"s,
             "PROXY UDP4 10.1.2.3 10.9.8.7 1 2\r\n"s,
             "PROXY \r\n"s,
             "PROXY " + std::string(200, 'x'),
             v2(0x11, 0x11, kAddresses),
             v2(0x22, 0x11, kAddresses),
             v2(0x21, 0x11, kAddresses.substr(1)),
             v2(0x21, 0x21, kAddresses),
             v2(0x21, 0x11, kAddresses + std::string(kMaxProxyHeader, 'x')),
         }) {
        const auto header = read_proxy_header(bytes);
        EXPECT_EQ(header.kind, Kind::bad) << bytes;
        EXPECT_FALSE(header.problem.empty());
    }
}

TEST(ProxyHeaderTest, IsReadAsItWasWritten) {
    const auto address = [](const char* text) { return net::SocketAddress::parse(text).value(); };
    const std::vector<std::pair<net::SocketAddress, net::SocketAddress>> pairs{
        {address("10.1.2.3:40000"), address("10.9.8.7:5432")},
        {address("[2001:db8::1]:65535"), address("[::1]:1")},
    };
    for (const auto version : {SendProxy::v1, SendProxy::v2})
        for (const auto& [source, destination] : pairs) {
            const std::string bytes = proxy_header(version, source, destination);
            const auto header = read_proxy_header(bytes);
            EXPECT_EQ(header.kind, Kind::proxied) << header.problem;
            EXPECT_EQ(header.size, bytes.size());
            EXPECT_EQ(header.source, source);
            EXPECT_EQ(header.destination, destination);
        }
    EXPECT_EQ(proxy_header(SendProxy::v1, pairs[0].first, pairs[0].second),
              "PROXY TCP4 10.1.2.3 10.9.8.7 40000 5432\r\n");
    EXPECT_EQ(proxy_header(SendProxy::v2, pairs[0].first, pairs[0].second),
              v2(0x21, 0x11, kAddresses));
}

TEST(ProxyHeaderTest, NamesNoAddressesWhereThereAreNone) {
    const net::SocketAddress unset;
    const auto v4 = net::SocketAddress::parse("10.1.2.3:1").value();
    const auto v6 = net::SocketAddress::parse("[::1]:1").value();
    for (const auto& [source, destination] :
         {std::pair(unset, v4), std::pair(v4, v6), std::pair(unset, unset)}) {
        EXPECT_EQ(proxy_header(SendProxy::v1, source, destination), "PROXY UNKNOWN\r\n");
        EXPECT_EQ(read_proxy_header(proxy_header(SendProxy::v2, source, destination)).kind,
                  Kind::local);
        EXPECT_EQ(proxy_header(SendProxy::off, source, destination), "");
    }
    EXPECT_EQ(local_proxy_header(SendProxy::v2), v2(0x20, 0, ""));
    EXPECT_EQ(local_proxy_header(SendProxy::v1), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(local_proxy_header(SendProxy::off), "");
}

}  // namespace
}  // namespace proxy
