#include "patroni_proxy/takeover/listener_transfer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <span>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

#include "patroni_proxy/takeover/haproxy_socket.h"

namespace proxy::takeover {
namespace {

// The kernel's own limit for one message (SCM_MAX_FD).
constexpr std::size_t kMaxInMessage = 253;
// Length and name of the namespace, the same of the interface, and an int.
constexpr std::size_t kMaxInfo = 1 + 255 + 1 + 255 + sizeof(int);

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw std::runtime_error(path + ": " + why);
}

/// A name behind its length in one byte, taken off the front of `bytes`.
std::optional<std::string> take_name(std::string_view& bytes) {
    if (bytes.empty())
        return std::nullopt;
    const auto size = static_cast<unsigned char>(bytes.front());
    if (bytes.size() < std::size_t{1} + size)
        return std::nullopt;
    std::string name(bytes.substr(1, size));
    bytes.remove_prefix(std::size_t{1} + size);
    return name;
}

/// One message: what it says, and the descriptors that came with it.
class Message {
  public:
    /// False at the end, or if there is none in time: errno says which, 0 for the end.
    bool receive(int connection) {
        iovec part{text_.data(), text_.size()};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control_.data();
        header.msg_controllen = control_.size();
        ssize_t size = 0;
        do
            size = ::recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
        while (size < 0 && errno == EINTR);
        if (size <= 0) {
            errno = size == 0 ? 0 : errno;
            return false;
        }
        size_ = static_cast<std::size_t>(size);
        for (const cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr;
             each = CMSG_NXTHDR(&header, const_cast<cmsghdr*>(each)))
            if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS)
                take_descriptors(*each);
        return true;
    }
    [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }
    [[nodiscard]] std::vector<net::UniqueFd>& descriptors() { return descriptors_; }

  private:
    void take_descriptors(const cmsghdr& rights) {
        const std::size_t count = (rights.cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(&rights) + i * sizeof descriptor, sizeof descriptor);
            descriptors_.emplace_back(descriptor);
        }
    }

    std::vector<char> text_ = std::vector<char>(kMaxInMessage * kMaxInfo);
    std::size_t size_ = 0;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxInMessage * sizeof(int))> control_{};
    std::vector<net::UniqueFd> descriptors_;
};

bool send_message(int connection, const std::string& text, std::span<const int> descriptors) {
    iovec part{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxInMessage * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    return ::sendmsg(connection, &header, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

}  // namespace

std::optional<std::vector<ListenerInfo>> parse_listener_infos(std::string_view bytes,
                                                              std::size_t count) {
    std::vector<ListenerInfo> infos;
    for (std::size_t i = 0; i < count; ++i) {
        auto network_namespace = take_name(bytes);
        auto interface = network_namespace ? take_name(bytes) : std::nullopt;
        if (!interface || bytes.size() < sizeof(int))
            return std::nullopt;
        bytes.remove_prefix(sizeof(int));  // options of the listener, once
        infos.push_back({std::move(*network_namespace), std::move(*interface)});
    }
    return bytes.empty() ? std::optional(std::move(infos)) : std::nullopt;
}

std::string listener_infos(std::size_t count) {
    return std::string(count * (1 + 1 + sizeof(int)), '\0');
}

std::vector<net::UniqueFd> receive_listeners(const std::string& path,
                                             std::chrono::milliseconds timeout) {
    const net::UniqueFd connection = connect_to_haproxy(path, timeout);
    constexpr std::string_view kCommand = "_getsocks\n";
    if (::send(connection.get(), kCommand.data(), kCommand.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(kCommand.size()))
        fail(path, reason_of_wait(errno));
    int expected = 0;
    const ssize_t size = ::recv(connection.get(), &expected, sizeof expected, MSG_WAITALL);
    if (size < 0)
        fail(path, reason_of_wait(errno));
    if (size != sizeof expected || expected < 0 || expected > kMaxListeners)
        fail(path,
             "HAProxy does not hand over its sockets: `stats socket` needs `level admin` and "
             "`expose-fd listeners`");

    const auto count = static_cast<std::size_t>(expected);
    std::vector<net::UniqueFd> sockets;
    std::string infos;
    while (sockets.size() < count) {
        Message message;
        if (!message.receive(connection.get()))
            fail(path, errno == 0 ? "HAProxy ended before it had handed over all sockets"
                                  : reason_of_wait(errno));
        const int acknowledged = static_cast<int>(sockets.size());
        (void)::send(connection.get(), &acknowledged, sizeof acknowledged, MSG_NOSIGNAL);
        if (message.descriptors().empty())
            break;  // HAProxy sends none without
        infos += message.text();
        std::move(message.descriptors().begin(), message.descriptors().end(),
                  std::back_inserter(sockets));
    }
    const auto described = parse_listener_infos(infos, count);
    if (!described || sockets.size() != count)
        fail(path, "what HAProxy says of its sockets cannot be read");

    std::vector<net::UniqueFd> here;
    for (std::size_t i = 0; i < count; ++i)
        if ((*described)[i].network_namespace.empty() && (*described)[i].interface.empty())
            here.push_back(std::move(sockets[i]));
    return here;
}

bool send_listeners(int connection, const std::vector<int>& sockets,
                    std::chrono::milliseconds timeout) {
    const int flags = ::fcntl(connection, F_GETFL);
    ::fcntl(connection, F_SETFL, flags & ~O_NONBLOCK);
    limit_waits(connection, timeout);
    const int count = static_cast<int>(sockets.size());
    bool good = ::send(connection, &count, sizeof count, MSG_NOSIGNAL) == ssize_t{sizeof count};
    for (std::span<const int> rest(sockets); good && !rest.empty();) {
        const auto now = rest.first(std::min(rest.size(), kMaxInMessage));
        rest = rest.subspan(now.size());
        int acknowledged = 0;
        good = send_message(connection, listener_infos(now.size()), now) &&
               ::recv(connection, &acknowledged, sizeof acknowledged, MSG_WAITALL) ==
                   ssize_t{sizeof acknowledged};
    }
    ::fcntl(connection, F_SETFL, flags);
    return good;
}

}  // namespace proxy::takeover
