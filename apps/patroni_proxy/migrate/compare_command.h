#pragma once

namespace CLI {
class App;
}

namespace proxy::migrate {

/// `patroni_proxy compare --haproxy SOCKET FILE`. `exit_code` becomes 0 if HAProxy and the proxy
/// agree in the last comparison, 1 if they differ, and 4 if one of them could not be asked.
void add_compare_command(CLI::App& commands, int& exit_code);

}  // namespace proxy::migrate
