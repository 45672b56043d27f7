#include "patroni_proxy/migrate/bootstrap_command.h"

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>

#include "daemon/system/file.h"
#include "daemon/system/signals.h"
#include "patroni/answers/cluster_parser.h"
#include "patroni/answers/primary_parser.h"
#include "patroni/rest/rest_client.h"
#include "patroni_proxy/migrate/bootstrap/bootstrap_file.h"
#include "patroni_proxy/migrate/command_group.h"

namespace proxy::migrate {
namespace {

struct BootstrapOptions {
    std::string url;
    patroni::TlsSettings tls;
};

int run(const BootstrapOptions& options) {
    const auto endpoint = patroni::Endpoint::parse(options.url);
    daemons::ignore_sigpipe();
    patroni::RestClient client(
        {}, {.tls = patroni::read_tls_credentials(options.tls, daemons::read_file)});
    const auto ask = [&](const std::string& path) {
        auto reply = client.get(endpoint.value(), path);
        if (!reply)
            throw std::runtime_error(options.url + path + ": " + reply.reason());
        return std::move(reply).value().body;
    };
    auto cluster = patroni::parse_cluster(ask("/cluster"));
    if (!cluster)
        throw std::runtime_error(options.url + "/cluster: " + cluster.reason());
    std::cout << bootstrap_file({.asked = endpoint.value(),
                                 .cluster = std::move(cluster).value(),
                                 .identity = patroni::parse_speaker(ask("/patroni")).cluster,
                                 .tls = options.tls});
    return 0;
}

}  // namespace

void add_bootstrap_command(CLI::App& commands, int& exit_code) {
    auto* command = commands.add_subcommand(
        "bootstrap", "Ask a Patroni, and print a complete configuration for its cluster");
    command->group(kCommandGroup);
    auto options = std::make_shared<BootstrapOptions>();
    command->add_option("URL", options->url, "REST API of any member: http://10.0.0.11:8008")
        ->required()
        ->check(check_api_url);
    command->add_option("--ca-cert", options->tls.ca_cert,
                        "CA certificates that may sign Patroni's");
    command->add_option("--client-cert", options->tls.client_cert,
                        "Certificate to show to Patroni");
    command->add_option("--client-key", options->tls.client_key,
                        "Its key, if it is in a file of its own");
    command->add_flag("--skip-verify", options->tls.skip_verify, "Accept any certificate");
    command->footer("Exit code: 0, 1 Patroni gives no answer, 2 the command line is wrong.");
    command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace proxy::migrate
