#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/verdict/cluster_view.h"

// What Patroni has said, and what was concluded from it, in fields. Reading returns false, or null,
// for what cannot be read.
namespace proxy::upgrade {

/// One entry of a map: the key, and a text, a number or both.
struct Entry {
    std::string key{};
    std::string text{};
    std::uint64_t number = 0;
};
[[nodiscard]] std::string write_entry(const Entry& entry);
[[nodiscard]] bool read_entry(std::string_view fields, Entry& entry);
[[nodiscard]] bool read_entry(std::string_view fields, std::map<std::string, std::uint64_t>& map);
[[nodiscard]] bool read_entry(std::string_view fields, std::map<std::string, std::string>& map);

[[nodiscard]] std::string write_member(const patroni::Member& member);
[[nodiscard]] bool read_member(std::string_view fields, patroni::Member& member);

[[nodiscard]] std::string write_snapshot(const patroni::ClusterSnapshot& snapshot);
[[nodiscard]] patroni::SnapshotPtr read_snapshot(std::string_view fields);

[[nodiscard]] std::string write_leader(const patroni::Leadership& leader);
[[nodiscard]] bool read_leader(std::string_view fields, patroni::Leadership& leader);

}  // namespace proxy::upgrade
