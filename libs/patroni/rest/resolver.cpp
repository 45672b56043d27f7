#include "patroni/rest/resolver.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <netdb.h>
#include <netinet/in.h>
#include <system_error>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "patroni/rest/failure_reason.h"

namespace patroni {
namespace {

using Clock = Resolver::Clock;
using Addresses = Resolver::Addresses;
using Family = Resolver::Family;

// Names come from Patroni's answers too, which must not be able to fill memory or to start any
// number of threads.
constexpr std::size_t kMaxNames = 1'000;
constexpr std::size_t kMaxNameSize = 255;
constexpr std::size_t kMaxLookups = 64;
constexpr std::size_t kMaxOwnLookups = 16;
constexpr std::size_t kMaxAddresses = 32;

bool is_ipv4(const std::string& host) {
    in_addr address{};
    return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
    return host.find(':') != std::string::npos;  // no name has one
}

Failure no_addresses(const std::string& host, const std::string& why) {
    return Failure{"cannot resolve '" + host + "': " + why};
}

int family_hint(Family family) {
    switch (family) {
        case Family::any:
            return AF_UNSPEC;
        case Family::ipv4:
            return AF_INET;
        case Family::ipv6:
            return AF_INET6;
    }
    return AF_UNSPEC;
}

std::string reason_of_lookup(int error) {
    switch (error) {
        case EAI_NONAME:
        case EAI_NODATA:
            return "there is no such name";
        case EAI_AGAIN:
            return "no name server answers";
        case EAI_FAIL:
            return "the name server refused to answer";
        case EAI_SYSTEM:
            return reason_of_errno(errno);
        default:
            return "the lookup failed";
    }
}

Result<Addresses> ask_system(const std::string& host, Family family) {
    addrinfo hints{};
    hints.ai_family = family_hint(family);
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (family != Family::any && (error == EAI_NONAME || error == EAI_NODATA))
        return Addresses{};
    if (error != 0)
        return Failure{reason_of_lookup(error)};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
    Addresses addresses;
    for (const addrinfo* each = found; each; each = each->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                          NI_NUMERICHOST) == 0)
            addresses.emplace_back(text.data());
    }
    return addresses;
}

Addresses of_family(const Addresses& addresses, Family family) {
    Addresses some;
    for (const auto& address : addresses)
        if (is_ipv6(address) == (family == Family::ipv6))
            some.push_back(address);
    return some;
}

/// The system reports success if the lookup of one family fails and that of the other does not. So
/// the addresses of a missing family are kept until a lookup of that family says they are gone.
Addresses with_lost_family(Addresses found, const Addresses& known, const std::string& host,
                           const Resolver::Lookup& lookup) {
    for (const Family family : {Family::ipv4, Family::ipv6}) {
        const Addresses kept = of_family(known, family);
        if (!kept.empty() && of_family(found, family).empty() && !lookup(host, family))
            found.insert(found.end(), kept.begin(), kept.end());
    }
    return found;
}

Addresses without_repetitions(const Addresses& addresses) {
    Addresses once;
    for (const auto& address : addresses)
        if (once.size() < kMaxAddresses &&
            std::find(once.begin(), once.end(), address) == once.end())
            once.push_back(address);
    return once;
}

Addresses in_order(Addresses addresses, ResolvePrefer prefer) {
    if (prefer != ResolvePrefer::any)
        std::stable_partition(addresses.begin(), addresses.end(), [&](const std::string& address) {
            return is_ipv6(address) == (prefer == ResolvePrefer::ipv6);
        });
    return addresses;
}

}  // namespace

struct Resolver::Name {
    Addresses addresses;  // of the last lookup that found any
    Clock::time_point found_at;
    std::string failure;  // why the last lookup found none
    Clock::time_point began;
    Clock::time_point fresh_until;
    std::size_t finished = 0;  // lookups
    bool in_flight = false;
};

struct Resolver::Shared {
    using Share = std::shared_ptr<std::size_t>;

    Shared(Lookup how, std::chrono::milliseconds for_how_long)
        : lookup(std::move(how)), fresh(for_how_long) {}

    /// The entry of `host`. If its addresses are not fresh, a lookup is under way afterwards,
    /// unless none can be started.
    static std::shared_ptr<Name> begin(const std::shared_ptr<Shared>& shared,
                                       const std::string& host, const Share& share)
        REQUIRES(shared->mutex);
    void run(const std::string& host, Name& name, const Share& share);
    void forget_oldest() REQUIRES(mutex);

