#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/log/log.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/control/operator_settings.h"
#include "patroni_proxy/history/story/observation.h"
#include "patroni_proxy/report/report.h"
#include "patroni_proxy/session/selection/drain_pace.h"
#include "patroni_proxy/session/selection/session_filter.h"

namespace proxy {

/// Who asks for a change, for the log and for what is set: "uid 1000, pid 42", "HTTP API 10.0.0.1".
struct Caller {
    std::string name;
};

struct SettingTerms {
    std::string why{};                                ///< for people; may be empty
    std::optional<std::chrono::seconds> lasts_for{};  ///< empty: until it is lifted
};
struct DrainTerms : SettingTerms {
    bool maintenance = false;  ///< the effect is the same; HAProxy's tools are told so
    /// Set: the sessions that the member has end at this pace.
    std::optional<DrainPace> pace{};
};

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

/// What became of a reload.
struct ReloadOutcome {
    std::string error;                 ///< empty: the file is in force
    std::vector<std::string> changes;  ///< "port main/rw added", ...; none: it is the same
    std::vector<std::string> taken{};  ///< addresses taken over from another process
};

/// What only the process as a whole can do. Main thread only.
struct ProcessControls {
    /// Reads the files again; calls its argument with why that failed, or with nothing once it is
    /// in force.
    std::function<void(std::function<void(const std::string& error)>)> reload{};
    std::function<daemons::log::Level()> log_level{};
    /// Nothing if it is the configuration's.
    std::function<std::optional<daemons::log::Level>()> log_level_set{};
    std::function<void(daemons::log::Level)> set_log_level{};
    /// Starts the program again and hands everything over to it.
    std::function<void(std::function<void(const std::string& error, const std::string& message)>)>
        upgrade{};
    std::vector<std::string> command_line{};  ///< with which this process was started
};

/// What Control needs of the proxy. Main thread only.
class Controlled {
  public:
    [[nodiscard]] virtual const Config& config() const = 0;
    /// The members of a configured cluster, as far as they are known.
    [[nodiscard]] virtual std::vector<std::string> members_of(const std::string& cluster) const = 0;
    /// Why this configured cluster cannot be frozen now; empty if it can.
    [[nodiscard]] virtual std::string why_not_frozen(const std::string& cluster) const = 0;
    /// Puts Control's settings in force, soon.
    virtual void use_operator_settings() = 0;
    /// Calls `done` on the main thread once all settings so far are in force; never if the proxy
    /// stops first.
    virtual void when_in_force(std::function<void()> done) = 0;
    /// Ends the member's sessions at a pace, until keep_sessions().
    virtual void end_sessions(const std::string& cluster, const std::string& member,
                              const DrainPace& pace, const std::string& detail) = 0;
    virtual void keep_sessions(const std::string& cluster, const std::string& member) = 0;
    /// As OpenSessions::list().
    virtual void list_sessions(const SessionFilter& filter, SessionWriter write,
                               std::function<void(std::string text)> done) = 0;
    /// Ends what the filter selects now; `detail` says by whom.
    virtual void close_sessions(const SessionFilter& filter, const std::string& detail,
                                std::function<void(std::size_t closed)> done) = 0;
    /// Reads the file again, and calls `done` on the main thread once it is in force or has failed.
    /// As Control::reload().
    virtual void reload(const std::string& listeners,
                        std::function<void(const ReloadOutcome&)> done) = 0;
    /// As Control::upgrade().
    virtual void start_upgrade(const std::string& by, std::function<void(const Outcome&)> done) = 0;
    /// Nothing may be set now: it would not reach the next process.
    [[nodiscard]] virtual bool is_upgrading() const = 0;
    [[nodiscard]] virtual daemons::log::Level log_level() const = 0;
    virtual void set_log_level(daemons::log::Level level) = 0;
    [[nodiscard]] virtual ProxyReport report() = 0;
    /// Keeps the action in the history.
    virtual void note_action(const history::OperatorAction& action) = 0;

