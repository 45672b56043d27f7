#include "fake_patroni.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <poll.h>
#include <utility>

namespace support {

namespace {

/// How Python's server begins its answer to what is no request: as HTTP/0.9, without a head.
const std::string not_http = "<!DOCTYPE HTML>\n<html lang=\"en\">\n";

std::string without_query(const std::string& path) {
    return path.substr(0, path.find('?'));
}

bool matches(const std::string& requested, const std::string& path) {
    return requested == path || without_query(requested) == path;
}

std::string reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 404:
            return "Not Found";
        case 500:
            return "Internal Server Error";
        case 503:
            return "Service Unavailable";
        default:
            return "Status";
    }
}

std::string status_line(int status) {
    return "HTTP/1.0 " + std::to_string(status) + " " + reason(status) + "\r\n";
}

std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char text[64];
    const std::size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    return {text, length};
}

std::string head_of(const Answer& answer) {
    std::string head = status_line(answer.status) +
                       "Server: BaseHTTP/0.6 Python/3.11.2\r\nDate: " + http_date() +
                       "\r\nContent-Type: " + answer.content_type + "\r\n";
    if (answer.with_content_length)
        head += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    return head + "\r\n";
}

/// Patroni answers these with a status alone, and never with 200 where a GET gets a document.
std::string bare_answer(const std::string& path, int status) {
    static constexpr std::array documents{"/cluster", "/patroni", "/config", "/history"};
    const bool document =
        std::find(documents.begin(), documents.end(), without_query(path)) != documents.end();
    return status_line(document ? 503 : status) + "\r\n";
}

}  // namespace

/// Counts a request as waiting for its answer until leave(), which comes before the answer's end:
/// a client that asks again at that very moment is not concurrent.
class FakePatroni::InFlight {
  public:
    explicit InFlight(FakePatroni& patroni) : patroni_(patroni) {}
    ~InFlight() { leave(); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

    void leave() {
        if (std::exchange(left_, true))
            return;
        const std::lock_guard lock(patroni_.mutex_);
        --patroni_.in_flight_;
    }

  private:
    FakePatroni& patroni_;
    bool left_ = false;
};

FakePatroni::FakePatroni(const std::string& ip, std::uint16_t port) : ip_(ip), listener_(ip, port) {
    start();
}

FakePatroni::FakePatroni(const TlsOptions& tls, const std::string& ip, std::uint16_t port)
    : ip_(ip), tls_(std::make_unique<const TlsServer>(tls)), listener_(ip, port) {
    start();
}

FakePatroni::~FakePatroni() {
    stop();
}

void FakePatroni::start() {
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(stopping_, false))
            return;
    }
    stop_event_.clear();
    listener_.listen();
    acceptor_ = std::thread([this] { accept_loop(); });
}

void FakePatroni::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(stopping_, true))
            return;
    }
    changed_.notify_all();
    stop_event_.set();
    acceptor_.join();
    listener_.refuse();
    std::list<Connection> connections;
    {
        const std::lock_guard lock(mutex_);
        connections.swap(connections_);
    }
    for (auto& connection : connections)
        connection.thread.join();
}

void FakePatroni::answer(const std::string& path, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(path, std::move(answer));
}

void FakePatroni::answer_cluster(const std::string& body) {
    answer("/cluster", {.body = body});
}

void FakePatroni::answer_as_replica() {
    answer("/primary", {.status = 503, .body = R"({"state": "running", "role": "replica"})"});
}

void FakePatroni::hold(const std::string& path) {
    const std::lock_guard lock(mutex_);
    held_.insert(path);
}

void FakePatroni::release(const std::string& path) {
    const std::lock_guard lock(mutex_);
    held_.erase(path);
    ++releases_[path];
    changed_.notify_all();
}

std::size_t FakePatroni::requests(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return requests_locked(path);
}

std::vector<HttpRequest> FakePatroni::request_log() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void FakePatroni::wait_for_requests(const std::string& path, std::size_t n,
                                    Milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    wait_until(
        lock, changed_, timeout, [&] { return requests_locked(path) >= n; },
        std::to_string(n) + " requests for " + path + " at " + url(),
        [&] { return std::to_string(requests_locked(path)); });
}

void FakePatroni::wait_for_answers(const std::string& path, std::size_t n,
                                   Milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    wait_until(
        lock, changed_, timeout, [&] { return answers_locked(path) >= n; },
        std::to_string(n) + " answers for " + path + " at " + url(),
        [&] {
            return std::to_string(answers_locked(path)) + " of " +
                   std::to_string(requests_locked(path)) + " requests";
        });
}

std::size_t FakePatroni::max_concurrent() const {
    const std::lock_guard lock(mutex_);
    return max_concurrent_;
}

std::size_t FakePatroni::open_connections() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

void FakePatroni::wait_for_open_connections(std::size_t n, Milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    wait_until(
        lock, changed_, timeout, [&] { return open_ == n; },
        std::to_string(n) + " open connections at " + url(), [&] { return std::to_string(open_); });
}

std::size_t FakePatroni::requests_locked(const std::string& path) const {
    return static_cast<std::size_t>(
        std::count_if(requests_.begin(), requests_.end(),
                      [&](const HttpRequest& request) { return matches(request.path, path); }));
}

std::size_t FakePatroni::answers_locked(const std::string& path) const {
    return static_cast<std::size_t>(
        std::count_if(answered_.begin(), answered_.end(),
                      [&](const std::string& requested) { return matches(requested, path); }));
}

