#include "wake_event.h"

#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>

namespace support {

WakeEvent::WakeEvent() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_)
        throw std::system_error(errno, std::generic_category(), "eventfd");
}

void WakeEvent::set() {
    (void)::eventfd_write(fd_.get(), 1);
}

void WakeEvent::clear() {
    eventfd_t ignored = 0;
    (void)::eventfd_read(fd_.get(), &ignored);
}

}  // namespace support
