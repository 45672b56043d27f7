#include "daemon/service/socket_store.h"

#include <cstdlib>
#include <sys/socket.h>
#include <system_error>
#include <systemd/sd-daemon.h>

#include "daemon/log/log.h"

namespace daemons {

namespace {

/// Whether a daemon may listen on it: it listens, or this daemon has kept it and refused its
/// clients when it ended.
bool serves(int fd, const std::string& name) {
    constexpr int kListens = 1;
    constexpr int kListensNot = 0;
    if (::sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, kListens) > 0)
        return true;
    const auto address = net::SocketAddress::local_of(fd);
    return ::sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, kListensNot) > 0 &&
           (address.family() == AF_INET || address.family() == AF_INET6) &&
           name == net::name_for_keeper(net::ListenAddress(address));
}

}  // namespace

std::vector<net::InheritedSocket> SocketStore::inherited() {
    constexpr int kForgetVariables = 1;  // no child may take them for its own
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(kForgetVariables, &names);
    std::vector<net::InheritedSocket> sockets;
    for (int i = 0; i < count; ++i) {
        const int fd = SD_LISTEN_FDS_START + i;
        sockets.push_back({names[i], net::UniqueFd(fd)});
        std::free(names[i]);  // NOLINT(cppcoreguidelines-no-malloc): sd_listen_fds_with_names(3)
        if (serves(fd, sockets.back().name))
            continue;
        log::warning({"systemd_socket_closed"},
                     "systemd has passed '" + sockets.back().name +
                         "', which is not a stream socket that listens; closed");
        forget(sockets.back().name);
        sockets.pop_back();
    }
    std::free(names);  // NOLINT(cppcoreguidelines-no-malloc)
    return sockets;
}

bool SocketStore::keep(const std::string& name, int socket) {
    // FDPOLL=0: systemd drops what hangs up, as a socket does while its port refuses its clients.
    const std::string message = "FDSTORE=1\nFDPOLL=0\nFDNAME=" + name;
    const int result = ::sd_pid_notify_with_fds(0, 0, message.c_str(), &socket, 1);
    if (result < 0)
        log::warning({"systemd_socket_not_kept"},
                     "cannot pass the socket '" + name +
                         "' to systemd: " + std::generic_category().message(-result));
    return result > 0;
}

void SocketStore::forget(const std::string& name) {
    (void)::sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + name).c_str());
}

void SocketStore::on_unused(const std::string& name, const net::ListenAddress& address) {
    log::warning({"systemd_socket_closed"},
                 "systemd has passed a socket that listens on " + address.to_string() + " ('" +
                     name + "'), but the configuration does not listen there; closed");
    forget(name);
}

}  // namespace daemons
