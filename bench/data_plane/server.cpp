// The backend of the benchmarks: answers every request with as many bytes as it asks for, and the
// proxy's question whether it accepts sessions as PostgreSQL does.
//
//   bench_server IP PORT
//       one thread; exits with 1 and says so if a request is not what a client sends

#include <cerrno>
#include <csignal>
#include <memory>
#include <string_view>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

#include "wire.h"

namespace {

constexpr std::size_t kChunk = 256 * 1024;

struct Connection {
    int fd;
    wire::Head head{};
    std::size_t received = 0;  ///< of the request
    std::uint64_t sent = 0;    ///< of the answer
    bool answering = false;
    bool waits_for_room = false;
    std::unique_ptr<std::array<char, kChunk>> echo{};  ///< what goes back; null unless it echoes
    std::size_t echo_begin = 0, echo_end = 0;          ///< not sent yet
};

class Server {
  public:
    Server(const char* ip, int port) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        wire::no_delay(listener_);
        const sockaddr_in address = wire::address(ip, port);
        if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_, 4096) != 0)
            wire::fail("listen");
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
    }

    void run() {
        std::array<epoll_event, 512> events;
        while (true) {
            const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
            for (int i = 0; i < count; ++i)
                if (auto* connection = static_cast<Connection*>(events[i].data.ptr))
                    serve(*connection);
                else
                    accept_all();
        }
    }

  private:
    void watch(int operation, int fd, std::uint32_t events, Connection* connection) const {
        epoll_event event{.events = events, .data = {.ptr = connection}};
        ::epoll_ctl(epoll_, operation, fd, &event);
    }

    void accept_all() {
        for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;)
            watch(EPOLL_CTL_ADD, fd, EPOLLIN, new Connection{fd});
    }

    void close(Connection& connection) {
        ::close(connection.fd);
        delete &connection;
    }

    void serve(Connection& connection) {
        if (connection.echo)
            return echo(connection);
        if (connection.answering)
            return answer(connection);
        const ssize_t count = ::recv(connection.fd, chunk_.data(), chunk_.size(), 0);
        if (count <= 0)
            return count < 0 && errno == EAGAIN ? void() : close(connection);
        if (connection.received == 0 && wire::is_startup(chunk_.data(), count))
            return accept_startup(connection);
        take(connection, chunk_.data(), static_cast<std::size_t>(count));
        if (connection.received >= sizeof(wire::Head) &&
            connection.head.kind == wire::Head::Kind::echo)
            return begin_echo(connection, static_cast<std::size_t>(count));
        if (connection.received >= sizeof(wire::Head) &&
            connection.received == connection.head.request_size) {
            if (connection.head.kind == wire::Head::Kind::goodbye)
                return close(connection);
            connection.answering = true;
            connection.sent = 0;
            answer(connection);
        }
    }

    void accept_startup(Connection& connection) {
        constexpr std::string_view kAuthenticationOk{"R\0\0\0\x08\0\0\0\0", 9};
        if (::send(connection.fd, kAuthenticationOk.data(), kAuthenticationOk.size(),
                   MSG_NOSIGNAL) < 0)
            std::perror("send");
        close(connection);
    }

    void take(Connection& connection, const char* bytes, std::size_t size) {
        if (connection.received < sizeof(wire::Head)) {
            const std::size_t piece = std::min(size, sizeof(wire::Head) - connection.received);
            std::memcpy(reinterpret_cast<char*>(&connection.head) + connection.received, bytes,
                        piece);
            connection.received += piece;
            bytes += piece;
            size -= piece;
        }
        const bool good =
            size == 0 || (connection.received + size <= connection.head.request_size &&
                          filler_.holds(connection.head.number, connection.received, bytes, size));
        if (!good) {
            std::fputs("bench_server: a request is not what was sent\n", stderr);
            std::exit(1);
        }
        connection.received += size;
    }

    void answer(Connection& connection) {
        const wire::Head& head = connection.head;
        while (connection.sent < head.answer_size) {
            const std::size_t size =
                std::min<std::uint64_t>(head.answer_size - connection.sent, wire::Filler::kPiece);
            const ssize_t count =
                ::send(connection.fd, filler_.at(head.number, connection.sent), size, MSG_NOSIGNAL);
            if (count < 0 && errno == EAGAIN)
                return wait_for_room(connection, true);
            if (count < 0)
                return close(connection);
            connection.sent += static_cast<std::uint64_t>(count);
        }
        wait_for_room(connection, false);
        connection.answering = false;
        connection.received = 0;
    }

    /// All that came must be in the chunk still: a client sends the head at once.
    void begin_echo(Connection& connection, std::size_t size) {
        connection.echo = std::make_unique<std::array<char, kChunk>>(chunk_);
        connection.echo_end = size;
        echo(connection);
    }

    void echo(Connection& connection) {
        char* const bytes = connection.echo->data();
        while (true) {
            if (connection.echo_begin == connection.echo_end) {
                const ssize_t count = ::recv(connection.fd, bytes, kChunk, 0);
                if (count < 0 && errno == EAGAIN)
                    return wait_for_room(connection, false);
                if (count <= 0)
                    return close(connection);
                connection.echo_begin = 0;
                connection.echo_end = static_cast<std::size_t>(count);
            }
            const ssize_t count = ::send(connection.fd, bytes + connection.echo_begin,
                                         connection.echo_end - connection.echo_begin, MSG_NOSIGNAL);
            if (count < 0 && errno == EAGAIN)
                return wait_for_room(connection, true);
            if (count < 0)
                return close(connection);
            connection.echo_begin += static_cast<std::size_t>(count);
        }
    }

    void wait_for_room(Connection& connection, bool wait) {
        if (std::exchange(connection.waits_for_room, wait) != wait)
            watch(EPOLL_CTL_MOD, connection.fd, wait ? EPOLLOUT : EPOLLIN, &connection);
    }

    const int epoll_ = ::epoll_create1(0);
    int listener_ = -1;
    wire::Filler filler_;
    std::array<char, kChunk> chunk_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return std::fputs("usage: bench_server IP PORT\n", stderr), 2;
    std::make_unique<Server>(argv[1], std::atoi(argv[2]))->run();
}
