#pragma once

#include <string>

#include "patroni_agent/config.h"

namespace CLI {
class App;
}

namespace agent {

/// A configuration without a file: one listener, for the local member or for the one named.
struct CommandLine {
    std::string file;
    std::string listen = "[::]:5555";
    std::string patroni = "http://localhost:8008";
    std::string member;
    std::string role = "leader";
    std::string interval;
    std::string max_lag;
    std::string http;
    std::string ca_cert;
    std::string client_cert;
    std::string client_key;
    bool skip_verify = false;
    std::string log_level;
    std::string request;  ///< for --once and a listener that takes requests
};

void add_options(CLI::App& app, CommandLine& command_line);
/// Whether any option was given that says what a file would say.
[[nodiscard]] bool has_options_instead_of_file(const CLI::App& app);

/// The configuration of the file, or of the options if there is no file. Throws ConfigError.
[[nodiscard]] Config config_of(const CommandLine& options, const daemons::Inputs& inputs = {});

}  // namespace agent
