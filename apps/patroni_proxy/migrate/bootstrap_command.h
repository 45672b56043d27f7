#pragma once

namespace CLI {
class App;
}

namespace proxy::migrate {

/// `patroni_proxy bootstrap URL`. Throws std::runtime_error if Patroni gives no answer.
void add_bootstrap_command(CLI::App& commands, int& exit_code);

}  // namespace proxy::migrate
