#include "patroni_proxy/readiness_check.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "daemon/log.h"
#include "net/connector.h"
#include "net/timer.h"
#include "net/unique_fd.h"
#include "patroni_proxy/postgres_messages.h"

namespace proxy {
namespace {

// A server that accepts sessions answers within milliseconds. One that has not by now is asked once
// more, for the question may be lost.
constexpr std::chrono::milliseconds kTimeout{1'000};
// But thousands of clients may stand before it, and then it answers late: that counts as well, or
// those who are held would be refused where others are served.
constexpr std::chrono::milliseconds kLatest{15'000};
// Held clients wait half of it on average, and a server that starts has more to do than answer.
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

/// To one backend; it stays for a pause after a no.
class ReadinessCheck::Question final : public net::ConnectHandler, public net::EventHandler {
  public:
    Question(ReadinessCheck& check, BackendPtr backend)
        : backend_(std::move(backend)),
          check_(check),
          connector_(check.loop_, *this),
          timer_(check.loop_.timers(), [this] { on_timer(); }) {}

    [[nodiscard]] const BackendPtr& backend() const noexcept { return backend_; }
    /// Its answer still counts, but is not waited for before the backend is asked again.
    [[nodiscard]] bool is_late() const noexcept { return late_; }

    void start(const PortSettings& settings) {
        connector_.start(backend_->address, std::min(settings.connect_timeout, kTimeout),
                         settings.tcp);
    }

    /// Nothing is heard of it any more.
    void abandon() noexcept {
        connector_.cancel();
        timer_.cancel();
        connection_.reset();
    }

    void on_connected(net::UniqueFd connection) noexcept override {
        connection_ = std::move(connection);
        timer_.arm(kTimeout);
        const std::string text = readiness_question();
        const ssize_t sent = ::send(connection_.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(text.size()) ||
            check_.loop_.take_over(connection_.get(), EPOLLIN, *this) != 0)
            refused(std::generic_category().message(errno));
    }

    void on_connect_failed(int error) noexcept override {
        refused(std::generic_category().message(error));
    }

    void on_event(std::uint32_t /*events*/) noexcept override {
        if (!connection_)
            return;  // given up in this batch
        std::array<char, 1'024> bytes;
        const ssize_t count = ::recv(connection_.get(), bytes.data(), bytes.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (count < 0)
            return refused(std::generic_category().message(errno));
        if (count == 0)
            return refused("it closed the connection");
        const Answer answer = read_answer({bytes.data(), static_cast<std::size_t>(count)});
        if (is_not_ready(answer))
            return refused(answer.message);
        // Any other answer, also that this user may not come in, is one of a server that accepts.
        if (backend_->cleared < doubts_)  // a late one may clear less than is cleared already
            backend_->cleared = doubts_;
        check_.on_end(*this);
    }

  private:
    void on_timer() noexcept {
        if (!connection_ || late_)
            return check_.on_end(*this);
        late_ = true;
        timer_.arm(kLatest - kTimeout);
        check_.log_refusal(*backend_, "no answer within a second");
        check_.on_chance_();
    }

    void refused(const std::string& why) noexcept {
        connection_.reset();
        check_.log_refusal(*backend_, why);
        check_.on_refused_(backend_);
        timer_.arm(kPause);
    }

    const BackendPtr backend_;
    const std::uint32_t doubts_ = backend_->doubts;  ///< those that its answer may clear
    ReadinessCheck& check_;
    net::Connector connector_;
    net::UniqueFd connection_;
    bool late_ = false;
    net::Timer timer_;  ///< until the answer is late or too late, or until it may be asked again
};

ReadinessCheck::ReadinessCheck(net::EventLoop& loop, const std::string& label,
                               std::function<void()> on_chance,
                               std::function<void(const BackendPtr&)> on_refused)
    : loop_(loop),
      label_(label),
      on_chance_(std::move(on_chance)),
      on_refused_(std::move(on_refused)) {}

ReadinessCheck::~ReadinessCheck() = default;

void ReadinessCheck::ask(const std::vector<BackendPtr>& backends, const PortSettings& settings) {
    for (auto i = questions_.size(); i-- > 0;)
        if (std::find(backends.begin(), backends.end(), questions_[i]->backend()) == backends.end())
            dispose_of(questions_.begin() + static_cast<std::ptrdiff_t>(i));
    for (const auto& backend : backends) {
        const bool asked = std::any_of(questions_.begin(), questions_.end(), [&](const auto& each) {
            return each->backend() == backend && !each->is_late();
        });
        if (asked || !backend->is_doubtful())
            continue;
        questions_.push_back(std::make_unique<Question>(*this, backend));
        questions_.back()->start(settings);
    }
}

void ReadinessCheck::on_end(Question& question) noexcept {
    dispose_of(std::find_if(questions_.begin(), questions_.end(),
                            [&](const auto& each) { return each.get() == &question; }));
    on_chance_();
}

void ReadinessCheck::log_refusal(const Backend& backend, const std::string& why) noexcept {
    if (const auto others = lines_.pass(std::chrono::steady_clock::now()))
        daemons::log::warning(label_ + ": " + backend.member + " at " +
                              backend.address.to_string() + " accepts no sessions yet: " + why +
                              *others);
}

void ReadinessCheck::dispose_of(std::vector<std::unique_ptr<Question>>::iterator question) {
    (*question)->abandon();
    loop_.dispose_later(std::move(*question));
    questions_.erase(question);
}

}  // namespace proxy
