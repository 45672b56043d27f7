#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "support/process/temp_dir.h"
#include "support/sockets/fd.h"
#include "support/wait.h"

namespace support {

/// The socket on which systemd reads the notifications of a daemon (man sd_notify), and the
/// descriptors that it is to keep. One thread.
class NotifySocket {
  public:
    NotifySocket();

    /// For NOTIFY_SOCKET.
    [[nodiscard]] std::string path() const { return directory_.path() / "notify"; }
    /// The next message that is neither a sign of life nor about descriptors.
    std::string next();
    /// The next sign of life.
    std::string next_sign_of_life();
    /// Until a descriptor of that name has been stored, or removed.
    void wait_until_kept(const std::string& name);
    void wait_until_forgotten(const std::string& name);
    /// What is stored now, by name. As systemd, it drops a descriptor that hangs up, unless it has
    /// come with FDPOLL=0.
    [[nodiscard]] const std::map<std::string, Fd>& kept();
    /// Drops the messages that have come so far, but for descriptors.
    void forget();
    /// Whether it is told something else than descriptors, which next() still gives.
    [[nodiscard]] bool told_within(Milliseconds time);

  private:
    /// Both give an empty message when time is up; the first one begins with what was not read yet.
    std::string take(Milliseconds timeout);
    std::string receive(Milliseconds timeout);
    void read_until(const std::function<bool()>& done, const std::string& what);

    TempDir directory_;
    Fd fd_;
    std::deque<std::string> unread_;
    std::map<std::string, Fd> kept_;
    std::set<std::string> polled_;  ///< names of those that go when they hang up
};

}  // namespace support
