#include "patroni_proxy/upgrade/successor.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <sched.h>
#include <spawn.h>
#include <stdexcept>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "daemon/system/spawn.h"
#include "daemon/text/units.h"

namespace proxy::upgrade {
namespace {

// Behind stdin, stdout and stderr.
constexpr int kChannelNumber = 3;

/// What the successor inherits, except what is meant for this process alone.
std::vector<std::string> environment_of_successor() {
    std::vector<std::string> environment;
    for (char** each = environ; *each != nullptr; ++each) {
        const std::string_view variable(*each);
        // systemd watches whoever is the main process (man sd_watchdog_enabled).
        if (!variable.starts_with("WATCHDOG_PID="))
            environment.emplace_back(variable);
    }
    environment.push_back(std::string(kChannelVariable) + "=" + std::to_string(kChannelNumber));
    return environment;
}

/// As a child of systemd, which is the parent of this process: when a service stops, systemd waits
/// only for a main process that was its child when it became that. posix_spawn() cannot do this.
/// Returns the process, or -1 with errno. The child does only what is allowed before exec in a
/// process with threads.
pid_t start_beside(char* const* command_line, char* const* environment, int channel) {
    const auto pid = static_cast<pid_t>(
        ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (pid != 0)
        return pid;
    sigset_t none{};
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::dup2(channel, kChannelNumber);
    ::fcntl(kChannelNumber, F_SETFD, 0);
    ::close_range(kChannelNumber + 1, ~0U, 0);
    ::execvpe(command_line[0], command_line, environment);
    constexpr int kNoProgram = 127;
    ::_exit(kNoProgram);
}

}  // namespace

Successor::Successor(net::EventLoop& loop, std::vector<std::string> command_line, Owner owner)
    : loop_(loop), owner_(std::move(owner)), late_(loop.timers(), [this] {
          fail("the new process is not ready within " + daemons::duration_text(kPatience));
      }) {
    auto [own, its] = Channel::pair();
    channel_ = std::move(own);
    pid_ = start(std::move(command_line), its.fd());
    if (const int error = loop_.add(channel_.fd(), EPOLLIN, *this); error != 0) {
        kill_it();
        throw std::system_error(error, std::generic_category(), "cannot hear the new process");
    }
    late_.arm(kPatience);
}

/// Everything but the channel is closed in it: what it needs, it gets through that.
pid_t Successor::start(std::vector<std::string> command_line, int channel) {
    if (command_line.empty())
        throw std::runtime_error("it is not known how this process was started");
    auto environment = environment_of_successor();
    if (constexpr pid_t kSystemd = 1; ::getppid() == kSystemd) {
        const pid_t beside = start_beside(daemons::pointers_to(command_line).data(),
                                          daemons::pointers_to(environment).data(), channel);
        if (beside < 0)
            throw std::system_error(errno, std::generic_category(), "no process can be started");
        return beside;
    }
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, channel, kChannelNumber);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, kChannelNumber + 1);
    posix_spawnattr_t attributes{};
    ::posix_spawnattr_init(&attributes);
    sigset_t none{};
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, command_line.front().c_str(), &actions, &attributes,
                                     daemons::pointers_to(command_line).data(),
                                     daemons::pointers_to(environment).data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        throw std::system_error(error, std::generic_category(),
                                command_line.front() + " cannot be started");
    return pid;
}

Successor::~Successor() {
    loop_.remove(channel_.fd());
    if (!serves_)
        kill_it();
}

void Successor::kill_it() const {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
        continue;
}

void Successor::on_event(std::uint32_t /*events*/) noexcept {
    try {
        const auto message = channel_.receive_now();
        if (!message)
            return;
        late_.cancel();
        loop_.remove(channel_.fd());
        const auto kind = kind_of(message->bytes);
        const auto ready = read_ready(fields_of(message->bytes));
        if (kind == Kind::ready && ready)
            return owner_.on_ready(*ready);
        fail(why_refused(message->bytes));
    } catch (const std::exception&) {
        fail("the new process has ended before it was ready; the log says why");
    }
}

/// Once: nothing more is heard of it.
void Successor::fail(const std::string& why) {
    late_.cancel();
    loop_.remove(channel_.fd());
    owner_.on_failed(why);
}

std::string Successor::why_refused(std::string_view message) {
    const auto texts = read_texts(fields_of(message));
    if (kind_of(message) == Kind::refused && texts && !texts->empty())
        return "the new process refuses: " + texts->front();
    return "the new process has answered what this one does not understand";
}

std::string Successor::why_not_taken_over(Channel::Deadline deadline) {
    std::optional<Channel::Message> answer;
    std::string why;
    try {
        answer = channel_.receive(deadline);
    } catch (const std::exception& error) {
        why = error.what();
        // Exactly one of the two happens: its word is here already, or it can no longer say it.
        channel_.hear_no_more();
        try {
            answer = channel_.receive_now();
        } catch (const std::exception&) {
            return why;
        }
    }
    if (!answer)
        return why;
    serves_ = kind_of(answer->bytes) == Kind::took_over;
    return serves_ ? "" : why_refused(answer->bytes);
}

Successor::Answer Successor::await_adopted(Channel::Deadline deadline) noexcept {
    try {
        for (;;) {
            const auto kind = kind_of(channel_.receive(deadline).bytes);
            if (kind == Kind::adopted)
                return Answer::adopted;
            if (kind == Kind::refused)
                return Answer::refused;
        }
    } catch (const ChannelEnded&) {
        return Answer::gone;
    } catch (const std::exception&) {
        return Answer::late;
    }
}

}  // namespace proxy::upgrade
