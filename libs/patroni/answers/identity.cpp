#include "patroni/answers/identity.h"

namespace patroni {
namespace {

bool differ(const std::string& one, const std::string& other) {
    return !one.empty() && !other.empty() && one != other;
}

}  // namespace

bool ClusterIdentity::contradicts(const ClusterIdentity& other) const {
    return differ(scope, other.scope) || differ(system_identifier, other.system_identifier);
}

std::string ClusterIdentity::words() const {
    std::string words = scope.empty() ? "a cluster" : "cluster " + scope;
    if (!system_identifier.empty())
        words += ", system identifier " + system_identifier;
    return words;
}

}  // namespace patroni
