#pragma once

#include <optional>
#include <string>
#include <utility>

#include "daemon/service.h"
#include "patroni_proxy/config.h"
#include "patroni_proxy/proxy.h"

namespace proxy {

/// The proxy as a daemon: its file, and what signals mean to it.
class ProxyService final : public daemons::ServiceBody {
  public:
    ProxyService(net::EventLoop& main_loop, std::string file)
        : main_loop_(main_loop), file_(std::move(file)) {}

    daemons::LogConfig load() override {
        config_ = load_config(file_);
        return config_.log;
    }
    void apply() override {
        if (!proxy_)
            proxy_.emplace(main_loop_, config_.workers);
        proxy_->apply(config_);
    }
    void note_reload(const std::string& error) override { proxy_->note_reload(error); }
    void drain(std::function<void()> drained) override { proxy_->drain(std::move(drained)); }
    void stop() override { proxy_->stop(); }
    void ping(const std::shared_ptr<void>& token) override { proxy_->ping(token); }

  private:
    net::EventLoop& main_loop_;
    const std::string file_;
    Config config_;
    std::optional<Proxy> proxy_;
};

}  // namespace proxy
