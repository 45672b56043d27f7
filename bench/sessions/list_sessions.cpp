// How long a worker is kept from moving bytes while its sessions are listed, and closed: the
// longest turn of its loop, in CPU time of its thread, so that other work of the machine does not
// count. The kernel charges a thread for the interrupts that it serves meanwhile, so single turns
// may be long without a reason of ours. One worker; needs four descriptors for each session.
//
//   bench_list_sessions [SESSIONS]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <future>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "daemon/log/log.h"
#include "net/socket/listening_socket.h"
#include "patroni_proxy/report/sessions_json.h"
#include "patroni_proxy/workers/open_sessions.h"
#include "patroni_proxy/workers/worker.h"

namespace {

using namespace proxy;

double cpu_us() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

/// Looks at the clock in every turn of a loop.
class Turns {
  public:
    explicit Turns(net::EventLoop& loop) : loop_(loop) {}
    void start() {
        loop_.post([this] { look(); });
    }
    /// The longest turn since it was called last.
    double take_longest() {
        std::promise<double> longest;
        loop_.post([&] { longest.set_value(std::exchange(longest_, 0)); });
        return longest.get_future().get();
    }
    void stop() {
        std::promise<void> stopped;
        loop_.post([&] {
            stopping_ = true;
            stopped.set_value();
        });
        stopped.get_future().get();
    }

  private:
    void look() {
        const double now = cpu_us();
        if (last_ != 0)
            longest_ = std::max(longest_, now - last_);
        last_ = now;
        if (!stopping_)
            loop_.post([this] { look(); });
    }

    net::EventLoop& loop_;
    double last_ = 0;
    double longest_ = 0;
    bool stopping_ = false;
};

net::UniqueFd connect_to(const net::SocketAddress& address) {
    net::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), address.data(), address.size()) != 0) {
        std::perror("connect");
        std::exit(EXIT_FAILURE);
    }
    return fd;
}

std::string startup_packet() {
    const std::string parameters("user\0somebody\0database\0shop\0application_name\0web 1.2\0\0",
                                 54);
    const std::size_t size = 8 + parameters.size();
    return std::string{'\0', '\0', '\0', static_cast<char>(size), '\0', '\3', '\0', '\0'} +
           parameters;
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t count = argc > 1 ? static_cast<std::size_t>(std::atol(argv[1])) : 9'000;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    daemons::log::configure({.level = daemons::log::Level::error});

    const auto clients_socket =
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    const auto server_socket =
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0"));
    const auto server_address =
        net::SocketAddress::from_ip("127.0.0.1", server_socket.address().port()).value();
    const auto client_address =
        net::SocketAddress::from_ip("127.0.0.1", clients_socket.address().port()).value();

    ProcessSessions process;
    std::vector<std::unique_ptr<Worker>> workers;
    workers.push_back(std::make_unique<Worker>(process));
    Worker& worker = *workers.front();
    const PortPtr port(new Port{1, "main/rw", [](const std::string&, Trouble) {}});
    worker.add(port, std::make_shared<const PortSettings>());
    worker.start();
    BackendTable table;
    table.eligible = {BackendPtr(new Backend{"p1", server_address})};
    const auto shared = std::make_shared<const BackendTable>(table);
    worker.loop().post([&] { worker.use(port->id, shared); });

    net::EventLoop main_loop;
    OpenSessions sessions(main_loop, workers, [] {
        return OpenSessions::PortNames{{1, {"main", "rw"}}};
    });
    std::vector<net::UniqueFd> clients;
    std::vector<net::UniqueFd> accepted_by_server;
    const std::string startup = startup_packet();
    const std::string welcome("R\0\0\0\10\0\0\0\0Z\0\0\0\5I", 15);
    const auto accept = [](const net::ListeningSocket& socket) {
        net::UniqueFd fd;
        while (!fd)
            fd.reset(::accept4(socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        return fd;
    };
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(connect_to(client_address));
        worker.serve(port->id, accept(clients_socket), client_address);
        accepted_by_server.push_back(accept(server_socket));
        (void)!::send(clients.back().get(), startup.data(), startup.size(), 0);
        (void)!::send(accepted_by_server.back().get(), welcome.data(), welcome.size(), 0);
        char answer[64];
        (void)!::recv(clients.back().get(), answer, welcome.size(), MSG_WAITALL);
    }

    std::thread main_thread([&] { main_loop.run(); });
    Turns turns(worker.loop());
    turns.start();
    (void)turns.take_longest();
    ::usleep(100'000);
    std::printf("%zu sessions on one worker; longest turn of its loop, us of CPU\n", count);
    std::printf("| nothing | %.0f |\n", turns.take_longest());
    const auto measure = [&](const char* what, const SessionFilter& filter) {
        SessionList list;
        std::vector<double> longest;
        for (int i = 0; i < 11; ++i) {
            std::promise<SessionList> listed;
            main_loop.post([&] {
                sessions.list(filter,
                              {"count",
                               [&](const SessionList& found) {
                                   listed.set_value(found);
                                   return std::string();
                               }},
                              [](const std::string& /*text*/) {});
            });
            list = listed.get_future().get();
            longest.push_back(turns.take_longest());
        }
        std::sort(longest.begin(), longest.end());
        std::printf("| %s: %zu of %zu, 11 times | lowest %.0f, median %.0f, highest %.0f |\n", what,
                    list.sessions.size(), list.total, longest.front(), longest[longest.size() / 2],
                    longest.back());
        return list;
    };
    const SessionList all = measure("list all", {});
    (void)measure("list one", {.id = SessionId(0, count / 2)});
    const double before = cpu_us();
    const std::size_t bytes = sessions_json(all, 0).size();
    std::printf("| (main thread: %zu bytes of JSON) | %.0f |\n", bytes, cpu_us() - before);
    std::promise<std::size_t> closed;
    main_loop.post([&] {
        sessions.close({.member = "p1"}, "the benchmark",
                       [&](std::size_t ended) { closed.set_value(ended); });
    });
    const std::size_t ended = closed.get_future().get();
    std::printf("| close all: %zu | %.0f |\n", ended, turns.take_longest());

    turns.stop();
    clients.clear();
    accepted_by_server.clear();
    std::promise<void> stopped;
    main_loop.post([&] {
        sessions.stop();
        stopped.set_value();
    });
    stopped.get_future().get();
    worker.stop();
    main_loop.stop();
    main_thread.join();
}
