#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/sockets/socket.h"
#include "support/wait.h"
#include "support/wake_event.h"

namespace support {

struct BackendOptions {
    enum class Accept {
        normal,
        refuse,  ///< the port is ours and closed: connection refused
        never,   ///< the backlog is full: a connect gets no answer at all
    };

    std::string name = "backend";
    std::string ip = "127.0.0.1";
    std::uint16_t port = 0;
    Accept accept = Accept::normal;
    bool greeting = true;             ///< "<name>\n" to every new session
    bool echo = true;                 ///< every byte back
    bool read = true;                 ///< false: as pause_reading(), from the start
    bool fin_after_greeting = false;  ///< half-close each session right after its greeting
    bool close_on_eof = true;         ///< false: keep the session after the client's FIN
    int receive_buffer = 0;           ///< SO_RCVBUF of the sessions; 0 is the system's own
};

/// A TCP server that stands in for PostgreSQL behind the proxy: it says its name, then echoes.
/// Owns its port from construction to destruction, its sessions, and one thread that serves them.
/// Every method may be called from any thread; a control has done its work when it returns.
/// Waits throw TimedOut.
class FakeBackend {
  public:
    explicit FakeBackend(BackendOptions options = {});
    ~FakeBackend();
    FakeBackend(const FakeBackend&) = delete;
    FakeBackend& operator=(const FakeBackend&) = delete;

    /// `n` backends on 127.0.0.21, .22, ... that share one port number, named b1, b2, ...
    /// (`options.ip`, `.name` and `.port` are replaced).
    static std::vector<std::unique_ptr<FakeBackend>> on_one_port(
        std::size_t n, const BackendOptions& options = {});

    [[nodiscard]] const std::string& name() const noexcept { return options_.name; }
    [[nodiscard]] const std::string& ip() const noexcept { return options_.ip; }
    [[nodiscard]] std::uint16_t port() const noexcept { return listener_.port(); }
    [[nodiscard]] std::string address() const { return host_and_port(ip(), port()); }

    [[nodiscard]] std::size_t sessions() const;       ///< open now
    [[nodiscard]] std::size_t accepted() const;       ///< ever
    [[nodiscard]] std::size_t received() const;       ///< bytes, all sessions together
    [[nodiscard]] std::size_t eofs() const;           ///< FINs seen from clients
    [[nodiscard]] std::size_t resets() const;         ///< RSTs seen from clients
    [[nodiscard]] std::string received_text() const;  ///< the first 64 KiB of what came

    /// Until exactly `n` sessions are open.
    void wait_for_sessions(std::size_t n, Milliseconds timeout = default_timeout) const;
    /// Until there were at least `n`.
    void wait_for_accepted(std::size_t n, Milliseconds timeout = default_timeout) const;
    void wait_for_received(std::size_t n, Milliseconds timeout = default_timeout) const;
    void wait_for_eofs(std::size_t n, Milliseconds timeout = default_timeout) const;
    void wait_for_resets(std::size_t n, Milliseconds timeout = default_timeout) const;

    void close_all();       ///< FIN, and the session is forgotten
    void reset_all();       ///< RST
    void half_close_all();  ///< FIN, and go on reading
    void send_all(const std::string& bytes);
    /// From now on this instead of an echo, in the backend's thread, for what each read brought;
    /// nothing: FIN.
    void answer_by(std::function<std::optional<std::string>(const std::string&)> answer);
    void pause_reading();
    void resume_reading();

    void refuse();  ///< no new sessions; those open stay
    void stop();    ///< refuse() and close_all(), as a server that goes away
    void start();   ///< accepts again, as the options say

  private:
    struct Session {
        Fd fd;
        std::string unsent = {};
        bool eof = false;           ///< the client's FIN was read
        bool finishing = false;     ///< send FIN once `unsent` is out
        bool write_closed = false;  ///< our FIN is sent
        bool dead = false;          ///< to be erased at the end of the turn
    };
    struct Counters {
        std::size_t accepted = 0;
        std::size_t open = 0;
        std::size_t received = 0;
        std::size_t eofs = 0;
        std::size_t resets = 0;
        std::string text = {};
    };

    // The thread's own.
    void run();
    void run_tasks();
    void accept_all();
    void open_listener();
    void fill_backlog();
    void serve(Session& session, short events);
    void read_from(Session& session);
    void take(Session& session, const char* bytes, std::size_t n);
    void record(const char* bytes, std::size_t n);
    void flush(Session& session);
    void saw_reset(Session& session);
    void close_session(Session& session);
    [[nodiscard]] short interest(const Session& session) const;
    void erase_dead();

    /// Runs `task` in the thread and returns when it is done.
    void in_thread(const std::function<void()>& task);
    void count(const std::function<void(Counters&)>& change);
    [[nodiscard]] std::size_t counter(std::size_t Counters::*which) const;
    void wait_for(std::size_t Counters::*which, const std::string& what, std::size_t n,
                  bool exactly, Milliseconds timeout) const;

    const BackendOptions options_;
    ListeningSocket listener_;
    WakeEvent wake_;

    // Only the thread touches these.
    std::list<Session> sessions_;
    std::vector<Fd> backlog_fillers_;
    bool reading_;
    std::function<std::optional<std::string>(const std::string&)> answer_;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    // Guarded by mutex_.
    Counters counters_;
    std::vector<std::function<void()>> tasks_;
    std::size_t tasks_done_ = 0;
    std::size_t tasks_posted_ = 0;
    bool quit_ = false;

    std::thread thread_;
};

}  // namespace support
