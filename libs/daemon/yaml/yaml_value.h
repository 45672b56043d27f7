#pragma once

#include <string>

namespace daemons {

/// The value of a plain scalar in YAML 1.1, which Patroni uses for its own file, written as JSON:
/// `010` is 8, `12:30` is 750, `1.10` is 1.1, `yes` is true. Anything but a number or a boolean
/// stays as it is. Pure.
[[nodiscard]] std::string yaml_value_of(const std::string& plain_scalar);

}  // namespace daemons
