// Checks an agent as HAProxy would: connects, reads one line, closes. Prints one line of figures.
//
//   agent_load patroni PORT PERIOD_MS
//       serves, on PORT and the next one, GET /cluster and GET /primary of p1 and p2, whose roles
//       change every PERIOD_MS; who leads follows from the clock, so that checks can be judged
//   agent_load open PORT RATE SECONDS PERIOD_MS MAX_AGE_MS
//       a check every 1/RATE seconds, whatever became of those before; latency counts from the
//       moment at which a check was due (no coordinated omission). Stale is a READY for p1 later
//       than MAX_AGE_MS after it ceased to lead
//   agent_load closed PORT COUNT CLIENTS
//       as many as there can be

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

// ---- a Patroni whose leader changes

/// Who leads at a moment: p1 in even periods, p2 in odd ones. The same for every process on this
/// machine, as CLOCK_MONOTONIC is.
struct Roles {
    std::chrono::milliseconds period;
    [[nodiscard]] std::int64_t number(Clock::time_point at) const {
        return at.time_since_epoch() / period;
    }
    [[nodiscard]] bool p1_leads(Clock::time_point at) const { return number(at) % 2 == 0; }
    /// For how long the roles of that moment had been in force.
    [[nodiscard]] Seconds age(Clock::time_point at) const { return at.time_since_epoch() % period; }
};

std::string member(const std::string& name, bool leads, int port) {
    return R"({"name":")" + name + R"(","role":")" + (leads ? "leader" : "replica") +
           R"(","state":"running","host":"127.0.0.1","port":5432,"timeline":1,"lag":0,)" +
           R"("api_url":"http://127.0.0.1:)" + std::to_string(port) + "/patroni\"}";
}

/// Serves p1 on `port` and p2 on the next one.
[[noreturn]] void serve_patroni(int port, int index, Roles roles) {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto address = loopback(port + index);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 128) != 0)
        fail("listen");
    for (;;) {
        const int fd = ::accept(listener, nullptr, nullptr);
        std::array<char, 4'096> request{};
        if (::recv(fd, request.data(), request.size() - 1, 0) > 0) {
            const bool p1 = roles.p1_leads(Clock::now());
            const bool leads = p1 == (index == 0);
            const bool cluster = std::strncmp(request.data(), "GET /cluster", 12) == 0;
            const std::string status = cluster || leads ? "200 OK" : "503 Service Unavailable";
            const std::string body =
                cluster ? "{\"members\":[" + member("p1", p1, port) + "," +
                              member("p2", !p1, port + 1) + "]}"
                        : std::string(R"({"state":"running","timeline":1,"role":")") +
                              (leads ? "primary" : "replica") + "\"}";
            const std::string answer =
                "HTTP/1.0 " + status + "\r\nContent-Type: application/json\r\n\r\n" + body;
            (void)!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
        }
        ::close(fd);
    }
}

// ---- checks

struct Tally {
    std::vector<float> milliseconds;
    std::uint64_t ready = 0;
    std::uint64_t stale = 0;
    std::uint64_t wrong = 0;  ///< no reply, or none that is one
    float oldest = 0;         ///< the oldest role that an answer was made of, seconds
};

/// A connection on its way, or -1.
int begin_check(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const auto address = loopback(port);
    if (fd >= 0 &&
        ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS) {
        ::close(fd);
        return -1;
    }
    return fd;
}

/// Our side goes first, with a reset: no TIME_WAIT fills up the ports.
void end_check(int fd) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(fd);
}

void judge(Tally& tally, const char* reply, ssize_t size, Roles roles, Seconds max_age,
           Clock::time_point due, Clock::time_point now) {
    tally.milliseconds.push_back(
        static_cast<float>(std::chrono::duration<double, std::milli>(now - due).count()));
    if (size <= 0 || reply[size - 1] != '\n') {
        ++tally.wrong;
        return;
    }
    if (std::strncmp(reply, "READY UP", 8) != 0)
        return;
    ++tally.ready;
    // Of p1: right if it led when the check was due or is answered, else by how much it is late.
    if (roles.period.count() == 0 || roles.p1_leads(due) || roles.p1_leads(now))
        return;
    const double late = roles.age(due).count();
    tally.oldest = std::max(tally.oldest, static_cast<float>(late));
    if (late > max_age.count())
        ++tally.stale;
}

