#pragma once

#include <optional>
#include <string>

#include "haproxy/grammar/configuration.h"

namespace haproxy {

/// What secret a statement holds, in words: "the password of the statistics page". Nothing if it
/// holds none, or if the secret is a variable.
[[nodiscard]] std::optional<std::string> secret_in(const Statement& statement);

/// The statement as one line for people, with `***` for a secret.
[[nodiscard]] std::string shown(const Statement& statement);

}  // namespace haproxy
