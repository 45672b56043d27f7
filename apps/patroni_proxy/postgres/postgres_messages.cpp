#include "patroni_proxy/postgres/postgres_messages.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include "daemon/text/utf8.h"

namespace proxy {
namespace {

// These codes are where a startup packet has its protocol version.
constexpr std::uint32_t kCancelCode = 80'877'102;
constexpr std::uint32_t kSslCode = 80'877'103;
constexpr std::uint32_t kGssCode = 80'877'104;
constexpr std::uint32_t kProtocolMajor = 3;

constexpr std::size_t kMinCancelRequest = 13;  // length, code, process id, and a byte of the key

std::uint32_t read_number(std::string_view bytes, std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = at; i < at + 4; ++i)
        number = number << 8U | static_cast<unsigned char>(bytes[i]);
    return number;
}

Request kind_of(std::uint32_t code, std::size_t size) {
    if (code == kSslCode && size == kRequestHead)
        return Request::ssl;
    if (code == kGssCode && size == kRequestHead)
        return Request::gss;
    if (code == kCancelCode && size >= kMinCancelRequest && size <= kMaxCancelRequest)
        return Request::cancel;
    if (code >> 16U == kProtocolMajor && size > kRequestHead && size <= kMaxRequest)
        return Request::startup;
    return Request::other;
}

constexpr std::size_t kFieldsAt = 5;  // after a message's type and length

// Longer than any refusal. Servers before protocol 3, and a postmaster that cannot fork, begin
// their errors in the same way, but with text in the place of the length.
constexpr std::size_t kMaxAnswer = 8'192;

/// The size of the message that begins here, or the number of bytes needed to know it.
std::size_t size_of_message(std::string_view bytes) {
    return bytes.size() < kFieldsAt ? kFieldsAt : 1 + std::size_t{read_number(bytes, 1)};
}

}  // namespace

std::string length_field(std::size_t value) {
    std::string bytes;
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        bytes += static_cast<char>(value >> shift & 0xffU);
    return bytes;
}

RequestHead read_request(std::string_view bytes) {
    // Otherwise the length is greater than that of any request.
    if (!bytes.empty() && bytes[0] != '\0')
        return {Request::other, 0};
    if (bytes.size() < kRequestHead)
        return {};
    const std::size_t size = read_number(bytes, 0);
    const Request kind = kind_of(read_number(bytes, 4), size);
    if (kind == Request::other)
        return {Request::other, 0};
    if (bytes.size() < size)
        return {};
    return {kind, size};
}

std::vector<std::pair<std::string_view, std::string_view>> read_startup_parameters(
    std::string_view packet) {
    std::vector<std::pair<std::string_view, std::string_view>> parameters;
    packet.remove_prefix(std::min(packet.size(), kRequestHead));
    const auto take_text = [&packet]() -> std::optional<std::string_view> {
        const std::size_t end = packet.find('\0');
        if (end == std::string_view::npos)
            return std::nullopt;
        const std::string_view text = packet.substr(0, end);
        packet.remove_prefix(end + 1);
        return text;
    };
    // A zero in place of a name ends them.
    for (auto name = take_text(); name && !name->empty(); name = take_text()) {
        const auto value = take_text();
        if (!value)
            break;
        parameters.emplace_back(*name, *value);
    }
    return parameters;
}

Answer read_answer(std::string_view bytes) {
    // NegotiateProtocolVersion: a client that asks for a newer protocol than the server knows is
    // told that first, and then whether it is accepted.
    if (!bytes.empty() && bytes[0] == 'v') {
        const std::size_t size = size_of_message(bytes);
        if (size < kFieldsAt || size > kMaxAnswer)
            return {};
        if (bytes.size() < size)
            return {.incomplete = true};
        bytes.remove_prefix(size);
    }
    if (bytes.empty())
        return {.incomplete = true};
    if (bytes[0] != 'E')
        return {};
    const std::size_t size = size_of_message(bytes);
    Answer answer{.is_error = bytes.size() >= kFieldsAt,
                  .incomplete = size <= kMaxAnswer && bytes.size() < size};
    // Each field is its type, a text, and a zero; a zero in place of a type ends them.
    for (std::size_t at = kFieldsAt; at < bytes.size() && bytes[at] != '\0';) {
        const std::size_t end = bytes.find('\0', at);
        if (end == std::string_view::npos)
            break;
        const std::string_view text = bytes.substr(at + 1, end - at - 1);
        if (bytes[at] == 'C')
            answer.sqlstate = text;
        else if (bytes[at] == 'M')
            answer.message = text;
        at = end + 1;
    }
    return answer;
}

bool is_not_ready(const Answer& answer) {
    constexpr std::string_view kCrashShutdown = "57P02";
    return answer.sqlstate == kCannotConnectNow || answer.sqlstate == kAdminShutdown ||
           answer.sqlstate == kCrashShutdown;
}

std::string fatal_error(std::string_view sqlstate, std::string_view why) {
    // A NUL would end the field and begin another.
    const std::string message = daemons::one_line(why, daemons::kLongestReason);
    std::string fields;
    // V is S in English, whatever the server's language: it is meant for programs.
    for (const auto& [type, text] : {std::pair<char, std::string_view>{'S', "FATAL"},
                                     {'V', "FATAL"},
                                     {'C', sqlstate},
                                     {'M', message}}) {
        fields += type;
        fields += text;
        fields += '\0';
    }
    fields += '\0';
    return "E" + length_field(4 + fields.size()) + fields;
}

std::string readiness_question() {
    using namespace std::string_literals;
    // Without a user, the server reports that instead of whether it accepts connections.
    const std::string parameters = "user\0patroni_proxy\0database\0postgres\0\0"s;
    return length_field(kRequestHead + parameters.size()) + length_field(kProtocolMajor << 16U) +
           parameters;
}

}  // namespace proxy
