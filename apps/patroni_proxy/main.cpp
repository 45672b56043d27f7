#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "daemon/config/check.h"
#include "daemon/config/config_file.h"
#include "daemon/log/log.h"
#include "daemon/service/service.h"
#include "daemon/service/service_manager.h"
#include "daemon/service/socket_store.h"
#include "daemon/system/signals.h"
#include "daemon/yaml/key_hint.h"
#include "patroni_proxy/cli/commands.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/migrate/bootstrap_command.h"
#include "patroni_proxy/migrate/compare_command.h"
#include "patroni_proxy/migrate/doctor_command.h"
#include "patroni_proxy/migrate/import_command.h"
#include "patroni_proxy/migrate/takeover_command.h"
#include "patroni_proxy/once.h"
#include "patroni_proxy/proxy_service.h"
#include "patroni_proxy/upgrade/predecessor.h"

namespace {

namespace log = daemons::log;

constexpr int kUsageError = 2;

/// `predecessor`: the process that this one is to succeed, or null.
int serve(const std::string& file, const daemons::Service::Options& options,
          const std::vector<std::string>& command_line,
          std::shared_ptr<proxy::upgrade::Predecessor> predecessor) {
    daemons::Service service(options);
    daemons::SocketStore sockets;
    proxy::ProxyService body(
        service.loop(), file,
        {.reload = [&](auto done) { service.reload(std::move(done)); },
         .log_level = [&] { return service.log_level(); },
         .log_level_set = [&] { return service.log_level_set(); },
         .set_log_level = [&](log::Level level) { service.set_log_level(level); },
         .upgrade = [&](auto done) { service.upgrade(std::move(done)); },
         .command_line = command_line},
        &sockets, std::move(predecessor));
    service.run(body);
    return EXIT_SUCCESS;
}

/// A process that cannot succeed the running one tells it why, so that it goes on at once.
int serve_or_refuse(const std::string& file, const daemons::Service::Options& options,
                    const std::vector<std::string>& command_line) {
    const std::shared_ptr<proxy::upgrade::Predecessor> predecessor =
        proxy::upgrade::Predecessor::from_environment();
    if (predecessor)
        daemons::service_manager::keep_silent();
    try {
        return serve(file, options, command_line, predecessor);
    } catch (const std::exception& error) {
        if (predecessor)
            predecessor->refuse(error.what());
        throw;
    }
}

int check(const std::string& file) {
    const auto config = proxy::load_config(file);
    daemons::print_check(file, config.log, config.warnings, std::cout, std::cerr);
    return EXIT_SUCCESS;
}

int once(const std::string& file) {
    daemons::ignore_sigpipe();
    log::configure({.level = log::Level::error});
    return proxy::poll_once(proxy::load_config(file), std::cout, std::cerr) ? EXIT_SUCCESS
                                                                            : EXIT_FAILURE;
}

/// Existing systemd units set RUST_LOG. The command line and the file override it.
std::optional<log::Level> level_of_environment() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
    const char* directives = std::getenv("RUST_LOG");
    return directives ? log::level_from_rust_log(directives) : std::nullopt;
}

/// From 2.6 on, CLI11 fills a footer as one paragraph; ours have lines and a table.
void keep_lines_of_footers(CLI::App& app) {
    const auto keep = [](auto& formatter) {
        if constexpr (requires { formatter.enable_footer_formatting(false); })
            formatter.enable_footer_formatting(false);
    };
    keep(*app.get_formatter());
}

/// Everything but the commands. Returns the exit code: the daemon's, or 2 for a wrong command line.
int daemon_main(int argc, char** argv, const CLI::App& commands) {
    CLI::App app{"Route PostgreSQL connections by role to clusters managed by Patroni."};
    keep_lines_of_footers(app);
    std::string file;
    std::string level_name;
    bool check_only = false;
    bool once_only = false;
    app.add_option("-f,FILE", file,
                   "Configuration file, or a directory of them (default: patroni_proxy.yaml in the "
                   "working directory, or /etc/patroni_proxy/patroni_proxy.yaml)");
    app.add_flag("--check", check_only,
                 "Check the configuration and exit: 0 good, perhaps with warnings, 1 bad");
    app.add_flag("--once", once_only,
                 "Poll Patroni once, print who would serve each port and why, and exit: 0 if every "
                 "port has a member, 1 if not");
    app.add_option("--log-level", level_name, "error, warning, info or debug; overrides the file")
        ->check(log::check_level);
    app.set_version_flag("-V,--version", "patroni_proxy " VERSION);
    app.footer([&commands] {
        return "Signals: SIGHUP reloads the file, SIGUSR1 takes no new clients and exits after the "
               "last\nsession or after drain_timeout, SIGUSR2 starts the program anew and hands "
               "all "
               "sessions\nover to it, SIGTERM and SIGINT exit at once, SIGTERM with `stop: drain` "
               "once the\nsessions are idle.\n" +
               CLI::Formatter().make_subcommands(&commands, CLI::AppFormatMode::Normal);
    });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EXIT_SUCCESS : kUsageError;
    }
    if (file.empty())
        file = daemons::require_config("patroni_proxy", std::cerr);
    if (check_only)
        return check(file);
    return once_only ? once(file)
                     : serve_or_refuse(file,
                                       {.log_level = log::level_from(level_name),
                                        .fallback_log_level = level_of_environment()},
                                       {argv, argv + argc});
}

int command_main(int argc, char** argv, CLI::App& commands, const int& exit_code) {
    try {
        commands.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return commands.exit(error) == 0 ? EXIT_SUCCESS : proxy::cli::usage_exit_code(commands);
    }
    return exit_code;
}

}  // namespace

/// Somebody who mistypes a command means no configuration file. Empty if the argument is an option,
/// or may well be a file.
std::string mistyped_command(const CLI::App& commands, const std::string& argument) {
    if (argument.empty() || argument.find_first_of("-./") != std::string::npos ||
        std::filesystem::exists(argument))
        return {};
    std::vector<std::string> names;
    for (const auto* command : commands.get_subcommands({}))
        names.push_back(command->get_name());
    const std::string hint = daemons::key_hint(argument, names);
    return hint.starts_with("; did you mean") ? "no command '" + argument + "'" + hint : "";
}

/// If the first argument is the name of a command, runs it. Anything else starts the daemon, as it
/// did before there were commands. A configuration file named like a command: ./members.
int main(int argc, char** argv) {
    CLI::App commands{"", "patroni_proxy"};
    keep_lines_of_footers(commands);
    commands.require_subcommand(1);  // an argument may have the name of another command
    int exit_code = EXIT_SUCCESS;
    proxy::cli::add_commands(commands, exit_code);
    proxy::migrate::add_bootstrap_command(commands, exit_code);
    proxy::migrate::add_compare_command(commands, exit_code);
    proxy::migrate::add_doctor_command(commands, exit_code);
    proxy::migrate::add_import_command(commands, exit_code);
    proxy::migrate::add_takeover_command(commands);
    try {
        const std::string first = argc > 1 ? argv[1] : "";
        const bool is_command =
            !commands.get_subcommands([&](CLI::App* app) { return app->get_name() == first; })
                 .empty();
        if (const auto mistyped = is_command ? "" : mistyped_command(commands, first);
            !mistyped.empty()) {
            std::cerr << mistyped << '\n';
            return kUsageError;
        }
        return is_command ? command_main(argc, argv, commands, exit_code)
                          : daemon_main(argc, argv, commands);
    } catch (const std::exception& error) {
        log::flush(std::chrono::seconds{1});
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
