#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "patroni/rest/endpoint.h"
#include "patroni/rest/rest_client.h"

namespace patroni {

/// Asks one REST API, on a thread of its own, one request after the other. So an API that freezes
/// delays nothing else, and no member ever has two of our requests in flight.
class MemberProbe {
  public:
    /// Called on the probe's thread.
    using OnReply = std::function<void(Result<HttpReply>)>;

    /// Throws std::system_error if no thread can be started.
    MemberProbe(RestClient::Timeouts timeouts, RestClient::Access access);
    MemberProbe(const MemberProbe&) = delete;
    MemberProbe& operator=(const MemberProbe&) = delete;
    /// Ends the request in flight and drops those that wait.
    ~MemberProbe();

    /// Any thread. `endpoint` leads to this API, by any of its names: a certificate may be for the
    /// host's name and not for its address.
    void ask(const Endpoint& endpoint, const std::string& path, OnReply on_reply);
    /// Whether every request has been answered. Any thread.
    [[nodiscard]] bool is_idle();

  private:
    struct Question {
        Endpoint endpoint;
        std::string path;
        OnReply on_reply;
    };

    void run(const std::stop_token& stop);

    RestClient client_;
    base::Mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Question> questions_ GUARDED_BY(mutex_);
    bool is_asking_ GUARDED_BY(mutex_) = false;
    std::jthread thread_;  // last: it uses the others
};

}  // namespace patroni
