// members, ports, sessions, explain, history: show what a running proxy knows.

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>

#include "daemon/text/units.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/cli/command.h"
#include "patroni_proxy/cli/status/names.h"
#include "patroni_proxy/cli/status/status_reader.h"
#include "patroni_proxy/cli/tables/explanation.h"
#include "patroni_proxy/cli/tables/tables.h"
#include "patroni_proxy/cli/terminal/terminal.h"

namespace proxy::cli {
namespace {

struct LookOptions : CommonOptions {
    std::optional<std::chrono::milliseconds> watch;
};

CLI::App* add_look_command(CLI::App& commands, const std::string& name,
                           const std::string& description, LookOptions& options) {
    CLI::App* command = add_command(commands, name, description, options);
    command->group(kLook);
    command
        ->add_option_function<std::string>(
            "--watch",
            [&options](const std::string& text) {
                options.watch = daemons::parse_duration(text.empty() ? "2" : text);
            },
            "Show it again every so many seconds (2), until Ctrl-C")
        ->expected(0, 1)
        ->type_name("[SECONDS]")
        ->check([](const std::string& text) {
            const auto time = daemons::parse_duration(text.empty() ? "2" : text);
            return time && time->count() >= 100 ? "" : "must be at least 0.1 seconds";
        });
    return command;
}

using Draw = std::function<std::string(const std::string& json, const Screen& on)>;

/// What cannot be drawn is not printed with --json either: it is not an answer of patroni_proxy.
void look(const LookOptions& options,
          const std::function<std::string(const ControlClient&)>& target, const Draw& draw) {
    const ControlClient daemon(options.control);
    const auto frame = [&](const Screen& on) {
        const std::string json = daemon.get(target(daemon));
        const std::string text = read_answer(daemon, [&] { return draw(json, on); });
        return options.json ? json : text;
    };
    if (options.watch)
        watch(*options.watch, frame);
    write_out(frame(screen()));
}

void look_at_status(const LookOptions& options,
                    const std::function<std::string(const ProxyReport&, const Screen&)>& draw) {
    look(
        options, [](const ControlClient&) { return "/status"; },
        [&](const std::string& json, const Screen& on) { return draw(read_status(json), on); });
}

std::string all_of(const std::vector<Table>& tables, const Screen& on) {
    std::string text;
    for (const auto& table : tables)
        text += render(table, on);
    return text.empty() ? "The configuration has no cluster\n" : text;
}

std::string all_of(const std::vector<Name>& names) {
    std::string text;
    for (const auto& name : names)
        text += paint(name.text(), {}) + "\n";
    return text;
}

void add_members(CLI::App& commands) {
    struct Options : LookOptions {
        bool names = false;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = add_look_command(
        commands, "members", "Show each cluster's members, as patronictl list does", *options);
    command->add_flag("--names", options->names, "Print CLUSTER/MEMBER only, one a line");
    command->callback([options] {
        look_at_status(*options, [&](const ProxyReport& report, const Screen& on) {
            return options->names ? all_of(members_of(report)) : all_of(member_tables(report), on);
        });
    });
}

void add_ports(CLI::App& commands) {
    struct Options : LookOptions {
        bool names = false;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = add_look_command(
        commands, "ports", "Show each port, who serves it, and how many sessions it has", *options);
    command->add_flag("--names", options->names, "Print CLUSTER/PORT only, one a line");
    command->callback([options] {
        look_at_status(*options, [&](const ProxyReport& report, const Screen& on) {
            return options->names ? all_of(ports_of(report)) : all_of(port_tables(report), on);
        });
    });
}

void add_sessions(CLI::App& commands) {
    struct Options : LookOptions {
        SessionOptions which;
        std::uint32_t limit = 0;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = add_look_command(
        commands, "sessions", "Show who is connected, from where and to which member", *options);
    add_session_options(*command, options->which);
    command->add_option("--limit", options->limit, "Show at most so many")
        ->type_name("N")
        ->check([](const std::string& text) {
            return daemons::parse_number(text).value_or(0) > 0 ? "" : "must be a number above 0";
        });
    command->callback([options] {
        look(
            *options,
            [&](const ControlClient& daemon) {
                Query query = query_of(options->which, daemon);
                if (options->limit > 0)
                    query.emplace_back("limit", std::to_string(options->limit));
                return target_of({"sessions"}, query);
            },
            [](const std::string& json, const Screen& on) {
                return render(session_table(json), on);
            });
    });
}

void add_explain(CLI::App& commands) {
    struct Options : LookOptions {
        std::string port;
        std::string client;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = add_look_command(
        commands, "explain", "Say where a new client of a port would go now, and why", *options);
    command->add_option("PORT", options->port, "CLUSTER/PORT, or PORT where that is unambiguous")
        ->type_name("")
        ->required();
    command->add_option("--client", options->client, "The client's IP address")
        ->type_name("ADDRESS")
        ->check([](const std::string& text) {
            return net::SocketAddress::from_ip(text, 0) ? "" : "must be an IP address";
        });
    command->callback([options] {
        look_at_status(*options, [&](const ProxyReport& report, const Screen& on) {
            const auto client = net::SocketAddress::from_ip(options->client, 0);
            return render(explain(report, find_port(report, options->port), client), on);
        });
    });
}

void add_history(CLI::App& commands) {
    struct Options : LookOptions {
        std::string record;
        std::string cluster;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = add_look_command(
        commands, "history", "Show what happened to the clusters, and what clients noticed of it",
        *options);
    command->add_option("ID", options->record, "Show this record step by step")->type_name("");
    command->add_option("--cluster", options->cluster, "Only of this cluster")
        ->type_name("CLUSTER");
    command->callback([options] {
        look(
            *options,
            [&](const ControlClient&) {
                return options->cluster.empty()
                           ? target_of({"history"})
                           : target_of({"history"}, {{"cluster", options->cluster}});
            },
            [&](const std::string& json, const Screen& on) {
                if (options->record.empty())
                    return render(history_table(json), on);
                const auto table = record_table(json, options->record);
                if (!table)
                    throw std::runtime_error("no record " + options->record +
                                             "; `patroni_proxy history` lists those that are kept");
                return render(*table, on);
            });
    });
}

}  // namespace

void add_look_commands(CLI::App& commands) {
    add_members(commands);
    add_ports(commands);
    add_sessions(commands);
    add_explain(commands);
    add_history(commands);
}

}  // namespace proxy::cli
