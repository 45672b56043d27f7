#include "patroni_proxy/migrate/pieces/server_lines.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <set>

#include "daemon/text/units.h"
#include "haproxy/model/time.h"
#include "patroni/rest/endpoint.h"
#include "patroni_proxy/migrate/report/directives.h"

namespace proxy::migrate {
namespace {

using haproxy::Address;
using haproxy::HealthCheck;
using haproxy::LineOption;
using haproxy::Server;

constexpr std::uint16_t kPatroniPort = 8008;

/// "8008" of "{{ address }}:8008": what can be known of an address that is not.
std::optional<std::uint16_t> port_behind(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos)
        return std::nullopt;
    const auto port = daemons::parse_number(text.substr(colon + 1));
    return port && *port > 0 && *port <= 65'535 ? std::optional(static_cast<std::uint16_t>(*port))
                                                : std::nullopt;
}

std::optional<std::uint16_t> port_of(const haproxy::Word& word) {
    if (word.symbolic)
        return port_behind(word.text);
    const Address address = haproxy::parse_server_address(word.text);
    const bool is_one = address.kind == Address::Kind::ip && address.port.value_or(0) != 0 &&
                        address.last_port == address.port;
    return is_one ? address.port : std::nullopt;
}

std::optional<std::uint16_t> as_port(const std::string& text) {
    return port_behind(":" + text);
}

/// A word that follows another one in a rule: "8008" after "port".
std::optional<std::string> argument_of(const haproxy::Statement& rule, const std::string& name) {
    for (std::size_t index = 2; index + 1 < rule.words.size(); ++index)
        if (rule.word(index) == name)
            return rule.word(index + 1);
    return std::nullopt;
}

bool names_services(const std::string& address) {
    return address.starts_with('_');
}

/// Letters, digits and what else a name or an address may hold.
bool is_host(const std::string& host) {
    return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == ':' || c == '-' || c == '_';
    });
}

class Summary {
  public:
    Summary(const haproxy::Proxy& proxy, const HealthCheck& check,
            const haproxy::Configuration& configuration)
        : proxy_(proxy), check_(check), configuration_(configuration) {}

    ServerLines read() {
        for (const auto& server : proxy_.servers)
            read_server(server);
        if (different_ports_) {
            result_.host_port.reset();
            result_.host_port_comment.clear();
        }
        for (const auto& url : urls_)
            result_.key += url + " ";
        result_.key += result_.unknown_hosts ? unknown_ : "";
        return std::move(result_);
    }

  private:
    void read_server(const Server& server) {
        result_.checked |= server.find("check") != nullptr || server.find("track") != nullptr;
        const auto* down = server.find("on-marked-down");
        result_.cuts_sessions &= down && down->value() == "shutdown-sessions";
        read_host(server);
        read_port(server);
        read_limits(server);
        read_tls(server);
        read_send_proxy(server);
        if (const auto* prefer = server.find("resolve-prefer"))
            result_.resolve_prefer = prefer->value();
    }

    void read_host(const Server& server) {
        const auto* addr = server.find("addr");
        const auto* port = server.find("port");
        std::optional<std::uint16_t> api_port = port ? as_port(port->value()) : std::nullopt;
        std::optional<std::string> api_host;
        bool ssl = server.find("check-ssl") || (server.find("ssl") && !port && !addr);
        for (const auto* rule : check_.connects) {
            if (const auto text = argument_of(*rule, "port"))
                api_port = as_port(*text);
            if (const auto text = argument_of(*rule, "addr"))
                api_host = *text;
            ssl |= std::any_of(rule->words.begin(), rule->words.end(),
                               [](const auto& word) { return word.text == "ssl"; });
        }
        const haproxy::Word& address = addr ? addr->arguments.at(0) : server.address;
        const Address parsed = haproxy::parse_server_address(address.text);
        patroni::Endpoint endpoint{ssl, api_host.value_or(parsed.host), 0};
        const bool unknown = (address.symbolic && !api_host) || (port && port->symbolic()) ||
                             server.every || endpoint.host.empty() ||
                             (!address.symbolic && parsed.kind != Address::Kind::ip);
        if (!api_port && !(port && port->symbolic()))
            api_port = port_of(address);
        endpoint.port = api_port.value_or(kPatroniPort);
        // One name that stands for several members is asked like any other host. Of SRV records
        // ("_postgresql._tcp.db.example.com") the system's resolver knows nothing.
        const bool one_name = server.line->word(0) == "server-template" && !address.symbolic &&
                              !names_services(address.text);
        if ((unknown && !one_name) || !is_host(endpoint.host)) {
            result_.unknown_hosts = true;
            unknown_ = address.text;
            endpoint.host = "CHANGE-ME";
            result_.unknown_url = endpoint.url();
            return;
        }
        const std::string url = endpoint.url();
        if (urls_.insert(url).second)
            result_.hosts.push_back(
                {"", yaml_scalar(url), server.line->place.text() + ": server " + server.name});
    }

