#include "daemon/system/signals.h"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace daemons {
namespace {

sigset_t handled_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2})
        sigaddset(&set, signal);
    return set;
}

}  // namespace

void block_signals() {
    const sigset_t set = handled_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ignore_sigpipe();
}

void ignore_sigpipe() {
    ::signal(SIGPIPE, SIG_IGN);
}

SignalReader::SignalReader(net::EventLoop& loop, OnSignal on_signal)
    : loop_(loop), on_signal_(std::move(on_signal)) {
    const sigset_t set = handled_signals();
    fd_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    const int error = fd_ ? loop_.add(fd_.get(), EPOLLIN, *this) : errno;
    if (error != 0)
        throw std::system_error(error, std::generic_category(), "signalfd");
}

SignalReader::~SignalReader() {
    loop_.remove(fd_.get());
}

void SignalReader::on_event(std::uint32_t /*events*/) noexcept {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == sizeof info)
        on_signal_(static_cast<int>(info.ssi_signo));
}

}  // namespace daemons
