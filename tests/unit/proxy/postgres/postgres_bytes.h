#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace proxy {

/// What PostgreSQL's clients and servers begin with, byte by byte.

inline constexpr std::uint32_t kProtocol30 = 0x0003'0000;
inline constexpr std::uint32_t kProtocol32 = 0x0003'0002;
inline constexpr std::uint32_t kCancelCode = 80'877'102;
inline constexpr std::uint32_t kSslCode = 80'877'103;
inline constexpr std::uint32_t kGssCode = 80'877'104;

inline std::string four_bytes(std::size_t number) {
    std::string bytes;
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        bytes += static_cast<char>(number >> shift & 0xffU);
    return bytes;
}

/// A request of `size` bytes, behind length and code filled with letters.
inline std::string request_of(std::uint32_t code, std::size_t size) {
    return four_bytes(size) + four_bytes(code) + std::string(size > 8 ? size - 8 : 0, 'k');
}

inline std::string ssl_request() {
    return request_of(kSslCode, 8);
}

inline std::string gss_request() {
    return request_of(kGssCode, 8);
}

inline std::string cancel_request() {
    return request_of(kCancelCode, 16);
}

inline std::string startup_packet(std::uint32_t protocol = kProtocol30) {
    const std::string parameters("user\0app\0database\0shop\0\0", 24);
    return four_bytes(8 + parameters.size()) + four_bytes(protocol) + parameters;
}

/// A message with a type, as both sides send them once the startup packet has been sent.
inline std::string message_of(char type, const std::string& content) {
    return type + four_bytes(4 + content.size()) + content;
}

/// As PostgreSQL 15 says that it is shutting down.
inline std::string shutting_down() {
    using namespace std::string_literals;
    return message_of('E',
                      "SFATAL\0VFATAL\0C57P03\0Mthe database system is shutting down\0"
                      "Fpostmaster.c\0L2432\0RProcessStartupPacket\0\0"s);
}

/// What an older server says first to a client that asks for protocol 3.2.
inline std::string only_protocol_30() {
    return message_of('v', four_bytes(kProtocol30) + four_bytes(0));
}

}  // namespace proxy
