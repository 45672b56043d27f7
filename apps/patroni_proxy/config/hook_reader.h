#pragma once

#include <optional>

#include "daemon/yaml/yaml_mapping.h"
#include "patroni_proxy/hooks/hook_settings.h"

namespace proxy {

/// Key: on_change, a command as a list, or a mapping with command or url, and timeout. Warns of a
/// command that this user cannot execute, which the file system may say late: not for a thread that
/// others wait for.
[[nodiscard]] std::optional<HookSettings> read_on_change(daemons::YamlMapping& file,
                                                         daemons::Problems& problems);

}  // namespace proxy