/// One thread's checks: at most `clients` at once, each due by `next_due`, until that says none.
template <typename NextDue>
void run_checks(int port, std::size_t clients, Roles roles, Seconds max_age, Tally& tally,
                NextDue next_due) {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::unordered_map<int, Clock::time_point> open;
    auto due = next_due();
    std::array<epoll_event, 256> events{};
    while (due != Clock::time_point::max() || !open.empty()) {
        while (open.size() < clients && due <= Clock::now()) {
            const int fd = begin_check(port);
            if (fd < 0) {
                ++tally.wrong;
            } else {
                epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
                ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
                open.emplace(fd, due);
            }
            due = next_due();
        }
        const bool room = due != Clock::time_point::max() && open.size() < clients;
        timespec wait{.tv_sec = 0, .tv_nsec = 10'000'000};
        if (room) {
            const auto left = std::chrono::nanoseconds(due - Clock::now()).count();
            wait.tv_nsec = std::clamp<long>(left, 0, 10'000'000);
        }
        const int count = ::epoll_pwait2(epoll, events.data(), 256, &wait, nullptr);
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            std::array<char, 512> reply{};
            const auto size = ::recv(fd, reply.data(), reply.size() - 1, 0);
            judge(tally, reply.data(), size, roles, max_age, open[fd], Clock::now());
            open.erase(fd);
            end_check(fd);
        }
    }
    ::close(epoll);
}

void print(Tally& tally, Seconds took) {
    auto& all = tally.milliseconds;
    std::sort(all.begin(), all.end());
    const auto at = [&](double share) {
        return all.empty() ? 0.0
                           : double{all[static_cast<std::size_t>(
                                 share * static_cast<double>(all.size() - 1))]};
    };
    std::printf(
        "checks=%zu per_second=%.0f p50_ms=%.3f p99_ms=%.3f p999_ms=%.3f max_ms=%.3f "
        "ready=%llu stale=%llu oldest_ms=%.0f wrong=%llu\n",
        all.size(), static_cast<double>(all.size()) / took.count(), at(0.5), at(0.99), at(0.999),
        at(1), static_cast<unsigned long long>(tally.ready),
        static_cast<unsigned long long>(tally.stale), 1'000.0 * double{tally.oldest},
        static_cast<unsigned long long>(tally.wrong));
}

int open_loop(int port, double rate, double seconds, Roles roles, Seconds max_age) {
    Tally tally;
    const auto begin = Clock::now();
    const auto count = static_cast<std::uint64_t>(rate * seconds);
    std::uint64_t number = 0;
    run_checks(port, 4'000, roles, max_age, tally, [&] {
        return number == count ? Clock::time_point::max()
                               : begin + std::chrono::duration_cast<Clock::duration>(
                                             Seconds(static_cast<double>(number++) / rate));
    });
    print(tally, Clock::now() - begin);
    return 0;
}

int closed_loop(int port, std::uint64_t count, std::size_t clients) {
    Tally tally;
    const auto begin = Clock::now();
    std::uint64_t number = 0;
    run_checks(port, clients, {}, Seconds(0), tally,
               [&] { return number++ < count ? Clock::now() : Clock::time_point::max(); });
    print(tally, Clock::now() - begin);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto number = [&](std::size_t i) { return std::stod(words.at(i)); };
    if (words.size() == 3 && words[0] == "patroni") {
        const Roles roles{std::chrono::milliseconds(std::stoi(words[2]))};
        std::thread([&] { serve_patroni(std::stoi(words[1]), 1, roles); }).detach();
        serve_patroni(std::stoi(words[1]), 0, roles);
    }
    if (words.size() == 6 && words[0] == "open")
        return open_loop(static_cast<int>(number(1)), number(2), number(3),
                         {std::chrono::milliseconds(std::stoi(words[4]))},
                         Seconds(number(5) / 1'000));
    if (words.size() == 4 && words[0] == "closed")
        return closed_loop(static_cast<int>(number(1)), static_cast<std::uint64_t>(number(2)),
                           static_cast<std::size_t>(number(3)));
    std::fprintf(stderr,
                 "usage: agent_load patroni PORT PERIOD_MS | open PORT RATE SECONDS PERIOD_MS "
                 "MAX_AGE_MS | closed PORT COUNT CLIENTS\n");
    return 2;
}
