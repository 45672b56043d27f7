#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Words of a sentence for people. Pure; any thread.
namespace daemons {

/// "a, b, c".
[[nodiscard]] std::string joined(const std::vector<std::string>& words,
                                 std::string_view separator = ", ");

/// "1 session", "2 sessions": for a noun whose plural has an s.
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view noun);

}  // namespace daemons
