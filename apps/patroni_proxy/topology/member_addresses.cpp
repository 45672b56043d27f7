#include "patroni_proxy/topology/member_addresses.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "daemon/log/log.h"

namespace proxy {
namespace {

// How long the watcher's thread, never a worker, waits for all names of one view together if none
// of their addresses is known yet.
constexpr std::chrono::milliseconds kResolveTimeout{1'000};

}  // namespace

MemberAddresses::MemberAddresses(std::string cluster, ResolverPtr resolver,
                                 patroni::ResolvePrefer prefer)
    : cluster_(std::move(cluster)), resolver_(std::move(resolver)), prefer_(prefer) {}

void MemberAddresses::begin_view(const patroni::ClusterView& view) {
    ++views_;
    answered_at_ = view.answered_at;
    told_.clear();
    names_until_ = patroni::Clock::now() + kResolveTimeout;
    if (!view.snapshot)
        return;  // nothing is known any more
    for (const auto& member : view.snapshot->members) {
        if (!member.remembered && !member.place_remembered)
            told_.insert(member.name);
        // All at once, so that the waits for slow names overlap.
        (void)resolver_->addresses_of(member.host, prefer_, std::chrono::milliseconds{0});
    }
}

void MemberAddresses::end_view() {
    std::erase_if(tracked_, [this](const auto& entry) { return entry.second.of_view != views_; });
    std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
}

const MemberAddresses::Tracked& MemberAddresses::of(const patroni::Member& member,
                                                    std::optional<std::uint16_t> host_port) {
    Tracked& tracked = tracked_[{member.name, host_port}];
    if (std::exchange(tracked.of_view, views_) == views_)
        return tracked;  // another port asked already
    const std::string before = addresses_of(tracked.whereabouts.current());
    const std::string trouble =
        locate(member, host_port ? host_port : member.port, tracked.whereabouts);
    const std::string now = addresses_of(tracked.whereabouts.current());
    const std::string whose = cluster_ + ": " + member.name;
    if (std::exchange(tracked.trouble, trouble) != trouble && !before.empty())
        daemons::log::warning(
            {"member_address_trouble", cluster_, member.name},
            whose + ": " +
                (trouble.empty() ? "its address is known again: " + now
                                 : trouble + "; keeping the last known address " + now));
    else if (!before.empty() && before != now)
        daemons::log::info({"member_moved", cluster_, member.name},
                           whose + " moved from " + before + " to " + now);
    return tracked;
}

/// Why no address was found; empty if one was.
std::string MemberAddresses::locate(const patroni::Member& member,
                                    std::optional<std::uint16_t> port, Whereabouts& whereabouts) {
    if (member.host.empty())
        return "no address in Patroni's answer";
    if (!port)
        return "no port in Patroni's answer";
    auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::max(names_until_ - patroni::Clock::now(), patroni::Clock::duration::zero()));
    if (!whereabouts.current().empty())
        patience = std::min(patience, patroni::Resolver::kStaleAfter);
    const auto found = resolver_->find(member.host, prefer_, patience);
    if (!found)
        return "host " + member.host + " has no address: " + found.reason();
    std::vector<BackendPtr> backends;
    for (const auto& ip : found.value().addresses)
        if (auto backend = backend_at(member.name, ip, *port))
            backends.push_back(std::move(backend));
    if (backends.empty())
        return "host " + member.host + " has an address of an unknown kind";
    whereabouts.found(answered_at_, found.value().at, backends, prefer_,
                      told_.contains(member.name));
    return {};
}

/// The known backend or a new one; null if `ip` is not an address.
BackendPtr MemberAddresses::backend_at(const std::string& member, const std::string& ip,
                                       std::uint16_t port) {
    std::weak_ptr<Backend>& known = backends_[{member, ip, port}];
    if (BackendPtr backend = known.lock())
        return backend;
    const auto address = net::SocketAddress::from_ip(ip, port);
    if (!address)
        return nullptr;
    auto backend = BackendPtr(new Backend{member, *address});
    if (const auto cap = caps_.find(member); cap != caps_.end())
        backend->cap = cap->second;
    known = backend;
    return backend;
}

void MemberAddresses::cap(const std::map<std::string, std::uint32_t>& caps) {
    caps_ = caps;
    for (const auto& [place, known] : backends_)
        if (const BackendPtr backend = known.lock()) {
            const auto cap = caps_.find(backend->member);
            backend->cap = cap == caps_.end() ? kNoCap : cap->second;
        }
}

void MemberAddresses::allow_trouble_reports() {
    for (const auto& [place, known] : backends_)
        if (const BackendPtr backend = known.lock())
            backend->reachability.allow_reports();
}

}  // namespace proxy
