#pragma once

#include <memory>
#include <string_view>

namespace proxy {

/// What a client says of itself in a startup packet. Each name is one line without control
/// characters, of at most 63 bytes: PostgreSQL cuts them there too (NAMEDATALEN - 1).
/// One allocation, and the size of a pointer, since each session has one. Immutable.
class ClientNames {
  public:
    /// Nothing is known: all names are empty.
    ClientNames() = default;
    /// `packet` is a complete StartupMessage; malformed parts are left out.
    explicit ClientNames(std::string_view packet);
    /// As another process has read them.
    ClientNames(std::string_view user, std::string_view database, std::string_view application);

    /// Whether there was a startup packet in clear text.
    [[nodiscard]] bool known() const noexcept { return text_ != nullptr; }
    [[nodiscard]] std::string_view user() const noexcept { return name(0); }
    /// If the packet has none, the user's name, as in PostgreSQL.
    [[nodiscard]] std::string_view database() const noexcept { return name(1); }
    [[nodiscard]] std::string_view application() const noexcept { return name(2); }

  private:
    [[nodiscard]] std::string_view name(unsigned which) const noexcept;

    std::unique_ptr<const char[]> text_;  ///< the three, each followed by a zero
};

}  // namespace proxy
