#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop/timer.h"
#include "net/socket/unique_fd.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/backend/request/backend_request.h"
#include "patroni_proxy/host/session_host.h"

namespace proxy {

/// Passes one client's cancel request to every server that may be running the query. Its key fits
/// one of them, and the others ignore it. The proxy cannot know which: behind a load balancer the
/// query may have come through another proxy.
/// The request is done once each server has closed its connection. By then the server has acted, so
/// a client that waits for this can send its next query without the risk that it is cancelled.
/// Loop thread only. Like every handler it outlives the batch of events it was active in.
class CancelRequest {
  public:
    /// `done` is called once, from the loop: at the latest after the port's connect_timeout, or
    /// after a second if the only servers that have not acted yet have no sessions of ours.
    /// `header`: of the PROXY protocol, which each connection begins with; empty: none.
    CancelRequest(SessionHost& port, std::string header, std::string request,
                  std::function<void()> done);
    CancelRequest(const CancelRequest&) = delete;
    CancelRequest& operator=(const CancelRequest&) = delete;
    ~CancelRequest();

    /// To a server that is connected and still lacks the last bytes of the request. Before others.
    void send_rest_over(net::UniqueFd connection, const std::string& rest);
    /// To each over a connection of its own. All but the first of the request are left out if the
    /// process has no connections to spare: a flood of requests must not use up the descriptors of
    /// sessions.
    void send_to(const std::vector<BackendPtr>& backends);

    /// How many connections SessionHost::count_connection() has counted for it.
    [[nodiscard]] std::uint64_t counted_connections() const noexcept { return counted_; }

  private:
    BackendRequest& next_delivery(std::string text, bool likely);
    void on_reply(const BackendReply& reply, bool likely);
    void arm_timer();

    SessionHost& port_;
    const std::string header_;
    const std::string request_;
    const std::function<void()> done_;
    std::vector<std::unique_ptr<BackendRequest>> deliveries_;
    std::uint64_t counted_ = 0;
    std::size_t under_way_ = 0;
    std::size_t likely_under_way_ = 0;  ///< those to servers that have sessions of ours
    const net::TimerQueue::Clock::time_point started_ = net::TimerQueue::Clock::now();
    net::Timer timer_;
};

}  // namespace proxy
