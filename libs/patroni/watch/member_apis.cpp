#include "patroni/watch/member_apis.h"

#include <algorithm>

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

std::string MemberApis::member_at(const Endpoint& api, const ClusterSnapshot* snapshot) const {
    if (const std::string name = name_at(api); !name.empty())
        return name == kSeveral ? std::string{} : name;
    std::string found;
    for (const Member& member : snapshot ? snapshot->members : std::vector<Member>{})
        if (const auto own = Endpoint::of_api_url(member.api_url);
            own && place_of(own.value()) == place_of(api)) {
            if (!found.empty())
                return {};
            found = member.name;
        }
    return found;
}

Result<Endpoint> MemberApis::of(const Member& member, const ClusterSnapshot& snapshot) const {
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
                                    const ClusterSnapshot& snapshot) const {
    for (const Member& other : snapshot.members)
        if (other.name != member.name)
            if (const auto its = Endpoint::of_api_url(other.api_url);
                its && place_of(its.value()) == place_of(api))
                return "is also that of " + other.name;
    // Whoever is on our own host answers there.
    const bool is_ours = name_at(api) == member.name;
    if (is_loopback(api.host) && !member.host.empty() && !is_loopback(member.host) && !is_ours &&
        snapshot.members.size() > 1)
        return "leads to whichever host asks it";
    return {};
}

std::string MemberApis::place_of(const Endpoint& api) const {
    return address_of_(api.host) + ":" + std::to_string(api.port);
}

}  // namespace patroni
