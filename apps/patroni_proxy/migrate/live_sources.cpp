#include "patroni_proxy/migrate/live_sources.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "daemon/system/file.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/cli/status/status_reader.h"
#include "patroni_proxy/takeover/haproxy_socket.h"

namespace proxy::migrate {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 2s;
constexpr int kUnauthorized = 401;

/// "user:password", as in a URL (percent-encoded) or in a file (as it is).
patroni::HttpLogin login_of(const std::string& text, const std::string& where) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos)
        throw std::runtime_error(where + " must have USER:PASSWORD");
    return {text.substr(0, colon), text.substr(colon + 1)};
}

patroni::HttpLogin login_in_file(const std::string& path) {
    std::string line = daemons::read_file(path);
    line.resize(std::min(line.find_first_of("\r\n"), line.size()));
    return login_of(line, "the first line of " + path);
}

/// "%40" is "@".
std::string percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        unsigned byte = 0;
        const auto digits = text[at] == '%' ? text.substr(at + 1, 2) : std::string_view();
        const auto* end = digits.data() + digits.size();
        if (digits.size() == 2 && std::from_chars(digits.data(), end, byte, 16).ptr == end) {
            decoded += static_cast<char>(byte);
            at += 2;
        } else {
            decoded += text[at];
        }
    }
    return decoded;
}

/// The parts of "https://user:password@host:7000/stats".
struct PageUrl {
    std::string endpoint;
    std::optional<patroni::HttpLogin> login;
    std::string path;
};

PageUrl split_url(const std::string& url, std::size_t authority) {
    PageUrl parts;
    const std::size_t slash = std::min(url.find('/', authority), url.size());
    parts.path = slash == url.size() ? "/" : url.substr(slash);
    const std::size_t at = url.substr(0, slash).rfind('@');
    const bool has_login = at != std::string::npos && at >= authority;
    const std::size_t host = has_login ? at + 1 : authority;
    parts.endpoint = url.substr(0, authority) + url.substr(host, slash - host);
    if (has_login) {
        const auto [user, password] =
            login_of(url.substr(authority, at - authority), "before '@' the URL of --haproxy");
        parts.login = {percent_decoded(user), percent_decoded(password)};
    }
    return parts;
}

}  // namespace

LiveSources::LiveSources(const HaproxySource& haproxy, const std::string& api)
    : api_(api, kPatience) {
    const std::size_t scheme = haproxy.address.find("://");
    if (scheme == std::string::npos) {
        socket_ =
            haproxy.address.starts_with("unix:") ? haproxy.address.substr(5) : haproxy.address;
        return;
    }
    auto url = split_url(haproxy.address, scheme + 3);
    page_path_ = url.path + ";csv";
    auto endpoint = patroni::Endpoint::parse(url.endpoint);
    if (!endpoint)
        throw std::runtime_error("'" + url.endpoint +
                                 "' is no statistics page that can be asked: " + endpoint.reason());
    page_ = std::move(endpoint).value();
    if (!haproxy.password_file.empty())
        url.login = login_in_file(haproxy.password_file);
    client_.emplace(patroni::RestClient::Timeouts{.connect = 1s, .total = kPatience},
                    patroni::RestClient::Access{
                        .tls = patroni::read_tls_credentials(haproxy.tls, daemons::read_file),
                        .resolver = resolver_,
                        .login = url.login});
}

patroni::Result<std::string> LiveSources::stat() {
    if (client_)
        return get_page();
    try {
        return takeover::ask_haproxy(socket_, "show stat", kPatience);
    } catch (const std::runtime_error& error) {
        return patroni::Failure{error.what()};
    }
}

patroni::Result<ProxyReport> LiveSources::status() {
    try {
        return cli::read_status(api_.get("/status"));
    } catch (const std::runtime_error& error) {  // ControlError, Unreadable
        return patroni::Failure{error.what()};
    }
}

std::vector<std::string> LiveSources::addresses_of(const std::string& host) {
    const auto found = resolver_->addresses_of(host, patroni::ResolvePrefer::any, kPatience);
    return found ? found.value() : std::vector<std::string>();
}

patroni::Result<std::string> LiveSources::get_page() {
    const auto failure = [&](const std::string& what) {
        return patroni::Failure{page_.url() + page_path_ + ": " + what};
    };
    auto reply = client_->get(page_, page_path_);
    if (!reply)
        return failure(reply.reason());
    const auto& [status, phrase, body] = reply.value();
    if (status == kUnauthorized)
        return failure(
            "it wants another user or password: name a file with USER:PASSWORD by "
            "--password-file, or write http://USER:PASSWORD@HOST/...");
    if (status != 200)
        return failure(std::to_string(status) + " " + phrase);
    return std::move(reply).value().body;
}

std::string reachable(const net::ListenAddress& address) {
    if (address.is_unix())
        return address.path();
    const std::string ip = address.socket_address().ip();
    const std::string port = std::to_string(address.port());
    if (ip == "0.0.0.0")
        return "127.0.0.1:" + port;
    return ip == "::" ? "[::1]:" + port : address.to_string();
}

}  // namespace proxy::migrate
