#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/host/tally.h"
#include "patroni_proxy/port/port.h"
#include "patroni_proxy/port/port_server.h"
#include "patroni_proxy/upgrade/hand_over.h"
#include "patroni_proxy/upgrade/successor.h"
#include "patroni_proxy/workers/worker.h"

namespace proxy::upgrade {

/// Passes the sessions of all workers to the successor. First, while nothing moves, all for which
/// something is still to be decided: from then on the successor decides. The others only relay;
/// they go on here, under the tables that come, until it is their turn. A batch of them stands
/// still at a time, so that each does for some milliseconds, however many there are.
/// A session is always in one process: its sockets are let go of here before they are sent, and
/// come back if the successor has not got the whole batch.
/// Main thread only, which it keeps busy meanwhile.
class Passage {
  public:
    using Answer = Successor::Answer;
    using Workers = std::vector<std::unique_ptr<Worker>>;

    /// Borrows the workers and the successor, which is ready. `in_batches`: false for one that
    /// takes all at once.
    Passage(const Workers& workers, Successor& successor, std::vector<PortPtr> ports,
            bool in_batches);

    /// Why the successor has not taken over: then nothing has changed. Empty if it has.
    /// `stop_accepting` is called on the first worker's thread before that one goes on.
    [[nodiscard]] std::string pass_first(const std::function<void()>& stop_accepting);
    /// After that. `adopted`: it has all.
    [[nodiscard]] Answer pass_the_rest();

    [[nodiscard]] std::size_t sessions() const noexcept { return sessions_; }  ///< that passed
    [[nodiscard]] std::uint64_t sessions_left() const;
    [[nodiscard]] std::chrono::steady_clock::duration longest_stop() const noexcept {
        return longest_stop_;
    }
    [[nodiscard]] std::chrono::steady_clock::duration time_since_begin() const {
        return std::chrono::steady_clock::now() - began_;
    }

  private:
    using AtOnce = PortServer::AtOnce;
    struct Share;
    struct Batch;
    using Tallies = std::vector<LabelledTally>;

    [[nodiscard]] std::string send_first(std::vector<Share>& shares);
    [[nodiscard]] Batch take_batch(Worker& worker) const;
    [[nodiscard]] Answer pass(Batch& batch, Worker& worker);
    static void take_back(Batch batch, Worker& worker);
    [[nodiscard]] Answer send_tallies();
    [[nodiscard]] StillToCome still_to_come() const;
    [[nodiscard]] Tallies tallies_of(const Worker& worker) const;

    const Workers& workers_;
    Successor& successor_;
    const std::vector<PortPtr> ports_;
    const AtOnce at_once_;
    std::map<BackendPtr, std::string> backends_;  ///< in use, each with a port that leads there
    std::size_t sessions_ = 0;
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::duration longest_stop_{};
};

}  // namespace proxy::upgrade
