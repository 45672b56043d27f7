#pragma once

#include <string>

namespace patroni {

/// Which cluster an answer comes from, as far as it says: a value.
struct ClusterIdentity {
    std::string scope;  ///< the cluster's name in Patroni's own configuration; empty: not known
    /// PostgreSQL's, as digits: initdb makes it up, and all members of a cluster share it. Empty:
    /// not known.
    std::string system_identifier;

    /// Both have a scope, or a system identifier, and these differ.
    [[nodiscard]] bool contradicts(const ClusterIdentity& other) const;
    /// "cluster main, system identifier 7710415257899169791"
    [[nodiscard]] std::string words() const;

    friend bool operator==(const ClusterIdentity&, const ClusterIdentity&) = default;
};

/// Who gave a self-report.
struct Speaker {
    std::string name = {};  ///< of the member; empty before Patroni 4
    ClusterIdentity cluster = {};
};

}  // namespace patroni
