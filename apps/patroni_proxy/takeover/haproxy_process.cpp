#include "patroni_proxy/takeover/haproxy_process.h"

#include <charconv>
#include <fstream>

namespace proxy::takeover {
namespace {

constexpr std::string_view kName = "haproxy";

bool is_haproxy(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/comm");
    std::string name;
    return std::getline(file, name) && name == kName;
}

std::optional<pid_t> parent_of(pid_t process) {
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("PPid:"))
            return static_cast<pid_t>(std::stol(line.substr(line.find(':') + 1)));
    return std::nullopt;
}

}  // namespace

std::optional<pid_t> pid_in_info(std::string_view info) {
    constexpr std::string_view kKey = "\nPid: ";
    const auto at = info.find(kKey);
    if (at == std::string_view::npos)
        return std::nullopt;
    pid_t process = 0;
    const auto digits = info.substr(at + kKey.size());
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), process);
    return error == std::errc() && process > 1 ? std::optional(process) : std::nullopt;
}

std::optional<pid_t> haproxy_of_worker(pid_t worker) {
    if (!is_haproxy(worker))
        return std::nullopt;
    const auto parent = parent_of(worker);
    return parent && *parent > 1 && is_haproxy(*parent) ? parent : worker;
}

}  // namespace proxy::takeover
