#include "daemon/log/syslog_target.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <unistd.h>

namespace daemons::log {
namespace {

/// In UTC, since the server may be in another time zone.
std::string timestamp() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    const auto second = std::chrono::floor<std::chrono::seconds>(since);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since - second);
    const std::time_t time = second.count();
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::array<char, 24> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const std::string digits = std::to_string(micros.count());
    return std::string(date.data())
        .append(".")
        .append(6 - digits.size(), '0')
        .append(digits)
        .append("Z");
}

std::string host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0')
        return "-";
    return name.data();
}

}  // namespace

SyslogTarget::SyslogTarget(const std::string& address, int facility)
    : address_(address), facility_(facility) {
    const auto parsed = net::ListenAddress::parse(address);
    if (!parsed)
        throw std::runtime_error("'" + address +
                                 "' is no address of a syslog server: 10.0.0.5:514, [fd00::5]:514 "
                                 "or unix:/PATH");
    if (parsed->is_unix()) {
        sockaddr_un path{};
        path.sun_family = AF_UNIX;
        parsed->path().copy(path.sun_path, sizeof(path.sun_path) - 1);
        std::memcpy(&to_, &path, sizeof(path));
        size_ = sizeof(path);
    } else {
        std::memcpy(&to_, parsed->socket_address().data(), parsed->socket_address().size());
        size_ = parsed->socket_address().size();
    }
    origin_.append(" ").append(host_name()).append(" ");
    origin_.append(program_invocation_short_name).append(" ");
    origin_.append(std::to_string(::getpid())).append(" ");
}

Target::Written SyslogTarget::write(std::span<const Record> records) {
    const int error = send(records.front());
    return {error == 0 ? std::size_t{1} : 0, error};
}

int SyslogTarget::send(const Record& record) {
    if (!socket_)
        socket_ = net::UniqueFd(::socket(to_.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket_)
        return errno;
    std::string message = "<";
    message.append(std::to_string(facility_ * 8 + severity_of(record.level))).append(">1 ");
    message.append(timestamp()).append(origin_);
    message.append(record.event.empty() ? "-" : record.event).append(" - ").append(record.line);
    // The socket is not connected, because the server behind a unix socket may restart.
    while (::sendto(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&to_), size_) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

std::string SyslogTarget::name() const {
    return "syslog at " + address_;
}

}  // namespace daemons::log
