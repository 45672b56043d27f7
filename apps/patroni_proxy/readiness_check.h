#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/log_throttle.h"
#include "net/event_loop.h"
#include "patroni_proxy/backend_table.h"
#include "patroni_proxy/port.h"

namespace proxy {

/// Asks the doubtful backends of one port whether they accept sessions, as pg_isready does: a
/// server that starts or stops accepts the connection and then refuses the session, which a client
/// that is led there under TLS could not be spared.
/// Loop thread only. Like every handler it outlives the batch of events it was active in.
class ReadinessCheck {
  public:
    /// `on_chance`: one of them may be used now, or it is time to ask again. It may ask at once.
    /// `on_refused`: that one said no, or cannot be reached.
    ReadinessCheck(net::EventLoop& loop, const std::string& label, std::function<void()> on_chance,
                   std::function<void(const BackendPtr&)> on_refused);
    ReadinessCheck(const ReadinessCheck&) = delete;
    ReadinessCheck& operator=(const ReadinessCheck&) = delete;
    ~ReadinessCheck();

    /// Asks those that are doubtful, but none that has yet to answer or said no a moment ago.
    /// Who is not among `backends` any more is not waited for.
    void ask(const std::vector<BackendPtr>& backends, const PortSettings& settings);

  private:
    class Question;

    void on_end(Question& question) noexcept;
    void log_refusal(const Backend& backend, const std::string& why) noexcept;
    void dispose_of(std::vector<std::unique_ptr<Question>>::iterator question);

    net::EventLoop& loop_;
    const std::string& label_;
    const std::function<void()> on_chance_;
    const std::function<void(const BackendPtr&)> on_refused_;
    std::vector<std::unique_ptr<Question>> questions_;
    daemons::LogThrottle lines_;
};

}  // namespace proxy
