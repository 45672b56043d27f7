#include "patroni_proxy/haproxy/runtime/runtime_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <deque>
#include <fcntl.h>
#include <optional>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "daemon/log/log.h"

namespace proxy::haproxy {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr unsigned kCommandsAtOnce = 4;      // of a client, in its turn
constexpr std::size_t kMaxLine = 16 * 1024;  // HAProxy's tune.bufsize
constexpr seconds kPatience{10};             // HAProxy's `stats timeout`
constexpr seconds kMaxPatience{3'600};

/// As HAProxy reads it: seconds, or with a unit.
std::optional<seconds> timeout_of(std::string_view text) {
    unsigned count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc() || count == 0)
        return {};
    const unsigned length = unit.empty() || unit == "s" ? 1
                            : unit == "m"               ? 60
                            : unit == "h"               ? 3'600
                                                        : 0;
    if (length == 0)
        return {};
    return std::min(seconds{std::uint64_t{count} * length}, kMaxPatience);
}

std::string name_of(int fd, const net::SocketAddress& peer) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 && credentials.pid != 0)
        return "uid " + std::to_string(credentials.uid) + ", pid " +
               std::to_string(credentials.pid);
    return peer.to_string();
}

}  // namespace

/// Reads lines, has their commands run one after the other, and sends the answers.
class RuntimeServer::Client final : public net::EventHandler {
  public:
    Client(RuntimeServer& server, net::UniqueFd fd, std::string name)
        : id(++server.last_id_),
          server_(server),
          loop_(server.loop_),
          fd_(std::move(fd)),
          name_(std::move(name)) {}
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    /// May outlive its server.
    ~Client() { loop_.remove(fd_.get()); }

    /// False if the loop cannot watch it.
    [[nodiscard]] bool watch() { return loop_.add(fd_.get(), interest_, *this) == 0; }

    void on_event(std::uint32_t events) noexcept override {
        if (dropped_)
            return;
        // The command is run even if its sender has hung up, and has to wait for its turn.
        const bool goes_on = (events & EPOLLERR) == 0 && receive(events) && send() &&
                             advance(false) && set_interest();
        if (!goes_on || ((events & EPOLLHUP) != 0 && !waits_for_turn_))
            server_.drop(self);
    }

    void on_reply(const std::string& text) {
        say(text);
        waiting_ = false;
        // Within run(), the loop in advance() continues.
        if (!advancing_)
            on_turn();
    }

    /// Continues with what has arrived.
    void on_turn() {
        waits_for_turn_ = false;
        if (!(send() && advance(true) && set_interest()))
            server_.drop(self);
    }

    [[nodiscard]] bool is_late(Clock::time_point now) const {
        return !waiting_ && deadline_ <= now;
    }
    [[nodiscard]] Clock::time_point last_active() const noexcept { return deadline_ - patience_; }
    /// An event of the same batch may still come.
    void set_dropped() noexcept { dropped_ = true; }

    const std::uint64_t id;
    Clients::iterator self;

  private:
    // Each returns false once there is nothing left to do for the client.

    bool receive(std::uint32_t events) {
        if ((events & EPOLLIN) == 0)
            return true;
        std::array<char, 4'096> bytes;
        const auto count = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        ended_ = count == 0;
        received_.append(bytes.data(), static_cast<std::size_t>(count));
        return true;
    }

