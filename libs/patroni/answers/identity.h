#pragma once

#include <string>

namespace patroni {

/// Which cluster somebody belongs to, as far as it is told: a value.
struct ClusterIdentity {
    std::string scope;  ///< the cluster's name in Patroni's own configuration; empty: not told
    /// PostgreSQL's, as digits: initdb makes one up, and all members of a cluster share it. Empty:
    /// not told.
    std::string system_identifier;

    /// Both tell a scope, or a system identifier, and not the same.
    [[nodiscard]] bool contradicts(const ClusterIdentity& other) const;
    /// "cluster main, system identifier 7710415257899169791"
    [[nodiscard]] std::string words() const;

    friend bool operator==(const ClusterIdentity&, const ClusterIdentity&) = default;
};

/// Who answered, by its own word.
struct Speaker {
    std::string name = {};  ///< of the member; empty before Patroni 4
    ClusterIdentity cluster = {};
};

}  // namespace patroni
