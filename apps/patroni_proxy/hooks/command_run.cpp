#include "patroni_proxy/hooks/command_run.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "daemon/system/spawn.h"
#include "net/socket/unique_fd.h"

namespace proxy::hooks {
namespace {

using Clock = std::chrono::steady_clock;

// How often we look whether the command has ended. The end of its output does not tell: it may
// close it early, and a process that it leaves running keeps it open.
constexpr std::chrono::milliseconds kTick{50};
constexpr int kAfterStderr = 3;

struct Pipe {
    net::UniqueFd read;
    net::UniqueFd write;
};

Pipe new_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    return {net::UniqueFd(ends[0]), net::UniqueFd(ends[1])};
}

void must(int error, const char* what) {
    if (error != 0)
        throw std::system_error(error, std::generic_category(), what);
}

/// What posix_spawn() does in the child: its descriptors, signals and process group.
class Plan {
  public:
    Plan(int input, int output) {
        must(::posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init");
        must(::posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
        must(::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO), "dup2");
        must(::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO), "dup2");
        must(::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO), "dup2");
        // Not every library opens its descriptors with O_CLOEXEC.
        must(::posix_spawn_file_actions_addclosefrom_np(&actions_, kAfterStderr), "closefrom");
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        must(::posix_spawnattr_setsigmask(&attributes_, &none), "sigmask");
        must(::posix_spawnattr_setsigdefault(&attributes_, &all), "sigdefault");
        must(::posix_spawnattr_setpgroup(&attributes_, 0), "pgroup");
        must(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK |
                                                          POSIX_SPAWN_SETSIGDEF |
                                                          POSIX_SPAWN_SETPGROUP),
             "flags");
    }
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;
    ~Plan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    [[nodiscard]] int spawn(pid_t& pid, const std::vector<std::string>& command,
                            const std::vector<std::string>& environment) const {
        return ::posix_spawn(&pid, command.front().c_str(), &actions_, &attributes_,
                             daemons::pointers_to(command).data(),
                             daemons::pointers_to(environment).data());
    }

  private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

/// Only what a command needs: other variables of ours may be secret.
std::vector<std::string> environment_of(const CommandRun& run) {
    std::vector<std::string> environment;
    for (const char* name : {"PATH", "HOME", "LANG", "TZ"})
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
        if (const char* value = std::getenv(name))
            environment.push_back(std::string(name).append("=").append(value));
    for (const auto& [name, value] : run.environment)
        environment.push_back(std::string(name).append("=").append(value));
    return environment;
}

/// A command that is running.
class Running {
  public:
    Running(const CommandRun& run, pid_t pid, net::UniqueFd input, net::UniqueFd output)
        : run_(run), pid_(pid), input_(std::move(input)), output_(std::move(output)) {
        for (const int fd : {input_.get(), output_.get()})
            ::fcntl(fd, F_SETFL, O_NONBLOCK);
        if (run_.input.empty())
            input_.reset();
    }

    CommandResult to_its_end(const std::stop_token& stop) {
        const auto deadline = Clock::now() + run_.timeout;
        while (!has_ended()) {
            if (stop.stop_requested())
                return killed("it was still running when the proxy stopped");
            if (Clock::now() >= deadline)
                return killed("it took longer than " + std::to_string(run_.timeout.count()) +
                              " ms and was killed");
            move_bytes(std::min<Clock::duration>(kTick, deadline - Clock::now()));
        }
        read_output();
        return {problem_of_status(), result_.output};
    }

  private:
    [[nodiscard]] bool has_ended() { return ::waitpid(pid_, &status_, WNOHANG) == pid_; }

    CommandResult killed(const std::string& why) {
        ::kill(-pid_, SIGKILL);
        while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
        }
        read_output();
        return {why, result_.output};
    }

    void move_bytes(Clock::duration patience) {
        std::array<pollfd, 2> watched{pollfd{output_.get(), POLLIN, 0},
                                      pollfd{input_.get(), POLLOUT, 0}};
        // poll() leaves out a negative descriptor.
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
        if (::poll(watched.data(), watched.size(), static_cast<int>(std::max<long>(wait, 1))) <= 0)
            return;
        if (watched[0].revents != 0)
            read_output();
        if (watched[1].revents != 0)
            write_input();
    }

    void read_output() {
        std::array<char, 4'096> chunk{};
        while (output_) {
            const auto got = ::read(output_.get(), chunk.data(), chunk.size());
            if (got > 0) {
                const auto room =
                    run_.most_output - std::min(run_.most_output, result_.output.size());
                result_.output.append(chunk.data(), std::min(room, static_cast<std::size_t>(got)));
                if (result_.output.size() == run_.most_output)
                    return;  // back to the deadline: it may write without end
                continue;
            }
            if (got == 0 || (errno != EAGAIN && errno != EINTR))
                output_.reset();
            return;
        }
    }

    /// A command need not read its input. Then the pipe breaks, which is no error.
    void write_input() {
        const std::string_view rest = std::string_view(run_.input).substr(written_);
        const auto sent = ::write(input_.get(), rest.data(), rest.size());
        if (sent > 0)
            written_ += static_cast<std::size_t>(sent);
        if (written_ == run_.input.size() || (sent < 0 && errno != EAGAIN && errno != EINTR))
            input_.reset();
    }

    [[nodiscard]] std::string problem_of_status() const {
        if (WIFSIGNALED(status_))
            return "it was ended by signal " + std::to_string(WTERMSIG(status_));
        if (WIFEXITED(status_) && WEXITSTATUS(status_) != 0)
            return "it ended with exit code " + std::to_string(WEXITSTATUS(status_));
        return {};
    }

    const CommandRun& run_;
    const pid_t pid_;
    net::UniqueFd input_;
    net::UniqueFd output_;
    std::size_t written_ = 0;
    int status_ = 0;
    CommandResult result_;
};

}  // namespace

CommandResult run_command(const CommandRun& run, const std::stop_token& stop) try {
    Pipe input = new_pipe();
    Pipe output = new_pipe();
    pid_t pid = 0;
    const Plan plan(input.read.get(), output.write.get());
    if (const int error = plan.spawn(pid, run.command, environment_of(run)); error != 0)
        return {"it cannot be started: " + std::generic_category().message(error), {}};
    input.read.reset();
    output.write.reset();
    return Running(run, pid, std::move(input.write), std::move(output.read)).to_its_end(stop);
} catch (const std::system_error& error) {
    return {"it cannot be started: " + std::generic_category().message(error.code().value()), {}};
}

}  // namespace proxy::hooks
