#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "haproxy/grammar/configuration.h"
#include "haproxy/model/address.h"
#include "haproxy/model/line_options.h"

namespace haproxy {

/// A `server` or `server-template` line with what it inherits.
struct Server {
    const Statement* line = nullptr;
    std::string name;
    Word address;
    /// Stands for all members: a template's loop, or `server-template`.
    bool every = false;
    /// What is in force, by keyword: of all `default-server` lines before it, and its own. The last
    /// one wins; one that is negated is absent.
    std::map<std::string, LineOption> options;

    [[nodiscard]] const LineOption* find(const std::string& keyword) const {
        const auto found = options.find(keyword);
        return found == options.end() ? nullptr : &found->second;
    }
};

struct Bind {
    const Statement* line = nullptr;
    std::vector<Address> addresses;
    bool symbolic = false;
    std::vector<LineOption> options;

    [[nodiscard]] const LineOption* find(std::string_view keyword) const;
};

/// A `listen`, `frontend` or `backend` section with what it inherits from its defaults.
struct Proxy {
    enum class Kind : std::uint8_t { frontend, backend, listen };
    Kind kind = Kind::listen;
    const Section* section = nullptr;
    std::string name;
    std::vector<const Statement*> inherited;  ///< in the order in which they count
    std::vector<Server> servers;
    std::vector<Bind> binds;

    [[nodiscard]] bool has_frontend() const { return kind != Kind::backend; }
    [[nodiscard]] bool has_backend() const { return kind != Kind::frontend; }
    /// The statement in force that begins with these words: the last one of the section, else the
    /// last one that it inherits.
    [[nodiscard]] const Statement* last(std::initializer_list<std::string_view> words) const;
    /// Those of the section itself.
    [[nodiscard]] std::vector<const Statement*> own(
        std::initializer_list<std::string_view> words) const;
    /// The statement that sets `option WANTED`, unless `no option WANTED` counts.
    [[nodiscard]] const Statement* option(std::string_view wanted) const;
    /// `tcp` unless it says otherwise.
    [[nodiscard]] std::string mode() const;
};

/// All proxies in the order of the files. They point into `configuration`, which must outlive them.
/// Throws ReadError for a `from` that names no defaults section before it.
[[nodiscard]] std::vector<Proxy> proxies_of(const Configuration& configuration);

/// The section `global`'s statement that counts; null if there is none.
[[nodiscard]] const Statement* global_setting(const Configuration& configuration,
                                              std::initializer_list<std::string_view> words);

}  // namespace haproxy
