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

/// The addresses of a host by its name or address, as far as they are known; empty if not.
using AddressesOf = std::function<std::vector<std::string>(const std::string& host)>;

/// Which member the agent stands beside: the one whose API is the only one that it was told to ask;
/// of several the one on this host; and for localhost the one whose API has an address of this host
/// and that port. An API at a loopback address is on this host only if all are: others may have
/// left that to its default. Pure.
/// Fails where none or more than one fits: the name must be given then.
[[nodiscard]] patroni::Result<std::string> member_beside(
    const patroni::ClusterSnapshot& snapshot, const std::vector<patroni::Endpoint>& asked,
    const AddressesOf& addresses_of, const std::set<std::string>& addresses_of_this_host);

/// The same by what the APIs on this host say of themselves, which decides where they do: nothing
/// if none says its name, or several say different ones. Fails where who says it is of another
/// cluster than the snapshot's. Pure.
[[nodiscard]] patroni::Result<std::optional<std::string>> member_by_its_word(
    const patroni::ClusterSnapshot& snapshot, const std::vector<patroni::Speaker>& told);

/// Which of the APIs that are asked are on this host: the only one is.
[[nodiscard]] std::vector<patroni::Endpoint> apis_here(
    const std::vector<patroni::Endpoint>& asked, const AddressesOf& addresses_of,
    const std::set<std::string>& addresses_of_this_host);

/// Of all interfaces that are up. Asks the system.
[[nodiscard]] std::set<std::string> addresses_of_this_host();

}  // namespace agent
