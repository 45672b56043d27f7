#include "child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>

#include "support/sockets/socket.h"

namespace support {

namespace {

// glibc 2.36 declares these without extern "C", so that C++ cannot link them.
int open_pidfd(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}
void send_signal(int pidfd, int number) {
    (void)::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0);
}

struct Pipe {
    Fd read;
    Fd write;
};

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    return {Fd(ends[0]), Fd(ends[1])};
}

/// For stdin: writing to a socket whose reader is gone is an error and not a SIGPIPE.
Pipe make_socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    return {Fd(ends[0]), Fd(ends[1])};
}

std::vector<std::string> merged_environment(const ProcessOptions& options) {
    std::vector<std::string> merged;
    for (const auto& [name, value] : options.environment)
        merged.emplace_back(name).append("=").append(value);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string inherited = *entry;
        const auto replaces = [&](const auto& added) {
            return inherited.starts_with(added.first) && inherited[added.first.size()] == '=';
        };
        if (std::none_of(options.environment.begin(), options.environment.end(), replaces))
            merged.push_back(inherited);
    }
    return merged;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const auto& text : texts)
        result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

/// Copies where none of them is in the way of those that a child is to have.
std::vector<Fd> out_of_the_way(const std::vector<int>& descriptors) {
    constexpr int kFirst = 256;
    std::vector<Fd> copies;
    for (const int descriptor : descriptors)
        if (!copies.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, kFirst)))
            throw std::system_error(errno, std::generic_category(), "F_DUPFD_CLOEXEC");
    return copies;
}

/// All that the child needs, made before fork(): after it only async-signal-safe calls are allowed.
struct Launch {
    char** argv;
    char** environment;
    const char* working_directory;
    std::vector<int> descriptors;  ///< as 0, 1, 2 and so on
    int failure;
    pid_t parent;
};

[[noreturn]] void become(const Launch& launch) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != launch.parent)
        ::_exit(127);
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    struct sigaction as_usual {};
    as_usual.sa_handler = SIG_DFL;
    ::sigaction(SIGPIPE, &as_usual, nullptr);
    bool ready = true;
    int target = 0;
    for (const int descriptor : launch.descriptors)
        ready = ready && ::dup2(descriptor, target++) >= 0;
    if (ready && launch.working_directory[0] != '\0')
        ready = ::chdir(launch.working_directory) == 0;
    if (ready)
        ::execvpe(launch.argv[0], launch.argv, launch.environment);
    const int error = errno;
    (void)!::write(launch.failure, &error, sizeof error);
    ::_exit(127);
}

}  // namespace

std::string ExitStatus::text() const {
    return signal != 0 ? "ended by signal " + std::to_string(signal)
                       : "exited with " + std::to_string(code);
}

std::ostream& operator<<(std::ostream& out, const ExitStatus& status) {
    return out << status.text();
}

ChildProcess::ChildProcess(const std::vector<std::string>& argv, const ProcessOptions& options) {
    Pipe input = make_socket_pair();
    Pipe output = make_pipe();
    Pipe error = make_pipe();
    Pipe failure = make_pipe();
    const auto environment = merged_environment(options);
    auto argument_pointers = pointers(argv);
    auto environment_pointers = pointers(environment);
    std::vector<int> descriptors{input.read.get(), output.write.get(), error.write.get()};
    descriptors.insert(descriptors.end(), options.descriptors.begin(), options.descriptors.end());
    descriptors.push_back(failure.write.get());
    std::vector<Fd> copies = out_of_the_way(descriptors);
    std::vector<int> numbers;
    for (const Fd& copy : copies)
        numbers.push_back(copy.get());
    const int failure_number = numbers.back();
    numbers.pop_back();
    const Launch launch{.argv = argument_pointers.data(),
                        .environment = environment_pointers.data(),
                        .working_directory = options.working_directory.c_str(),
                        .descriptors = numbers,
                        .failure = failure_number,
                        .parent = ::getpid()};
    pid_ = ::fork();
    if (pid_ < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0)
        become(launch);

    pidfd_ = Fd(open_pidfd(pid_));
    copies.clear();
    failure.write.close();
    int cause = 0;
    if (::read(failure.read.get(), &cause, sizeof cause) == sizeof cause) {
        ::waitpid(pid_, nullptr, 0);
        throw std::system_error(cause, std::generic_category(), "cannot start " + argv.front());
    }
    input_ = std::move(input.write);
    output_ = std::move(output.read);
    error_ = std::move(error.read);
}

ChildProcess::~ChildProcess() {
    signal(SIGKILL);
    wait(default_timeout);
}

void ChildProcess::signal(int number) const {
    send_signal(pidfd_.get(), number);
}

bool ChildProcess::write(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const ssize_t n =
            ::send(input_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (n >= 0)
            sent += static_cast<std::size_t>(n);
        else if (errno != EINTR)
            return false;
    }
    return true;
}

std::optional<ExitStatus> ChildProcess::wait(Milliseconds timeout) {
    if (status_ || !wait_ready(pidfd_.get(), POLLIN, Clock::now() + timeout))
        return status_;
    int raw = 0;
    if (::waitpid(pid_, &raw, 0) == pid_)
        status_ = WIFSIGNALED(raw) ? ExitStatus{.code = -1, .signal = WTERMSIG(raw)}
                                   : ExitStatus{.code = WEXITSTATUS(raw), .signal = 0};
    return status_;
}

}  // namespace support
