#include "patroni_proxy/cli/terminal/terminal.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

namespace proxy::cli {
namespace {

// The alternate screen, so that the previous content comes back afterwards; and no cursor.
constexpr std::string_view kEnter = "\033[?1049h\033[?25l";
constexpr std::string_view kLeave = "\033[?25h\033[?1049l";

extern "C" void leave_terminal(int signal) {
    [[maybe_unused]] const auto ignored = ::write(STDOUT_FILENO, kLeave.data(), kLeave.size());
    ::_exit(signal == SIGINT ? EXIT_SUCCESS : 128 + signal);
}
extern "C" void leave(int signal) {
    ::_exit(signal == SIGINT ? EXIT_SUCCESS : 128 + signal);
}
/// Interrupts the pause between two frames.
extern "C" void wake(int /*signal*/) {}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    ::sigaction(signal, &action, nullptr);
}

// NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
bool is_set(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
    return value != nullptr && *value != '\0';
}

bool has_colour() {
    const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
    return !is_set("NO_COLOR") && terminal != nullptr && std::string_view(terminal) != "dumb";
}

/// With the signal's default action, so that a shell knows what happened.
[[noreturn]] void end_by_sigpipe() {
    handle(SIGPIPE, SIG_DFL);
    sigset_t pipe;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_UNBLOCK, &pipe, nullptr);  // POCO blocks it before main()
    ::raise(SIGPIPE);
    ::_exit(128 + SIGPIPE);
}

std::string time_of_day() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%F %T", &local)};
}

std::string frame_or_error(const std::function<std::string(const Screen&)>& frame,
                           const Screen& on) {
    try {
        return frame(on);
    } catch (const std::exception& error) {
        return paint({error.what(), Colour::bad}, on) + "\n";
    }
}

void pause(std::chrono::milliseconds time) {
    const timespec wanted{time.count() / 1'000, (time.count() % 1'000) * 1'000'000};
    ::nanosleep(&wanted, nullptr);
}

}  // namespace

Screen screen() {
    Screen screen;
    winsize size{};
    if (::isatty(STDOUT_FILENO) == 0)
        return screen;
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        screen.width = size.ws_col;
        screen.height = size.ws_row;
    }
    screen.colour = has_colour();
    return screen;
}

void write_out(std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EPIPE) {
            end_by_sigpipe();
        } else if (errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "standard output");
        }
    }
}

std::string redraw(std::string_view frame, const Screen& screen) {
    std::string out = "\033[H";
    for (std::size_t line = 1; !frame.empty() && (screen.height == 0 || line < screen.height);
         ++line) {
        const std::size_t end = frame.find('\n');
        out.append(frame.substr(0, end)).append("\033[K\r\n");
        frame.remove_prefix(end == std::string_view::npos ? frame.size() : end + 1);
    }
    return out + (frame.empty() ? "" : "...") + "\033[J";
}

void watch(std::chrono::milliseconds interval,
           const std::function<std::string(const Screen&)>& frame) {
    const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        handle(signal, terminal ? leave_terminal : leave);
    handle(SIGWINCH, wake);
    if (terminal)
        write_out(kEnter);
    for (;;) {
        const Screen on = screen();
        const std::string text = time_of_day() + "\n" + frame_or_error(frame, on);
        write_out(terminal ? redraw(text, on) : text + "\n");
        pause(interval);
    }
}

}  // namespace proxy::cli
