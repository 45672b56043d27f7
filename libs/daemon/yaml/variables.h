#pragma once

#include <functional>
#include <optional>
#include <string>

namespace daemons {

/// The value of a variable of the environment, if it is set; or its stand-in in a test. A Variables
/// without a function leaves values as they are written.
using Variables = std::function<std::optional<std::string>(const std::string& name)>;

/// Reads the environment of this process, which no other thread may change meanwhile; the daemons
/// never do.
[[nodiscard]] std::optional<std::string> environment_variable(const std::string& name);

/// A value after its variables were put in.
struct Expanded {
    std::string text;
    std::string problem;  ///< why it cannot be used; it never contains the value of a variable
};

/// Replaces `${NAME}` by the variable, and `${NAME:-default}` by the default if the variable is not
/// set or empty, as a shell does. `$${` stands for a literal `${`; any other `$` stands for itself.
/// The value of a variable is not expanded again. Pure, if `variables` is.
[[nodiscard]] Expanded expand_variables(const std::string& written, const Variables& variables);

}  // namespace daemons
