#pragma once

namespace CLI {
class App;
}

namespace proxy::migrate {

/// `patroni_proxy import FILE...`. `exit_code` becomes 0 if everything was carried over or is not
/// needed, and 3 if something was not carried over.
void add_import_command(CLI::App& commands, int& exit_code);

}  // namespace proxy::migrate
