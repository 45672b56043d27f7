#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "patroni/rest/resolver.h"
#include "patroni/verdict/cluster_view.h"
#include "patroni_proxy/backend/backend_table.h"
#include "patroni_proxy/topology/whereabouts.h"

namespace proxy {

/// The addresses of every member of one cluster, for all ports: Patroni names hosts, the resolver
/// finds what they stand for, and Whereabouts remembers. One backend for each member and address,
/// for as long as anybody uses it. Watcher's thread only; it waits for DNS, for a second at most.
class MemberAddresses {
  public:
    using ResolverPtr = std::shared_ptr<patroni::Resolver>;
    struct Tracked {
        Whereabouts whereabouts;
        std::string trouble;  ///< why the last lookup found nothing; then the addresses stay
        std::uint64_t of_view = 0;
    };

    MemberAddresses(std::string cluster, ResolverPtr resolver, patroni::ResolvePrefer prefer);

    void prefer(patroni::ResolvePrefer prefer) { prefer_ = prefer; }
    /// A new view: every member is looked up once more when of() asks for it.
    void begin_view(const patroni::ClusterView& view);
    /// `host_port` is the port to connect to; without it, Patroni's. Valid until end_view().
    [[nodiscard]] const Tracked& of(const patroni::Member& member,
                                    std::optional<std::uint16_t> host_port);
    /// Forgets members that of() was not asked for, and backends that nobody uses.
    void end_view();
    /// From now on members get no more sessions than this; those that are not named have no cap.
    void cap(const std::map<std::string, std::uint32_t>& caps);
    /// Lets every backend report its next trouble.
    void allow_trouble_reports();

  private:
    /// A member by a port number, for all ports that use it.
    using Place = std::pair<std::string, std::optional<std::uint16_t>>;

    [[nodiscard]] std::string locate(const patroni::Member& member,
                                     std::optional<std::uint16_t> port, Whereabouts& whereabouts);
    [[nodiscard]] BackendPtr backend_at(const std::string& member, const std::string& ip,
                                        std::uint16_t port);

    const std::string cluster_;
    const ResolverPtr resolver_;
    patroni::ResolvePrefer prefer_;
    std::map<Place, Tracked> tracked_;
    std::uint64_t views_ = 0;                 ///< counted from the start
    patroni::Clock::time_point answered_at_;  ///< this view's answer of GET /cluster
    std::set<std::string> told_;              ///< members whose place that answer says
    patroni::Clock::time_point names_until_;  ///< how long this view waits for DNS
    /// By member, IP address and port.
    std::map<std::tuple<std::string, std::string, std::uint16_t>, std::weak_ptr<Backend>> backends_;
    std::map<std::string, std::uint32_t> caps_;  ///< by member
};

}  // namespace proxy
