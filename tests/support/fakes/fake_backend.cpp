#include "fake_backend.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace support {

namespace {

constexpr std::size_t text_limit = 65'536;
/// A client that does not take its echo is not read from beyond this.
constexpr std::size_t unsent_limit = 1'048'576;

BackendOptions member_of_shared_port(BackendOptions options, std::size_t index,
                                     std::uint16_t port) {
    options.name = "b" + std::to_string(index + 1);
    options.ip = "127.0.0." + std::to_string(21 + index);
    options.port = port;
    return options;
}

}  // namespace

FakeBackend::FakeBackend(BackendOptions options)
    : options_(std::move(options)),
      listener_(options_.ip, options_.port, options_.receive_buffer),
      reading_(options_.read) {
    open_listener();
    thread_ = std::thread([this] { run(); });
}

FakeBackend::~FakeBackend() {
    {
        const std::lock_guard lock(mutex_);
        quit_ = true;
    }
    wake_.set();
    thread_.join();
}

std::vector<std::unique_ptr<FakeBackend>> FakeBackend::on_one_port(std::size_t n,
                                                                   const BackendOptions& options) {
    for (int attempt = 0; attempt < 100; ++attempt) {
        std::vector<std::unique_ptr<FakeBackend>> backends;
        try {
            for (std::size_t i = 0; i < n; ++i)
                backends.push_back(std::make_unique<FakeBackend>(
                    member_of_shared_port(options, i, i == 0 ? 0 : backends[0]->port())));
            return backends;
        } catch (const std::system_error& error) {
            // Free on the first address, taken on another: try the next number.
            if (error.code().value() != EADDRINUSE)
                throw;
        }
    }
    throw std::runtime_error("no port is free on all of " + std::to_string(n) + " addresses");
}

std::size_t FakeBackend::sessions() const {
    return counter(&Counters::open);
}
std::size_t FakeBackend::accepted() const {
    return counter(&Counters::accepted);
}
std::size_t FakeBackend::received() const {
    return counter(&Counters::received);
}
std::size_t FakeBackend::eofs() const {
    return counter(&Counters::eofs);
}
std::size_t FakeBackend::resets() const {
    return counter(&Counters::resets);
}

std::string FakeBackend::received_text() const {
    const std::lock_guard lock(mutex_);
    return counters_.text;
}

void FakeBackend::wait_for_sessions(std::size_t n, Milliseconds timeout) const {
    wait_for(&Counters::open, "open sessions", n, true, timeout);
}

void FakeBackend::wait_for_accepted(std::size_t n, Milliseconds timeout) const {
    wait_for(&Counters::accepted, "accepted sessions", n, false, timeout);
}

void FakeBackend::wait_for_received(std::size_t n, Milliseconds timeout) const {
    wait_for(&Counters::received, "received bytes", n, false, timeout);
}

void FakeBackend::wait_for_eofs(std::size_t n, Milliseconds timeout) const {
    wait_for(&Counters::eofs, "client FINs", n, false, timeout);
}

void FakeBackend::wait_for_resets(std::size_t n, Milliseconds timeout) const {
    wait_for(&Counters::resets, "client RSTs", n, false, timeout);
}

void FakeBackend::close_all() {
    in_thread([this] {
        for (auto& session : sessions_)
            close_session(session);
    });
}

void FakeBackend::reset_all() {
    in_thread([this] {
        for (auto& session : sessions_) {
            reset_on_close(session.fd.get());
            session.dead = true;
        }
    });
}

void FakeBackend::half_close_all() {
    in_thread([this] {
        for (auto& session : sessions_) {
            session.finishing = true;
            flush(session);
        }
    });
}

void FakeBackend::send_all(const std::string& bytes) {
    in_thread([this, bytes] {
        for (auto& session : sessions_) {
            if (session.finishing)
                continue;
            session.unsent += bytes;
            flush(session);
        }
    });
}

