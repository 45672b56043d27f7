#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "daemon/log.h"
#include "daemon/signals.h"
#include "patroni_proxy/config.h"
#include "patroni_proxy/proxy.h"

namespace {

int serve(const std::string& file) {
    const proxy::Config config = proxy::load_config(file);
    daemons::block_signals();
    proxy::Proxy proxy(config);
    proxy.start();
    while (daemons::wait_for_signal() == SIGHUP)
        daemons::log::warning("reload is not supported yet: nothing has changed");
    daemons::log::info("stopping");
    proxy.stop();
    return EXIT_SUCCESS;
}

int check(const std::string& file) {
    (void)proxy::load_config(file);
    std::cout << file << ": good\n";
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Routes PostgreSQL connections by role through clusters kept by Patroni."};
    std::string file = "patroni_proxy.yaml";
    bool check_only = false;
    app.add_option("FILE", file, "Configuration file")->capture_default_str();
    app.add_flag("--check", check_only, "Check the configuration file and exit: 0 good, 1 bad");
    app.set_version_flag("--version", "patroni_proxy " VERSION);
    CLI11_PARSE(app, argc, argv);
    try {
        return check_only ? check(file) : serve(file);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
