#pragma once

namespace CLI {
class App;
}

namespace proxy::migrate {

/// `patroni_proxy doctor FILE...`. `exit_code` becomes that of the worst finding.
void add_doctor_command(CLI::App& commands, int& exit_code);

}  // namespace proxy::migrate
