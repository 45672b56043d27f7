// The clients of the benchmarks, on one thread. Prints one line of JSON; exits with 1 if an answer
// was wrong or, but for churn, a connection failed.
//
//   bench_load exchange IP PORT CONNECTIONS REQUEST ANSWER SECONDS [RATE]
//       each connection asks again as soon as it is answered; with RATE (of all together, a
//       second) at its own fixed times, whatever became of the question before, and latency counts
//       from the moment a question was due (no coordinated omission)
//   bench_load bulk IP PORT CONNECTIONS SECONDS [MIB_PER_SECOND]
//       answers without end, read as fast as they come, or no faster than so many MiB altogether
//   bench_load echo IP PORT CONNECTIONS SECONDS
//       bytes without end, which the server sends back: both ways at once
//   bench_load churn IP PORT CONNECTIONS SECONDS|COUNTx abort|orderly
//       connect, one exchange of 100 B and 1,000 B, end (orderly: a goodbye, then close, as a
//       client of PostgreSQL does); latency is that of the whole
//   bench_load idle IP PORT CONNECTIONS BYTES
//       opens them, moves BYTES each way, says so, and keeps them until its input ends

#include <cerrno>
#include <memory>
#include <queue>
#include <sys/epoll.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "wire.h"

namespace {

using wire::Clock;
using Seconds = std::chrono::duration<double>;
using namespace std::chrono_literals;

constexpr std::uint64_t kBulkAnswer = std::uint64_t{1} << 40;

struct Plan {
    const char* ip;
    int port;
    std::uint32_t connections;
    std::uint64_t request = 100;
    std::uint64_t answer = 1000;
    double seconds = 0;
    std::uint64_t count = 0;      ///< ends after so many, instead of after `seconds`
    double rate = 0;              ///< of all connections together; 0: as fast as they are answered
    double bytes_per_second = 0;  ///< to be read at most; 0: no limit
    bool churn = false;
    bool orderly = false;
    bool echo = false;
};

class Latencies {
  public:
    void add(Clock::duration taken) {
        taken_.push_back(static_cast<std::uint32_t>(std::chrono::nanoseconds(taken).count() / 100));
    }
    [[nodiscard]] double percentile(double part) {
        if (taken_.empty())
            return 0;
        const auto at = static_cast<std::size_t>(part * static_cast<double>(taken_.size() - 1));
        std::nth_element(taken_.begin(), taken_.begin() + static_cast<std::ptrdiff_t>(at),
                         taken_.end());
        return taken_[at] / 10.0;
    }
    void reserve(std::size_t count) { taken_.reserve(count); }
    void clear() { taken_.clear(); }

  private:
    std::vector<std::uint32_t> taken_;  // in tenths of a microsecond
};

struct Connection {
    int fd = -1;
    std::uint64_t number = 0;
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    bool waiting = false;  ///< for its answer
    bool connecting = false;
    Clock::time_point due;
};

struct Due {
    Clock::time_point at;
    Connection* connection;
    friend bool operator<(const Due& a, const Due& b) { return a.at > b.at; }  // soonest on top
};

class Load {
  public:
    explicit Load(const Plan& plan)
        : plan_(plan), address_(wire::address(plan.ip, plan.port)), connections_(plan.connections) {
        latencies_.reserve(4'000'000);
    }

    void connect_all() {
        for (auto& connection : connections_)
            connect(connection, false);
    }

    void run() {
        begin_ = Clock::now();
        end_ = begin_ + std::chrono::duration_cast<Clock::duration>(
                            Seconds(plan_.count != 0 ? 1e6 : plan_.seconds));
        if (plan_.rate > 0)
            step_ = std::chrono::duration_cast<Clock::duration>(
                Seconds(plan_.connections / plan_.rate));
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            Connection& connection = connections_[i];
            // Spread over one step, so that they do not ask all at once.
            connection.due =
                begin_ + step_ * static_cast<long>(i) / static_cast<long>(connections_.size());
            if (plan_.churn)
                connect(connection, true);
            else if (plan_.rate > 0)
                due_.push({connection.due, &connection});
            else
                ask(connection);
        }
        std::array<epoll_event, 512> events;
        while (!over()) {
            const int count = wait(events.data(), events.size());
            for (int i = 0; i < count && !over(); ++i) {
                const epoll_event& event = events[static_cast<std::size_t>(i)];
                auto& connection = *static_cast<Connection*>(event.data.ptr);
                if (plan_.echo && (event.events & EPOLLOUT) != 0)
                    (void)send_piece(connection, MSG_DONTWAIT);
                if (event.events != EPOLLOUT || !plan_.echo)
                    on_event(connection);
            }
            if (plan_.rate > 0)
                ask_those_due();
            if (plan_.bytes_per_second > 0)
                std::this_thread::sleep_until(
                    begin_ + std::chrono::duration_cast<Clock::duration>(
                                 Seconds(static_cast<double>(bytes_) / plan_.bytes_per_second)));
        }
        taken_ = Clock::now() - begin_;
    }

