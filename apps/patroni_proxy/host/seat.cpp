#include "patroni_proxy/host/seat.h"

#include <utility>

namespace proxy {

Seat::Seat(BackendPtr backend, MemberTally& tally, ServedBy served_by)
    : backend_(std::move(backend)), tally_(&tally), served_by_(served_by) {
    ++tally_->sessions;
}

Seat::Seat(Seat&& other) noexcept
    : backend_(std::move(other.backend_)),
      tally_(std::exchange(other.tally_, nullptr)),
      served_by_(other.served_by_) {}

Seat& Seat::operator=(Seat&& other) noexcept {
    free();
    backend_ = std::move(other.backend_);
    tally_ = std::exchange(other.tally_, nullptr);
    served_by_ = other.served_by_;
    return *this;
}

void Seat::free() noexcept {
    if (!tally_)
        return;
    backend_->connections.fetch_sub(1, std::memory_order_relaxed);
    --tally_->sessions;
    tally_ = nullptr;
}

}  // namespace proxy
