#include "net/socket/listening_socket.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <random>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <utility>

namespace net {
namespace {

constexpr mode_t kEverybody = 0777;

[[noreturn]] void fail(const ListenAddress& address, int error, const std::string& why = {}) {
    throw std::system_error(error, std::generic_category(),
                            "cannot listen on " + address.to_string() + why);
}

UniqueFd make_socket(const ListenAddress& address, int family) {
    UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        fail(address, errno);
    return socket;
}

/// `address` itself, or every IPv4 address for every address where the kernel was started without
/// IPv6: "[::]" is what a file says for "everywhere", on whatever host it comes to.
SocketAddress within_this_kernel(const SocketAddress& address) {
    if (address.family() == AF_INET6 && address.ip() == "::" &&
        !UniqueFd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) && errno == EAFNOSUPPORT)
        return *SocketAddress::from_ip("0.0.0.0", address.port());
    return address;
}

/// IPV6_FREEBIND is in Linux 4.15 and later.
int set_freebind(const UniqueFd& socket, int family) {
    const int on = 1;
    const bool is_v6 = family == AF_INET6;
    return ::setsockopt(socket.get(), is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                        is_v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof on) == 0
               ? 0
               : errno;
}

UniqueFd listen_on_ip(const ListenAddress& address, const ListenOptions& options) {
    const SocketAddress ip = within_this_kernel(address.socket_address());
    UniqueFd socket = make_socket(address, ip.family());
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Accepted sockets inherit it, as they do `options`: no system call for each connection.
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (const int error = apply(socket.get(), options.tcp); error != 0)
        fail(address, error);
    if (const int error = options.freebind ? set_freebind(socket, ip.family()) : 0; error != 0)
        fail(address, error);
    const int off = 0;
    if (ip.family() == AF_INET6 &&
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
        fail(address, errno);
    if (::bind(socket.get(), ip.data(), ip.size()) != 0 || ::listen(socket.get(), SOMAXCONN) != 0)
        fail(address, errno);
    return socket;
}

/// What bind() and connect() are to do with `path`, which fits.
template <typename Call>
int with_path(Call call, const UniqueFd& socket, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return call(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0
               ? 0
               : errno;
}

/// Returns if nothing is at the path, or a socket that nobody listens on.
void refuse_if_taken(const ListenAddress& address) {
    struct stat status {};
    if (::lstat(address.path().c_str(), &status) != 0) {
        if (errno != ENOENT)
            fail(address, errno);
        return;
    }
    if (!S_ISSOCK(status.st_mode))
        fail(address, EEXIST, ": a file that is no socket is there");
    const int error = with_path(::connect, make_socket(address, AF_UNIX), address.path());
    if (error == ECONNREFUSED || error == ENOENT)
        return;
    // EAGAIN: somebody listens, but has more clients waiting than its backlog takes.
    fail(address, error == 0 || error == EAGAIN ? EADDRINUSE : error);
}

/// The name that a unix socket has until it is ready, removed unless it became the final one.
class TemporaryPath {
  public:
    explicit TemporaryPath(const std::string& path) {
        // Not the process id, which two containers with a volume in common may share.
        std::array<char, ListenAddress::kTemporarySuffix + 1> suffix{};
        std::snprintf(suffix.data(), suffix.size(), ".%08x", std::random_device{}());
        path_ = path + suffix.data();
    }
    TemporaryPath(const TemporaryPath&) = delete;
    TemporaryPath& operator=(const TemporaryPath&) = delete;
    ~TemporaryPath() {
        if (!renamed_)
            ::unlink(path_.c_str());
    }

    [[nodiscard]] const std::string& get() const noexcept { return path_; }
    [[nodiscard]] bool rename_to(const std::string& path) {
        renamed_ = ::rename(path_.c_str(), path.c_str()) == 0;
        return renamed_;
    }

  private:
    std::string path_;
    bool renamed_ = false;
};

/// `file`: what is at the path afterwards.
UniqueFd listen_on_path(const ListenAddress& address, const ListenOptions& options,
                        struct stat& file) {
    refuse_if_taken(address);
    UniqueFd socket = make_socket(address, AF_UNIX);
    TemporaryPath path(address.path());
    if (const int error = with_path(::bind, socket, path.get()); error != 0)
        fail(address, error);
    // The socket gets the name that clients know once it is ready, so that it refuses none of them.
    constexpr auto kSameUser = static_cast<uid_t>(-1);
    if (options.unix_group && ::chown(path.get().c_str(), kSameUser, *options.unix_group) != 0)
        fail(address, errno, ": its group cannot be set");
    const mode_t mode = options.unix_mode.value_or(kEverybody);
    if (::chmod(path.get().c_str(), mode) != 0 || ::listen(socket.get(), SOMAXCONN) != 0 ||
        ::lstat(path.get().c_str(), &file) != 0 || !path.rename_to(address.path()))
        fail(address, errno);
    return socket;
}

}  // namespace

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::move(other.fd_);
        address_ = std::move(other.address_);
        device_ = other.device_;
        inode_ = other.inode_;
        leaves_path_ = other.leaves_path_;
    }
    return *this;
}

