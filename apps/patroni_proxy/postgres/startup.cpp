#include "patroni_proxy/postgres/startup.h"

#include <utility>

#include "patroni_proxy/postgres/postgres_messages.h"

namespace proxy {
namespace {

// A server that is stopping may close without an answer. A server that does so every time objects
// to what this client sends, which is no reason to distrust the server.
constexpr unsigned kMaxSilentEnds = 3;

}  // namespace

Startup::Next Startup::on_client(std::string_view bytes) {
    // A client that has ended, or did not wait for the answer, cannot be helped.
    if (bytes.empty() || awaits_ != Awaits::request)
        return Next::enough;
    request_.append(bytes);
    const auto [kind, size] = read_request(request_);
    if (kind == Request::incomplete)
        return withholds_ ? Next::more : Next::further;
    // A client sends nothing after a request before the server has answered.
    speaks_on_ = kind == Request::other || request_.size() > size;
    if (speaks_on_)
        return Next::enough;
    switch (kind) {
        case Request::ssl:
        case Request::gss:
            awaits_ = Awaits::encryption;
            return Next::further;
        case Request::cancel:
            return Next::cancel;
        default:
            awaits_ = Awaits::answer;
            return keeps_ ? Next::further : Next::enough;
    }
}

Startup::Next Startup::on_backend(std::string_view bytes) {
    // A server that speaks first is not PostgreSQL, and PostgreSQL may close on a client that says
    // nothing (authentication_timeout).
    if (awaits_ == Awaits::request)
        return Next::enough;
    if (bytes.empty())
        return keeps_ && silent_ends_++ < kMaxSilentEnds ? Next::not_ready : Next::enough;
    if (awaits_ == Awaits::encryption) {
        request_.clear();
        awaits_ = Awaits::request;
        return bytes == std::string_view(&kNoEncryption, 1) ? Next::further : Next::enough;
    }
    if (std::exchange(refused_, false))
        answer_.clear();
    answer_ += bytes;
    const Answer answer = read_answer(answer_);
    if (answer.incomplete)
        return Next::more;
    refused_ = is_not_ready(answer);
    return refused_ ? Next::not_ready : Next::enough;
}

}  // namespace proxy