void FakeBackend::answer_by(std::function<std::optional<std::string>(const std::string&)> answer) {
    in_thread([this, &answer] { answer_ = std::move(answer); });
}

void FakeBackend::pause_reading() {
    in_thread([this] { reading_ = false; });
}

void FakeBackend::resume_reading() {
    in_thread([this] { reading_ = true; });
}

void FakeBackend::refuse() {
    in_thread([this] {
        accept_all();  // what had connected before is a session, not a reset connection
        listener_.refuse();
        backlog_fillers_.clear();
    });
}

void FakeBackend::stop() {
    refuse();
    close_all();
}

void FakeBackend::start() {
    in_thread([this] { open_listener(); });
}

void FakeBackend::open_listener() {
    if (listener_.listening() || options_.accept == BackendOptions::Accept::refuse)
        return;
    if (options_.accept == BackendOptions::Accept::never) {
        listener_.listen(0);
        fill_backlog();
    } else {
        listener_.listen();
    }
}

/// Connects to ourselves until the kernel no longer answers.
void FakeBackend::fill_backlog() {
    const SocketAddress address(ip(), port());
    int error = 0;
    while (error == 0) {
        Fd fd = make_tcp_socket(address.family());
        (void)::connect(fd.get(), address.get(), address.length());
        error = finish_connect(fd.get(), Clock::now() + Milliseconds{50});
        if (error == 0)
            backlog_fillers_.push_back(std::move(fd));
    }
    if (error != ETIMEDOUT)
        throw std::system_error(error, std::generic_category(), "filling the backlog");
}

void FakeBackend::run() {
    std::vector<pollfd> entries;
    std::vector<Session*> polled;
    for (;;) {
        const bool accepts =
            listener_.listening() && options_.accept == BackendOptions::Accept::normal;
        entries.assign({{wake_.fd(), POLLIN, 0}, {accepts ? listener_.fd() : -1, POLLIN, 0}});
        polled.clear();
        for (auto& session : sessions_) {
            entries.push_back({session.fd.get(), interest(session), 0});
            polled.push_back(&session);
        }
        (void)::poll(entries.data(), entries.size(), -1);
        for (std::size_t i = 0; i < polled.size(); ++i)
            serve(*polled[i], entries[i + 2].revents);
        if (accepts)
            accept_all();
        erase_dead();
        run_tasks();
        const std::lock_guard lock(mutex_);
        if (quit_)
            return;
    }
}

void FakeBackend::run_tasks() {
    wake_.clear();
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
    }
    for (const auto& task : tasks) {
        task();
        erase_dead();
        const std::lock_guard lock(mutex_);
        ++tasks_done_;
        changed_.notify_all();
    }
}

void FakeBackend::accept_all() {
    if (!listener_.listening() || options_.accept != BackendOptions::Accept::normal)
        return;
    while (Fd fd = listener_.accept()) {
        Session& session = sessions_.emplace_back(Session{.fd = std::move(fd)});
        if (options_.greeting)
            session.unsent = name() + "\n";
        session.finishing = options_.fin_after_greeting;
        count([](Counters& counters) {
            ++counters.accepted;
            ++counters.open;
        });
        flush(session);
    }
}

short FakeBackend::interest(const Session& session) const {
    short events = 0;
    if (!session.unsent.empty())
        events |= POLLOUT;
    if (reading_ && !session.eof && session.unsent.size() < unsent_limit)
        events |= POLLIN;
    return events;
}

void FakeBackend::serve(Session& session, short events) {
    if ((events & POLLERR) != 0)
        return saw_reset(session);
    if ((events & (POLLIN | POLLHUP)) != 0)
        read_from(session);
    if ((events & POLLOUT) != 0 && !session.dead)
        flush(session);
}