int ListeningSocket::apply(const TcpOptions& options) const noexcept {
    return net::apply(fd_.get(), options);
}

bool ListeningSocket::has_its_path() const noexcept {
    struct stat file {};
    return fd_ && address_.is_unix() && ::lstat(address_.path().c_str(), &file) == 0 &&
           file.st_dev == device_ && file.st_ino == inode_;
}

int ListeningSocket::set_mode(std::optional<mode_t> mode,
                              std::optional<gid_t> group) const noexcept {
    if (!has_its_path())
        return 0;
    // The group first: otherwise the new mode would let the old group in for a moment.
    const char* path = address_.path().c_str();
    const bool owned = (!group && !mode) ||
                       ::chown(path, static_cast<uid_t>(-1), group.value_or(::getegid())) == 0;
    const int error = owned ? 0 : errno;
    // Where the group cannot be set, the one that it has gets no rights.
    const mode_t wished = mode.value_or(kEverybody);
    const bool done = ::chmod(path, owned ? wished : wished & ~mode_t{S_IRWXG}) == 0;
    return done ? error : errno;
}

void ListeningSocket::refuse() const noexcept {
    if (!address_.is_unix())
        ::shutdown(fd_.get(), SHUT_RD);
}

int ListeningSocket::listen() const noexcept {
    // The kernel takes back a number that it has chosen itself (port 0) while nobody listens. A
    // socket that has kept its address cannot be bound: EINVAL.
    const SocketAddress& ip = address_.socket_address();
    if (!address_.is_unix() && ::bind(fd_.get(), ip.data(), ip.size()) != 0 && errno != EINVAL)
        return errno;
    return ::listen(fd_.get(), SOMAXCONN) == 0 ? 0 : errno;
}

bool ListeningSocket::is_listening() const noexcept {
    int listens = 0;
    socklen_t size = sizeof listens;
    return ::getsockopt(fd_.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

void ListeningSocket::close() noexcept {
    if (!leaves_path_ && has_its_path())
        ::unlink(address_.path().c_str());
    fd_.reset();
}

ListeningSocket bind_listening_socket(const ListenAddress& address, const ListenOptions& options) {
    ListeningSocket result;
    result.address_ = address;
    if (address.is_unix()) {
        struct stat file {};
        result.fd_ = listen_on_path(address, options, file);
        result.device_ = file.st_dev;
        result.inode_ = file.st_ino;
    } else {
        result.fd_ = listen_on_ip(address, options);
        result.address_ = ListenAddress(SocketAddress::local_of(result.get()));
    }
    return result;
}

ListeningSocket adopt_listening_socket(UniqueFd socket, const std::optional<ListenAddress>& known) {
    ListeningSocket result;
    const int flags = ::fcntl(socket.get(), F_GETFL);
    ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
    ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return result;
    if (address.sun_family == AF_UNIX) {
        const bool has_path = known && known->is_unix();
        // The longest path has no NUL.
        const std::string_view path{address.sun_path,
                                    ::strnlen(address.sun_path, sizeof address.sun_path)};
        const auto parsed = has_path ? known : ListenAddress::parse(path);
        struct stat file {};
        if (!parsed || ::lstat(parsed->path().c_str(), &file) != 0 || !S_ISSOCK(file.st_mode))
            return result;
        result.address_ = *parsed;
        result.device_ = file.st_dev;
        result.inode_ = file.st_ino;
    } else {
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        result.address_ = ListenAddress(SocketAddress::local_of(socket.get()));
    }
    result.fd_ = std::move(socket);
    return result;
}

}  // namespace net
