#include "patroni_proxy/haproxy/runtime/runtime_commands.h"

#include <algorithm>
#include <charconv>

namespace proxy::haproxy {
namespace {

/// Two names may become equal when reduced to HAProxy's letters: then neither is meant.
std::optional<StatRow> only_one(std::vector<StatRow> found) {
    return found.size() == 1 ? std::optional(std::move(found.front())) : std::nullopt;
}

constexpr char kNoSession[] = "No such session (use 'show sess').\n";
constexpr char kNoServer[] = "No such server.\n";

}  // namespace

struct RuntimeCommands::Entry {
    std::vector<std::string_view> words;
    const char* usage;
    const char* purpose;
    Access access;
    void (RuntimeCommands::*run)(const Request&);
};

const std::vector<RuntimeCommands::Entry>& RuntimeCommands::entries() {
    using C = RuntimeCommands;
    static const std::vector<Entry> all{
        {{"disable", "frontend"},
         "disable frontend <frontend>",
         "refuse new clients of a port: its sessions stay",
         Access::change,
         &C::disable_frontend},
        {{"disable", "server"},
         "disable server <bk>/<srv>",
         "take a member out of one port: its sessions stay",
         Access::change,
         &C::disable_server},
        {{"enable", "frontend"},
         "enable frontend <frontend>",
         "let clients connect to the port again",
         Access::change,
         &C::enable_frontend},
        {{"enable", "server"},
         "enable server <bk>/<srv>",
         "let a member serve the port again",
         Access::change,
         &C::enable_server},
        {{"get", "weight"},
         "get weight <bk>/<srv>",
         "report a server's weight, which is always 1",
         Access::read,
         &C::get_weight},
        {{"set", "maxconn", "server"},
         "set maxconn server <bk>/<srv> <value>",
         "limit a member's sessions, on all ports; 0 is no limit",
         Access::change,
         &C::set_maxconn},
        {{"set", "server"},
         "set server <bk>/<srv> state ready|drain|maint",
         "change a server's state",
         Access::change,
         &C::set_server},
        {{"set", "weight"},
         "set weight <bk>/<srv> 0%|100%",
         "drain a server, or end that",
         Access::change,
         &C::set_weight},
        {{"shutdown", "session"},
         "shutdown session <id>",
         "end a session",
         Access::change,
         &C::shutdown_session},
        {{"shutdown", "sessions", "server"},
         "shutdown sessions server <bk>/<srv>",
         "end a server's sessions",
         Access::change,
         &C::shutdown_sessions},
        {{"show", "backend"}, "show backend", "list the ports", Access::read, &C::show_backend},
        {{"show", "errors"},
         "show errors",
         "nothing: there is no HTTP",
         Access::read,
         &C::show_nothing},
        {{"show", "info"}, "show info", "report on the process", Access::read, &C::show_info},
        {{"show", "servers", "conn"},
         "show servers conn [<bk>]",
         "list servers with their connections",
         Access::read,
         &C::show_servers_conn},
        {{"show", "servers", "state"},
         "show servers state [<bk>]",
         "list servers with their state",
         Access::read,
         &C::show_servers_state},
        {{"show", "sess"}, "show sess", "list the sessions", Access::read, &C::show_sess},
        {{"show", "stat"},
         "show stat [<iid>|<proxy> <type> <sid>] [up|no-maint]",
         "report counters of ports and members, as CSV",
         Access::read,
         &C::show_stat},
        {{"show", "table"},
         "show table",
         "nothing: there are no stick tables",
         Access::read,
         &C::show_nothing},
        {{"show", "version"}, "show version", "report the version", Access::read, &C::show_version},
    };
    return all;
}

const std::string& RuntimeCommands::Request::argument(std::size_t index) const {
    static const std::string none;
    return skip + index < words.size() ? words[skip + index] : none;
}

const RuntimeCommands::Entry* RuntimeCommands::find(const Words& command) {
    const auto begins_with = [&](const Entry& entry) {
        return command.size() >= entry.words.size() &&
               std::equal(entry.words.begin(), entry.words.end(), command.begin());
    };
    const auto found = std::find_if(entries().begin(), entries().end(), begins_with);
    return found == entries().end() ? nullptr : &*found;
}

std::string RuntimeCommands::help() {
    constexpr std::size_t kWidth = 54;
    std::string text;
    const auto line = [&](std::string usage, const char* purpose) {
        usage.resize(std::max(usage.size(), kWidth), ' ');
        text.append("  ").append(usage).append(": ").append(purpose).push_back('\n');
    };
    for (const auto& entry : entries())
        line(entry.usage, entry.purpose);
    line("set timeout cli <delay>", "change the time that the client has for a command");
    line("help", "list all commands");
    line("prompt", "toggle interactive mode with prompt");
    line("quit", "disconnect");
    return text;
}

void RuntimeCommands::run(const Words& command, const std::string& client,
                          const RuntimeServer::Reply& reply) {
    if (command.front() == "help")
        return reply("The following commands are valid at this level:\n" + help());
    const Entry* entry = find(command);
    if (!entry)
        return reply("Unknown command: '" + command.front() +
                     "'. The following commands are valid at this level:\n" + help());
    if (entry->access == Access::change && access_ == Access::read)
        return reply("Permission denied\n");
    const Request request{command, entry->words.size(), {"HAProxy socket, " + client}, reply};
    (this->*entry->run)(request);
}

void RuntimeCommands::get_weight(const Request& request) {
    if (const auto found = server(request))
        request.reply("1 (initial 1)\n");
}

void RuntimeCommands::set_server(const Request& request) {
    const auto found = server(request);
    if (!found)
        return;
    if (request.argument(1) == "state")
        return set_state(request, *found, request.argument(2));
    if (request.argument(1) == "weight")
        return set_weight_of(request, *found, request.argument(2));
    request.reply("usage: set server <backend>/<server> state | weight\n");
}

void RuntimeCommands::set_weight(const Request& request) {
    if (const auto found = server(request))
        set_weight_of(request, *found, request.argument(1));
}

void RuntimeCommands::enable_server(const Request& request) {
    if (const auto found = server(request))
        set_state(request, *found, "ready");
}

void RuntimeCommands::disable_server(const Request& request) {
    if (const auto found = server(request))
        set_state(request, *found, "maint");
}

void RuntimeCommands::enable_frontend(const Request& request) {
    if (const auto found = frontend(request))
        finish(request, control_.enable(found->cluster, found->port, request.caller));
}

void RuntimeCommands::disable_frontend(const Request& request) {
    if (const auto found = frontend(request))
        finish(request, control_.disable(found->cluster, found->port, {}, request.caller));
}

void RuntimeCommands::set_maxconn(const Request& request) {
    const auto found = server(request);
    if (!found)
        return;
    const std::string& text = request.argument(1);
    std::uint32_t most = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), most);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return request.reply("maxconn string empty or preceded by garbage\n");
    finish(request,
           control_.cap(found->cluster, found->member,
                        most == 0 ? std::nullopt : std::optional(most), {}, request.caller));
}

