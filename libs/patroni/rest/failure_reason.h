#pragma once

#include <chrono>
#include <string>

namespace Poco {
class Exception;
}

namespace patroni {

// Why a request failed, in plain words for a log line: no text of a library's. Pure.

/// Of an errno: "connection refused".
[[nodiscard]] std::string reason_of_errno(int error);

/// Of an exception that POCO throws while it connects, sends or receives.
[[nodiscard]] std::string reason_of(const Poco::Exception& error);

/// "4 s", "1500 ms".
[[nodiscard]] std::string text_of(std::chrono::milliseconds time);

}  // namespace patroni
