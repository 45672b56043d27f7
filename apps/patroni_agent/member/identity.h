#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/answers/identity.h"
#include "patroni/rest/endpoint.h"
#include "patroni/result.h"

namespace agent {

/// The addresses of a host, given its name or address; empty if not known.
using AddressesOf = std::function<std::vector<std::string>(const std::string& host)>;

/// The local member, by addresses: the one whose API is the only one configured; of several, the
/// one on this host; for localhost, the one whose API has an address of this host and the same
/// port. An API at a loopback address is on this host only if all of them are, since other members
/// may have left theirs at the default. Pure. Fails unless exactly one member fits; then the
/// configuration must name it.
[[nodiscard]] patroni::Result<std::string> member_beside(
    const patroni::ClusterSnapshot& snapshot, const std::vector<patroni::Endpoint>& asked,
    const AddressesOf& addresses_of, const std::set<std::string>& addresses_of_this_host);

/// The local member, by what the APIs on this host report, which takes precedence. Nothing if none
/// reports a name, or if they report different ones. Fails if one belongs to another cluster than
/// the snapshot. Pure.
[[nodiscard]] patroni::Result<std::optional<std::string>> member_by_its_word(
    const patroni::ClusterSnapshot& snapshot, const std::vector<patroni::Speaker>& told);

/// The configured APIs that are on this host; a single one counts as local.
[[nodiscard]] std::vector<patroni::Endpoint> apis_here(
    const std::vector<patroni::Endpoint>& asked, const AddressesOf& addresses_of,
    const std::set<std::string>& addresses_of_this_host);

/// Of all interfaces that are up; from the system.
[[nodiscard]] std::set<std::string> addresses_of_this_host();

}  // namespace agent
