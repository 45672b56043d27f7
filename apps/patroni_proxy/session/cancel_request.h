#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/socket/socket_address.h"
#include "net/socket/tcp_options.h"
#include "net/socket/unique_fd.h"

namespace proxy {

/// One client's cancel request on its way to every server that may run the query: the key that it
/// carries matches on one of them only, and the others ignore it. Which one that is nobody knows:
/// behind a balancer the query may have come by another proxy.
/// It is done once each server has closed its connection, for by then it has acted: a client that
/// waits for that may send its next query without fear that it is the one that is cancelled.
/// Loop thread only. Like every handler it outlives the batch of events it was active in.
class CancelRequest {
  public:
    /// `done` is told once, later; at the latest after `timeout`, and after a second if none is
    /// `likely` that has not acted yet.
    CancelRequest(net::EventLoop& loop, std::string request, std::chrono::milliseconds timeout,
                  std::function<void()> done);
    CancelRequest(const CancelRequest&) = delete;
    CancelRequest& operator=(const CancelRequest&) = delete;
    ~CancelRequest();

    void send_to(const net::SocketAddress& address, const net::TcpOptions& options, bool likely);
    /// To a server that is connected and still lacks these last bytes of the request.
    void send_rest_over(net::UniqueFd connection, const std::string& rest);

  private:
    class Delivery;

    Delivery& next_delivery(bool likely);
    void on_delivered(bool likely);
    void arm_timer();

    net::EventLoop& loop_;
    const std::string request_;
    const std::chrono::milliseconds timeout_;
    const std::function<void()> done_;
    std::vector<std::unique_ptr<Delivery>> deliveries_;
    std::size_t under_way_ = 0;
    std::size_t likely_under_way_ = 0;  ///< those of them
    const net::TimerQueue::Clock::time_point started_ = net::TimerQueue::Clock::now();
    net::Timer timer_;
};

}  // namespace proxy
