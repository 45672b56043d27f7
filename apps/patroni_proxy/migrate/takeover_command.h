#pragma once

namespace CLI {
class App;
}

namespace proxy::migrate {

/// takeover: hands HAProxy's listening sockets to the running proxy, and lets HAProxy end.
void add_takeover_command(CLI::App& commands);

}  // namespace proxy::migrate
