#include "patroni_proxy/cli/commands.h"

#include "daemon/text/units.h"
#include "patroni_proxy/cli/check_port.h"
#include "patroni_proxy/cli/command.h"
#include "patroni_proxy/cli/status/names.h"
#include "patroni_proxy/cli/status/status_reader.h"

namespace proxy::cli {

CLI::App* add_command(CLI::App& commands, const std::string& name, const std::string& description,
                      CommonOptions& options) {
    CLI::App* command = commands.add_subcommand(name, description);
    command
        ->add_option("--control", options.control,
                     "Control socket of the proxy, or IP:PORT of its HTTP API for commands that "
                     "look")
        ->envname("PATRONI_PROXY_CONTROL")
        ->type_name("PATH")
        ->capture_default_str();
    command->add_flag("--json", options.json, "Print the proxy's answer as it is");
    return command;
}

std::string check_duration(const std::string& text) {
    return daemons::parse_duration(text)
               ? ""
               : "'" + text + "' must be " + std::string(daemons::kDurationForm);
}

ProxyReport status_of(const ControlClient& daemon) {
    const std::string json = daemon.get("/status");
    return read_answer(daemon, [&] { return read_status(json); });
}

void add_session_options(CLI::App& command, SessionOptions& options) {
    const auto add = [&](const char* name, std::string& value, const char* type, const char* text) {
        return command.add_option(name, value, text)->group("Which sessions")->type_name(type);
    };
    add("--member", options.member, "MEMBER",
        "Only those on this member: CLUSTER/MEMBER or MEMBER");
    add("--port", options.port, "PORT", "Only those of this port: CLUSTER/PORT or PORT");
    add("--cluster", options.cluster, "CLUSTER", "Only those of this cluster");
    add("--client", options.client, "NETWORK",
        "Only those of clients from this address or network");
    add("--user", options.user, "NAME",
        "Only those of this user, where the startup was in clear text");
    add("--database", options.database, "NAME", "Only those of this database, likewise");
    add("--application", options.application, "NAME",
        "Only those with this application_name, likewise");
    add("--state", options.state, "STATE", "Only those in this state, such as holding or relaying");
    add("--min-idle", options.min_idle, "TIME",
        "Only those that have been silent for this time, such as 10m")
        ->check(check_duration);
    add("--id", options.id, "ID", "Only the session with this ID");
}

Query query_of(const SessionOptions& options, const ControlClient& daemon) {
    Query query;
    std::string cluster = options.cluster;
    std::string member;
    std::string port;
    if (!options.member.empty() || !options.port.empty()) {
        const ProxyReport report = status_of(daemon);
        const auto within = [&](const std::string& text, auto find) {
            const bool complete = cluster.empty() || text.find('/') != std::string::npos;
            const Name name = find(report, complete ? text : cluster + "/" + text);
            if (!cluster.empty() && cluster != name.cluster)
                throw std::runtime_error(name.text() + " is not in cluster " + cluster);
            cluster = name.cluster;
            return name.name;
        };
        if (!options.member.empty())
            member = within(options.member, find_member);
        if (!options.port.empty())
            port = within(options.port, find_port);
    }
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty())
            query.emplace_back(name, value);
    };
    add("cluster", cluster);
    add("member", member);
    add("port", port);
    add("client", options.client);
    add("user", options.user);
    add("database", options.database);
    add("application", options.application);
    add("state", options.state);
    if (const auto idle = daemons::parse_duration(options.min_idle))
        add("min_idle", std::to_string(std::chrono::ceil<std::chrono::seconds>(*idle).count()));
    add("id", options.id);
    return query;
}

/// A script's empty variable must not select more than it was to.
static void refuse_empty_values(CLI::App& commands) {
    for (CLI::App* command : commands.get_subcommands({}))
        for (CLI::Option* option : command->get_options())
            if (option->get_type_size() != 0)  // no flag
                option->check([](const std::string& text) {
                    return text.empty() ? "must not be empty" : "";
                });
}

void add_commands(CLI::App& commands, int& exit_code) {
    add_look_commands(commands);
    add_check_command(commands, exit_code);
    add_wait_command(commands, exit_code);
    add_change_commands(commands);
    refuse_empty_values(commands);
}

int usage_exit_code(const CLI::App& commands) {
    constexpr int kUsageError = 2;
    return commands.got_subcommand("check") ? static_cast<int>(Alarm::unknown) : kUsageError;
}

}  // namespace proxy::cli
