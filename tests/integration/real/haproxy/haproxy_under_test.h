#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"

/// Debian's HAProxy with a file of contrib/haproxy. The members are those of the testbed. It
/// listens on an address of its own, on the ports in the file.
class HaproxyUnderTest {
  public:
    static constexpr char kAddress[] = "127.0.0.20";

    /// Returns once its stats socket answers.
    explicit HaproxyUnderTest(const std::string& contrib_file);

    /// A new process takes over, as `systemctl reload haproxy` does it (-x, -sf).
    void reload();
    /// A new process accepts on the sockets that are handed over at `path`, as with -x in its unit.
    void start_on_sockets_of(const std::string& path) { start({"-x", path}); }
    /// SIGUSR1 to the newest process: it accepts no more, and ends with its last session.
    void stop_softly() const;
    void wait_until_it_ends();
    /// The answer to a command on the stats socket; empty if there is none.
    [[nodiscard]] std::string command(const std::string& line) const;
    /// By "backend/server": UP, UP 1/2, DRAIN (agent), DOWN, MAINT, ...
    [[nodiscard]] std::map<std::string, std::string> states() const;
    [[nodiscard]] std::string output() const;
    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] const std::string& socket() const { return socket_; }

  private:
    void start(const std::vector<std::string>& more);

    support::TempDir directory_;
    std::string socket_;
    std::string file_;
    std::vector<std::unique_ptr<support::DaemonProcess>> processes_;  ///< the newest last
};

/// Asks HAProxy for the state of every server, every few milliseconds.
class StateWatch {
  public:
    /// Returns with the first sample taken.
    explicit StateWatch(const HaproxyUnderTest& haproxy);
    ~StateWatch();
    StateWatch(const StateWatch&) = delete;
    StateWatch& operator=(const StateWatch&) = delete;

    /// All states that "backend/server" was seen in since the last call of forget().
    [[nodiscard]] std::set<std::string> seen(const std::string& server);
    void forget();

  private:
    void sample();

    const HaproxyUnderTest& haproxy_;
    std::mutex mutex_;
    std::map<std::string, std::set<std::string>> seen_;  // guarded by mutex_
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

/// Inserts numbered rows through an address, each over a connection of its own, as fast as they
/// are answered.
class RowWriter {
  public:
    RowWriter(std::string ip, std::uint16_t port, std::string table);
    ~RowWriter();
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;

    void stop();
    [[nodiscard]] std::size_t written() const { return written_; }
    /// Numbers of the rows whose insertion was confirmed. After stop().
    [[nodiscard]] const std::vector<int>& confirmed() const { return confirmed_; }
    /// Writes that reached a read-only server: SQLSTATE 25006.
    [[nodiscard]] std::size_t hits_on_standbys() const { return hits_; }

  private:
    void run();

    const std::string ip_;
    const std::uint16_t port_;
    const std::string table_;
    std::vector<int> confirmed_;
    std::atomic<std::size_t> written_{0};
    std::atomic<std::size_t> hits_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};
