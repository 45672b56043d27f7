#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "daemon/service/service.h"
#include "patroni_agent/agent.h"
#include "patroni_agent/config.h"

namespace agent {

/// The agent as a daemon: where its configuration comes from and what signals do.
class AgentService final : public daemons::ServiceBody {
  public:
    /// Reads the file, or makes a configuration from the command line; throws if it is wrong. Runs
    /// on its own thread, which may outlive the service, so it must not refer to it.
    using LoadConfig = std::function<Config(const daemons::Inputs& inputs)>;

    AgentService(net::EventLoop& main_loop, LoadConfig load, net::SocketKeeper* keeper = nullptr)
        : load_(std::move(load)), agent_(main_loop, keeper) {}

    daemons::Load loader() override {
        return [this, load = load_](const daemons::Inputs& inputs) {
            const auto config = std::make_shared<const Config>(load(inputs));
            return daemons::Loaded{config->log, config->warnings,
                                   [this, config](const std::function<void()>& applied) {
                                       agent_.apply(*config);
                                       applied();
                                   }};
        };
    }
    void note_reload(const std::string& error) override { agent_.note_reload(error); }
    /// Every answer is one line: nothing to wait for.
    void drain(Drain /*how*/, std::function<void()> drained) override { drained(); }
    void stop() override { agent_.stop(); }
    void ping(const std::shared_ptr<void>& token) override { agent_.ping(token); }

  private:
    const LoadConfig load_;
    Agent agent_;
};

}  // namespace agent
