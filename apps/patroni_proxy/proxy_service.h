#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/service/service.h"
#include "patroni_proxy/config/config.h"
#include "patroni_proxy/proxy.h"
#include "patroni_proxy/state/state_file.h"

namespace proxy {

/// The proxy as a daemon: its file and what signals do.
class ProxyService final : public daemons::ServiceBody {
  public:
    /// Borrows the keeper of listening sockets.
    ProxyService(net::EventLoop& main_loop, std::string file, ProcessControls process = {},
                 net::SocketKeeper* keeper = nullptr,
                 std::shared_ptr<proxy::upgrade::Predecessor> predecessor = nullptr)
        : main_loop_(main_loop),
          file_(std::move(file)),
          process_(std::move(process)),
          keeper_(keeper),
          predecessor_(std::move(predecessor)) {}

    daemons::Load loader() override {
        // Later on, what is known is newer than the state file.
        return [this, file = file_, is_first = !proxy_](const daemons::Inputs& inputs) {
            const auto config = std::make_shared<const Config>(load_config(file, inputs));
            const auto state = std::make_shared<State>();
            if (is_first && !config->state_file.empty())
                *state = read_state(config->state_file, inputs.read, Moment::now());
            return daemons::Loaded{config->log, config->warnings,
                                   [this, config, state](std::function<void()> applied) {
                                       apply(*config, *state, std::move(applied));
                                   }};
        };
    }
    void note_reload(const std::string& error) override {
        if (proxy_)
            proxy_->note_reload(error);
    }
    void drain(Drain how, std::function<void()> drained) override {
        proxy_->drain(how == Drain::end_idle, std::move(drained));
    }
    [[nodiscard]] bool drains_on_sigterm() const override {
        return proxy_ && proxy_->drains_on_stop();
    }
    void stop() override {
        if (proxy_)
            proxy_->stop();
    }
    void upgrade(const std::function<void(const Upgrade&)>& done) override {
        proxy_->hand_over_to_successor(done);
    }
    void finish(const std::function<void()>& finished) override { proxy_->finish(finished); }
    void ping(const std::shared_ptr<void>& token) override { proxy_->ping(token); }

  private:
    void apply(const Config& config, State& state, std::function<void()> applied) {
        if (!proxy_) {
            proxy_.emplace(main_loop_, config.workers, process_, keeper_, predecessor_);
            if (!predecessor_)  // which knows more
                proxy_->restore(std::move(state));
        }
        proxy_->apply(config, std::move(applied));
    }

    net::EventLoop& main_loop_;
    const std::string file_;
    const ProcessControls process_;
    net::SocketKeeper* const keeper_;
    const std::shared_ptr<proxy::upgrade::Predecessor>
        predecessor_;  ///< null unless it is to succeed one
    std::optional<Proxy> proxy_;
};

}  // namespace proxy
