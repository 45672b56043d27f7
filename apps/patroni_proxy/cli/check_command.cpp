// check: a monitoring plug-in.

#include <iostream>
#include <memory>

#include "daemon/text/units.h"
#include "daemon/text/utf8.h"
#include "patroni_proxy/cli/check_port.h"
#include "patroni_proxy/cli/command.h"
#include "patroni_proxy/cli/status/names.h"
#include "patroni_proxy/cli/terminal/terminal.h"

namespace proxy::cli {
namespace {

struct CheckOptions : CommonOptions {
    std::string port;
    std::string timeout = "5s";
    bool critical_only = false;
};

PortCheck check(const CheckOptions& options) try {
    const ControlClient daemon(options.control, *daemons::parse_duration(options.timeout));
    const ProxyReport report = status_of(daemon);
    return check_port(report, find_port(report, options.port));
} catch (const ControlError& error) {
    const bool down = error.kind() == ControlError::Kind::not_running ||
                      error.kind() == ControlError::Kind::no_answer;
    return {down ? Alarm::critical : Alarm::unknown, error.what(), ""};
} catch (const std::exception& error) {
    return {Alarm::unknown, error.what(), ""};
}

}  // namespace

void add_check_command(CLI::App& commands, int& exit_code) {
    const auto options = std::make_shared<CheckOptions>();
    CLI::App* command =
        add_command(commands, "check",
                    "Check a port as a monitoring plug-in: exit with 0, 1, 2 or 3", *options);
    command->group(kLook);
    command->remove_option(command->get_option("--json"));
    command->add_option("PORT", options->port, "CLUSTER/PORT, or PORT where that is unambiguous")
        ->type_name("")
        ->required();
    command->add_option("--timeout", options->timeout, "Wait for an answer no longer than this")
        ->type_name("TIME")
        ->capture_default_str()
        ->check(check_duration);
    command->add_flag("--critical-only", options->critical_only,
                      "Exit with 0 for a warning as well: for keepalived, which takes the address "
                      "away at any other code");
    command->footer(
        "Exit code:\n"
        "  0 OK        a new client finds a member that accepts sessions\n"
        "  1 WARNING   it does, but by fallback_roles, or clients are held, or an operator has\n"
        "              set something, or a limit leaves it no place\n"
        "  2 CRITICAL  it does not, the port is disabled, or the proxy does not answer\n"
        "  3 UNKNOWN   there is no such port, this user may not ask, or the command line is wrong");
    command->callback([options, &exit_code] {
        const PortCheck result = check(*options);
        write_out(result.line() + "\n");
        const bool tolerated = options->critical_only && result.alarm == Alarm::warning;
        exit_code = tolerated ? 0 : static_cast<int>(result.alarm);
    });
}

}  // namespace proxy::cli