void RuntimeCommands::shutdown_session(const Request& request) {
    const auto parsed = parse_session_filter({{"id", request.argument(0)}});
    if (!parsed.error.empty())
        return request.reply(kNoSession);
    control_.close_sessions(
        parsed.filter, request.caller,
        [reply = request.reply](std::size_t closed) { reply(closed == 0 ? kNoSession : ""); });
}

void RuntimeCommands::shutdown_sessions(const Request& request) {
    const auto found = server(request);
    if (!found)
        return;
    SessionFilter filter;
    filter.cluster = found->cluster;
    filter.port = found->port;
    filter.member = found->member;
    control_.close_sessions(filter, request.caller,
                            [reply = request.reply](std::size_t /*closed*/) { reply({}); });
}

std::optional<StatRow> RuntimeCommands::frontend(const Request& request) {
    std::vector<StatRow> found = rows();
    std::erase_if(found, [&](const StatRow& row) {
        return row.kind != RowKind::frontend || row.proxy != request.argument(0);
    });
    auto one = only_one(std::move(found));
    if (!one)
        request.reply("No such frontend.\n");
    return one;
}

std::optional<StatRow> RuntimeCommands::server(const Request& request) {
    const std::string& name = request.argument(0);
    if (name.find('/') == std::string::npos) {
        request.reply("Require 'backend/server'.\n");
        return {};
    }
    std::vector<StatRow> found = rows();
    std::erase_if(found, [&](const StatRow& row) {
        return row.kind != RowKind::server || row.proxy + '/' + row.server != name;
    });
    auto one = only_one(std::move(found));
    if (!one)
        request.reply(kNoServer);
    return one;
}

void RuntimeCommands::set_state(const Request& request, const StatRow& server,
                                const std::string& state) {
    if (state == "ready")
        return finish(request,
                      control_.ready(server.cluster, server.member, server.port, request.caller));
    if (state != "drain" && state != "maint")
        return request.reply("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n");
    DrainTerms terms;
    terms.maintenance = state == "maint";
    finish(request,
           control_.drain(server.cluster, server.member, server.port, terms, request.caller));
}

/// As HAProxy answers with a balancing algorithm without weights.
void RuntimeCommands::set_weight_of(const Request& request, const StatRow& server,
                                    const std::string& weight) {
    if (weight.empty())
        return request.reply("Require <weight> or <weight%>.\n");
    if (weight == "0" || weight == "0%")
        return set_state(request, server, "drain");
    if (weight == "1" || weight == "100%")
        return set_state(request, server, "ready");
    request.reply(
        "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n");
}

void RuntimeCommands::finish(const Request& request, const Outcome& outcome) {
    if (!outcome.ok())
        return request.reply(outcome.message + '\n');
    control_.when_in_force([reply = request.reply] { reply({}); });
}

}  // namespace proxy::haproxy
