#include "patroni_proxy/worker.h"

#include <utility>

namespace proxy {

Worker::Worker(const std::vector<std::string>& ports)
    : buffer_(std::make_unique<net::RelayBuffer>()) {
    for (const auto& label : ports)
        ports_.emplace_back(WorkerContext{loop_, *buffer_, sessions_}, label);
}

Worker::~Worker() {
    stop();
}

void Worker::start() {
    thread_ = std::thread([this] { loop_.run(); });
}

void Worker::stop() {
    if (!thread_.joinable())
        return;
    loop_.stop();
    thread_.join();
}

void Worker::serve(std::size_t port, net::UniqueFd client,
                   const net::SocketAddress& client_address) {
    sessions_.fetch_add(1, std::memory_order_relaxed);
    if (std::this_thread::get_id() == thread_.get_id()) {
        ports_[port].serve(std::move(client), client_address);
        return;
    }
    bool first = false;
    {
        const std::lock_guard lock(accepted_mutex_);
        first = accepted_.empty();
        accepted_.push_back({port, std::move(client), client_address});
    }
    if (first)
        loop_.post([this] { take_accepted(); });
}

void Worker::take_accepted() {
    std::vector<Accepted> accepted;
    {
        const std::lock_guard lock(accepted_mutex_);
        accepted.swap(accepted_);
    }
    for (auto& [port, client, address] : accepted)
        ports_[port].serve(std::move(client), address);
}

void Worker::use(std::size_t port, BackendTablePtr table) {
    ports_[port].use(std::move(table));
}

}  // namespace proxy
