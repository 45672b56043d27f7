#include "patroni_agent/command_line.h"

#include <memory>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include "daemon/log/log.h"

namespace agent {
namespace {

/// The configuration file equal to the options, in YAML's flow style, and the option that each line
/// comes from.
class OptionsAsFile {
  public:
    /// One line.
    OptionsAsFile& line(const std::string& option, const std::string& text) {
        text_ += text + "\n";
        options_.push_back(option);
        return *this;
    }
    /// A key with the option's value; nothing if that is empty.
    OptionsAsFile& value(const std::string& option, const std::string& key,
                         const std::string& value, const std::string& behind = ",") {
        return value.empty() ? *this : line(option, key + ": " + yaml_quoted(value) + behind);
    }

    [[nodiscard]] Config parse(const daemons::ReadFile& read) const {
        const auto option_of = [this](int line) {
            const auto index = static_cast<std::size_t>(line) - 1;
            return index < options_.size() ? options_[index] : "options";
        };
        return parse_options(text_, std::make_shared<const daemons::Source>(option_of), read);
    }

    static std::string yaml_quoted(const std::string& value) {
        YAML::Emitter out;
        out << YAML::DoubleQuoted << value;
        return out.c_str();
    }

  private:
    std::string text_;
    std::vector<std::string> options_;  // by line
};

}  // namespace

void add_options(CLI::App& app, CommandLine& command_line) {
    auto* file = app.add_option("-f,FILE", command_line.file,
                                "Configuration file, or a directory of them (default: "
                                "patroni_agent.yaml in the working directory, or "
                                "/etc/patroni_agent/patroni_agent.yaml; none if one of the options "
                                "below is given)");
    const auto without_file = [&](const std::string& name, std::string& value,
                                  const std::string& help) {
        app.add_option(name, value, help)->capture_default_str()->excludes(file);
    };
    without_file("--listen", command_line.listen, "Address to answer HAProxy on");
    without_file("--patroni", command_line.patroni, "URL of Patroni's REST API");
    without_file("--member", command_line.member,
                 "Patroni member to answer for (default: the local member)");
    without_file("--role", command_line.role, "Role that a member needs to be READY");
    without_file("--max-lag", command_line.max_lag, "Largest lag of a replica that is READY: 16MB");
    without_file("--interval", command_line.interval, "Poll interval: 1s");
    without_file("--http", command_line.http,
                 "Address of the HTTP API (/live, /status, /metrics): 127.0.0.1:8010");
    without_file("--ca-cert", command_line.ca_cert, "CA certificates that may sign Patroni's");
    without_file("--client-cert", command_line.client_cert, "Certificate to show to Patroni");
    without_file("--client-key", command_line.client_key, "Its key, if it is in a file of its own");
    app.add_flag("--skip-verify", command_line.skip_verify, "Accept any certificate")
        ->excludes(file);
    app.add_option("--request", command_line.request,
                   "With --once: the request that HAProxy would send, CLUSTER/MEMBER/ROLE");
    app.add_option("--log-level", command_line.log_level, "error, warning, info or debug")
        ->check(daemons::log::check_level);
}

bool has_options_instead_of_file(const CLI::App& app) {
    const auto options = app.get_options([](const CLI::Option* option) {
        return option->count() > 0 && !option->get_excludes().empty() && !option->get_positional();
    });
    return !options.empty();
}

/// Writes the options as a file, so that one parser finds what is wrong with either.
Config config_of(const CommandLine& options, const daemons::Inputs& inputs) {
    if (!options.file.empty())
        return load_config(options.file, inputs);
    OptionsAsFile file;
    file.line("options", "{")
        .value("--interval", "interval", options.interval)
        .value("--http", "listen_address", options.http)
        .line("--patroni",
              "clusters: {patroni: {hosts: [" + file.yaml_quoted(options.patroni) + "],");
    const bool tls = !options.ca_cert.empty() || !options.client_cert.empty() ||
                     !options.client_key.empty() || options.skip_verify;
    if (tls)
        file.line("TLS", "tls: {")
            .value("--ca-cert", "ca_cert", options.ca_cert)
            .value("--client-cert", "client_cert", options.client_cert)
            .value("--client-key", "client_key", options.client_key)
            .line("--skip-verify", options.skip_verify ? "skip_verify: true}" : "}");
    file.line("options", "}},")
        .line("--role", "listeners: {" + file.yaml_quoted(options.role) + ": {roles: [" +
                            file.yaml_quoted(options.role) + "],")
        .value("--listen", "listen", options.listen)
        .value("--member", "member", options.member)
        .value("--max-lag", "max_lag_in_bytes", options.max_lag)
        .line("options", "}}}");
    return file.parse(inputs.read);
}

}  // namespace agent