    /// Each connection moves so much both ways, one after the other. None of it is counted.
    void move(std::uint32_t bytes) {
        const Plan wanted = plan_;
        plan_.request = std::max<std::uint64_t>(bytes, sizeof(wire::Head));
        plan_.answer = bytes;
        plan_.rate = 0;
        plan_.seconds = 0;
        for (auto& connection : connections_) {
            ask(connection);
            while (connection.waiting) {
                epoll_event event;
                if (::epoll_wait(epoll_, &event, 1, 5000) != 1)
                    wire::fail("no answer");
                on_event(*static_cast<Connection*>(event.data.ptr));
            }
        }
        plan_ = wanted;
        latencies_.clear();
        done_ = bytes_ = 0;
    }

    void print() {
        std::printf(
            "{\"count\": %llu, \"bytes\": %llu, \"seconds\": %.4f, \"failed\": %llu, "
            "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
            done_, bytes_, Seconds(taken_).count(), failed_, latencies_.percentile(0.5),
            latencies_.percentile(0.99), latencies_.percentile(0.999));
    }
    /// In churn the failed ones are a figure: somebody's ports may run out.
    [[nodiscard]] bool good() const { return (failed_ == 0 || plan_.churn) && done_ + bytes_ > 0; }

  private:
    [[nodiscard]] bool over() const {
        return plan_.count != 0 ? done_ + failed_ >= plan_.count : Clock::now() >= end_;
    }

    /// Until something happens, a question is due, or all is over.
    int wait(epoll_event* events, std::size_t size) const {
        const auto until = due_.empty() ? end_ : std::min(due_.top().at, end_);
        const auto left = std::max(until - Clock::now(), Clock::duration{0});
        const timespec timeout{left / std::chrono::seconds{1},
                               left % std::chrono::seconds{1} / 1ns};
        return ::epoll_pwait2(epoll_, events, static_cast<int>(size), &timeout, nullptr);
    }

    void watch(int operation, Connection& connection, std::uint32_t events) const {
        epoll_event event{.events = events, .data = {.ptr = &connection}};
        ::epoll_ctl(epoll_, operation, connection.fd, &event);
    }

    void connect(Connection& connection, bool in_background) {
        connection = {};
        connection.fd = ::socket(AF_INET, SOCK_STREAM | (in_background ? SOCK_NONBLOCK : 0), 0);
        wire::no_delay(connection.fd);
        connection.due = Clock::now();
        if (::connect(connection.fd, reinterpret_cast<const sockaddr*>(&address_),
                      sizeof address_) != 0 &&
            errno != EINPROGRESS)
            wire::fail("connect");
        connection.connecting = in_background;
        watch(EPOLL_CTL_ADD, connection, in_background ? EPOLLOUT : EPOLLIN);
    }

    void ask(Connection& connection) {
        connection.number = ++number_;
        connection.received = 0;
        connection.sent = 0;
        connection.waiting = true;
        if (!plan_.churn && plan_.rate == 0)
            connection.due = Clock::now();
        if (plan_.echo)
            return watch(EPOLL_CTL_MOD, connection, EPOLLIN | EPOLLOUT);
        while (connection.sent < plan_.request)
            if (!send_piece(connection, 0))
                return;
    }

    /// False if there is no room, or the connection broke.
    bool send_piece(Connection& connection, int flags) {
        const wire::Head head{connection.number, plan_.answer, plan_.request,
                              plan_.echo ? wire::Head::Kind::echo : wire::Head::Kind::question};
        const std::size_t size =
            std::min<std::size_t>(plan_.request - connection.sent, buffer_.size());
        const char* bytes = filler_.at(connection.number, connection.sent);
        if (connection.sent == 0) {
            std::memcpy(buffer_.data(), bytes, size);
            std::memcpy(buffer_.data(), &head, sizeof head);
            bytes = buffer_.data();
        }
        const ssize_t count = ::send(connection.fd, bytes, size, flags | MSG_NOSIGNAL);
        if (count <= 0) {
            if (count == 0 || errno != EAGAIN)
                fail(connection, "send");
            return false;
        }
        connection.sent += static_cast<std::uint64_t>(count);
        return true;
    }

    void ask_those_due() {
        for (const auto now = Clock::now(); !due_.empty() && due_.top().at <= now;) {
            Connection& connection = *due_.top().connection;
            due_.pop();
            ask(connection);
        }
    }