    bool send() {
        while (!answer_.empty()) {
            const auto count = ::send(fd_.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
            if (count < 0)
                return errno == EAGAIN || errno == EINTR;
            answer_.erase(0, static_cast<std::size_t>(count));
            if (answer_.empty())
                deadline_ = Clock::now() + patience_;
        }
        return true;
    }

    /// Runs what has arrived, until something has to be waited for.
    bool advance(bool has_turn) {
        advancing_ = true;
        bool goes_on = true;
        unsigned ran = 0;
        while (goes_on && !waiting_ && answer_.empty()) {
            if (!commands_.empty()) {
                // A command may look at all that the proxy knows, and others need the loop too: a
                // client with many commands, or one that comes while such a client waits, waits
                // for its turn.
                if (ran++ == kCommandsAtOnce || (!has_turn && !server_.turns_.empty())) {
                    if (!std::exchange(waits_for_turn_, true))
                        server_.give_turn_to(*this);
                    break;
                }
                const Words command = std::move(commands_.front());
                commands_.pop_front();
                goes_on = run(command) && send();
            } else if (answered_line_ && !interactive_) {
                goes_on = false;
            } else if (const auto end = received_.find('\n'); end != std::string::npos) {
                for (auto& command : commands_of(std::string_view(received_).substr(0, end)))
                    commands_.push_back(std::move(command));
                received_.erase(0, end + 1);
                answered_line_ = true;
                deadline_ = Clock::now() + patience_;
            } else {
                goes_on = !ended_ && received_.size() < kMaxLine;
                break;
            }
        }
        advancing_ = false;
        return goes_on;
    }

    bool run(const Words& command) {
        if (command.empty()) {
            say({});
        } else if (command.front() == "quit") {
            return false;
        } else if (command.front() == "_getsocks" && server_.hand_over_) {
            server_.hand_over_(net::UniqueFd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)), name_);
            return false;
        } else if (command.front() == "prompt") {
            interactive_ = !interactive_;
            say({});
        } else if (command.size() >= 2 && command[0] == "set" && command[1] == "timeout") {
            say(set_timeout(command));
        } else {
            waiting_ = true;
            server_.run_(command, name_, server_.reply_to(*this));
        }
        return true;
    }

    std::string set_timeout(const Words& command) {
        if (command.size() < 3 || command[2] != "cli")
            return "'set timeout' only supports 'cli'.\n";
        const auto timeout = command.size() < 4 ? std::nullopt : timeout_of(command[3]);
        if (!timeout)
            return "Invalid timeout value.\n";
        patience_ = *timeout;
        deadline_ = Clock::now() + patience_;
        return {};
    }

    void say(const std::string& text) {
        answer_.append(text).push_back('\n');
        if (interactive_)
            answer_.append("> ");
    }

    bool set_interest() {
        const std::uint32_t wanted =
            (answer_.empty() ? 0U : std::uint32_t{EPOLLOUT}) |
            (ended_ || received_.size() >= kMaxLine ? 0U : std::uint32_t{EPOLLIN});
        if (wanted == interest_)
            return true;
        interest_ = wanted;
        return loop_.modify(fd_.get(), wanted, *this) == 0;
    }

    RuntimeServer& server_;
    net::EventLoop& loop_;
    const net::UniqueFd fd_;
    const std::string name_;
    std::uint32_t interest_ = EPOLLIN;
    std::string received_;
    std::deque<Words> commands_;  ///< of the current line, still to run
    std::string answer_;          ///< still to send
    seconds patience_ = kPatience;
    Clock::time_point deadline_ = Clock::now() + kPatience;
    bool interactive_ = false;
    bool answered_line_ = false;
    bool waits_for_turn_ = false;  ///< it is in the server's list
    bool waiting_ = false;         ///< for the reply to a command
    bool advancing_ = false;       ///< in advance()
    bool ended_ = false;           ///< the client sends no more
    bool dropped_ = false;
};

RuntimeServer::RuntimeServer(net::EventLoop& loop, Socket socket, Run run, HandOver hand_over)
    : loop_(loop),
      socket_(std::move(socket)),
      run_(std::move(run)),
      hand_over_(std::move(hand_over)),
      late_(loop.timers(), [this] { drop_late(); }),
      listener_(loop, *socket_, *this) {}

RuntimeServer::~RuntimeServer() = default;

void RuntimeServer::on_accept(net::UniqueFd connection, const net::SocketAddress& peer) noexcept {
    if (clients_.size() >= kMaxClients)
        drop(std::min_element(clients_.begin(), clients_.end(), [](const auto& a, const auto& b) {
            return a->last_active() < b->last_active();
        }));
    std::string name = name_of(connection.get(), peer);
    clients_.push_back(std::make_unique<Client>(*this, std::move(connection), std::move(name)));
    clients_.back()->self = std::prev(clients_.end());
    if (!clients_.back()->watch())
        return drop(clients_.back()->self);
    if (!late_.armed())
        late_.arm(seconds{1});
}

void RuntimeServer::on_accept_paused(int error) noexcept {
    daemons::log::error({"accept_paused"},
                        "HAProxy socket: accepting pauses until there is room: " +
                            std::generic_category().message(error));
}

void RuntimeServer::give_turn_to(const Client& client) {
    turns_.push_back(client.id);
    if (turns_.size() == 1)
        post_turn();
}

/// One client in each turn of the loop. The server, or the client, may be gone by then.
void RuntimeServer::post_turn() {
    loop_.post([alive = std::weak_ptr(alive_)] {
        if (const auto server = alive.lock())
            (*server)->next_turn();
    });
}

void RuntimeServer::next_turn() {
    const std::uint64_t id = turns_.front();
    turns_.pop_front();
    if (!turns_.empty())
        post_turn();
    if (Client* found = find(id))
        found->on_turn();
}

RuntimeServer::Client* RuntimeServer::find(std::uint64_t id) const {
    const auto found = std::find_if(clients_.begin(), clients_.end(),
                                    [&](const auto& each) { return each->id == id; });
    return found == clients_.end() ? nullptr : found->get();
}

/// The client, or the server, may be gone by the time of the reply.
RuntimeServer::Reply RuntimeServer::reply_to(Client& client) {
    return [alive = std::weak_ptr(alive_), id = client.id](const std::string& text) {
        const auto server = alive.lock();
        if (!server)
            return;
        if (Client* found = (*server)->find(id))
            found->on_reply(text);
    };
}

void RuntimeServer::drop(Clients::iterator client) {
    (*client)->set_dropped();
    loop_.dispose_later(std::move(*client));
    clients_.erase(client);
}

void RuntimeServer::drop_late() {
    const auto now = Clock::now();
    for (auto client = clients_.begin(); client != clients_.end();) {
        const auto next = std::next(client);
        if ((*client)->is_late(now))
            drop(client);
        client = next;
    }
    if (!clients_.empty())
        late_.arm(seconds{1});
}

}  // namespace proxy::haproxy
