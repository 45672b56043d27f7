#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace support {

/// One member as GET /cluster lists it. What is not given is left out of the answer, as Patroni
/// leaves it out.
struct ClusterMember {
    std::optional<std::string> name = std::nullopt;
    std::optional<std::string> role = std::nullopt;
    std::optional<std::string> state = std::nullopt;
    std::optional<std::string> api_url = std::nullopt;
    std::optional<std::string> host = std::nullopt;
    std::optional<int> port = std::nullopt;
    std::optional<std::int64_t> timeline = std::nullopt;
    /// Bytes, or a text such as "unknown".
    std::optional<std::variant<std::int64_t, std::string>> lag = std::nullopt;
    /// `true`, `false` and whole numbers are written bare, all else as a string.
    std::map<std::string, std::string> tags = {};
    /// Further keys with their values as JSON, written as they are: {{"receive_lag", "0"}}.
    std::map<std::string, std::string> extra = {};
};

/// Builds the body of GET /cluster:
///     ClusterJson().member({.name = "p1", .role = "leader", .lag = 0}).pause().str()
/// A value; owns only its text. It never fails and does not check what it is given, since tests
/// want wrong answers too.
class ClusterJson {
  public:
    ClusterJson& member(const ClusterMember& member);
    ClusterJson& pause(bool paused = true);
    ClusterJson& scope(const std::string& scope);
    /// A further key at the top level, its value written as it is.
    ClusterJson& extra(const std::string& key, const std::string& json);

    [[nodiscard]] std::string str() const;

  private:
    std::vector<std::string> members_;
    std::vector<std::string> extra_;
};

}  // namespace support
