#include "patroni_proxy/port/readiness_check.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/log/log.h"
#include "daemon/log/log_throttle.h"
#include "net/loop/connector.h"
#include "net/loop/timer.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/postgres/postgres_messages.h"

namespace proxy {
namespace {

using Clock = std::chrono::steady_clock;

// Long enough for a SYN that was lost to be sent again, which Linux does after a second.
constexpr std::chrono::milliseconds kConnectTimeout{1'500};
// A server that accepts sessions answers within milliseconds. One that has not by now is asked once
// more, for the question may be lost.
constexpr std::chrono::milliseconds kTimeout{1'000};
// But thousands of clients may stand before it, and then it answers late: that counts as well, or
// those who are held would be refused where others are served.
constexpr std::chrono::milliseconds kLatest{15'000};
// While clients wait for its word: they wait half of it on average, and a server that starts has
// more to do than answer.
constexpr std::chrono::milliseconds kPause{100};
// While nobody waits: from the first to the last, twice as long each time.
constexpr std::chrono::milliseconds kFirstRetry{250};
// What this host has run out of may be there again.
constexpr std::chrono::milliseconds kOwnTrouble{1'000};

/// Where all addresses of a member are spared but one, the others are needed while that one fails.
bool is_needed(const Backend& backend, const BackendTable& table) {
    return table.leads_to(&backend) &&
           std::none_of(table.eligible.begin(), table.eligible.end(), [&](const auto& each) {
               return each.get() != &backend && each->member == backend.member &&
                      !each->reachability.is_failing();
           });
}

}  // namespace

/// To one backend, once.
class ReadinessCheck::Question final : public net::ConnectHandler, public net::EventHandler {
  public:
    Question(Watch& watch, net::EventLoop& loop, Reachability::Moment asked_at)
        : asked_at_(asked_at),
          watch_(watch),
          loop_(loop),
          connector_(loop, *this),
          timer_(loop.timers(), [this] { on_timer(); }) {}

    /// What its answer may clear.
    [[nodiscard]] Reachability::Moment asked_at() const noexcept { return asked_at_; }
    /// Its answer still counts, but is not waited for before the backend is asked again.
    [[nodiscard]] bool is_late() const noexcept { return late_; }

    void start(const net::SocketAddress& address) { connector_.start(address, kConnectTimeout); }

    /// Nothing is heard of it any more.
    void abandon() noexcept {
        connector_.cancel();
        timer_.cancel();
        connection_.reset();
    }

    void on_connected(net::UniqueFd connection) noexcept override;
    void on_connect_failed(int error) noexcept override;
    void on_event(std::uint32_t events) noexcept override;

  private:
    void on_timer() noexcept;

    const Reachability::Moment asked_at_;
    Watch& watch_;
    net::EventLoop& loop_;
    net::Connector connector_;
    net::UniqueFd connection_;
    bool late_ = false;
    net::Timer timer_;  ///< until the answer is late, or too late
};

/// Over one backend: when it is asked, and what becomes of the answers.
class ReadinessCheck::Watch {
  public:
    Watch(ReadinessCheck& check, BackendPtr backend, PortPtr port)
        : backend_(std::move(backend)),
          port_(std::move(port)),
          check_(check),
          timer_(check.loop_.timers(), [this] { on_timer(); }) {}

    /// Before the others it may need, but not within a pause.
    void ask_soon(const PortPtr& port) {
        port_ = port;
        asked_ = true;
        const bool awaits_answer = std::any_of(questions_.begin(), questions_.end(),
                                               [](const auto& each) { return !each->is_late(); });
        if (!awaits_answer)
            timer_.arm(std::max(Clock::duration::zero(), not_before_ - Clock::now()));
    }
    void look_later() { timer_.arm(check_.look_); }
    void end() noexcept {
        timer_.cancel();
        for (const auto& question : questions_)
            question->abandon();
        backend_->reachability.end_waiting();
    }

    // For its questions.
    void on_answer(Question& question, Reach answer, const std::string& why) noexcept;
    void on_late(Question& question) noexcept;
    void on_own_trouble(Question& question, int error) noexcept;
    void dispose_of(Question& question) noexcept;

  private:
    void on_timer();
    void on_accepts(std::optional<Reach> before) noexcept;
    void on_failure(std::optional<Reach> before, const std::string& why) noexcept;
    void pause(Clock::duration until_next) noexcept;
    void log_refusal(const std::string& why) noexcept;

    const BackendPtr backend_;
    PortPtr port_;  ///< the latest that needed it
    ReadinessCheck& check_;
    std::vector<std::unique_ptr<Question>> questions_;
    bool asked_ = false;            ///< somebody waits for the answer
    Clock::time_point not_before_;  ///< may it be asked again
    Clock::duration retry_ = kFirstRetry;
    net::Timer timer_;  ///< to the next question
    daemons::LogThrottle lines_;
};

void ReadinessCheck::Question::on_connected(net::UniqueFd connection) noexcept {
    connection_ = std::move(connection);
    timer_.arm(kTimeout);
    const std::string text = readiness_question();
    const ssize_t sent = ::send(connection_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(text.size()))
        return watch_.on_answer(*this, Reach::not_ready, std::generic_category().message(errno));
    if (const int error = loop_.take_over(connection_.get(), EPOLLIN, *this); error != 0)
        watch_.on_own_trouble(*this, error);
}

void ReadinessCheck::Question::on_connect_failed(int error) noexcept {
    if (net::is_own_trouble(error))
        return watch_.on_own_trouble(*this, error);
    watch_.on_answer(*this, error == ETIMEDOUT ? Reach::hangs : Reach::refuses,
                     std::generic_category().message(error));
}

void ReadinessCheck::Question::on_event(std::uint32_t /*events*/) noexcept {
    if (!connection_)
        return;  // given up in this batch
    std::array<char, 1'024> bytes;
    const ssize_t count = ::recv(connection_.get(), bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count < 0)
        return watch_.on_answer(*this, Reach::not_ready, std::generic_category().message(errno));
    if (count == 0)
        return watch_.on_answer(*this, Reach::not_ready, "it closed the connection");
    // Any answer but this one, also that this user may not come in, is of a server that accepts.
    const Answer answer = read_answer({bytes.data(), static_cast<std::size_t>(count)});
    watch_.on_answer(*this, is_not_ready(answer) ? Reach::not_ready : Reach::accepts,
                     answer.message);
}

void ReadinessCheck::Question::on_timer() noexcept {
    if (late_)
        return watch_.dispose_of(*this);
    late_ = true;
    timer_.arm(kLatest - kTimeout);
    watch_.on_late(*this);
}

void ReadinessCheck::Watch::on_timer() {
    if (!asked_) {
        const PortPtr port = check_.who_needs(*backend_);
        if (!port)
            return check_.dispose_of(backend_.get());
        port_ = port;
        const bool heard = backend_->reachability.take_connected();
        if (heard && backend_->reachability.accepts())
            return look_later();
    }
    questions_.push_back(
        std::make_unique<Question>(*this, check_.loop_, backend_->reachability.moment()));
    questions_.back()->start(backend_->address);
}

void ReadinessCheck::Watch::on_answer(Question& question, Reach answer,
                                      const std::string& why) noexcept {
    const auto before = backend_->reachability.note_answer(question.asked_at(), answer, why);
    dispose_of(question);
    if (answer == Reach::accepts)
        on_accepts(before);
    else
        on_failure(before, why);
}

void ReadinessCheck::Watch::on_accepts(std::optional<Reach> before) noexcept {
    retry_ = kFirstRetry;
    if (!before)  // what a session met meanwhile is newer
        return pause(kPause);
    if (*before >= Reach::refuses)
        daemons::log::info(port_->label + ": " + backend_->member + " at " +
                           backend_->address.to_string() + " accepts sessions again");
    pause(check_.look_);
    if (*before != Reach::accepts)
        check_.on_accepts_();
}

void ReadinessCheck::Watch::on_failure(std::optional<Reach> before,
                                       const std::string& why) noexcept {
    // Of one that has failed for long and that nobody waits for all has been said.
    if (asked_ || (before && *before < Reach::refuses)) {
        log_refusal(why);
        if (backend_->reachability.tell_first(Trouble::refused))
            port_->on_trouble(backend_, Trouble::refused);
    }
    pause(retry_);
    retry_ = std::min<Clock::duration>(2 * retry_, check_.look_);
    check_.look_at_needed();  // its member may have spares
}

/// Whoever still waits asks anew, and then it is asked as soon as it may be.
void ReadinessCheck::Watch::pause(Clock::duration until_next) noexcept {
    asked_ = false;
    backend_->reachability.end_waiting();
    not_before_ = Clock::now() + kPause;
    timer_.arm(until_next);
}

/// One that is lost is no sign, but two are.
void ReadinessCheck::Watch::on_late(Question& question) noexcept {
    constexpr const char* kWhy = "no answer within a second";
    const auto late = std::count_if(questions_.begin(), questions_.end(),
                                    [](const auto& each) { return each->is_late(); });
    if (late > 1)
        return on_failure(
            backend_->reachability.note_answer(question.asked_at(), Reach::not_ready, kWhy), kWhy);
    log_refusal(kWhy);
    timer_.arm({});
}

void ReadinessCheck::Watch::on_own_trouble(Question& question, int error) noexcept {
    dispose_of(question);
    if (const auto others = lines_.pass(Clock::now()))
        daemons::log::warning(port_->label + ": " + backend_->member + " at " +
                              backend_->address.to_string() +
                              " cannot be asked, for want of resources here: " +
                              std::generic_category().message(error) + *others);
    pause(kOwnTrouble);
}

void ReadinessCheck::Watch::log_refusal(const std::string& why) noexcept {
    if (const auto others = lines_.pass(Clock::now()))
        daemons::log::warning(port_->label + ": " + backend_->member + " at " +
                              backend_->address.to_string() + " accepts no sessions yet: " + why +
                              *others);
}

void ReadinessCheck::Watch::dispose_of(Question& question) noexcept {
    const auto found = std::find_if(questions_.begin(), questions_.end(),
                                    [&](const auto& each) { return each.get() == &question; });
    question.abandon();
    check_.loop_.dispose_later(std::move(*found));
    questions_.erase(found);
}

ReadinessCheck::ReadinessCheck(net::EventLoop& loop, std::function<void()> on_accepts,
                               std::chrono::milliseconds look)
    : loop_(loop), on_accepts_(std::move(on_accepts)), look_(look) {}

ReadinessCheck::~ReadinessCheck() = default;

void ReadinessCheck::ask(const BackendPtr& backend, const PortPtr& port) {
    loop_.post([this, backend, port] { watch_over(backend, port).ask_soon(port); });
}

void ReadinessCheck::watch(const PortPtr& port, const BackendTablePtr& table) {
    needs_.insert_or_assign(port->id, Need{port, table});
    look_at_needed();
}

void ReadinessCheck::forget(PortId port) {
    needs_.erase(port);
}

ReadinessCheck::Watch& ReadinessCheck::watch_over(const BackendPtr& backend, const PortPtr& port) {
    auto& watch = watches_[backend.get()];
    if (!watch)
        watch = std::make_unique<Watch>(*this, backend, port);
    return *watch;
}

void ReadinessCheck::look_at_needed() {
    for (const auto& [id, need] : needs_)
        for (const auto* backends : {&need.table->eligible, &need.table->spares})
            for (const auto& backend : *backends)
                if (!watches_.contains(backend.get()) && is_needed(*backend, *need.table))
                    watch_over(backend, need.port).look_later();
}

PortPtr ReadinessCheck::who_needs(const Backend& backend) const {
    const auto found = std::find_if(needs_.begin(), needs_.end(), [&](const auto& each) {
        return is_needed(backend, *each.second.table);
    });
    return found == needs_.end() ? nullptr : found->second.port;
}

void ReadinessCheck::dispose_of(const Backend* backend) {
    auto watch = watches_.extract(backend);
    watch.mapped()->end();
    loop_.dispose_later(std::move(watch.mapped()));
}

}  // namespace proxy