    void read_port(const Server& server) {
        const auto port = port_of(server.address);
        different_ports_ |= !port || (result_.host_port && *result_.host_port != *port);
        if (!port)
            return;
        result_.host_port = port;
        if (result_.host_port_comment.empty())
            result_.host_port_comment = server.line->place.text() + ": " + server.address.text;
    }

    /// Servers of one backend are of one kind, so the first one counts.
    void read_send_proxy(const Server& server) {
        for (const auto& [keyword, version] :
             {std::pair("send-proxy", "v1"), std::pair("send-proxy-v2", "v2"),
              std::pair("send-proxy-v2-ssl", "v2"), std::pair("send-proxy-v2-ssl-cn", "v2")})
            if (const auto* option = server.find(keyword); option && result_.send_proxy.empty()) {
                result_.send_proxy = version;
                result_.send_proxy_comment = option->place.text() + ": " + option->text();
            }
    }

    void read_limits(const Server& server) {
        if (const auto* option = server.find("maxconn")) {
            const auto count = daemons::parse_number(option->value());
            if (count && *count > 0 && *count < 1'000'000'000 &&
                (!result_.max_connections || *count < *result_.max_connections)) {
                result_.max_connections = count;
                result_.max_connections_comment = option->place.text() + ": " + option->text();
            }
        }
        if (const auto* option = server.find("inter")) {
            const auto time = haproxy::parse_time(option->value());
            if (time && *time >= std::chrono::milliseconds{100} && (!inter_ || *time < *inter_)) {
                inter_ = time;
                result_.interval = duration_text(time->count());
                result_.interval_comment = option->place.text() + ": " + option->text();
            }
        }
        if (const auto* option = server.find("tcp-ut"))
            if (const auto time = haproxy::parse_time(option->value()))
                result_.user_timeout = duration_text(time->count());
    }

    [[nodiscard]] std::string path_of(const LineOption& option, const char* base) const {
        const auto* directory = haproxy::global_setting(configuration_, {base});
        const std::string& path = option.value();
        return directory && !path.starts_with('/') ? directory->word(1) + "/" + path : path;
    }

    void read_tls(const Server& server) {
        if (!server.find("check-ssl") && !server.find("ssl") && check_.connects.empty())
            return;
        const auto* verify = server.find("verify");
        const auto* usual = haproxy::global_setting(configuration_, {"ssl-server-verify"});
        if (verify ? verify->value() == "none" : usual && usual->word(1) == "none")
            result_.tls["skip_verify"] = "true";
        if (const auto* file = server.find("ca-file"); file && !file->value().starts_with('@'))
            result_.tls["ca_cert"] = yaml_scalar(path_of(*file, "ca-base"));
        if (const auto* file = server.find("crt"))
            result_.tls["client_cert"] = yaml_scalar(path_of(*file, "crt-base"));
        result_.tls_comment = server.line->place.text();
    }

    const haproxy::Proxy& proxy_;
    const HealthCheck& check_;
    const haproxy::Configuration& configuration_;
    ServerLines result_;
    std::set<std::string> urls_;
    std::string unknown_;
    bool different_ports_ = false;
    std::optional<std::chrono::milliseconds> inter_;
};

}  // namespace

