#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/rest/endpoint.h"
#include "patroni/result.h"

namespace patroni {

/// Which API to ask for a member's self-report. That is its `api_url`, unless other members have
/// the same one (127.0.0.1 on every node, one service name for all), or nobody or somebody else
/// answers there: then an entry of `hosts` that leads to the member. No I/O. Not thread-safe; a
/// value.
class MemberApis {
  public:
    /// The address of a host if it is known, else the host itself.
    using AddressOf = std::function<std::string(const std::string& host)>;

    MemberApis(std::vector<Endpoint> hosts, AddressOf address_of)
        : hosts_(std::move(hosts)), address_of_(std::move(address_of)) {}

    /// A member answered there; `name` is what it calls itself, empty if it does not say.
    void told(const Endpoint& api, const std::string& name);
    /// Nobody answers there, until told() says otherwise.
    void silent(const Endpoint& api);
    [[nodiscard]] bool is_silent(const Endpoint& api) const { return silent_.contains(api.url()); }
    /// Whether anybody has answered there.
    [[nodiscard]] bool is_known(const Endpoint& api) const { return names_.contains(api.url()); }
    /// The member that answers there, by its self-report or by the `api_url` of exactly one member;
    /// empty: not known.
    [[nodiscard]] std::string member_at(const Endpoint& api, const SnapshotPtr& snapshot) const;
    /// The API of `member`; fails if none is its alone. A silent API is replaced only by one whose
    /// self-report names the member, since two members may share an address.
    [[nodiscard]] Result<Endpoint> of(const Member& member, const SnapshotPtr& snapshot) const;
    /// Whether it is some member's API, by its `api_url` or by of().
    [[nodiscard]] bool is_of_any(const Endpoint& api, const SnapshotPtr& snapshot) const;

  private:
    /// Where the `api_url` of each member leads, if it can be read; by name, in Patroni's order.
    using OwnApis = std::vector<std::pair<std::string, Endpoint>>;

    [[nodiscard]] const OwnApis& own_apis(const SnapshotPtr& snapshot) const;
    [[nodiscard]] bool is_at(const Endpoint& api, const std::string& address,
                             const Endpoint& other) const;
    [[nodiscard]] std::string shared_with(const Member& member, const Endpoint& api,
                                          const SnapshotPtr& snapshot) const;
    [[nodiscard]] std::string name_at(const Endpoint& api) const;

    std::vector<Endpoint> hosts_;
    AddressOf address_of_;
    std::set<std::string> silent_;              ///< by URL
    std::map<std::string, std::string> names_;  ///< by URL; kSeveral of a service name
    // The URLs that others are compared with are read once per snapshot: each self-report asks
    // about all members, and there may be hundreds of long ones.
    mutable SnapshotPtr read_;
    mutable OwnApis own_apis_;  ///< of `read_`
};

}  // namespace patroni
