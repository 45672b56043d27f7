// What one exchange costs the loop that relays it: a question of 100 bytes, an answer of 1,000 that
// ends as PostgreSQL's do. Prints the thread's CPU time for each exchange, several rounds: the
// lowest is what the machine's other work has disturbed least.
//
//   bench_relay_cost [EXCHANGES] [ROUNDS]

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/relay/relay.h"

namespace {

void check(bool holds, const char* what) {
    if (!holds)
        throw std::system_error(errno, std::generic_category(), what);
}

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// Both ends of a TCP connection over loopback: one that blocks, and one for the relay.
std::pair<net::UniqueFd, net::UniqueFd> connection() {
    const net::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    check(::bind(listener.get(), any, size) == 0, "bind");
    check(::listen(listener.get(), 1) == 0, "listen");
    check(::getsockname(listener.get(), any, &size) == 0, "getsockname");
    net::UniqueFd ours(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    check(::connect(ours.get(), any, size) == 0, "connect");
    net::UniqueFd theirs(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    check(bool(theirs), "accept");
    const int on = 1;
    for (const int fd : {ours.get(), theirs.get()})
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return {std::move(ours), std::move(theirs)};
}

bool receive(int fd, std::size_t size) {
    static thread_local char bytes[4096];
    while (size > 0) {
        const ssize_t count = ::recv(fd, bytes, std::min(size, sizeof bytes), 0);
        if (count <= 0)
            return false;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

constexpr std::size_t kQuestion = 100;
constexpr std::size_t kAnswer = 1'000;

struct Nobody final : net::RelayOwner {
    void on_relay_end(net::RelayEnd /*end*/) noexcept override {}
};

double cost_of_an_exchange(long exchanges) {
    auto [client, client_of_relay] = connection();
    auto [server, server_of_relay] = connection();
    net::EventLoop loop;
    const auto buffer = std::make_unique<net::RelayBuffer>();
    Nobody owner;
    net::Relay relay(loop, *buffer, owner, std::move(client_of_relay), std::move(server_of_relay));
    relay.start();
    std::thread serving([fd = server.get()] {
        std::vector<char> answer(kAnswer, 'a');
        std::memcpy(answer.data() + kAnswer - 6, "Z\0\0\0\5I", 6);
        while (receive(fd, kQuestion))
            (void)!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    });
    std::thread asking([&, fd = client.get()] {
        const std::vector<char> question(kQuestion, 'q');
        for (long i = 0; i < exchanges; ++i) {
            (void)!::send(fd, question.data(), question.size(), MSG_NOSIGNAL);
            if (!receive(fd, kAnswer))
                break;
        }
        loop.stop();
    });
    const double before = cpu_seconds();
    loop.run();
    const double used = cpu_seconds() - before;
    asking.join();
    relay.abort();
    serving.join();
    return used / static_cast<double>(exchanges) * 1e9;
}

}  // namespace

int main(int argc, char** argv) {
    const long exchanges = argc > 1 ? std::atol(argv[1]) : 100'000;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
    std::vector<double> costs;
    for (int i = 0; i < rounds; ++i)
        costs.push_back(cost_of_an_exchange(exchanges));
    std::sort(costs.begin(), costs.end());
    std::printf("ns of CPU an exchange: lowest %.0f, median %.0f, highest %.0f\n", costs.front(),
                costs[costs.size() / 2], costs.back());
}
