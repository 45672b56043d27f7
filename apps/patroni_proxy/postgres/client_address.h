#pragma once

#include <string>
#include <string_view>

namespace proxy {

/// What a server gets of a client that says `said`: a StartupMessage whose application_name ends
/// with the client's address, "psql - 10.0.0.1:50000", or is the address if it has none. PostgreSQL
/// keeps 63 bytes of it, so a longer name is cut, between two characters of UTF-8.
///
/// Everything else stays as it is, byte for byte: other parameters and what follows the message;
/// other requests; a message that is malformed or would become too long for PostgreSQL; and one
/// that begins replication, since synchronous_standby_names goes by application_name. Pure.
[[nodiscard]] std::string with_client_address(std::string_view said, std::string_view address);

}  // namespace proxy
