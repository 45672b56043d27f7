#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "net/loop/connector.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/seat.h"
#include "patroni_proxy/host/session_host.h"

namespace proxy {

/// Loop thread only. Each call ends the race.
class RaceOwner {
  public:
    virtual void on_race_won(Seat seat, net::UniqueFd connection) noexcept = 0;
    /// None of the backends that the session may use could be reached.
    virtual void on_race_lost() noexcept = 0;
    /// This host has run out of something (an errno value), which says nothing about any backend.
    virtual void on_own_trouble(const BackendPtr& backend, int error) noexcept = 0;

  protected:
    ~RaceOwner() = default;
};

/// The connects of one session: to one backend and, if that does not answer soon, to the next one
/// at the same time. The first to connect wins. The others are closed before any byte is sent over
/// them, so that the client begins at most one session, and are not counted anywhere. A backend
/// that was overtaken is the last choice of other sessions until it answers. Loop thread only. Like
/// every handler it outlives the batch of events it was active in.
class ConnectRace {
  public:
    ConnectRace(SessionHost& port, RaceOwner& owner);
    ConnectRace(const ConnectRace&) = delete;
    ConnectRace& operator=(const ConnectRace&) = delete;
    ~ConnectRace();

    /// Begins with a backend that has not been tried; false if none is left: claim() says why.
    [[nodiscard]] bool start();
    void cancel() noexcept;
    /// After a new table: drops backends that may no longer serve; false if none is left.
    [[nodiscard]] bool keep_eligible() noexcept;
    void forget_tried() noexcept { tried_.clear(); }

    /// Whether claim() says anything.
    [[nodiscard]] bool has_claimed() const noexcept { return has_claimed_; }
    [[nodiscard]] bool has_tried_any() const noexcept { return !tried_.empty(); }
    [[nodiscard]] bool has_tried(const Backend* backend) const noexcept {
        return std::find(tried_.begin(), tried_.end(), backend) != tried_.end();
    }
    [[nodiscard]] const Claim& claim() const noexcept { return claim_; }
    /// The seat of the latest connect under way; an empty one if there is none.
    [[nodiscard]] Seat take_seat() noexcept;

  private:
    class Lane;

    [[nodiscard]] bool open_lane();
    void on_connected(Lane& lane, net::UniqueFd connection) noexcept;
    void on_failed(Lane& lane, int error) noexcept;
    void close(std::vector<std::unique_ptr<Lane>>::iterator lane) noexcept;

    SessionHost& port_;
    RaceOwner& owner_;
    std::vector<const Backend*> tried_;
    std::vector<std::unique_ptr<Lane>> lanes_;  ///< under way, the oldest first
    Claim claim_;                               ///< how the latest one went
    bool has_claimed_ = false;
    net::Timer timer_;  ///< to the next lane
};

}  // namespace proxy
