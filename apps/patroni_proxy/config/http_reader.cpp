#include "patroni_proxy/config/http_reader.h"

#include <algorithm>
#include <array>
#include <grp.h>
#include <stdexcept>

#include "daemon/config/secret_file.h"
#include "patroni/tls/tls_settings.h"

namespace proxy {
namespace {

using daemons::in_quotes;
using daemons::Problems;
using daemons::YamlMapping;
using daemons::YamlNode;

constexpr std::size_t kShortestToken = 16;

std::optional<daemons::HttpTls> read_tls(const YamlNode& where, const daemons::ReadFile& read,
                                         Problems& problems) {
    YamlMapping node(where, "http_tls", problems);
    const auto certificate = node.require("certificate") ? node.text("certificate") : std::nullopt;
    const auto key = node.require("key") ? node.text("key") : std::nullopt;
    const auto client_ca = node.text("client_ca");
    node.reject_unknown();
    if (!certificate || !key)
        return std::nullopt;
    daemons::warn_if_no_secret(*key, *node.find("key"), "http_tls: key", problems);
    try {
        // Finds what is wrong with them, and says so.
        (void)patroni::read_tls_credentials(
            {.ca_cert = client_ca.value_or(""), .client_cert = *certificate, .client_key = *key},
            read);
        return daemons::HttpTls{read(*certificate), read(*key), client_ca ? read(*client_ca) : ""};
    } catch (const std::runtime_error& error) {
        problems.add(where, "http_tls: " +
                                node.as_written(error.what(), {"certificate", "key", "client_ca"}));
        return std::nullopt;
    }
}

/// The first line of the file.
std::string read_token(const std::string& path, const YamlNode& where,
                       const daemons::ReadFile& read, Problems& problems) {
    try {
        std::string token = read(path);
        daemons::warn_if_no_secret(path, where, "http_control_token_file", problems);
        token.erase(std::min(token.find_first_of("\r\n"), token.size()));
        if (token.size() >= kShortestToken)
            return token;
        problems.add(where, "http_control_token_file: the first line of " + where.written() +
                                " must be a token of at least 16 characters");
    } catch (const std::runtime_error& error) {
        problems.add(where, "http_control_token_file: " + daemons::as_written(error.what(), where));
    }
    return {};
}

/// Asks the system's list of groups, which may be slow: the files are read on a thread of their
/// own.
std::optional<gid_t> group_from(const std::string& name) {
    std::array<char, std::size_t{16} * 1024> buffer{};
    group entry{};
    group* found = nullptr;
    if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return std::nullopt;
    return entry.gr_gid;
}

bool is_loopback(const net::SocketAddress& address) {
    return net::Network::parse("127.0.0.0/8")->contains(address) ||
           net::Network::parse("::1/128")->contains(address);
}

OperatorSocket read_operator_socket(const YamlNode& where, const std::string& what,
                                    daemons::ListenReader& listens, Problems& problems) {
    OperatorSocket read;
    YamlMapping node(where, what, problems);
    if (node.require("socket"))
        read.socket = listens.read_one(node, "socket", what);
    read.mode = read_mode(node, "mode", what, problems).value_or(read.mode);
    if (const auto name = node.text("group")) {
        read.group = group_from(*name);
        if (!read.group)
            problems.add(*node.find("group"), what + ": this host has no group " +
                                                  in_quotes(node.find("group")->written()));
    }
    node.reject_unknown();
    return read;
}

}  // namespace

std::optional<unsigned> read_mode(YamlMapping& node, const std::string& key,
                                  const std::string& what, Problems& problems) {
    const auto mode = node.text(key);
    if (!mode)
        return std::nullopt;
    const bool octal = mode->size() >= 3 && mode->size() <= 4 &&
                       mode->find_first_not_of("01234567") == std::string::npos;
    const auto value = octal ? static_cast<unsigned>(std::stoul(*mode, nullptr, 8)) : 0;
    if (!octal || value > 0777)
        problems.add(*node.find(key),
                     what + ": " + key + " must be an octal file mode such as 0770");
    return value;
}

std::vector<net::Network> read_networks(YamlMapping& node, const std::string& key,
                                        const std::string& what, Problems& problems) {
    std::vector<net::Network> networks;
    if (!node.find(key))
        return networks;
    for (const auto& [text, where] : node.texts(key)) {
        std::string reason;
        if (const auto network = net::Network::parse(text, &reason))
            networks.push_back(*network);
        else
            problems.add(where, std::string(what)
                                    .append(what.empty() ? "" : ": ")
                                    .append(key)
                                    .append(": ")
                                    .append(in_quotes(where.written()))
                                    .append(" ")
                                    .append(reason));
    }
    return networks;
}

HttpApiConfig read_http_api(YamlMapping& file, const daemons::ReadFile& read, Problems& problems) {
    HttpApiConfig http;
    http.listen_mode = read_mode(file, "listen_mode", "HTTP API", problems);
    http.options.allow = read_networks(file, "http_allow", "", problems);
    if (const auto tls = file.find("http_tls"))
        http.options.tls = read_tls(*tls, read, problems);
    const bool control = file.boolean("http_control").value_or(false);
    const auto token_file = file.text("http_control_token_file");
    if (control && !token_file)
        problems.add(*file.find("http_control"),
                     "http_control: true needs http_control_token_file: the token is what keeps "
                     "others from making changes");
    if (token_file && !control)
        problems.add(*file.find("http_control_token_file"),
                     "http_control_token_file needs http_control: true");
    if (control && token_file)
        http.control_token =
            read_token(*token_file, *file.find("http_control_token_file"), read, problems);
    return http;
}

std::optional<OperatorSocket> read_control(YamlMapping& file, daemons::ListenReader& listens,
                                           Problems& problems) {
    const auto where = file.find("control");
    if (!where)
        return std::nullopt;
    OperatorSocket control;
    if (where->is_scalar() && where->text() == "off")
        return control;
    if (!where->is_mapping()) {
        problems.add(*where, "control must be off, or a mapping with socket, mode and group");
        return control;
    }
    control = read_operator_socket(*where, "control", listens, problems);
    if (control.socket && !control.socket->is_unix())
        problems.add(*where,
                     "control: socket must be the path of a unix socket, such as "
                     "/run/patroni_proxy/control.sock");
    return control;
}

OperatorSocket read_haproxy_socket(YamlMapping& file, daemons::ListenReader& listens,
                                   Problems& problems) {
    const char* key = "haproxy_socket";
    const auto where = file.find(key);
    if (!where)
        return {};
    OperatorSocket haproxy;
    if (where->is_mapping())
        haproxy = read_operator_socket(*where, key, listens, problems);
    else
        haproxy.socket = listens.read_one(file, key, "HAProxy socket");
    if (haproxy.socket && !haproxy.socket->is_unix() &&
        !is_loopback(haproxy.socket->socket_address()))
        problems.add(
            *where,
            "haproxy_socket must be the path of a unix socket or an address of this host's "
            "own, such as 127.0.0.1:9999: it asks for no password");
    return haproxy;
}

OperatorSocket default_control(const daemons::Variables& variables) {
    OperatorSocket control;
    // systemd separates several by colons.
    if (const auto directories = variables ? variables("RUNTIME_DIRECTORY") : std::nullopt)
        control.socket = net::ListenAddress::parse(directories->substr(0, directories->find(':')) +
                                                   "/control.sock");
    return control;
}

}  // namespace proxy
