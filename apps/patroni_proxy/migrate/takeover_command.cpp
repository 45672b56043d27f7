#include "patroni_proxy/migrate/takeover_command.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "net/socket/listening_socket.h"
#include "patroni/answers/json.h"
#include "patroni_proxy/cli/client/control_client.h"
#include "patroni_proxy/cli/command.h"
#include "patroni_proxy/cli/terminal/terminal.h"
#include "patroni_proxy/takeover/haproxy_process.h"
#include "patroni_proxy/takeover/haproxy_socket.h"
#include "patroni_proxy/takeover/listener_transfer.h"

namespace proxy::migrate {
namespace {

using namespace std::chrono_literals;

constexpr auto kHaproxyPatience = 2s;
/// A reload reads files, which may take ten seconds, and waits for new clusters.
constexpr auto kReloadPatience = 40s;

struct TakeoverOptions : cli::CommonOptions {
    std::string haproxy;
    bool keep = false;
};

/// Acts as another user while it exists. That user may put anything in the place of a path, which
/// root must not follow.
class ActingAs {
  public:
    ActingAs(uid_t user, const std::string& path) : own_(::geteuid()) {
        if (user != own_ && ::seteuid(user) != 0)
            throw std::system_error(errno, std::generic_category(), path);
    }
    ActingAs(const ActingAs&) = delete;
    ActingAs& operator=(const ActingAs&) = delete;
    ~ActingAs() { (void)!::seteuid(own_); }

  private:
    const uid_t own_;
};

/// Hands the sockets to the daemon, which runs as another user: on a socket beside its own, which
/// only its user may open, and in the words of HAProxy.
class SocketRelay {
  public:
    SocketRelay(const std::string& control, std::vector<net::UniqueFd> sockets)
        : sockets_(std::move(sockets)) {
        struct stat owner {};
        if (::stat(control.c_str(), &owner) != 0)
            throw cli::connect_failure(control, errno);
        path_ =
            control.substr(0, control.rfind('/') + 1) + "takeover." + std::to_string(::getpid());
        const auto address = net::ListenAddress::parse("unix:" + path_);
        if (!address)
            throw std::runtime_error(control + ": its directory's path is too long");
        {
            const ActingAs daemon(owner.st_uid, path_);
            listening_ = net::bind_listening_socket(*address, {.unix_mode = 0600});
        }
        thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    void serve(const std::stop_token& stop) const {
        pollfd entry{.fd = listening_.get(), .events = POLLIN, .revents = 0};
        while (!stop.stop_requested())
            if (::poll(&entry, 1, 100) == 1) {
                const net::UniqueFd client(
                    ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                return send(client.get());
            }
    }
    void send(int client) const {
        std::vector<int> descriptors(sockets_.size());
        std::transform(sockets_.begin(), sockets_.end(), descriptors.begin(),
                       [](const auto& socket) { return socket.get(); });
        // An error shows in the daemon's answer.
        (void)takeover::send_listeners(client, descriptors, kHaproxyPatience);
    }

    const std::vector<net::UniqueFd> sockets_;
    std::string path_;
    net::ListeningSocket listening_;
    std::jthread thread_;
};

struct TakeoverOutcome {
    std::string text;
    bool took_any = false;
};

TakeoverOutcome read_outcome(const std::string& json) {
    const auto answer = patroni::parse_json_object(json);
    if (!answer)
        throw cli::Unreadable(answer.reason());
    TakeoverOutcome outcome;
    const auto taken = answer.value()->getArray("taken");
    for (std::size_t i = 0; taken && i < taken->size(); ++i) {
        outcome.text += "the proxy accepts on " +
                        cli::paint(taken->getElement<std::string>(static_cast<unsigned>(i)), {}) +
                        "\n";
        outcome.took_any = true;
    }
    return outcome;
}

/// It accepts no more, and ends with its last session.
std::string let_end(const std::string& haproxy, pid_t worker) {
    const auto process = takeover::haproxy_of_worker(worker);
    if (!process || ::kill(*process, SIGUSR1) != 0)
        throw std::runtime_error(
            "HAProxy still accepts on these sockets too, and could not be told to end: process " +
            std::to_string(process.value_or(worker)) + ": " +
            (process ? std::generic_category().message(errno) : "is not HAProxy"));
    return "HAProxy (process " + std::to_string(*process) + ", asked on " + haproxy +
           ") ends with its last session.\n"
           "If systemd starts it again, it accepts on them too: see docs/upgrade.md.\n";
}

void take_over(const TakeoverOptions& options) {
    auto sockets = takeover::receive_listeners(options.haproxy, kHaproxyPatience);
    const auto worker = takeover::pid_in_info(
        takeover::ask_haproxy(options.haproxy, "show info", kHaproxyPatience));
    if (!worker)
        throw std::runtime_error(options.haproxy + ": `show info` tells no process id");
    const SocketRelay relay(options.control, std::move(sockets));
    const cli::ControlClient daemon(options.control, kReloadPatience);
    const std::string answer =
        daemon.post(cli::target_of({"reload"}, {{"listeners", relay.path()}}));
    TakeoverOutcome outcome = cli::read_answer(daemon, [&] { return read_outcome(answer); });
    if (!outcome.took_any)
        throw std::runtime_error(
            "nothing was taken over: the proxy's configuration listens on none of HAProxy's "
            "addresses");
    if (!options.keep)
        outcome.text += let_end(options.haproxy, *worker);
    cli::write_out(options.json ? answer : outcome.text);
}

}  // namespace

void add_takeover_command(CLI::App& commands) {
    const auto options = std::make_shared<TakeoverOptions>();
    CLI::App* command =
        cli::add_command(commands, "takeover",
                         "Reload, and take over the addresses that HAProxy listens on", *options);
    command->group(cli::kChange);
    command
        ->add_option("--haproxy", options->haproxy,
                     "HAProxy's stats socket, with `level admin` and `expose-fd listeners`")
        ->type_name("PATH")
        ->required();
    command->add_flag("--keep", options->keep,
                      "Let HAProxy go on: both accept until it is stopped with SIGUSR1");
    command->callback([options] { take_over(*options); });
}

}  // namespace proxy::migrate