    const Lookup lookup;
    const std::chrono::milliseconds fresh;
    base::Mutex mutex;
    std::condition_variable_any changed;
    // What each holds is guarded too. A forgotten name lives on in those who wait for it.
    std::map<std::string, std::shared_ptr<Name>> names GUARDED_BY(mutex);
    std::size_t lookups GUARDED_BY(mutex) = 0;
};

std::shared_ptr<Resolver::Name> Resolver::Shared::begin(const std::shared_ptr<Shared>& shared,
                                                        const std::string& host,
                                                        const Share& share) {
    const auto known = shared->names.find(host);
    if (known == shared->names.end() && shared->names.size() >= kMaxNames)
        shared->forget_oldest();
    auto name = known != shared->names.end() ? known->second
                                             : (shared->names[host] = std::make_shared<Name>());
    if (name->in_flight || Clock::now() < name->fresh_until)
        return name;
    if (shared->lookups >= kMaxLookups || (share && *share >= kMaxOwnLookups)) {
        name->failure = "too many other names are being looked up";
        return name;
    }
    try {
        std::thread([shared, host, name, share] { shared->run(host, *name, share); }).detach();
        name->began = Clock::now();
        name->in_flight = true;
        ++shared->lookups;
        if (share)
            ++*share;
    } catch (const std::system_error&) {
        name->failure = "no more threads can be started";
    }
    return name;
}

void Resolver::Shared::run(const std::string& host, Name& name, const Share& share) {
    Addresses known;
    {
        const base::MutexLock lock(mutex);
        known = name.addresses;
    }
    const auto found = lookup(host, Family::any);
    Addresses addresses;
    if (found && !found.value().empty())
        addresses = without_repetitions(with_lost_family(found.value(), known, host, lookup));
    const base::MutexLock lock(mutex);
    if (addresses.empty()) {
        name.failure = found ? "it has no address" : found.reason();
    } else {
        name.addresses = std::move(addresses);
        name.found_at = Clock::now();
    }
    name.fresh_until = Clock::now() + fresh;
    ++name.finished;
    name.in_flight = false;
    --lookups;
    if (share)
        --*share;
    changed.notify_all();
}

void Resolver::Shared::forget_oldest() {
    const auto oldest = std::min_element(names.begin(), names.end(), [](auto& a, auto& b) {
        return std::pair(a.second->in_flight, a.second->began) <
               std::pair(b.second->in_flight, b.second->began);
    });
    names.erase(oldest);
}

Resolver::Resolver() : Resolver(ask_system) {}

Resolver::Resolver(Lookup lookup, std::chrono::milliseconds fresh)
    : shared_(std::make_shared<Shared>(std::move(lookup), fresh)) {}

std::shared_ptr<Resolver> Resolver::with_own_share() const {
    auto one = std::make_shared<Resolver>(*this);
    one->share_ = std::make_shared<std::size_t>(0);
    return one;
}

Result<Resolver::Found> Resolver::find(const std::string& host, ResolvePrefer prefer,
                                       std::chrono::milliseconds timeout,
                                       const std::stop_token& stop) {
    if (is_ipv4(host) || is_ipv6(host))
        return Found{{host}};
    if (host.size() > kMaxNameSize)
        return Failure{"cannot resolve a name of " + std::to_string(host.size()) + " bytes"};
    base::MutexLock lock(shared_->mutex);
    const auto name = Shared::begin(shared_, host, share_);
    const auto patience = name->addresses.empty() ? timeout : std::min(timeout, kStaleAfter);
    const bool done = shared_->changed.wait_until(
        lock, stop, name->began + patience,
        [&, before = name->finished] { return !name->in_flight || name->finished != before; });
    if (!name->addresses.empty())
        return Found{in_order(name->addresses, prefer), name->found_at};
    if (done)
        return no_addresses(host, name->failure);
    if (stop.stop_requested())
        return no_addresses(host, "shutting down");
    return no_addresses(host, "no answer within " + text_of(timeout));
}

Result<Resolver::Addresses> Resolver::addresses_of(const std::string& host, ResolvePrefer prefer,
                                                   std::chrono::milliseconds timeout,
                                                   const std::stop_token& stop) {
    auto found = find(host, prefer, timeout, stop);
    if (!found)
        return Failure{found.reason()};
    return std::move(found).value().addresses;
}

}  // namespace patroni
