#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "world.h"

namespace simulation {

/// A member as one answer of GET /cluster describes it.
struct Told {
    std::string name;
    std::string role;
    std::string state;
    std::string host;
    std::uint64_t timeline = 1;
    std::optional<std::uint64_t> lag = 0;
    bool legible = true;    ///< false: the answer says nothing about this member
    bool has_place = true;  ///< its host can be read
};

/// What an API answers, and what the world knows about that answer.
struct Answer {
    int status = 200;
    std::string body;
    bool ours = true;     ///< it comes from our cluster
    bool legible = true;  ///< it can be read
    bool whole = true;    ///< it covers every member
    bool paused = false;
    std::string speaker;            ///< who answers
    std::vector<Told> rows;         ///< GET /cluster
    std::string system_identifier;  ///< GET /primary
    std::string role, state;        ///< GET /primary
};

inline constexpr const char* kForeignNetwork = "10.9.";

/// The answer that `node` gives now. Its lie applies once.
[[nodiscard]] Answer answer_of(World& world, Node& node, const std::string& path, Chance& chance);

}  // namespace simulation