    void on_event(Connection& connection) {
        if (connection.connecting) {
            int error = 0;
            socklen_t size = sizeof error;
            ::getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &size);
            errno = error;
            if (error != 0)
                return fail(connection, "connect");
            connection.connecting = false;
            watch(EPOLL_CTL_MOD, connection, EPOLLIN);
            return ask(connection);
        }
        const ssize_t count = ::recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0)
            return fail(connection, count == 0 ? "closed by the other side" : "recv");
        // The head comes back as well.
        const bool echoed_head = plan_.echo && connection.received < sizeof(wire::Head);
        if (!echoed_head && !filler_.holds(connection.number, connection.received, buffer_.data(),
                                           static_cast<std::size_t>(count))) {
            std::fputs("bench_load: an answer is not what the server sent\n", stderr);
            std::exit(1);
        }
        connection.received += static_cast<std::uint64_t>(count);
        bytes_ += static_cast<std::uint64_t>(count);
        if (connection.received == plan_.answer)
            on_answer(connection);
    }

    void on_answer(Connection& connection) {
        ++done_;
        latencies_.add(Clock::now() - connection.due);
        connection.waiting = false;
        connection.due += step_;
        if (plan_.churn) {
            if (plan_.orderly) {
                const wire::Head goodbye{0, 0, sizeof goodbye, wire::Head::Kind::goodbye};
                ::send(connection.fd, &goodbye, sizeof goodbye, MSG_NOSIGNAL);
            } else {
                const linger reset{.l_onoff = 1, .l_linger = 0};
                ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            }
            ::close(connection.fd);
            connect(connection, true);
        } else if (plan_.rate > 0) {
            due_.push({connection.due, &connection});
        } else if (plan_.answer < kBulkAnswer && plan_.seconds > 0) {
            ask(connection);
        }
    }

    void fail(Connection& connection, const char* what) {
        if (failed_++ == 0 && !plan_.churn)
            std::perror(what);
        ::close(connection.fd);
        connection.waiting = false;
        if (plan_.churn)
            connect(connection, true);
        else
            std::exit(1);
    }

    Plan plan_;
    const sockaddr_in address_;
    const int epoll_ = ::epoll_create1(0);
    std::vector<Connection> connections_;
    wire::Filler filler_;
    std::array<char, 256 * 1024> buffer_;
    Latencies latencies_;
    std::uint64_t number_ = 0;
    unsigned long long done_ = 0, bytes_ = 0, failed_ = 0;
    std::priority_queue<Due> due_;  ///< with a rate: those that are not asked yet
    Clock::duration step_{0}, taken_{0};
    Clock::time_point begin_, end_;
};

int usage() {
    std::fputs("usage: bench_load exchange|bulk|echo|churn|idle IP PORT CONNECTIONS ...\n", stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6)
        return usage();
    const std::string mode = argv[1];
    Plan plan{.ip = argv[2],
              .port = std::atoi(argv[3]),
              .connections = static_cast<std::uint32_t>(std::atoi(argv[4]))};
    if (mode == "exchange" && argc >= 8) {
        plan.request = static_cast<std::uint64_t>(std::atoll(argv[5]));
        plan.answer = static_cast<std::uint64_t>(std::atoll(argv[6]));
        plan.seconds = std::atof(argv[7]);
        plan.rate = argc > 8 ? std::atof(argv[8]) : 0;
    } else if (mode == "bulk") {
        plan.answer = kBulkAnswer;
        plan.seconds = std::atof(argv[5]);
        plan.bytes_per_second = argc > 6 ? std::atof(argv[6]) * 1024 * 1024 : 0;
    } else if (mode == "echo") {
        plan.echo = true;
        plan.request = plan.answer = kBulkAnswer;
        plan.seconds = std::atof(argv[5]);
    } else if (mode == "churn" && argc == 7) {
        const std::string length = argv[5];
        plan.count = length.ends_with('x') ? std::stoull(length) : 0;
        plan.seconds = plan.count == 0 ? std::stod(length) : 0;
        plan.churn = true;
        plan.orderly = std::string(argv[6]) == "orderly";
    } else if (mode != "idle") {
        return usage();
    }
    const auto load = std::make_unique<Load>(plan);
    if (!plan.churn)
        load->connect_all();
    if (mode == "idle") {
        if (const auto bytes = std::atoi(argv[5]); bytes > 0)
            load->move(static_cast<std::uint32_t>(bytes));
        std::puts("{\"open\": true}");
        std::fflush(stdout);
        while (std::getchar() != EOF)
            ;
        return 0;
    }
    if (mode == "exchange")
        load->move(100);  // a program that accepts few at a time would be asked by few otherwise
    load->run();
    load->print();
    return load->good() ? 0 : 1;
}
