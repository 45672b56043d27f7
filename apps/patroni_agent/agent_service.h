#pragma once

#include <functional>
#include <string>
#include <utility>

#include "daemon/service.h"
#include "patroni_agent/agent.h"
#include "patroni_agent/config.h"

namespace agent {

/// The agent as a daemon: where its configuration comes from, and what signals mean to it.
class AgentService final : public daemons::ServiceBody {
  public:
    /// `load` throws what is wrong: it reads the file, or makes the same of the command line.
    AgentService(net::EventLoop& main_loop, std::function<Config()> load)
        : load_(std::move(load)), agent_(main_loop) {}

    daemons::LogConfig load() override {
        config_ = load_();
        return config_.log;
    }
    void apply() override { agent_.apply(config_); }
    void note_reload(const std::string& error) override { agent_.note_reload(error); }
    /// An answer is one line: there is nothing to wait for.
    void drain(std::function<void()> drained) override { drained(); }
    void stop() override { agent_.stop(); }
    void ping(const std::shared_ptr<void>& token) override { agent_.ping(token); }

  private:
    const std::function<Config()> load_;
    Config config_;
    Agent agent_;
};

}  // namespace agent
