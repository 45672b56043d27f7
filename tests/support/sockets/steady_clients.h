#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "support/sockets/test_client.h"
#include "support/wait.h"

namespace support {

/// Connects to a port again and again, in a thread of its own, and counts connects that fail.
class SteadyClients {
  public:
    /// `pause` lies between two connects.
    SteadyClients(std::string ip, std::uint16_t port,
                  std::chrono::milliseconds pause = std::chrono::milliseconds(0))
        : thread_([this, ip = std::move(ip), port, pause](const std::stop_token& stop) {
              while (!stop.stop_requested()) {
                  if (TestClient::connect_error(ip, port) != 0)
                      ++failed_;
                  ++connects_;
                  std::this_thread::sleep_for(pause);
              }
          }) {}

    [[nodiscard]] int failed() const { return failed_; }
    void wait_for_more(int count = 50) const {
        const int until = connects_ + count;
        eventually([&] { return connects_ >= until; }, "clients to connect");
    }

  private:
    std::atomic<int> connects_{0};
    std::atomic<int> failed_{0};
    std::jthread thread_;
};

}  // namespace support
