#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "patroni_proxy/cli/client/control_client.h"
#include "patroni_proxy/cli/status/status_reader.h"
#include "patroni_proxy/report/report.h"

// What the commands share. Main thread only.
namespace proxy::cli {

inline constexpr const char* kDefaultSocket = "/run/patroni_proxy/control.sock";
inline constexpr const char* kLook = "Commands that show what a running proxy knows";
inline constexpr const char* kChange = "Commands that change what a running proxy does";

struct CommonOptions {
    std::string control = kDefaultSocket;
    bool json = false;
};

/// A command with --control and --json. `options` outlive the parsing.
CLI::App* add_command(CLI::App& commands, const std::string& name, const std::string& description,
                      CommonOptions& options);
/// "An option takes a duration": for ->check().
[[nodiscard]] std::string check_duration(const std::string& text);

/// Asks for the status. Throws ControlError.
[[nodiscard]] ProxyReport status_of(const ControlClient& daemon);
/// Reads an answer. If it is Unreadable, throws a ControlError that says where it came from.
template <typename Read>
auto read_answer(const ControlClient& daemon, Read read) try {
    return read();
} catch (const Unreadable& error) {
    throw ControlError(ControlError::Kind::no_answer, daemon.address() + ": " + error.what());
}

/// Which sessions a command is about.
struct SessionOptions {
    std::string member, port, cluster, client, user, database, application, state, min_idle, id;
};
void add_session_options(CLI::App& command, SessionOptions& options);
/// The query for them. If it has names, the daemon is asked which there are.
[[nodiscard]] Query query_of(const SessionOptions& options, const ControlClient& daemon);

void add_look_commands(CLI::App& commands);
void add_check_command(CLI::App& commands, int& exit_code);
void add_wait_command(CLI::App& commands, int& exit_code);
void add_change_commands(CLI::App& commands);

}  // namespace proxy::cli
