#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "patroni/rest/endpoint.h"

namespace proxy {

/// What runs at a change (`on_change`): a command, or a request to a URL. A value.
struct HookSettings {
    struct Url {
        patroni::Endpoint endpoint;
        std::string path;  ///< "/hook?x=1"

        friend bool operator==(const Url&, const Url&) = default;
    };

    std::vector<std::string> command;  ///< the absolute path first, then arguments; empty: a URL
    std::optional<Url> url;
    std::chrono::milliseconds timeout{10'000};  ///< then the command is killed

    friend bool operator==(const HookSettings&, const HookSettings&) = default;
};

}  // namespace proxy
