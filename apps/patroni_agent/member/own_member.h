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

/// Of one question to Patroni: half of what HAProxy asks in, for an API that is slow must not make
/// a verdict old.
inline constexpr patroni::RestClient::Timeouts kPatroniTimeouts{.connect = std::chrono::seconds{1},
                                                                .total = std::chrono::seconds{2}};

/// Finds out which member of one cluster the agent stands beside: by what the Patroni on this host
/// says of itself, and by addresses where that says nothing or does not answer. Loop thread only;
/// Patroni is asked on another.
class OwnMember {
  public:
    /// Told once Patroni has been asked, whatever it said.
    using OnAsked = std::function<void()>;

    OwnMember(net::EventLoop& loop, std::string cluster, OnAsked on_asked);

    /// How long names may take to be resolved; by default the next snapshot must do.
    void wait_for_names(std::chrono::milliseconds time) { patience_ = time; }
    /// Asks those of `hosts` that are on this host. Where they are others than before, what was
    /// found is forgotten.
    void use(const std::vector<patroni::Endpoint>& hosts,
             const patroni::RestClient::Access& access);
    void consider(patroni::SnapshotPtr snapshot);
    void stop() { asker_.abandon(); }

    /// Empty: not known; once found it stays, for it is no other because an answer leaves it out.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& why_not_known() const noexcept { return why_not_known_; }
    /// Nothing is decided before Patroni has been asked.
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
    Told told_;
    std::string name_;
    std::string why_not_known_;
    daemons::SideThread asker_;
};

}  // namespace agent