ServerLines read_servers(const haproxy::Proxy& proxy, const HealthCheck& check,
                         const haproxy::Configuration& configuration) {
    return Summary(proxy, check, configuration).read();
}

static Fate fate_of_server(const Server& server) {
    const bool names_many = server.line->word(0) == "server-template";
    if (names_many && names_services(server.address.text))
        return {Outcome::not_carried,
                "SRV records are not looked up: name the REST API of one or more members"};
    if (server.address.symbolic)
        return {Outcome::changed,
                "members come from Patroni: hosts needs the REST API of one or more of them"};
    return {server.every ? Outcome::changed : Outcome::carried,
            "its REST API is one of hosts; members come from Patroni, and sessions go to the "
            "address that Patroni tells for each"};
}

void report_servers(const haproxy::Proxy& proxy, const HealthCheck& check, bool leader_only,
                    Ledger& ledger) {
    bool any_checked = false;
    for (const auto& server : proxy.servers)
        any_checked |= server.find("check") != nullptr;
    std::set<std::uint64_t> limits;
    const bool by_agent = std::any_of(proxy.servers.begin(), proxy.servers.end(),
                                      [](const Server& one) { return one.find("agent-check"); });
    const auto report = [&](const LineOption& option) {
        if (option.keyword == "maxconn") {
            limits.insert(daemons::parse_number(option.value()).value_or(0));
            ledger.add(option.place, option.text(), Outcome::changed,
                       "max_connections_per_backend: it counts the sessions of this proxy on a "
                       "member on all ports together; further clients are held for queue_timeout, "
                       "as HAProxy holds them for its 'timeout queue'");
            return;
        }
        Fate fate = fate_of_server_option(option, leader_only);
        if (option.keyword == "port" && option.symbolic())
            fate = {Outcome::changed,
                    "it is not known here: 8008, Patroni's usual port, stands in hosts instead"};
        if (option.keyword == "check" && check.kind != HealthCheck::Kind::http)
            fate = {Outcome::not_carried, "it asks for no role"};
        if (option.keyword == "disabled" && by_agent)
            fate = {Outcome::not_needed,
                    "nobody is sent to a member before it has proved its role"};
        ledger.add(option.place, option.text(), fate.outcome, fate.why);
    };
    for (const auto& server : proxy.servers) {
        ledger.skip(*server.line);
        const Fate fate = fate_of_server(server);
        ledger.add(server.line->place,
                   server.line->word(0) + " " + server.name + " " + server.address.text,
                   fate.outcome, fate.why);
        if (any_checked && !server.find("check") && !server.find("track"))
            ledger.add(server.line->place, "server " + server.name, Outcome::changed,
                       "HAProxy never checks this server and always uses it; patroni_proxy asks "
                       "every member for its role");
        const std::size_t first = server.line->word(0) == "server" ? 3 : 4;
        for (const auto& option : haproxy::read_server_options(*server.line, first))
            report(option);
    }
    std::vector<const haproxy::Statement*> defaults = proxy.own({"default-server"});
    for (const auto* line : proxy.inherited)
        if (line->word(0) == "default-server")
            defaults.push_back(line);
    for (const auto* line : defaults) {
        ledger.skip(*line);
        for (const auto& option : haproxy::read_server_options(*line, 1))
            report(option);
    }
    if (limits.size() > 1)
        ledger.add(
            proxy.section->place, proxy.section->kind + " " + proxy.name, Outcome::changed,
            "its servers have different limits; max_connections_per_backend is the smallest");
}

std::string duration_text(std::int64_t milliseconds) {
    if (milliseconds % 1'000 != 0)
        return std::to_string(milliseconds) + "ms";
    const auto seconds = milliseconds / 1'000;
    if (seconds != 0 && seconds % 3'600 == 0)
        return std::to_string(seconds / 3'600) + "h";
    if (seconds > 60 && seconds % 60 == 0)
        return std::to_string(seconds / 60) + "m";
    return std::to_string(seconds) + "s";
}

}  // namespace proxy::migrate
