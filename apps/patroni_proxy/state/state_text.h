#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "patroni/result.h"
#include "patroni_proxy/control/operator_settings.h"
#include "patroni_proxy/topology/recollection.h"

namespace proxy {

/// What one process leaves to the next.
struct State {
    std::vector<ClusterMemory> clusters{};
    std::vector<OperatorSetting> settings{};
    /// What was left out of the file, and why: "cluster main: ...".
    std::vector<std::string> doubts{};
};

/// The same moment by three clocks. The time of day may be set; the one since the boot, in seconds
/// and with the time that the host slept, begins anew with each boot.
struct Moment {
    std::chrono::steady_clock::time_point steady;
    double unix_time = 0;
    double since_boot = 0;

    [[nodiscard]] static Moment now();
};

/// A first line with a checksum of the rest, which is JSON; the members of a cluster are in it as
/// Patroni writes them.
[[nodiscard]] std::string state_text(const State& state, const Moment& now);
/// The same without times: two states that differ by their age alone have equal ones.
[[nodiscard]] std::string state_without_times(const State& state);

/// Fails if it is no such text, is of a version that is not known, or was changed or cut off. What
/// cannot be used of it is left out, with a doubt: clusters from the future or older than a day,
/// settings whose time is over. Pure.
[[nodiscard]] patroni::Result<State> parse_state(std::string_view text, const Moment& now);

}  // namespace proxy
