#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "net/loop/connector.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_picker.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/session/tally.h"

namespace proxy {

class PortServer;

/// A session's place on a backend: counted in its connections, and in the sessions of its member.
/// Loop thread only; must not outlive the port's tally.
class Seat {
  public:
    Seat() = default;
    /// One that was claimed, so that it is counted in the backend's connections already.
    Seat(BackendPtr backend, MemberTally& tally, Admission admission);
    Seat(Seat&& other) noexcept;
    Seat& operator=(Seat&& other) noexcept;
    ~Seat() { free(); }

    void free() noexcept;
    /// Whoever takes it counts it down.
    [[nodiscard]] std::pair<BackendPtr, MemberTally*> take() noexcept;

    [[nodiscard]] const BackendPtr& backend() const noexcept { return backend_; }
    [[nodiscard]] Admission admission() const noexcept { return admission_; }

  private:
    BackendPtr backend_;
    MemberTally* tally_ = nullptr;
    Admission admission_ = Admission::regular;
};

/// Loop thread only. Each call ends the race.
class RaceOwner {
  public:
    virtual void on_race_won(Seat seat, net::UniqueFd connection) noexcept = 0;
    /// None of the backends that may be had could be reached.
    virtual void on_race_lost() noexcept = 0;
    /// This host has run out of something (an errno value): that says nothing of any backend.
    virtual void on_own_trouble(const BackendPtr& backend, int error) noexcept = 0;

  protected:
    ~RaceOwner() = default;
};

/// The connects of one session: to one backend, and while that does not answer, to the next beside
/// it. The first that connects has won; the others are closed before a byte was sent over them, so
/// that the client begins one session at most, and are counted nowhere. One that has been overtaken
/// comes last for other sessions until it answers.
/// Loop thread only. Like every handler it outlives the batch of events it was active in.
class ConnectRace {
  public:
    ConnectRace(PortServer& port, RaceOwner& owner);
    ConnectRace(const ConnectRace&) = delete;
    ConnectRace& operator=(const ConnectRace&) = delete;
    ~ConnectRace();

    /// Begins, with none of those that were tried; false if no backend is left, and claim() says
    /// why.
    [[nodiscard]] bool start();
    void cancel() noexcept;
    /// By a new table: who may no longer serve is out of it; false if none is left.
    [[nodiscard]] bool keep_eligible() noexcept;
    void forget_tried() noexcept { tried_.clear(); }

    [[nodiscard]] bool has_tried_any() const noexcept { return !tried_.empty(); }
    [[nodiscard]] bool has_tried(const Backend* backend) const noexcept {
        return std::find(tried_.begin(), tried_.end(), backend) != tried_.end();
    }
    [[nodiscard]] const Claim& claim() const noexcept { return claim_; }
    /// That of the latest connect under way, which ends; an empty one if there is none.
    [[nodiscard]] Seat take_seat() noexcept;

  private:
    class Lane;

    [[nodiscard]] bool open_lane();
    void on_connected(Lane& lane, net::UniqueFd connection) noexcept;
    void on_failed(Lane& lane, int error) noexcept;
    void close(std::vector<std::unique_ptr<Lane>>::iterator lane) noexcept;

    PortServer& port_;
    RaceOwner& owner_;
    std::vector<const Backend*> tried_;
    std::vector<std::unique_ptr<Lane>> lanes_;  ///< under way, in the order of their starts
    Claim claim_;                               ///< the latest, without its backend
    net::Timer timer_;                          ///< to the next lane
};

}  // namespace proxy
