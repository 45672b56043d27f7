#pragma once

#include <string>

#include "fd.h"

namespace support {

/// A network of its own, with its loopback up: what is started or opened while a thread is inside
/// stays in it. It has no name and ends with the last descriptor and process in it, so that a
/// killed test leaves nothing behind. Needs root and `ip`. Throws std::runtime_error.
class NetworkNamespace {
  public:
    /// Whether this process may make any.
    [[nodiscard]] static bool possible();

    NetworkNamespace();

    /// The calling thread is inside until this ends, and so is what it starts meanwhile.
    class Visit {
      public:
        explicit Visit(const NetworkNamespace& where);
        ~Visit();
        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;

      private:
        Fd home_;
    };
    [[nodiscard]] Visit enter() const { return Visit(*this); }

    /// Runs `ip` with these arguments inside: "link set veth down".
    void ip(const std::string& arguments) const;
    /// A cable to `other`: an interface on both ends, up, with these addresses ("/24"). There it is
    /// called "veth"; here too, unless one with that name is plugged in already.
    void connect_to(const NetworkNamespace& other, const std::string& own_ip,
                    const std::string& other_ip, const std::string& own_name = "veth") const;

  private:
    Fd fd_;
};

}  // namespace support
