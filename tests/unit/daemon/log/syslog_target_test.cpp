#include "daemon/log/syslog_target.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/temp_dir.h"
#include "support/sockets/fd.h"
#include "support/wait.h"

namespace daemons::log {
namespace {

using testing::MatchesRegex;

/// A syslog server.
class Server {
  public:
    /// On a free UDP port of loopback.
    Server() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        socklen_t size = sizeof(address);
        EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    explicit Server(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)), address_("unix:" + path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    }

    [[nodiscard]] const std::string& address() const { return address_; }
    std::string receive() {
        pollfd entry{fd_.get(), POLLIN, 0};
        EXPECT_EQ(::poll(&entry, 1, static_cast<int>(support::default_timeout.count())), 1);
        std::array<char, 4096> buffer{};
        const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        EXPECT_GE(n, 0);
        return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
    }

  private:
    support::Fd fd_;
    std::string address_;
};

const std::string kHeader =
    "1 [0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9][0-9][0-9][0-9][0-9][0-9]Z [^ ]+ "
    "daemon_test " +
    std::to_string(::getpid()) + " ";

int error_of(SyslogTarget& target, const Record& record) {
    const auto [count, error] = target.write({&record, 1});
    EXPECT_EQ(count, error == 0 ? 1U : 0U);
    return error;
}

TEST(SyslogTargetTest, SendsEachLineAsRfc5424SaysOverUdp) {
    Server server;
    SyslogTarget target(server.address(), 3);
    EXPECT_EQ(error_of(target, {Level::warning, "client_refused", "no room"}), 0);
    EXPECT_THAT(server.receive(), MatchesRegex("<28>" + kHeader + "client_refused - no room"));
    EXPECT_EQ(error_of(target, {Level::info, "", "x"}), 0);
    EXPECT_THAT(server.receive(), MatchesRegex("<30>" + kHeader + "- - x"));
    EXPECT_EQ(target.name(), "syslog at " + server.address());
    SyslogTarget local7(server.address(), 23);
    EXPECT_EQ(error_of(local7, {Level::error, "e", "x"}), 0);
    EXPECT_THAT(server.receive(), MatchesRegex("<187>" + kHeader + "e - x"));
}

TEST(SyslogTargetTest, FindsAServerBehindAUnixSocketAgain) {
    const support::TempDir directory;
    const std::string path = directory.path() / "socket";
    SyslogTarget target("unix:" + path, 3);
    EXPECT_EQ(error_of(target, {Level::error, "e", "nobody is there"}), ENOENT);
    {
        Server server(path);
        EXPECT_EQ(error_of(target, {Level::error, "e", "first"}), 0);
        EXPECT_THAT(server.receive(), MatchesRegex("<27>" + kHeader + "e - first"));
    }
    EXPECT_EQ(error_of(target, {Level::error, "e", "gone"}), ECONNREFUSED);
    ::unlink(path.c_str());
    Server restarted(path);
    EXPECT_EQ(error_of(target, {Level::error, "e", "again"}), 0);
    EXPECT_THAT(restarted.receive(), MatchesRegex("<27>" + kHeader + "e - again"));
}

TEST(SyslogTargetTest, IsATargetOfTheLog) {
    Server server;
    configure({.syslog = server.address(), .syslog_facility = 16});
    info({"reloaded"}, "reloaded");
    EXPECT_THAT(server.receive(), MatchesRegex("<134>" + kHeader + "reloaded - .* INFO reloaded"));
    configure({});
    EXPECT_THROW((void)open({.syslog = "localhost"}), std::runtime_error);
}

}  // namespace
}  // namespace daemons::log
