#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "patroni_proxy/backend/backend_table.h"

namespace proxy {

inline patroni::Verdict verdict_on(const std::string& name, patroni::Standing standing,
                                   const std::string& reason) {
    patroni::Member member;
    member.name = name;
    member.host = name + ".example.com";
    return {std::make_shared<const patroni::Member>(member), standing, reason};
}

/// Two that are eligible, one that may keep its sessions, two that are out.
inline std::vector<patroni::Verdict> verdicts_on_five() {
    return {verdict_on("p1", patroni::Standing::eligible, "leader"),
            verdict_on("p2", patroni::Standing::eligible, "sync_standby"),
            verdict_on("p3", patroni::Standing::tolerated, "lag of 1000 bytes is over 999"),
            verdict_on("p4", patroni::Standing::out, "state is stopped"),
            verdict_on("p5", patroni::Standing::out, "tagged noloadbalance")};
}

/// Gives each member a backend of its own, the same one every time, except those without address.
class Lookup {
  public:
    /// Members that have no backend, and why.
    explicit Lookup(std::map<std::string, std::string> unlocated = {})
        : unlocated_(std::move(unlocated)) {}

    BackendLookup function() {
        return [this](const patroni::Member& member) -> Located {
            asked.push_back(member.name);
            if (const auto found = unlocated_.find(member.name); found != unlocated_.end())
                return {{}, {}, found->second};
            BackendPtr& backend = backends_[member.name];
            if (!backend)
                backend = BackendPtr(new Backend{member.name, {}});
            return {{backend}, {}, {}};
        };
    }
    std::vector<std::string> asked;

  private:
    std::map<std::string, std::string> unlocated_;
    std::map<std::string, BackendPtr> backends_;
};

inline std::string names_of(const std::vector<BackendPtr>& backends) {
    std::string names;
    for (const auto& backend : backends)
        names += (names.empty() ? "" : " ") + backend->member;
    return names;
}

/// "p1 p2 | p3 | why excluded"
inline std::string text_of(const BackendTable& table) {
    return names_of(table.eligible) + " | " + names_of(table.tolerated) + " | " +
           table.why_excluded();
}

}  // namespace proxy
