#pragma once

#include <string>

namespace daemons {

/// What a plain scalar is to YAML 1.1, which Patroni reads its own file by, as JSON writes that
/// value: `010` is 8, `12:30` is 750, `1.10` is 1.1, `yes` is true. What is no number and no truth
/// value stays as it is. Pure.
[[nodiscard]] std::string yaml_value_of(const std::string& plain_scalar);

}  // namespace daemons
