#include "patroni_agent/member/identity.h"

#include <algorithm>
#include <ifaddrs.h>
#include <net/if.h>
#include <optional>

#include "net/socket/socket_address.h"

namespace agent {
namespace {

using patroni::Endpoint;

bool intersect(const std::vector<std::string>& some, const auto& others) {
    return std::any_of(some.begin(), some.end(), [&](const auto& each) {
        return std::find(others.begin(), others.end(), each) != others.end();
    });
}

bool is_loopback(const std::vector<std::string>& addresses) {
    return std::find(addresses.begin(), addresses.end(), "127.0.0.1") != addresses.end() ||
           std::find(addresses.begin(), addresses.end(), "::1") != addresses.end();
}

/// On Debian a host's own name resolves to 127.0.1.1, on that host only. Excludes addresses, and
/// localhost, which other members may have left in their api_url.
bool is_name_of_this_host(const std::string& host, const std::vector<std::string>& addresses) {
    return !host.starts_with("127.") && !is_loopback(addresses) &&
           std::any_of(addresses.begin(), addresses.end(),
                       [](const std::string& address) { return address.starts_with("127."); });
}

/// The member that fits, if exactly one does.
template <typename Fits>
std::optional<std::string> only_one(const patroni::ClusterSnapshot& snapshot, Fits fits) {
    std::optional<std::string> found;
    for (const auto& member : snapshot.members) {
        const auto api = Endpoint::of_api_url(member.api_url);
        if (!api || !fits(api.value()))
            continue;
        if (found)
            return std::nullopt;
        found = member.name;
    }
    return found;
}

}  // namespace

patroni::Result<std::string> member_beside(const patroni::ClusterSnapshot& snapshot,
                                           const std::vector<Endpoint>& asked,
                                           const AddressesOf& addresses_of,
                                           const std::set<std::string>& addresses_of_this_host) {
    const bool all_loopback = std::all_of(
        snapshot.members.begin(), snapshot.members.end(), [&](const patroni::Member& member) {
            const auto api = Endpoint::of_api_url(member.api_url);
            return !api || is_loopback(addresses_of(api.value().host));
        });
    const auto is_here = [&](const std::string& host, const std::vector<std::string>& api) {
        return is_name_of_this_host(host, api) ||
               (intersect(api, addresses_of_this_host) && (all_loopback || !is_loopback(api)));
    };
    const auto fits = [&](const Endpoint& api) {
        const auto its_addresses = addresses_of(api.host);
        return std::any_of(asked.begin(), asked.end(), [&](const Endpoint& host) {
            if (host.port != api.port)
                return false;
            const auto addresses = addresses_of(host.host);
            const bool api_is_here = is_here(api.host, its_addresses);
            if (is_loopback(addresses))
                return api_is_here;
            const bool is_the_same =
                host.host == api.host || intersect(addresses, its_addresses) ||
                (is_name_of_this_host(api.host, its_addresses) && is_here(host.host, addresses));
            return is_the_same && (asked.size() == 1 || api_is_here);
        });
    };
    if (const auto name = only_one(snapshot, fits))
        return *name;
    return patroni::Failure{
        "cannot tell from the addresses which member is local; name it with 'member'"};
}

patroni::Result<std::optional<std::string>> member_by_its_word(
    const patroni::ClusterSnapshot& snapshot, const std::vector<patroni::Speaker>& told) {
    std::optional<std::string> name;
    for (const auto& [member, cluster] : told) {
        const std::string& scope = cluster.scope;
        if (!scope.empty() && !snapshot.scope.empty() && scope != snapshot.scope)
            return patroni::Failure{"Patroni on this host belongs to cluster " + scope +
                                    ", and the configured hosts to " + snapshot.scope};
        if (member.empty() || member == name)
            continue;
        if (name)
            return std::optional<std::string>();
        name = member;
    }
    return name;
}

std::vector<Endpoint> apis_here(const std::vector<Endpoint>& asked, const AddressesOf& addresses_of,
                                const std::set<std::string>& addresses_of_this_host) {
    if (asked.size() == 1)
        return asked;
    std::vector<Endpoint> here;
    for (const auto& host : asked) {
        const auto addresses = addresses_of(host.host);
        if (is_loopback(addresses) || is_name_of_this_host(host.host, addresses) ||
            intersect(addresses, addresses_of_this_host))
            here.push_back(host);
    }
    return here;
}

std::set<std::string> addresses_of_this_host() {
    std::set<std::string> addresses;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return addresses;
    for (const ifaddrs* each = list; each; each = each->ifa_next) {
        const int family = each->ifa_addr ? each->ifa_addr->sa_family : AF_UNSPEC;
        if ((each->ifa_flags & IFF_UP) == 0 || (family != AF_INET && family != AF_INET6))
            continue;
        const auto size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        addresses.insert(
            net::SocketAddress::from_sockaddr(each->ifa_addr, static_cast<socklen_t>(size)).ip());
    }
    ::freeifaddrs(list);
    return addresses;
}

}  // namespace agent
