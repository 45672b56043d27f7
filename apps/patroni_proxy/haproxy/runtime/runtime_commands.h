#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "patroni_proxy/control/control.h"
#include "patroni_proxy/haproxy/runtime/runtime_server.h"
#include "patroni_proxy/haproxy/stats/stat_rows.h"

namespace proxy::haproxy {

/// HAProxy's commands, carried out by Control. A server is a member on one port: a change of it is
/// a change on that port only, except for `set maxconn server`, which applies to all ports. Main
/// thread only.
class RuntimeCommands {
  public:
    enum class Access : std::uint8_t { read, change };

    /// Borrows `control`.
    RuntimeCommands(Control& control, Access access) : control_(control), access_(access) {}

    /// Replies once the change is in force, as HAProxy does.
    void run(const Words& command, const std::string& client, const RuntimeServer::Reply& reply);

  private:
    struct Request {
        Words words;  ///< all of them
        std::size_t skip = 0;
        Caller caller;
        RuntimeServer::Reply reply;

        /// After the command's own words; empty where nothing was said.
        [[nodiscard]] const std::string& argument(std::size_t index) const;
    };
    struct Entry;
    [[nodiscard]] static const std::vector<Entry>& entries();
    [[nodiscard]] static const Entry* find(const Words& command);
    [[nodiscard]] static std::string help();

    void show_info(const Request& request);
    void show_stat(const Request& request);
    void show_servers_state(const Request& request);
    void show_servers_conn(const Request& request);
    void show_backend(const Request& request);
    void show_version(const Request& request);
    void show_nothing(const Request& request);
    void get_weight(const Request& request);
    void set_server(const Request& request);
    void set_weight(const Request& request);
    void enable_server(const Request& request);
    void disable_server(const Request& request);
    void enable_frontend(const Request& request);
    void disable_frontend(const Request& request);
    void set_maxconn(const Request& request);
    void show_sess(const Request& request);
    void shutdown_session(const Request& request);
    void shutdown_sessions(const Request& request);

    [[nodiscard]] std::vector<StatRow> rows() { return stat_rows(control_.report()); }
    /// Replies itself where there is no such server.
    [[nodiscard]] std::optional<StatRow> server(const Request& request);
    [[nodiscard]] std::optional<StatRow> frontend(const Request& request);
    void set_state(const Request& request, const StatRow& server, const std::string& state);
    void set_weight_of(const Request& request, const StatRow& server, const std::string& weight);
    void finish(const Request& request, const Outcome& outcome);

    Control& control_;
    const Access access_;
};

}  // namespace proxy::haproxy
