#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/system/side_thread.h"
#include "net/loop/event_loop.h"
#include "patroni/answers/cluster_snapshot.h"
#include "patroni/answers/identity.h"
#include "patroni/rest/endpoint.h"
#include "patroni/rest/rest_client.h"

namespace agent {

/// For one request to Patroni. Short against HAProxy's agent-inter, so that a slow API does not
/// make a verdict stale.
inline constexpr patroni::RestClient::Timeouts kPatroniTimeouts{.connect = std::chrono::seconds{1},
                                                                .total = std::chrono::seconds{2}};

/// Finds the local member of one cluster: by what the Patroni on this host reports, or by addresses
/// if it reports no name or does not answer. Loop thread only; another thread asks Patroni.
class OwnMember {
  public:
    /// Called when Patroni has been asked, whatever it answered.
    using OnAsked = std::function<void()>;

    OwnMember(net::EventLoop& loop, std::string cluster, OnAsked on_asked);

    /// How long to wait for DNS. By default not at all: the next snapshot tries again.
    void wait_for_names(std::chrono::milliseconds time) { patience_ = time; }
    /// Asks those of `hosts` that are on this host, and again from time to time: a member may be
    /// made anew under another name. Forgets what was found if they have changed.
    void use(const std::vector<patroni::Endpoint>& hosts,
             const patroni::RestClient::Access& access);
    void consider(patroni::SnapshotPtr snapshot);
    void stop() { asker_.abandon(); }

    /// Empty: not known. Stays once found, even if an answer omits the member.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& why_not_known() const noexcept { return why_not_known_; }
    /// True until Patroni has been asked; nothing is decided before.
    [[nodiscard]] bool is_being_asked() const noexcept { return !asked_; }

  private:
    struct Told {
        std::vector<patroni::Speaker> speakers;
        bool all_answered = true;
    };
    static Told ask_all(const std::vector<patroni::Endpoint>& hosts,
                        const patroni::RestClient::Access& access);
    void ask();
    void on_told(const Told& told);
    void decide();
    [[nodiscard]] patroni::Result<std::string> find() const;

    const std::string cluster_;
    const OnAsked on_asked_;
    std::chrono::milliseconds patience_{0};
    std::vector<patroni::Endpoint> hosts_;
    patroni::RestClient::Access access_;
    patroni::SnapshotPtr snapshot_;
    bool asked_ = false;
    std::chrono::steady_clock::time_point asked_at_{};
    Told told_;
    std::string name_;
    std::string why_not_known_;
    daemons::SideThread asker_;
};

}  // namespace agent
