#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>

#include "daemon/config/check.h"
#include "daemon/config/config_file.h"
#include "daemon/log/log.h"
#include "daemon/service/service.h"
#include "daemon/service/socket_store.h"
#include "daemon/system/signals.h"
#include "patroni_agent/agent_service.h"
#include "patroni_agent/command_line.h"
#include "patroni_agent/maintenance_switch.h"

namespace {

namespace log = daemons::log;

constexpr int kUsageError = 2;

int serve(const agent::CommandLine& command_line) {
    daemons::Service service({.log_level = log::level_from(command_line.log_level)});
    daemons::SocketStore sockets;
    agent::AgentService body(
        service.loop(),
        [command_line](const daemons::Inputs& inputs) {
            return agent::config_of(command_line, inputs);
        },
        &sockets);
    service.run(body);
    return EXIT_SUCCESS;
}

int check(const agent::CommandLine& command_line) {
    const auto config = agent::config_of(command_line);
    daemons::print_check(command_line.file.empty() ? "command line" : command_line.file, config.log,
                         config.warnings, std::cout, std::cerr);
    return EXIT_SUCCESS;
}

/// Polls once and prints what every listener would answer. The exit code says whether all are
/// ready.
int once(const agent::CommandLine& command_line) {
    daemons::ignore_sigpipe();
    agent::Config config = agent::config_of(command_line);
    log::configure({.level = log::Level::error});
    const auto listeners = config.listeners;
    for (auto& listener : config.listeners)
        listener.listen.clear();
    config.listen_address.reset();
    // The agent looks at the file on another thread, which nobody waits for here.
    if (const auto there = agent::is_there(config.maintenance_file))
        config.maintenance |= there.value();
    else
        std::cerr << config.maintenance_file << ": " << there.reason() << '\n';
    net::EventLoop loop;
    agent::Agent agent(loop);
    agent.patience_with_names = std::chrono::seconds{1};
    // One cluster may be polled twice before the first poll of another is over.
    std::set<std::string> waiting;
    for (const auto& cluster : config.clusters)
        waiting.insert(cluster.name);
    agent.on_poll = [&](const std::string& cluster) {
        if (agent.is_settled(cluster))
            waiting.erase(cluster);
        if (waiting.empty())
            loop.stop();
    };
    agent.apply(config);
    loop.run();
    const auto report = agent.report();
    agent.stop();
    for (const auto& cluster : report.clusters) {
        if (!cluster.polls.last_error.empty())
            std::cerr << cluster.name << ": " << cluster.polls.last_error << '\n';
        for (const auto& warning : cluster.warnings)
            std::cerr << cluster.name << ": " << warning << '\n';
    }
    bool ready = true;
    for (const auto& listener : listeners) {
        const auto [state, reason] = agent.answer(listener.name, command_line.request);
        std::cout << agent_reply(state, reason);
        ready &= state == agent::ServerState::ready;
    }
    return ready ? EXIT_SUCCESS : EXIT_FAILURE;
}

void begin_maintenance(const std::string& file) {
    // Any kind of file means on. Do not open it: a FIFO would block.
    if (const auto there = agent::is_there(file); there && there.value())
        return;
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path(), error);
    if (!std::ofstream(file))
        throw std::runtime_error(file + " cannot be written");
}

void end_maintenance(const std::string& file) {
    std::error_code error;
    std::filesystem::remove(file, error);
    if (error)
        throw std::runtime_error(file + ": " + error.message());
}

/// Where the switch is, and whether it counts.
struct Switch {
    std::string file;
    bool is_always_on = false;
};
Switch switch_of(const agent::CommandLine& command_line) try {
    const agent::Config config = agent::config_of(command_line);
    return {config.maintenance_file, config.maintenance};
} catch (const daemons::ConfigError& error) {
    throw std::runtime_error(std::string(error.what()) +
                             "\n--file PATH throws the switch without the configuration");
}

int maintenance(const Switch& found, bool on) {
    if (on)
        begin_maintenance(found.file);
    else
        end_maintenance(found.file);
    if (!on && found.is_always_on) {
        std::cerr << found.file
                  << " is gone, but the configuration has maintenance: true: still in "
                     "maintenance\n";
        return EXIT_FAILURE;
    }
    std::cout << found.file
              << (on ? " exists: in maintenance\n" : " is gone: not in maintenance\n");
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Answer HAProxy's agent checks for PostgreSQL clusters managed by Patroni."};
    agent::CommandLine command_line;
    bool check_only = false;
    bool once_only = false;
    agent::add_options(app, command_line);
    app.add_flag("--check", check_only,
                 "Check the configuration and exit: 0 good, perhaps with warnings, 1 bad");
    app.add_flag("--once", once_only,
                 "Poll Patroni once, print the reply and exit: 0 ready, 1 not ready");
    app.set_version_flag("-V,--version", "patroni_agent " VERSION);
    app.footer("Signals: SIGHUP reloads the file, SIGTERM and SIGINT exit at once.");

    std::string maintenance_file;
    CLI::App* maintain = app.add_subcommand(
        "maintenance", "Take this member out of all listeners (on) or put it back (off)");
    maintain->add_option("--file", maintenance_file,
                         "The switch (default: maintenance_file of the configuration)");
    CLI::App* on = maintain->add_subcommand("on", "Answer MAINT DOWN on every listener");
    CLI::App* off = maintain->add_subcommand("off", "Answer by what Patroni says again");
    // Allows --file at the end.
    on->fallthrough();
    off->fallthrough();
    maintain->require_subcommand(1);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EXIT_SUCCESS : kUsageError;
    }
    try {
        if (command_line.file.empty() && !agent::has_options_instead_of_file(app))
            command_line.file = daemons::find_config("patroni_agent", std::cerr).value_or("");
        if (maintain->parsed())
            return maintenance(
                maintenance_file.empty() ? switch_of(command_line) : Switch{maintenance_file},
                on->parsed());
        if (check_only)
            return check(command_line);
        return once_only ? once(command_line) : serve(command_line);
    } catch (const std::exception& error) {
        log::flush(std::chrono::seconds{1});
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