std::size_t FakePatroni::releases_locked(const std::string& path) const {
    std::size_t count = 0;
    for (const auto& [released, times] : releases_)
        count += matches(path, released) ? times : 0;
    return count;
}

void FakePatroni::accept_loop() {
    pollfd entries[2] = {{listener_.fd(), POLLIN, 0}, {stop_event_.fd(), POLLIN, 0}};
    while (::poll(entries, 2, -1) <= 0 || entries[1].revents == 0) {
        Fd fd = listener_.accept();
        reap_finished();
        if (!fd)
            continue;
        const std::lock_guard lock(mutex_);
        ++open_;
        changed_.notify_all();
        Connection& connection = connections_.emplace_back();
        connection.thread = std::thread([this, &connection, socket = std::move(fd)]() mutable {
            HttpPeer peer(std::move(socket), stop_event_.fd(), tls_.get());
            serve(peer);
            const std::lock_guard finishing(mutex_);
            peer.close();
            connection.finished = true;
            --open_;
            changed_.notify_all();
        });
    }
}

void FakePatroni::reap_finished() {
    std::list<Connection> finished;
    {
        const std::lock_guard lock(mutex_);
        for (auto it = connections_.begin(); it != connections_.end();) {
            const auto next = std::next(it);
            if (it->finished)
                finished.splice(finished.end(), connections_, it);
            it = next;
        }
    }
    for (auto& connection : finished)
        connection.thread.join();
}

void FakePatroni::serve(HttpPeer& peer) {
    if (!peer.handshake())
        return;
    const auto request = peer.read_request();
    if (!request)
        return;
    if (request->method.empty()) {
        peer.send(not_http);
        peer.finish();
        return;
    }
    const std::size_t releases_before = arrive(*request);
    InFlight in_flight(*this);
    respond(peer, *request, releases_before, in_flight);
}

/// How often the path had been let go when the request came: a stall ends with the next time.
std::size_t FakePatroni::arrive(const HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    max_concurrent_ = std::max(max_concurrent_, ++in_flight_);
    changed_.notify_all();
    return releases_locked(request.path);
}

void FakePatroni::respond(HttpPeer& peer, const HttpRequest& request, std::size_t releases_before,
                          InFlight& in_flight) {
    if (!wait_while_held(peer, request.path) || !peer.pause(answer_to(request).delay))
        return;
    if (answer_to(request).fault == Fault::stall &&
        !wait_while_stalled(peer, request.path, releases_before))
        return;

    const Answer answer = answer_to(request);
    bool whole = false;
    if (request.method == "GET" || request.method == "POST") {
        whole = deliver(peer, answer, in_flight);
    } else {
        in_flight.leave();
        whole = peer.send(bare_answer(request.path, answer.status));
    }
    in_flight.leave();
    if (whole) {
        const std::lock_guard lock(mutex_);
        answered_.push_back(request.path);
        changed_.notify_all();
    }
    if (answer.fault != Fault::reset)
        peer.finish();
}

/// True where the answer went out whole; a faulty one never counts.
bool FakePatroni::deliver(HttpPeer& peer, const Answer& answer, InFlight& in_flight) {
    const std::string head = head_of(answer);
    switch (answer.fault) {
        case Fault::close_without_answer:
            return false;
        case Fault::reset:
            in_flight.leave();
            peer.reset();
            return false;
        case Fault::truncate:
            peer.send(head + answer.body.substr(0, answer.truncate_after));
            return false;
        case Fault::drip_headers:
            return peer.drip(head, answer.drip_interval) && peer.send(answer.body);
        case Fault::drip_body:
            return peer.send(head) && peer.drip(answer.body, answer.drip_interval);
        case Fault::endless_headers:
            peer.send(status_line(answer.status));
            peer.send_endlessly("X-More: and more\r\n", answer.endless_cap);
            return false;
        case Fault::endless_body:
            peer.send(head);
            peer.send_endlessly(std::string(std::size_t{64} * 1024, ' '), answer.endless_cap);
            return false;
        case Fault::none:
        case Fault::stall:
            break;
    }
    in_flight.leave();
    return peer.send(head + answer.body);
}

Answer FakePatroni::answer_to(const HttpRequest& request) const {
    const std::lock_guard lock(mutex_);
    auto found = answers_.find(request.path);
    if (found == answers_.end())
        found = answers_.find(without_query(request.path));
    return found == answers_.end() ? Answer{.status = 404} : found->second;
}

bool FakePatroni::wait_while_held(const HttpPeer& peer, const std::string& path) {
    return wait_while(peer, [&] {
        return std::any_of(held_.begin(), held_.end(),
                           [&](const std::string& held) { return matches(path, held); });
    });
}

bool FakePatroni::wait_while_stalled(const HttpPeer& peer, const std::string& path,
                                     std::size_t releases_before) {
    return wait_while(peer, [&] { return releases_locked(path) == releases_before; });
}

/// False where stop() or the client's leaving ended the wait; the latter is looked for by polling.
template <typename Condition>
bool FakePatroni::wait_while(const HttpPeer& peer, const Condition& condition) {
    std::unique_lock lock(mutex_);
    while (condition()) {
        if (stopping_ || peer.gone())
            return false;
        changed_.wait_for(lock, Milliseconds{5});
    }
    return !stopping_;
}

}  // namespace support