  protected:
    ~Controlled() = default;
};

/// What operators can do, whichever way they ask: the one place for verbs. Each change is one line
/// in the log. What is set survives polls and reloads until it is lifted or expires, and never
/// makes a member eligible.
/// Main thread only.
class Control {
  public:
    /// How long a port is held unless the operator says how long, and how long at most: clients
    /// wait meanwhile.
    static constexpr std::chrono::seconds kHold{60};
    static constexpr std::chrono::seconds kLongestHold{3'600};

    /// Borrows both.
    Control(net::EventLoop& loop, Controlled& proxy);
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    /// The member gets no new sessions, on one port or on all; those it has stay, or end at a pace
    /// if it is drained on all ports.
    Outcome drain(const std::string& cluster, const std::string& member,
                  const std::optional<std::string>& port, const DrainTerms& terms,
                  const Caller& caller);
    /// Ends a drain on one port, or all drains of the member.
    Outcome ready(const std::string& cluster, const std::string& member,
                  const std::optional<std::string>& port, const Caller& caller);
    /// The member gets no new sessions while it has this many; nullopt lifts that.
    Outcome cap(const std::string& cluster, const std::string& member,
                std::optional<std::uint32_t> sessions, const SettingTerms& terms,
                const Caller& caller);
    /// New clients of the port wait until it is released, or the time is over (kHold by default):
    /// then they go on. Bounded by the port's max_queued.
    Outcome hold(const std::string& cluster, const std::string& port, const SettingTerms& terms,
                 const Caller& caller);
    Outcome release(const std::string& cluster, const std::string& port, const Caller& caller);
    /// New clients of the port are refused; its sessions stay.
    Outcome disable(const std::string& cluster, const std::string& port, const SettingTerms& terms,
                    const Caller& caller);
    Outcome enable(const std::string& cluster, const std::string& port, const Caller& caller);
    /// Routing stays as it is, whatever Patroni says, with the exceptions of FrozenView. A conflict
    /// if nobody could write until it is lifted.
    Outcome freeze(const std::string& cluster, const SettingTerms& terms, const Caller& caller);
    Outcome unfreeze(const std::string& cluster, const Caller& caller);
    /// Until the next reload or restart.
    Outcome set_log_level(daemons::log::Level level, const Caller& caller);
    void list_sessions(const SessionFilter& filter, SessionWriter write,
                       std::function<void(std::string text)> done) {
        proxy_.list_sessions(filter, std::move(write), std::move(done));
    }
    /// Ends the sessions that the filter selects, which must not be all, and says how many.
    void close_sessions(const SessionFilter& filter, const Caller& caller,
                        std::function<void(std::size_t closed)> done);
    /// Each of several at once is answered, when a file that was read after it is in force.
    /// `listeners`: the path of a socket on which another process hands over its listening sockets,
    /// as HAProxy does; the configuration takes those that it listens on. Empty: none.
    void reload(const std::string& listeners, const Caller& caller,
                std::function<void(const ReloadOutcome&)> done);

    /// Starts the program again and hands everything over to it: listening sockets, sessions, and
    /// what operators have set.
    void upgrade(const Caller& caller, std::function<void(const Outcome&)> done);
    /// Goes on with what was set in the process that this one succeeds. Before the configuration is
    /// in force.
    void go_on_with(OperatorSettings settings) {
        settings_ = std::move(settings);
        remind_of_freezes();
    }

    /// Calls `done` once everything that was set before is in force, some milliseconds later; never
    /// if the proxy stops first.
    void when_in_force(std::function<void()> done) { proxy_.when_in_force(std::move(done)); }

    [[nodiscard]] ProxyReport report() { return proxy_.report(); }
    [[nodiscard]] const OperatorSettings& settings() const noexcept { return settings_; }
    /// What was set before a restart, as if it had been set then. Before the first configuration is
    /// in force.
    void restore(std::vector<OperatorSetting> settings);
    /// Another configuration is in force: forgets what was set for what is gone.
    void on_reload();
    /// A reload is over. An operator or a signal asked for it.
    void note_reload(const ReloadOutcome& outcome);

  private:
    /// Logs what becomes of a setting.
    static void tell(daemons::log::Level level, std::string_view event, const Subject& subject,
                     const std::string& message);
    void forget_pace(const Subject& subject);
    using Refusal = std::optional<Outcome>;
    [[nodiscard]] Refusal refuse_during_upgrade() const;

    [[nodiscard]] const ClusterConfig* find_cluster(const std::string& name) const;
    [[nodiscard]] Refusal refuse_unknown_cluster(const std::string& cluster) const;
    [[nodiscard]] Refusal refuse_unknown_member(const std::string& cluster,
                                                const std::string& member) const;
    [[nodiscard]] Refusal refuse_unknown_port(const std::string& cluster,
                                              const std::string& port) const;
    Outcome set(OperatorSetting setting, const SettingTerms& terms, const Caller& caller);
    Outcome lift(const std::vector<Subject>& subjects, const Caller& caller);
    void put_in_force();
    void arm_expiry();
    void on_expiry();
    void remind_of_freezes();

    Controlled& proxy_;
    OperatorSettings settings_;
    net::Timer expiry_;
    net::Timer reminder_;
    std::string reload_caller_;  ///< who asked for the reload that is under way; empty: a signal
};

/// "+1 cluster, port a renamed, 3 sessions end": the changes in one line.
[[nodiscard]] std::string summary_of(const ReloadOutcome& outcome);

}  // namespace proxy
