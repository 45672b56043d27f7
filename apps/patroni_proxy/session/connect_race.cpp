#include "patroni_proxy/session/connect_race.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

namespace proxy {
namespace {

using Clock = std::chrono::steady_clock;

// As RFC 8305 (section 5) recommends between two addresses of one host: longer than a connect takes
// between continents, and hardly noticeable.
constexpr std::chrono::milliseconds kHeadStart{250};

}  // namespace

/// To one backend.
class ConnectRace::Lane final : private net::ConnectHandler {
  public:
    Lane(ConnectRace& race, Seat its_seat)
        : seat(std::move(its_seat)), race_(race), connector_(race.port_.loop(), *this) {
        const PortSettings& settings = race.port_.settings();
        connector_.start(seat.backend()->address, settings.connect_timeout, settings.tcp);
    }

    void cancel() noexcept { connector_.cancel(); }
    [[nodiscard]] bool had_head_start() const { return took() >= kHeadStart; }
    [[nodiscard]] Clock::duration took() const { return Clock::now() - started_; }

    Seat seat;

  private:
    void on_connected(net::UniqueFd connection) noexcept override {
        race_.on_connected(*this, std::move(connection));
    }
    void on_connect_failed(int error) noexcept override { race_.on_failed(*this, error); }

    ConnectRace& race_;
    const Clock::time_point started_ = Clock::now();
    net::Connector connector_;
};

ConnectRace::ConnectRace(SessionHost& port, RaceOwner& owner)
    : port_(port), owner_(owner), timer_(port.loop().timers(), [this] { (void)open_lane(); }) {}

ConnectRace::~ConnectRace() = default;

bool ConnectRace::start() {
    cancel();
    return open_lane();
}

bool ConnectRace::open_lane() {
    auto [seat, claim] = port_.claim(tried_);
    claim_ = std::move(claim);
    has_claimed_ = true;
    if (!seat.is_taken())
        return false;
    tried_.push_back(seat.backend().get());
    lanes_.push_back(std::make_unique<Lane>(*this, std::move(seat)));
    timer_.arm(kHeadStart);
    return true;
}

void ConnectRace::cancel() noexcept {
    timer_.cancel();
    while (!lanes_.empty())
        close(lanes_.end() - 1);
}

bool ConnectRace::keep_eligible() noexcept {
    for (auto i = static_cast<std::ptrdiff_t>(lanes_.size()); i-- > 0;) {
        const Seat& seat = lanes_[static_cast<std::size_t>(i)]->seat;
        if (!port_.table().keeps_sessions_of(seat.backend().get(), seat.served_by()))
            close(lanes_.begin() + i);
    }
    // There may be a backend to race with, which there was not when the timer fired.
    if (!lanes_.empty() && !timer_.armed())
        timer_.arm(kHeadStart);
    return !lanes_.empty();
}

Seat ConnectRace::take_seat() noexcept {
    return lanes_.empty() ? Seat() : std::move(lanes_.back()->seat);
}

void ConnectRace::on_connected(Lane& lane, net::UniqueFd connection) noexcept {
    Seat seat = std::move(lane.seat);
    seat.tally()->connect_time.note(std::chrono::duration<double>(lane.took()).count());
    for (const auto& other : lanes_)
        if (other->seat.is_taken() && other->had_head_start())
            port_.on_overtaken(other->seat.backend());
    cancel();
    seat.backend()->reachability.note_connected();
    owner_.on_race_won(std::move(seat), std::move(connection));
}

void ConnectRace::on_failed(Lane& lane, int error) noexcept {
    const BackendPtr backend = lane.seat.backend();
    close(std::find_if(lanes_.begin(), lanes_.end(),
                       [&](const auto& each) { return each.get() == &lane; }));
    if (net::is_own_trouble(error)) {
        // Another connect is under way, or begins: a local port or address that lacks towards one
        // backend may be there towards the next.
        if (!lanes_.empty() || (error == EADDRNOTAVAIL && open_lane()))
            return;
        timer_.cancel();
        return owner_.on_own_trouble(backend, error);
    }
    port_.on_unreachable(backend, error == ETIMEDOUT ? BackendState::hangs : BackendState::refuses,
                         std::generic_category().message(error));
    if (open_lane() || !lanes_.empty())
        return;
    timer_.cancel();
    owner_.on_race_lost();
}

/// Its connector may be calling.
void ConnectRace::close(std::vector<std::unique_ptr<Lane>>::iterator lane) noexcept {
    (*lane)->cancel();
    (*lane)->seat.free();
    port_.loop().dispose_later(std::move(*lane));
    lanes_.erase(lane);
}

}  // namespace proxy
