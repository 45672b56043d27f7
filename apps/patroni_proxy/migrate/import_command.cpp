#include "patroni_proxy/migrate/import_command.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "daemon/system/file.h"
#include "haproxy/grammar/reader.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/migrate/command_group.h"
#include "patroni_proxy/migrate/convert/converter.h"
#include "patroni_proxy/migrate/convert/pgbouncer_file.h"
#include "patroni_proxy/migrate/draft/own_file.h"
#include "patroni_proxy/migrate/source_files.h"

namespace proxy::migrate {
namespace {

constexpr int kNotAllCarriedOver = 3;

struct ImportOptions {
    std::vector<std::string> files;
    std::vector<std::string> symbols;
    std::vector<std::string> hosts;
    std::string report;
};

void write_report(const std::string& file, const std::string& text) {
    if (file.empty()) {
        std::cerr << text;
        return;
    }
    std::ofstream out(file);
    if (!(out << text) || !out.flush())
        throw std::runtime_error(file + " cannot be written");
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : " ") + word;
    return text;
}

int import_own(const haproxy::SourceFile& file, const std::string& path,
               const std::string& report) {
    std::cout << normalised(file.text, path);
    write_report(report, file.name +
                             " is a configuration of patroni_proxy already, which reads it "
                             "unchanged; here are its keys in their usual order\n");
    return 0;
}

/// What our own check finds in the result; empty if it is good.
std::string problems_of(const std::string& yaml) {
    try {
        (void)parse_config(yaml, "the result");
        return {};
    } catch (const ConfigError& error) {
        return error.what();
    }
}

int run(const ImportOptions& options) {
    std::vector<haproxy::SourceFile> sources = read_sources(options.files, daemons::read_file);
    if (sources.empty())
        throw std::runtime_error("there is no file that ends in .cfg in " + join(options.files));
    if (sources.size() == 1 && is_own_file(sources.front().text))
        return import_own(sources.front(), options.files.front(), options.report);
    std::vector<haproxy::SourceFile> poolers;
    std::vector<haproxy::SourceFile> files;
    for (auto& source : sources)
        (is_pgbouncer_file(source.text) ? poolers : files).push_back(std::move(source));

    const auto configuration = haproxy::read(files, symbols_from(options.symbols));
    if (configuration.sections.empty())
        throw std::runtime_error("there is no configuration of HAProxy in " + join(options.files));
    Conversion result = convert(configuration, options.hosts);
    for (const auto& pooler : poolers)
        read_pgbouncer_file(pooler.text, pooler.name, result.draft, result.ledger);
    std::string report = result.ledger.text();
    if (!result.draft) {
        write_report(options.report, report +
                                         "No section routes by a role that Patroni tells, so "
                                         "there is nothing to print. 'patroni_proxy bootstrap "
                                         "http://MEMBER:8008' makes a configuration from what "
                                         "Patroni says.\n");
        return kNotAllCarriedOver;
    }
    result.draft->header = {
        "Written by patroni_proxy import from " + join(options.files) + ".",
        "Behind each key stands the line that it comes from. Check it: patroni_proxy --check FILE"};
    const std::string yaml = yaml_of(*result.draft);
    const std::string problems = problems_of(yaml);
    if (!problems.empty())
        report += "patroni_proxy --check finds on this host:\n" + problems + "\n";
    std::cout << yaml << std::flush;
    write_report(options.report, report);
    return result.ledger.has(Outcome::not_carried) || !problems.empty() ? kNotAllCarriedOver : 0;
}

}  // namespace

void add_import_command(CLI::App& commands, int& exit_code) {
    auto* command = commands.add_subcommand(
        "import", "Convert a configuration of HAProxy, and say what became of each directive");
    command->group(kCommandGroup);
    auto options = std::make_shared<ImportOptions>();
    command
        ->add_option(
            "FILE", options->files,
            "haproxy.cfg, a directory of *.cfg, or a template of confd, consul-template or "
            "Jinja, in HAProxy's order; pgbouncer.ini beside them; or a configuration of "
            "patroni_proxy")
        ->required();
    command
        ->add_option("--set", options->symbols,
                     "NAME=VALUE of a variable or of a template's expression")
        ->allow_extra_args(false);
    command
        ->add_option("--host", options->hosts,
                     "REST API of a member, for a template that does not name the members: "
                     "http://10.0.0.11:8008")
        ->allow_extra_args(false)
        ->check(check_api_url);
    command->add_option("--report", options->report,
                        "Write the report to this file instead of stderr");
    command->footer(
        "Exit code: 0 everything is carried over or not needed, 1 a file cannot be "
        "read, 2 the command line is wrong, 3 something is not carried over.");
    command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace proxy::migrate
