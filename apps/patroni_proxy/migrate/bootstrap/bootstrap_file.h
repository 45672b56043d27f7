#pragma once

#include <string>

#include "patroni/answers/cluster_snapshot.h"
#include "patroni/answers/identity.h"
#include "patroni/rest/endpoint.h"
#include "patroni/tls/tls_settings.h"

namespace proxy::migrate {

/// What one Patroni was asked, and what it said.
struct BootstrapFacts {
    patroni::Endpoint asked;
    patroni::ClusterSnapshot cluster;   ///< GET /cluster
    patroni::ClusterIdentity identity;  ///< GET /patroni
    patroni::TlsSettings tls;           ///< with which it was asked
};

/// A configuration of the cluster with comments: hosts, identity, TLS, a port for writes and one
/// for reads. It passes --check if the files of `tls` can be read. Pure.
[[nodiscard]] std::string bootstrap_file(const BootstrapFacts& facts);

}  // namespace proxy::migrate
