#include <algorithm>
#include <array>
#include <cstddef>

#include "haproxy/model/time.h"
#include "net/socket/listen_address.h"
#include "patroni_proxy/migrate/convert/port_draft.h"

namespace proxy::migrate {
namespace {

constexpr int kApiPort = 8009;
constexpr std::int64_t kLeastInterval = 100;
constexpr std::int64_t kYear = 365LL * 86'400'000;

/// The keys of the top level in the order of the sample file.
constexpr std::array kSettingsOrder{"cluster_update_interval",
                                    "listen_address",
                                    "workers",
                                    "max_connections",
                                    "connect_timeout",
                                    "idle_timeout",
                                    "queue_timeout",
                                    "drain_timeout",
                                    "tcp_keepalive",
                                    "tcp_user_timeout",
                                    "log"};

bool is_count(const std::string& text) {
    return !text.empty() && text.size() <= 9 && text.front() != '0' &&
           text.find_first_not_of("0123456789") == std::string::npos;
}

/// The first port from kApiPort on that no port of the draft listens on.
int free_api_port(const Draft& draft) {
    int port = kApiPort;
    const auto is_taken = [&] {
        const auto api = net::ListenAddress::parse("127.0.0.1:" + std::to_string(port));
        for (const auto& cluster : draft.clusters)
            for (const auto& one : cluster.ports)
                for (const auto& text : one.listen)
                    if (net::ListenAddress::parse(text)->overlaps(*api))
                        return true;
        return false;
    };
    while (port < 65'535 && is_taken())
        ++port;
    return port;
}

}  // namespace

GlobalSettings::GlobalSettings(const haproxy::Configuration& configuration, Ledger& ledger)
    : configuration_(configuration), ledger_(ledger) {
    add_number("maxconn", "max_connections", Outcome::changed,
               "max_connections of the top level: further clients wait in the kernel's queue; "
               "here they are held on ports with queue_timeout, and refused on others");
    add_number("nbthread", "workers", Outcome::carried, "workers");
    add_time(haproxy::global_setting(configuration, {"hard-stop-after"}), 1, "drain_timeout", 0,
             kYear);
}

void GlobalSettings::add_number(const char* directive, const char* key, Outcome outcome,
                                const char* why) {
    const auto* line = haproxy::global_setting(configuration_, {directive});
    if (!line)
        return;
    if (!is_count(line->word(1)) ||
        (std::string(key) == "workers" && std::stoi(line->word(1)) > 256)) {
        ledger_.add(*line, Outcome::not_carried,
                    std::string(key) + ": its value '" + line->word(1) + "' cannot be used here");
        return;
    }
    entries_[key] = {key, line->word(1), line->place.text() + ": " + line->text()};
    ledger_.add(*line, outcome, why);
}

void GlobalSettings::add_time(const haproxy::Statement* statement, std::size_t word,
                              const char* key, std::int64_t least, std::int64_t most) {
    if (!statement || entries_.contains(key))
        return;
    const auto time = haproxy::parse_time(statement->word(word));
    if (!time || time->count() < least || time->count() > most)
        return;
    entries_[key] = {key, duration_text(time->count()),
                     statement->place.text() + ": " + statement->text()};
    ledger_.add(*statement, Outcome::carried, key);
}

void GlobalSettings::take(const PortPlan& port) {
    const auto& servers = port.backend.servers;
    if (servers.interval) {
        const auto time = haproxy::parse_time(*servers.interval);
        if (!interval_ || time->count() < *interval_) {
            interval_ = std::max(time->count(), kLeastInterval);
            entries_["cluster_update_interval"] = {
                "cluster_update_interval", duration_text(*interval_), servers.interval_comment};
        }
    }
    if (!servers.tls.empty())
        for (const auto* directive : {"ca-base", "crt-base", "ssl-server-verify"})
            if (const auto* line = haproxy::global_setting(configuration_, {directive}))
                ledger_.add(*line, Outcome::carried, "tls");
    for (const auto* side : {"clitcpka-idle", "srvtcpka-idle"})
        add_time(port.frontend->last({side}), 1, "tcp_keepalive", 1'000, 9 * 3'600'000);
    if (servers.user_timeout)
        entries_["tcp_user_timeout"] = {"tcp_user_timeout", *servers.user_timeout, "tcp-ut"};
    for (const auto& bind : port.frontend->binds)
        if (const auto* option = bind.find("tcp-ut"))
            if (const auto time = haproxy::parse_time(option->value()))
                entries_["tcp_user_timeout"] = {"tcp_user_timeout", duration_text(time->count()),
                                                option->place.text() + ": tcp-ut"};
    if (const auto* line = port.frontend->option("dontlog-normal")) {
        entries_["log"] = {"log", "{sessions: failed}", line->place.text() + ": " + line->text()};
        ledger_.add(*line, Outcome::carried, "log.sessions");
    }
}

std::vector<Entry> GlobalSettings::finish(Draft& draft) {
    if (const int port = free_api_port(draft); port != kApiPort)
        entries_["listen_address"] = {
            "listen_address", "\"127.0.0.1:" + std::to_string(port) + "\"",
            "of the HTTP API; a port of yours has " + std::to_string(kApiPort)};
    std::vector<PortDraft*> ports;
    for (auto& cluster : draft.clusters)
        for (auto& port : cluster.ports)
            ports.push_back(&port);
    const auto find = [](PortDraft& port, const std::string& key) {
        return std::find_if(port.settings.begin(), port.settings.end(),
                            [&](const Entry& entry) { return entry.key == key; });
    };
    for (const std::string key : {"connect_timeout", "idle_timeout", "queue_timeout"}) {
        const auto first = find(*ports.front(), key);
        if (first == ports.front()->settings.end())
            continue;
        const Entry entry = *first;
        if (!std::all_of(ports.begin(), ports.end(), [&](PortDraft* port) {
                const auto found = find(*port, key);
                return found != port->settings.end() && found->value == entry.value;
            }))
            continue;
        entries_[key] = entry;
        for (auto* port : ports)
            port->settings.erase(find(*port, key));
    }
    std::vector<Entry> settings;
    for (const auto* key : kSettingsOrder)
        if (const auto found = entries_.find(key); found != entries_.end())
            settings.push_back(found->second);
    return settings;
}

}  // namespace proxy::migrate
