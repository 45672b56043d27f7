#include "patroni_proxy/postgres/client_address.h"

#include <algorithm>
#include <cstddef>

#include "patroni_proxy/postgres/postgres_messages.h"

namespace proxy {
namespace {

constexpr std::string_view kBetween = " - ";
constexpr std::string_view kApplicationName = "application_name";

std::string name_with(std::string_view name, std::string_view address) {
    const std::size_t others = kBetween.size() + address.size();
    const std::size_t room = kLongestName > others ? kLongestName - others : 0;
    std::size_t size = std::min(name.size(), room);
    // A character of UTF-8 goes on with bytes of the form 10xxxxxx.
    while (size > 0 && size < name.size() && (static_cast<unsigned char>(name[size]) >> 6U) == 2)
        --size;
    std::string text(name.substr(0, size));
    if (!text.empty())
        text += kBetween;
    return text.append(address);
}

/// PostgreSQL's boolean, or "database".
bool begins_replication(std::string_view value) {
    return value != "false" && value != "off" && value != "no" && value != "0";
}

void append_parameter(std::string& parameters, std::string_view name, std::string_view value) {
    for (const auto text : {name, value})
        parameters.append(text) += '\0';
}

}  // namespace

std::string with_client_address(std::string_view said, std::string_view address) {
    const auto [kind, size] = read_request(said);
    if (kind != Request::startup)
        return std::string(said);
    std::string parameters;
    std::size_t read = kRequestHead + 1;  // with the zero at the end
    bool has_name = false;
    bool replicates = false;
    for (const auto& [name, value] : read_startup_parameters(said.substr(0, size))) {
        read += name.size() + value.size() + 2;
        const bool is_name = name == kApplicationName;
        has_name |= is_name;
        replicates |= name == "replication" && begins_replication(value);
        append_parameter(parameters, name,
                         is_name ? name_with(value, address) : std::string(value));
    }
    if (!has_name)
        append_parameter(parameters, kApplicationName, address);
    const std::size_t new_size = kRequestHead + parameters.size() + 1;
    const bool is_well_formed = read == size && said[size - 1] == '\0';
    if (!is_well_formed || replicates || new_size > kMaxRequest)
        return std::string(said);
    std::string packet = length_field(new_size);
    packet.append(said.substr(packet.size(), kRequestHead - packet.size()));
    packet.append(parameters) += '\0';
    return packet.append(said.substr(size));
}

}  // namespace proxy
