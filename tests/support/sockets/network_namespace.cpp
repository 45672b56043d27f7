#include "network_namespace.h"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "support/process/daemon_process.h"

namespace support {

namespace {

Fd own_namespace() {
    Fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!fd)
        throw std::system_error(errno, std::generic_category(), "the thread's network namespace");
    return fd;
}

void become_part_of(const Fd& where) {
    if (::setns(where.get(), CLONE_NEWNET) != 0)
        throw std::system_error(errno, std::generic_category(), "setns");
}

}  // namespace

bool NetworkNamespace::possible() {
    try {
        const NetworkNamespace attempt;
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

NetworkNamespace::NetworkNamespace() {
    const Fd home = own_namespace();
    if (::unshare(CLONE_NEWNET) != 0)
        throw std::system_error(errno, std::generic_category(), "unshare");
    fd_ = own_namespace();
    become_part_of(home);
    ip("link set lo up");
}

NetworkNamespace::Visit::Visit(const NetworkNamespace& where) : home_(own_namespace()) {
    become_part_of(where.fd_);
}

NetworkNamespace::Visit::~Visit() {
    (void)::setns(home_.get(), CLONE_NEWNET);
}

void NetworkNamespace::ip(const std::string& arguments) const {
    const Visit here = enter();
    std::vector<std::string> argv{"ip"};
    std::istringstream words(arguments);
    for (std::string word; words >> word;)
        argv.push_back(word);
    const RunResult result = run(argv);
    if (result.status.code != 0)
        throw std::runtime_error("ip " + arguments + ": " + result.err);
}

void NetworkNamespace::connect_to(const NetworkNamespace& other, const std::string& own_ip,
                                  const std::string& other_ip, const std::string& own_name) const {
    const std::string there =
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(other.fd_.get());
    ip("link add " + own_name + " type veth peer name veth netns " + there);
    ip("addr add " + own_ip + "/24 dev " + own_name);
    ip("link set " + own_name + " up");
    other.ip("addr add " + other_ip + "/24 dev veth");
    other.ip("link set veth up");
}

}  // namespace support
