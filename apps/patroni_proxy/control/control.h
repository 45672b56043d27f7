#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/report/report.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/control/operator_settings.h"

namespace proxy {

/// Who asks for a change, for the log and for what is set: "uid 1000, pid 42", "HTTP API 10.0.0.1".
struct Caller {
    std::string name;
};

struct SettingTerms {
    std::string why{};                                ///< for people; may be empty
    std::optional<std::chrono::seconds> lasts_for{};  ///< empty: until it is lifted
};
struct DrainTerms : SettingTerms {};

/// What became of a request.
struct Outcome {
    /// Why a request changed nothing although it should have.
    enum class Problem : std::uint8_t {
        none,
        unknown_name,  ///< no such cluster, member or port; the message lists those that exist
        bad_value,     ///< a value that is never allowed
        conflict,      ///< not possible at the moment
    };

    Problem problem = Problem::none;
    bool changed = false;  ///< false without a problem: it was so already
    std::string message;   ///< one sentence for the operator

    [[nodiscard]] bool ok() const noexcept { return problem == Problem::none; }
};

/// What Control needs of the proxy. Main thread only.
class Controlled {
  public:
    [[nodiscard]] virtual const Config& config() const = 0;
    /// The members of a configured cluster, as far as they are known.
    [[nodiscard]] virtual std::vector<std::string> members_of(const std::string& cluster) const = 0;
    /// Puts Control's settings in force, soon.
    virtual void use_operator_settings() = 0;
    /// Calls `done` on the main thread once all settings so far are in force; never if the proxy
    /// stops first.
    virtual void when_in_force(std::function<void()> done) = 0;
    [[nodiscard]] virtual ProxyReport report() = 0;

  protected:
    ~Controlled() = default;
};

/// What operators can do, whichever way they ask: the one place for verbs. Each change is one line
/// in the log. What is set survives polls and reloads until it is lifted or expires.
/// Main thread only.
class Control {
  public:
    /// Borrows both.
    Control(net::EventLoop& loop, Controlled& proxy);
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    /// The member gets no new sessions; those it has stay.
    Outcome drain(const std::string& cluster, const std::string& member, const DrainTerms& terms,
                  const Caller& caller);
    /// Ends a drain.
    Outcome ready(const std::string& cluster, const std::string& member, const Caller& caller);

    /// Calls `done` once everything that was set before is in force, some milliseconds later; never
    /// if the proxy stops first.
    void when_in_force(std::function<void()> done) { proxy_.when_in_force(std::move(done)); }

    [[nodiscard]] ProxyReport report() { return proxy_.report(); }
    [[nodiscard]] const OperatorSettings& settings() const noexcept { return settings_; }
    /// Another configuration is in force: forgets what was set for what is gone.
    void on_reload();

  private:
    [[nodiscard]] const ClusterConfig* find_cluster(const std::string& name) const;
    [[nodiscard]] std::optional<Outcome> refuse_unknown_cluster(const std::string& cluster) const;
    [[nodiscard]] std::optional<Outcome> refuse_unknown_member(const std::string& cluster,
                                                               const std::string& member) const;
    Outcome set(Operation operation, const std::string& cluster, const std::string& target,
                const SettingTerms& terms, const Caller& caller);
    Outcome lift(Operation operation, const std::string& cluster, const std::string& target,
                 const Caller& caller);
    void put_in_force();
    void arm_expiry();
    void on_expiry();

    Controlled& proxy_;
    OperatorSettings settings_;
    net::Timer expiry_;
};

}  // namespace proxy
