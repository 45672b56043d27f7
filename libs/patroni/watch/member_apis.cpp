#include "patroni/watch/member_apis.h"

#include <algorithm>
#include <utility>

namespace patroni {
namespace {

// No member's name: names are not empty and hold no NUL.
const std::string kSeveral(1, '\0');
// More APIs than any cluster has.
constexpr std::size_t kMostRemembered = 1'000;

bool is_loopback(const std::string& address) {
    return address.starts_with("127.") || address == "::1" || address == "localhost";
}

}  // namespace

void MemberApis::silent(const Endpoint& api) {
    if (silent_.size() >= kMostRemembered)
        silent_.clear();
    silent_.insert(api.url());
}

void MemberApis::told(const Endpoint& api, const std::string& name) {
    silent_.erase(api.url());
    if (names_.size() >= kMostRemembered)
        names_.clear();
    const auto [known, is_new] = names_.try_emplace(api.url(), name);
    const bool is_host = std::find(hosts_.begin(), hosts_.end(), api) != hosts_.end();
    if (!is_new && known->second != name)
        known->second = is_host && !known->second.empty() && !name.empty() ? kSeveral : name;
}

std::string MemberApis::name_at(const Endpoint& api) const {
    const auto known = names_.find(api.url());
    return known == names_.end() ? std::string{} : known->second;
}

const MemberApis::OwnApis& MemberApis::own_apis(const SnapshotPtr& snapshot) const {
    if (snapshot == read_)
        return own_apis_;
    own_apis_.clear();
    if (snapshot)
        for (const Member& member : snapshot->members)
            if (auto own = Endpoint::of_api_url(member.api_url))
                own_apis_.emplace_back(member.name, std::move(own).value());
    read_ = snapshot;
    return own_apis_;
}

/// Whether the other one is at the same port of `api`'s host, which has this address.
bool MemberApis::is_at(const Endpoint& api, const std::string& address,
                       const Endpoint& other) const {
    return other.port == api.port && (other.host == api.host || address_of_(other.host) == address);
}

std::string MemberApis::member_at(const Endpoint& api, const SnapshotPtr& snapshot) const {
    if (const std::string name = name_at(api); !name.empty())
        return name == kSeveral ? std::string{} : name;
    const std::string address = address_of_(api.host);
    std::string found;
    for (const auto& [name, own] : own_apis(snapshot))
        if (is_at(api, address, own)) {
            if (!found.empty())
                return {};
            found = name;
        }
    return found;
}

bool MemberApis::is_of_any(const Endpoint& api, const SnapshotPtr& snapshot) const {
    const OwnApis& own = own_apis(snapshot);
    if (std::any_of(own.begin(), own.end(), [&](const auto& each) { return each.second == api; }))
        return true;
    if (!snapshot || std::find(hosts_.begin(), hosts_.end(), api) == hosts_.end())
        return false;
    return std::any_of(snapshot->members.begin(), snapshot->members.end(), [&](const Member& each) {
        const auto asked = of(each, snapshot);
        return asked && asked.value() == api;
    });
}

Result<Endpoint> MemberApis::of(const Member& member, const SnapshotPtr& snapshot) const {
    auto own = Endpoint::of_api_url(member.api_url);
    const std::string others = own ? shared_with(member, own.value(), snapshot) : std::string{};
    const std::string name = own ? name_at(own.value()) : std::string{};
    const bool is_another = !name.empty() && name != member.name;
    const bool is_wrong = !own || !others.empty() || is_another;
    if (!is_wrong && !is_silent(own.value()))
        return own;
    for (const Endpoint& host : hosts_)
        if (name_at(host) == member.name && !is_silent(host))
            return host;
    if (!is_wrong)
        return own;
    for (const Endpoint& host : hosts_)
        if (name_at(host).empty() && !member.host.empty() && !is_loopback(member.host) &&
            address_of_(host.host) == address_of_(member.host))
            return host;
    if (!own || others.empty())
        return own;
    return Failure{"its api_url " + own.value().url() + " " + others +
                   ", and no entry of hosts leads to it"};
}

/// Whose it is too, as a phrase; empty if it is `member`'s alone.
std::string MemberApis::shared_with(const Member& member, const Endpoint& api,
                                    const SnapshotPtr& snapshot) const {
    const std::string address = address_of_(api.host);
    for (const auto& [name, own] : own_apis(snapshot))
        if (name != member.name && is_at(api, address, own))
            return "is also that of " + name;
    // Whoever is on our own host answers there.
    const bool is_ours = name_at(api) == member.name;
    if (is_loopback(api.host) && !member.host.empty() && !is_loopback(member.host) && !is_ours &&
        snapshot->members.size() > 1)
        return "leads to whichever host asks it";
    return {};
}

}  // namespace patroni
