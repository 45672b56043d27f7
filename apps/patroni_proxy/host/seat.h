#pragma once

#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/tally.h"

namespace proxy {

/// A session's seat on a backend: it counts as one of the backend's connections, and as one of the
/// sessions of its member, until it is freed.
/// Loop thread only; must not outlive the port's tally.
class Seat {
  public:
    Seat() = default;
    /// The backend counts the connection already; see claim_backend().
    Seat(BackendPtr backend, MemberTally& tally, ServedBy served_by);
    Seat(Seat&& other) noexcept;
    Seat& operator=(Seat&& other) noexcept;
    ~Seat() { free(); }

    /// It no longer counts, but backend() stays set.
    void free() noexcept;
    void now_by_roles() noexcept { served_by_ = ServedBy::roles; }

    [[nodiscard]] bool is_taken() const noexcept { return tally_ != nullptr; }
    [[nodiscard]] const BackendPtr& backend() const noexcept { return backend_; }
    [[nodiscard]] ServedBy served_by() const noexcept { return served_by_; }
    /// Null once it is free.
    [[nodiscard]] MemberTally* tally() const noexcept { return tally_; }

  private:
    BackendPtr backend_;
    MemberTally* tally_ = nullptr;
    ServedBy served_by_ = ServedBy::roles;
};

}  // namespace proxy
