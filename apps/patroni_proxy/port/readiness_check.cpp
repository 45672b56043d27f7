#include "patroni_proxy/port/readiness_check.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/log/log.h"
#include "daemon/log/log_throttle.h"
#include "net/loop/timer.h"
#include "patroni_proxy/backend/request/backend_request.h"
#include "patroni_proxy/postgres/postgres_messages.h"

namespace proxy {
namespace {

using Clock = std::chrono::steady_clock;
using daemons::log::Level;

// Long enough for a lost SYN to be sent again, which Linux does after a second.
constexpr std::chrono::milliseconds kConnectTimeout{1'500};
// A server that accepts sessions answers within milliseconds. One that has not done so by now is
// asked once more, for the question may be lost.
constexpr std::chrono::milliseconds kTimeout{1'000};
// A server that thousands of clients connect to answers late. That counts as well, or held clients
// would be refused where others are served.
constexpr std::chrono::milliseconds kLatest{15'000};
// Between two questions while clients wait for the answer: on average they wait half of it longer,
// and a server that is starting has more to do than answer.
constexpr std::chrono::milliseconds kPause{100};
// While nobody waits, the first of the pauses, each of which is twice as long as the one before.
constexpr std::chrono::milliseconds kFirstRetry{250};
// By then this host may have again what it had run out of.
constexpr std::chrono::milliseconds kOwnTrouble{1'000};

/// A spare address is needed only while all other addresses of its member fail.
bool is_needed(const Backend& backend, const BackendTable& table) {
    return table.leads_to(&backend) &&
           std::none_of(table.eligible.begin(), table.eligible.end(), [&](const auto& each) {
               return each.get() != &backend && each->member == backend.member &&
                      !each->reachability.is_failing();
           });
}

}  // namespace

/// To one backend, once.
class ReadinessCheck::Question {
  public:
    Question(Watch& watch, net::EventLoop& loop, const Backend& backend, SendProxy send_proxy);

    /// The answer may change what was known at this moment.
    [[nodiscard]] Reachability::Moment asked_at() const noexcept { return asked_at_; }
    /// Its answer still counts, but the backend is asked again without waiting for it.
    [[nodiscard]] bool is_late() const noexcept { return late_; }
    /// Nothing more is heard of it.
    void abandon() noexcept {
        request_.cancel();
        timer_.cancel();
    }

  private:
    void on_reply(const BackendReply& reply);
    void on_timer();

    const Reachability::Moment asked_at_;
    Watch& watch_;
    bool late_ = false;
    BackendRequest request_;
    net::Timer timer_;  ///< until the answer is late, or too late
};

/// Watches one backend: when it is asked, and what its answers change.
class ReadinessCheck::Watch {
  public:
    Watch(ReadinessCheck& check, BackendPtr backend, PortPtr port)
        : backend_(std::move(backend)),
          port_(std::move(port)),
          check_(check),
          timer_(check.loop_.timers(), [this] { on_timer(); }) {}

    /// A client waits for the answer. Even then it is not asked within a pause.
    void ask_soon(const PortPtr& port) {
        port_ = port;
        asked_ = true;
        const bool awaits_answer = std::any_of(questions_.begin(), questions_.end(),
                                               [](const auto& each) { return !each->is_late(); });
        if (!awaits_answer)
            timer_.arm(std::max(Clock::duration::zero(), not_before_ - Clock::now()));
    }
    void ask_later() { timer_.arm(check_.interval_); }
    [[nodiscard]] bool is_for(PortId port) const noexcept { return port_->id == port; }
    void use(PortPtr port) noexcept { port_ = std::move(port); }
    void end() noexcept {
        timer_.cancel();
        for (const auto& question : questions_)
            question->abandon();
        backend_->reachability.end_waiting();
    }

    // For its questions.
    void on_answer(Question& question, BackendState answer, const std::string& why) noexcept;
    void on_late(Question& question) noexcept;
    void on_own_trouble(Question& question, int error) noexcept;
    void dispose_of(Question& question) noexcept;

  private:
    void on_timer();
    void on_accepts(std::optional<BackendState> before) noexcept;
    void on_failure(std::optional<BackendState> before, const std::string& why) noexcept;
    void pause(Clock::duration until_next) noexcept;
    void log_refusal(const std::string& why) noexcept;

    const BackendPtr backend_;
    PortPtr port_;  ///< the latest that needed it
    ReadinessCheck& check_;
    std::vector<std::unique_ptr<Question>> questions_;
    bool asked_ = false;            ///< a client waits for the answer
    Clock::time_point not_before_;  ///< the end of the pause
    Clock::duration retry_ = kFirstRetry;
    net::Timer timer_;  ///< to the next question
    daemons::LogThrottle lines_;
};

ReadinessCheck::Question::Question(Watch& watch, net::EventLoop& loop, const Backend& backend,
                                   SendProxy send_proxy)
    : asked_at_(backend.reachability.moment()),
      watch_(watch),
      request_(loop, local_proxy_header(send_proxy) + readiness_question(),
               [this](const BackendReply& reply) { on_reply(reply); }),
      timer_(loop.timers(), [this] { on_timer(); }) {
    request_.start(backend.address, kConnectTimeout);
}

void ReadinessCheck::Question::on_reply(const BackendReply& reply) {
    const std::string reason = reply.error == 0 ? "it closed the connection"
                                                : std::generic_category().message(reply.error);
    switch (reply.kind) {
        case BackendReply::Kind::sent:
            timer_.arm(kTimeout);
            return;
        case BackendReply::Kind::bytes: {
            // Any answer but this one, even that this user may not connect, is that of a server
            // which accepts sessions.
            const Answer answer = read_answer(reply.bytes);
            watch_.on_answer(*this,
                             is_not_ready(answer) ? BackendState::not_ready : BackendState::accepts,
                             answer.message);
            return;
        }
        case BackendReply::Kind::ended:
            watch_.on_answer(*this, BackendState::not_ready, reason);
            return;
        case BackendReply::Kind::not_connected:
            watch_.on_answer(*this,
                             reply.error == ETIMEDOUT ? BackendState::hangs : BackendState::refuses,
                             reason);
            return;
        case BackendReply::Kind::no_resources:
            watch_.on_own_trouble(*this, reply.error);
            return;
    }
}

void ReadinessCheck::Question::on_timer() {
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
            return ask_later();
    }
    questions_.push_back(
        std::make_unique<Question>(*this, check_.loop_, *backend_, port_->send_proxy));
}

void ReadinessCheck::Watch::on_answer(Question& question, BackendState answer,
                                      const std::string& why) noexcept {
    const auto before = backend_->reachability.note_answer(question.asked_at(), answer, why);
    dispose_of(question);
    if (answer == BackendState::accepts)
        on_accepts(before);
    else
        on_failure(before, why);
}

void ReadinessCheck::Watch::on_accepts(std::optional<BackendState> before) noexcept {
    retry_ = kFirstRetry;
    if (!before)  // a session has met something newer
        return pause(kPause);
    if (*before >= BackendState::refuses)
        daemons::log::info({"backend_ready", port_->label, backend_->member},
                           port_->label + ": " + backend_->member + " at " +
                               backend_->address.to_string() + " accepts sessions again");
    pause(check_.interval_);
    if (*before != BackendState::accepts)
        check_.on_accepts_();
}

void ReadinessCheck::Watch::on_failure(std::optional<BackendState> before,
                                       const std::string& why) noexcept {
    // A backend that has failed for long, and that nobody waits for, is no news.
    if (asked_ || (before && *before < BackendState::refuses)) {
        log_refusal(why);
        if (backend_->reachability.begin_report(Trouble::refused))
            port_->on_trouble(backend_->member, Trouble::refused);
    }
    pause(retry_);
    retry_ = std::min<Clock::duration>(2 * retry_, check_.interval_);
    check_.watch_needed();  // its member may have spares
}

/// Clients that still wait ask again, and then the backend is asked as soon as the pause is over.
void ReadinessCheck::Watch::pause(Clock::duration until_next) noexcept {
    asked_ = false;
    backend_->reachability.end_waiting();
    not_before_ = Clock::now() + kPause;
    timer_.arm(until_next);
}

/// One lost question means nothing, but two do.
void ReadinessCheck::Watch::on_late(Question& question) noexcept {
    constexpr const char* kWhy = "no answer within a second";
    const auto late = std::count_if(questions_.begin(), questions_.end(),
                                    [](const auto& each) { return each->is_late(); });
    if (late > 1)
        return on_failure(
            backend_->reachability.note_answer(question.asked_at(), BackendState::not_ready, kWhy),
            kWhy);
    log_refusal(kWhy);
    timer_.arm({});
}

void ReadinessCheck::Watch::on_own_trouble(Question& question, int error) noexcept {
    dispose_of(question);
    lines_.log(Level::warning, {"backend_not_asked", port_->label, backend_->member}, [&] {
        return port_->label + ": " + backend_->member + " at " + backend_->address.to_string() +
               " cannot be asked, for this host lacks resources: " +
               std::generic_category().message(error);
    });
    pause(kOwnTrouble);
}

void ReadinessCheck::Watch::log_refusal(const std::string& why) noexcept {
    lines_.log(Level::warning, {"backend_not_ready", port_->label, backend_->member}, [&] {
        return port_->label + ": " + backend_->member + " at " + backend_->address.to_string() +
               " does not accept sessions yet: " + why;
    });
}

void ReadinessCheck::Watch::dispose_of(Question& question) noexcept {
    const auto found = std::find_if(questions_.begin(), questions_.end(),
                                    [&](const auto& each) { return each.get() == &question; });
    question.abandon();
    check_.loop_.dispose_later(std::move(*found));
    questions_.erase(found);
}

ReadinessCheck::ReadinessCheck(net::EventLoop& loop, std::function<void()> on_accepts,
                               std::chrono::milliseconds interval)
    : loop_(loop), on_accepts_(std::move(on_accepts)), interval_(interval) {}

ReadinessCheck::~ReadinessCheck() = default;

void ReadinessCheck::ask(const BackendPtr& backend, const PortPtr& port) {
    loop_.post([this, backend, port] { watch_over(backend, port).ask_soon(port); });
}

void ReadinessCheck::watch(const PortPtr& port, const BackendTablePtr& table) {
    needs_.insert_or_assign(port->id, Need{port, table});
    watch_needed();
}

void ReadinessCheck::forget(PortId port) {
    needs_.erase(port);
    std::vector<const Backend*> unused;
    for (const auto& [backend, watch] : watches_) {
        if (!watch->is_for(port))
            continue;
        if (auto other = who_needs(*backend))
            watch->use(std::move(other));
        else
            unused.push_back(backend);
    }
    for (const auto* backend : unused)
        dispose_of(backend);
}

ReadinessCheck::Watch& ReadinessCheck::watch_over(const BackendPtr& backend, const PortPtr& port) {
    auto& watch = watches_[backend.get()];
    if (!watch)
        watch = std::make_unique<Watch>(*this, backend, port);
    return *watch;
}

void ReadinessCheck::watch_needed() {
    for (const auto& [id, need] : needs_)
        for (const auto* backends : {&need.table->eligible, &need.table->spares})
            for (const auto& backend : *backends)
                if (!watches_.contains(backend.get()) && is_needed(*backend, *need.table))
                    watch_over(backend, need.port).ask_later();
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
