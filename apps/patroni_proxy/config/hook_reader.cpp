#include "patroni_proxy/config/hook_reader.h"

#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/config_parts.h"

namespace proxy {
namespace {

using daemons::in_quotes;
using daemons::Problems;
using daemons::YamlMapping;
using daemons::YamlNode;

constexpr std::chrono::milliseconds kShortestTimeout{100};
constexpr std::chrono::minutes kLongestTimeout{5};

constexpr const char* kForm =
    "on_change must be a command as a list, such as [/usr/local/bin/tell, --dns], or a mapping "
    "with command or url, and timeout";

void check_command(const YamlNode& where, const std::string& path, Problems& problems) {
    const std::string shown = in_quotes(where.written());
    if (!path.starts_with('/')) {
        problems.add(where, "on_change: the command " + shown + " must be an absolute path");
        return;
    }
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
        problems.warn(where, "on_change: " + shown +
                                 (errno == ENOENT ? " does not exist" : " cannot be looked at"));
    else if (!S_ISREG(found.st_mode))
        problems.warn(where, "on_change: " + shown + " is not a file");
    else if (::access(path.c_str(), X_OK) != 0)
        problems.warn(where, "on_change: this user may not execute " + shown);
}

std::vector<std::string> read_command(const YamlNode& where, Problems& problems) {
    std::vector<std::string> command;
    for (const auto& element : where.elements())
        if (element.is_scalar())
            command.push_back(element.text());
    if (command.empty() || command.size() != where.elements().size() || command.front().empty()) {
        problems.add(where, kForm);
        return {};
    }
    check_command(where.elements().front(), command.front(), problems);
    return command;
}

std::optional<HookSettings::Url> read_url(const YamlNode& where, const std::string& url,
                                          Problems& problems) {
    const auto scheme = url.find("://");
    const auto slash = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
    const auto endpoint = patroni::Endpoint::parse(url.substr(0, slash));
    if (!endpoint) {
        problems.add(where,
                     "on_change: url " + in_quotes(where.written()) +
                         " must be a URL such as http://127.0.0.1:9000/hook: " + endpoint.reason());
        return std::nullopt;
    }
    return HookSettings::Url{endpoint.value(),
                             slash == std::string::npos ? "/" : url.substr(slash)};
}

void read_timeout(YamlMapping& node, HookSettings& hook, Problems& problems) {
    const auto timeout = node.duration("timeout");
    if (!timeout)
        return;
    if (*timeout < kShortestTimeout || *timeout > kLongestTimeout)
        problems.add(*node.find("timeout"), "on_change: timeout must be from 100ms to 5m");
    hook.timeout = *timeout;
}

}  // namespace

std::optional<HookSettings> read_on_change(YamlMapping& file, Problems& problems) {
    const auto where = file.find("on_change");
    if (!where)
        return std::nullopt;
    HookSettings hook;
    if (where->is_sequence()) {
        hook.command = read_command(*where, problems);
        return hook;
    }
    if (!where->is_mapping()) {
        problems.add(*where, kForm);
        return std::nullopt;
    }
    YamlMapping node(*where, "on_change", problems);
    const auto command = node.find("command");
    const auto url = node.text("url");
    if (command.has_value() == url.has_value())
        problems.add(*where, "on_change needs either command or url");
    else if (command)
        hook.command = read_command(*command, problems);
    else
        hook.url = read_url(*node.find("url"), *url, problems);
    read_timeout(node, hook, problems);
    node.reject_unknown();
    return hook;
}

}  // namespace proxy
