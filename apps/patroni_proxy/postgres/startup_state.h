#pragma once

#include <cstdint>
#include <string>

namespace proxy {

/// What a Startup has learnt so far, for another process that goes on with the session. A value.
struct StartupState {
    /// Whose turn it is.
    enum class Awaits : std::uint8_t {
        request,     ///< the client's
        encryption,  ///< the server's, to accept or decline encryption
        answer,      ///< the server's, to answer the startup packet
    };

    bool keeps = false;
    bool withholds = false;  ///< requests reach the server whole
    Awaits awaits = Awaits::request;
    bool speaks_on = false;
    bool refused = false;  ///< the answer kept is that of a server which has refused the session
    unsigned silent_ends = 0;
    std::string request{};
    std::string answer{};
};

}  // namespace proxy
