#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "patroni_proxy/postgres/postgres_messages.h"
#include "support/fakes/fake_backend.h"

namespace proxy {

/// What a PostgreSQL without TLS says to the first messages of a session.
/// Any thread; the backend that it speaks for may outlive it.
class FakePostgres {
  public:
    enum class State {
        accepts,
        starts,  ///< takes connections and refuses the sessions
        closes,  ///< closes them without a word
    };

    /// A backend that is to speak as this one has `greeting` and `echo` off.
    FakePostgres(support::FakeBackend& backend, State state)
        : state_(std::make_shared<std::atomic<State>>(state)) {
        backend.answer_by([name = backend.name(), shared = state_](const std::string& request) {
            return answer_to(request, name, *shared);
        });
    }

    void become(State state) { *state_ = state; }

    /// The first bytes of the answer to a startup packet, here with the server's name.
    static std::string welcome(const std::string& name) {
        const std::string length(3, '\0');
        return "R" + length + '\x08' + name + '\n';
    }

    static std::string ssl_request() { return request(8, "\x04\xd2\x16\x2f"); }
    static std::string gss_request() { return request(8, "\x04\xd2\x16\x30"); }
    static std::string cancel_request(std::size_t key_size = 4) {
        return request(12 + key_size, "\x04\xd2\x16\x2e") + "\x01\x02\x03\x04" +
               std::string(key_size, 'k');
    }
    static std::string startup(const std::string& user = "app") {
        const std::string parameters = "user" + std::string(1, '\0') + user + std::string(2, '\0');
        return request(8 + parameters.size(), std::string("\0\3\0\0", 4)) + parameters;
    }

  private:
    static std::string request(std::size_t size, const std::string& code) {
        return std::string(2, '\0') + static_cast<char>(size >> 8U) + static_cast<char>(size) +
               code;
    }

    static std::optional<std::string> answer_to(const std::string& asked, const std::string& name,
                                                State state) {
        const Request kind = read_request(asked).kind;
        if (state == State::closes || kind == Request::cancel)
            return std::nullopt;
        if (kind == Request::ssl || kind == Request::gss)
            return std::string(1, kNoEncryption);
        if (kind != Request::startup)
            return "";
        return state == State::accepts ? welcome(name)
                                       : fatal_error(kCannotConnectNow, name + " starts up");
    }

    std::shared_ptr<std::atomic<State>> state_;
};

}  // namespace proxy
