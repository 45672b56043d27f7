#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/socket/listening_sockets.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/upgrade/channel.h"
#include "patroni_proxy/upgrade/messages/messages.h"

namespace proxy::upgrade {

/// A session that has come, and its sockets. Nobody has touched them.
struct Arrival {
    PassedSession session{};
    net::UniqueFd client{};
    net::UniqueFd backend{};
};
struct Arrivals {
    std::vector<Arrival> sessions{};
    std::vector<LabelledTally> tallies{};
    std::vector<history::Record> records{};  ///< in the order in which they ended
    std::vector<PassedCounts> counts{};
    /// The copies of counts for the last minute, by their time; an earlier version sends none.
    std::map<std::chrono::steady_clock::time_point, std::map<std::string, PortTimes>> times{};
    std::optional<PassedProcess> process{};  ///< an earlier version sends none
    StillToCome still_to_come{};
    std::uint64_t last_id = 0;
    bool more = false;  ///< a batch follows
};

/// The running process, as the one that is to succeed it sees it. Main thread only. Everything that
/// asks throws std::runtime_error if that process has gone, says nothing in time or something that
/// cannot be understood: then nothing has happened, and it goes on.
class Predecessor {
  public:
    /// How long this process may take until it would serve the same.
    static constexpr std::chrono::seconds kPatience{20};

    /// Null unless this process was started to succeed another one. Takes the channel out of the
    /// environment. Reads what a successor needs first; refuses a format that is too new.
    [[nodiscard]] static std::unique_ptr<Predecessor> from_environment();
    explicit Predecessor(Channel channel);

    [[nodiscard]] std::vector<net::InheritedSocket> take_listeners() {
        return std::exchange(listeners_, {});
    }
    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
    /// What is known of a cluster; nothing if that was not said.
    [[nodiscard]] FeedState take_cluster(const std::string& name) {
        return std::exchange(clusters_[name], {});
    }
    [[nodiscard]] const std::string& version() const noexcept { return version_; }
    [[nodiscard]] const std::vector<PortNeeds>& ports() const noexcept { return ports_; }

    /// Says that this process would serve these ports, and returns what it gets for them. The other
    /// process stands still from now on.
    [[nodiscard]] Arrivals receive(const std::vector<std::string>& labels);
    /// From here on this process serves.
    void take_over();
    /// After say_adopted(): the next batch, or what was counted. If it throws, there will be none:
    /// what is left stays with the other process until it ends.
    [[nodiscard]] Arrivals receive_more(const std::vector<std::string>& labels);
    /// Says that the sessions of the batch move again. Until then the other process keeps its
    /// copies of their sockets: letting go takes processors that are needed here. Never throws.
    void say_adopted() noexcept;
    /// Says why this process ends instead or, later, takes no more sessions. Never throws.
    void refuse(const std::string& why) noexcept;
    void close() { channel_ = Channel(); }
    /// Readable, at its end, once the other process has let go of everything.
    [[nodiscard]] int channel() const noexcept { return channel_.fd(); }

  private:
    void read_start();
    [[nodiscard]] Arrivals receive_batch(const std::vector<std::string>& labels);
    void take_cluster(PassedCluster passed);
    void take_sessions(Channel::Message message, Arrivals& arrivals,
                       const std::vector<std::string>& labels) const;

    Channel channel_;
    std::vector<net::InheritedSocket> listeners_;
    std::string version_;
    Settings settings_;
    std::map<std::string, FeedState> clusters_;
    std::vector<PortNeeds> ports_;
};

}  // namespace proxy::upgrade
