#pragma once

#include "support/sockets/fd.h"

namespace support {

/// A flag that poll() can see: readable in every thread that polls fd() from set() until clear().
/// Owns its eventfd; set() and clear() may be called from any thread.
class WakeEvent {
  public:
    WakeEvent();

    void set();
    void clear();
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    Fd fd_;
};

}  // namespace support