/// One buffer a turn: the other sessions have theirs, and poll() says whether there is more.
void FakeBackend::read_from(Session& session) {
    std::array<char, std::size_t{64} * 1024> buffer;
    const ssize_t n = ::recv(session.fd.get(), buffer.data(), buffer.size(), 0);
    if (n > 0)
        return take(session, buffer.data(), static_cast<std::size_t>(n));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0)
        return saw_reset(session);
    session.eof = true;
    count([](Counters& counters) { ++counters.eofs; });
    if (options_.close_on_eof)
        session.finishing = true;
    flush(session);
}

void FakeBackend::take(Session& session, const char* bytes, std::size_t n) {
    record(bytes, n);
    if (answer_) {
        const auto answer = answer_(std::string(bytes, n));
        session.unsent += answer.value_or("");
        session.finishing = !answer;
        return flush(session);
    }
    if (options_.echo && !session.finishing) {
        session.unsent.append(bytes, n);
        flush(session);
    }
}

void FakeBackend::record(const char* bytes, std::size_t n) {
    count([&](Counters& counters) {
        counters.received += n;
        counters.text.append(bytes, std::min(n, text_limit - counters.text.size()));
    });
}

void FakeBackend::flush(Session& session) {
    std::size_t sent = 0;
    while (sent < session.unsent.size()) {
        const ssize_t n = ::send(session.fd.get(), session.unsent.data() + sent,
                                 session.unsent.size() - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return saw_reset(session);
        sent += static_cast<std::size_t>(n);
    }
    session.unsent.erase(0, sent);
    if (session.unsent.empty() && session.finishing && !session.write_closed) {
        ::shutdown(session.fd.get(), SHUT_WR);
        session.write_closed = true;
    }
    if (session.write_closed && session.eof)
        session.dead = true;
}

/// Whichever call met the RST first, what came before it can still be read.
void FakeBackend::saw_reset(Session& session) {
    if (std::exchange(session.dead, true))
        return;
    std::array<char, std::size_t{64} * 1024> buffer;
    for (ssize_t n = 1; reading_ && n > 0;) {
        n = ::recv(session.fd.get(), buffer.data(), buffer.size(), 0);
        if (n > 0)
            record(buffer.data(), static_cast<std::size_t>(n));
    }
    count([](Counters& counters) { ++counters.resets; });
}

/// FIN for certain: closing with unread bytes would send a RST.
void FakeBackend::close_session(Session& session) {
    flush(session);
    ::shutdown(session.fd.get(), SHUT_WR);
    std::array<char, 4096> ignored;
    while (::recv(session.fd.get(), ignored.data(), ignored.size(), 0) > 0) {
    }
    session.dead = true;
}

void FakeBackend::erase_dead() {
    const std::size_t erased =
        std::erase_if(sessions_, [](const Session& session) { return session.dead; });
    if (erased > 0)
        count([&](Counters& counters) { counters.open -= erased; });
}

void FakeBackend::in_thread(const std::function<void()>& task) {
    std::unique_lock lock(mutex_);
    tasks_.push_back(task);
    const std::size_t number = ++tasks_posted_;
    wake_.set();
    wait_until(
        lock, changed_, default_timeout, [&] { return tasks_done_ >= number; },
        "backend " + name() + " to do as told", [] { return std::string(); });
}

void FakeBackend::count(const std::function<void(Counters&)>& change) {
    const std::lock_guard lock(mutex_);
    change(counters_);
    changed_.notify_all();
}

std::size_t FakeBackend::counter(std::size_t Counters::*which) const {
    const std::lock_guard lock(mutex_);
    return counters_.*which;
}

void FakeBackend::wait_for(std::size_t Counters::*which, const std::string& what, std::size_t n,
                           bool exactly, Milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    const auto done = [&] { return exactly ? counters_.*which == n : counters_.*which >= n; };
    wait_until(lock, changed_, timeout, done,
               std::to_string(n) + " " + what + " at backend " + name() + " (" + address() + ")",
               [&] { return std::to_string(counters_.*which); });
}

}  // namespace support
