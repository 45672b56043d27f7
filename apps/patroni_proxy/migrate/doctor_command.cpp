#include "patroni_proxy/migrate/doctor_command.h"

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "daemon/system/file.h"
#include "haproxy/grammar/reader.h"
#include "patroni_proxy/migrate/command_group.h"
#include "patroni_proxy/migrate/doctor/findings.h"
#include "patroni_proxy/migrate/source_files.h"

namespace proxy::migrate {
namespace {

struct DoctorOptions {
    std::vector<std::string> files;
    std::vector<std::string> symbols;
    bool json = false;
};

int run(const DoctorOptions& options) {
    const auto configuration = haproxy::read(read_sources(options.files, daemons::read_file),
                                             symbols_from(options.symbols));
    if (configuration.sections.empty())
        throw std::runtime_error("there is no configuration in " + options.files.front());
    const auto findings = examine(configuration);
    std::cout << (options.json ? json_of(findings) : text_of(findings));
    return exit_code_of(findings);
}

}  // namespace

void add_doctor_command(CLI::App& commands, int& exit_code) {
    auto* command = commands.add_subcommand(
        "doctor", "Find what loses writes or cuts sessions in a configuration of HAProxy");
    command->group(kCommandGroup);
    auto options = std::make_shared<DoctorOptions>();
    command
        ->add_option(
            "FILE", options->files,
            "haproxy.cfg, a directory of *.cfg, or a template of confd, consul-template or "
            "Jinja, in HAProxy's order")
        ->required();
    command
        ->add_option("--set", options->symbols,
                     "NAME=VALUE of a variable or of a template's expression")
        ->allow_extra_args(false);
    command->add_flag("--json", options->json, "For programs");
    command->footer(
        "Exit code by the worst finding: 0 none or low, 4 medium, 5 high, 6 critical; "
        "1 a file cannot be read.");
    command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace proxy::migrate
