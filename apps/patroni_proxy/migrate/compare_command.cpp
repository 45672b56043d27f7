#include "patroni_proxy/migrate/compare_command.h"

#include <chrono>
#include <csignal>
#include <ctime>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "daemon/config/config_file.h"
#include "daemon/system/signals.h"
#include "daemon/text/units.h"
#include "net/socket/socket_address.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/migrate/command_group.h"
#include "patroni_proxy/migrate/compare/comparison.h"
#include "patroni_proxy/migrate/live_sources.h"

namespace proxy::migrate {
namespace {

using std::chrono::milliseconds;

constexpr int kDiffer = 1;
constexpr int kCannotCompare = 4;

struct CompareOptions {
    HaproxySource haproxy;
    std::string file;
    std::string control;
    std::string duration;
    std::string interval = "1s";
    std::vector<std::string> maps;
    bool follow = false;
    bool json = false;
};

std::string check_time(const std::string& text) {
    const auto time = daemons::parse_duration(text);
    return time && time->count() > 0
               ? ""
               : "'" + text + "' must be " + std::string(daemons::kDurationForm);
}

std::string check_pair(const std::string& text) {
    const auto equals = text.find('=');
    return equals != std::string::npos && text.find('/', equals) != std::string::npos
               ? ""
               : "'" + text + "' must be BACKEND=CLUSTER/PORT";
}

/// Where the running proxy answers.
std::string api_of(const CompareOptions& options) {
    if (!options.control.empty())
        return options.control;
    const std::string file =
        options.file.empty() ? daemons::require_config("patroni_proxy", std::cerr) : options.file;
    return reachable(load_config(file).listen_address);
}

std::map<std::string, std::string> chosen_pairs(const std::vector<std::string>& maps) {
    std::map<std::string, std::string> chosen;
    for (const auto& text : maps) {
        const auto equals = text.find('=');
        chosen[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return chosen;
}

/// Waits, or returns true as soon as SIGINT or SIGTERM comes.
bool stopped_within(milliseconds time) {
    sigset_t signals{};
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    const timespec timeout{time.count() / 1'000, time.count() % 1'000 * 1'000'000};
    return ::sigtimedwait(&signals, nullptr, &timeout) > 0;
}

constexpr std::chrono::hours kWithoutEnd{24 * 365 * 100};

class CompareRun {
  public:
    CompareRun(const CompareOptions& options, const std::string& api)
        : options_(options), chosen_(chosen_pairs(options.maps)), sources_(options.haproxy, api) {}

    int run() {
        const auto interval = daemons::parse_duration(options_.interval).value();
        const auto begin = std::chrono::steady_clock::now();
        const bool once = options_.duration.empty() && !options_.follow;
        const auto length = options_.duration.empty()
                                ? milliseconds(kWithoutEnd)
                                : daemons::parse_duration(options_.duration).value();
        while (true) {
            compare();
            if (once || std::chrono::steady_clock::now() - begin >= length ||
                stopped_within(interval))
                break;
        }
        finish();
        if (!last_failure_.empty())
            return kCannotCompare;
        return comparison_.differ_now() ? kDiffer : 0;
    }

  private:
    void compare() {
        auto stat = sources_.stat();
        auto servers =
            stat ? parse_stat(stat.value())
                 : patroni::Result<std::vector<HaproxyServer>>(patroni::Failure{stat.reason()});
        auto status = sources_.status();
        if (!servers || !status) {
            note_failure(servers ? status.reason() : servers.reason());
            return;
        }
        ProxyView ours{std::move(status).value()};
        for (const auto& cluster : ours.report.clusters)
            for (const auto& member : cluster.members)
                if (!member.host.empty() && !net::SocketAddress::from_ip(member.host, 0))
                    ours.addresses.emplace(member.host, sources_.addresses_of(member.host));
        note_failure(what_is_missing(servers.value(), ours));
        if (!last_failure_.empty())
            return;
        pairing_ = pair_up(servers.value(), ours, chosen_);
        show_pairing();
        const auto events =
            comparison_.take(Difference::Clock::now(), join(servers.value(), ours, pairing_));
        if (options_.follow && !options_.json)
            for (const auto& event : events)
                std::cout << text_of(event) << '\n' << std::flush;
    }

    /// Why nothing can be compared; empty if something can.
    std::string what_is_missing(const std::vector<HaproxyServer>& servers,
                                const ProxyView& ours) const {
        bool any_address = false;
        for (const auto& server : servers)
            any_address |= !server.address.empty();
        if (!any_address)
            return "HAProxy does not tell the addresses of its servers: its socket needs 'level "
                   "operator', its page 'stats show-legends'";
        for (const auto& [backend, port] : chosen_) {
            bool known = false;
            for (const auto& cluster : ours.report.clusters)
                for (const auto& one : cluster.ports)
                    known |= cluster.name + "/" + one.name == port;
            if (!known)
                return "--map: there is no port " + port;
        }
        const auto pairing = pair_up(servers, ours, chosen_);
        if (pairing.port_of_backend.empty() && pairing.not_compared.empty())
            return "no server of HAProxy has the address of a member";
        return {};
    }

    void note_failure(const std::string& reason) {
        if (reason != last_failure_ && !reason.empty())
            std::cerr << reason << '\n';
        last_failure_ = reason;
    }

    void show_pairing() {
        if (shown_ || options_.json)
            return;
        shown_ = true;
        for (const auto& [backend, port] : pairing_.port_of_backend)
            std::cout << "HAProxy's " << backend << " and port " << port << '\n';
        for (const auto& [backend, why] : pairing_.not_compared)
            std::cerr << "HAProxy's " << backend << " is not compared: " << why << '\n';
        std::cout << std::flush;
    }

    void finish() {
        if (options_.json) {
            std::cout << json_of(comparison_, pairing_);
            return;
        }
        if (!options_.follow)
            for (const auto& difference : comparison_.kept())
                std::cout << text_of(difference) << '\n';
        if (comparison_.comparisons() != 0)
            std::cout << comparison_.summary() << '\n';
    }

    const CompareOptions& options_;
    const std::map<std::string, std::string> chosen_;
    LiveSources sources_;
    Comparison comparison_;
    Pairing pairing_;
    std::string last_failure_;
    bool shown_ = false;
};

}  // namespace

void add_compare_command(CLI::App& commands, int& exit_code) {
    auto* command = commands.add_subcommand(
        "compare", "Compare where HAProxy and a running patroni_proxy send clients");
    command->group(kCommandGroup);
    auto options = std::make_shared<CompareOptions>();
    command
        ->add_option("--haproxy", options->haproxy.address,
                     "HAProxy's stats socket (level operator or admin), or the URL of its "
                     "statistics page (with 'stats show-legends'): http://USER:PASSWORD@HOST:7000/")
        ->required();
    command->add_option("--password-file", options->haproxy.password_file,
                        "A file whose first line is USER:PASSWORD of that page, so that neither is "
                        "seen in the list of processes");
    command->add_option("--ca-cert", options->haproxy.tls.ca_cert,
                        "CA certificates that may sign the page's");
    command->add_flag("--skip-verify", options->haproxy.tls.skip_verify,
                      "Accept any certificate of the page");
    command->add_option("FILE", options->file,
                        "Configuration of the running patroni_proxy, for its listen_address");
    command->add_option(
        "--control", options->control,
        "The running proxy's control socket, or IP:PORT of its HTTP API, instead of "
        "what FILE says");
    command->add_option("--for", options->duration, "Compare for this long: 1h. Default: once")
        ->check(check_time);
    command->add_flag("--follow", options->follow,
                      "Print each difference when it begins and when it ends, until --for is over "
                      "or Ctrl-C");
    command->add_option("--interval", options->interval, "Time between two comparisons")
        ->check(check_time);
    command
        ->add_option("--map", options->maps,
                     "BACKEND=CLUSTER/PORT where it is not clear which port does the work of a "
                     "backend")
        ->allow_extra_args(false)
        ->check(check_pair);
    command->add_flag("--json", options->json, "Print the result for programs");
    command->footer(
        "Nothing is sent but questions. Exit code: 0 they agree now, 1 they differ, 2 the "
        "command line is wrong, 4 they cannot be compared.");
    command->callback([options, &exit_code] {
        daemons::block_signals();
        try {
            exit_code = CompareRun(*options, api_of(*options)).run();
        } catch (const std::exception& error) {
            std::cerr << error.what() << '\n';
            exit_code = kCannotCompare;
        }
    });
}

}  // namespace proxy::migrate
