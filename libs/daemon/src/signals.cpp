#include "daemon/signals.h"

#include <csignal>

namespace daemons {
namespace {

sigset_t handled_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

}  // namespace

void block_signals() {
    const sigset_t set = handled_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal() {
    const sigset_t set = handled_signals();
    int number = 0;
    while (::sigwait(&set, &number) != 0) {
    }
    return number;
}

}  // namespace daemons
