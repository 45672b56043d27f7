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
    if (bytes.empty() || state_.awaits != Awaits::request)
        return Next::enough;
    state_.request.append(bytes);
    const auto [kind, size] = read_request(state_.request);
    if (kind == Request::incomplete)
        return state_.withholds ? Next::more : Next::further;
    // A client sends nothing after a request before the server has answered.
    state_.speaks_on = kind == Request::other || state_.request.size() > size;
    if (state_.speaks_on)
        return Next::enough;
    switch (kind) {
        case Request::ssl:
        case Request::gss:
            state_.awaits = Awaits::encryption;
            return Next::further;
        case Request::cancel:
            return Next::cancel;
        default:
            state_.awaits = Awaits::answer;
            return state_.keeps ? Next::further : Next::enough;
    }
}

Startup::Next Startup::on_backend(std::string_view bytes) {
    // A server that speaks first is not PostgreSQL, and PostgreSQL may close on a client that says
    // nothing (authentication_timeout).
    if (state_.awaits == Awaits::request)
        return Next::enough;
    if (bytes.empty())
        return state_.keeps && state_.silent_ends++ < kMaxSilentEnds ? Next::not_ready
                                                                     : Next::enough;
    if (state_.awaits == Awaits::encryption) {
        state_.request.clear();
        state_.awaits = Awaits::request;
        return bytes == std::string_view(&kNoEncryption, 1) ? Next::further : Next::enough;
    }
    if (std::exchange(state_.refused, false))
        state_.answer.clear();
    state_.answer += bytes;
    const Answer answer = read_answer(state_.answer);
    if (answer.incomplete)
        return Next::more;
    state_.refused = state_.keeps && is_not_ready(answer);
    return state_.refused ? Next::not_ready : Next::enough;
}

}  // namespace proxy
