#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/rest/endpoint.h"
#include "patroni/result.h"

namespace patroni {

/// Through which API a member speaks for itself. It is the one at its `api_url`, unless others have
/// that too (127.0.0.1 on every node, one service name for all), or somebody else or nobody answers
/// there: then an entry of `hosts` that leads to the member. No I/O. One thread at a time; a value.
class MemberApis {
  public:
    /// The address of a host by its name, as far as that is known; else the host as it is.
    using AddressOf = std::function<std::string(const std::string& host)>;

    MemberApis(std::vector<Endpoint> hosts, AddressOf address_of)
        : hosts_(std::move(hosts)), address_of_(std::move(address_of)) {}

    /// Who answers there, by its own word; empty: it does not say.
    void told(const Endpoint& api, const std::string& name);
    /// Nobody does, until somebody is told of.
    void silent(const Endpoint& api);
    [[nodiscard]] bool is_silent(const Endpoint& api) const { return silent_.contains(api.url()); }
    /// Whether that is known of it.
    [[nodiscard]] bool is_known(const Endpoint& api) const { return names_.contains(api.url()); }
    /// By its own word, or by the `api_url` of one member; empty: not known.
    [[nodiscard]] std::string member_at(const Endpoint& api, const ClusterSnapshot* snapshot) const;
    /// Fails where no API is `member`'s alone. In place of one that is silent only who has said
    /// that it is the member will do: two may be at one address.
    [[nodiscard]] Result<Endpoint> of(const Member& member, const ClusterSnapshot& snapshot) const;

  private:
    [[nodiscard]] std::string place_of(const Endpoint& api) const;
    [[nodiscard]] std::string shared_with(const Member& member, const Endpoint& api,
                                          const ClusterSnapshot& snapshot) const;
    [[nodiscard]] std::string name_at(const Endpoint& api) const;

    std::vector<Endpoint> hosts_;
    AddressOf address_of_;
    std::set<std::string> silent_;              ///< by URL
    std::map<std::string, std::string> names_;  ///< by URL; kSeveral of a service name
};

}  // namespace patroni
