#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "haproxy/grammar/reader.h"
#include "patroni_proxy/migrate/convert/converter.h"

namespace proxy::migrate {

/// A text as HAProxy's configuration. The conversion points into it.
struct ImportedText {
    explicit ImportedText(const std::string& text, const std::vector<std::string>& hosts = {})
        : configuration(haproxy::read(
              {{"h.cfg", text}}, [](const std::string&) { return std::optional<std::string>(); })),
          conversion(convert(configuration, hosts)) {}

    /// "3 not carried over" by line and a part of the directive; empty if there is no such line.
    [[nodiscard]] std::string outcome(int line, const std::string& directive) const {
        std::string all;
        for (const auto& said : conversion.ledger.lines())
            if (said.place.line == line && said.directive.find(directive) != std::string::npos)
                all += (all.empty() ? "" : "; ") + std::string(name_of(said.outcome)) +
                       (said.why.empty() ? "" : ": " + said.why);
        return all;
    }
    /// The value of a key of the first port, or of the top level.
    [[nodiscard]] std::string value(const std::string& key) const {
        if (!conversion.draft)
            return "no draft";
        for (const auto& entry : conversion.draft->clusters.front().ports.front().settings)
            if (entry.key == key)
                return entry.value;
        for (const auto& entry : conversion.draft->settings)
            if (entry.key == key)
                return entry.value;
        return {};
    }

    haproxy::Configuration configuration;
    Conversion conversion;
};

/// Line 1 is `listen a`, line 2 `bind *:5000`, line 3 the server; `more` begins on line 4.
inline std::string listen_with(const std::string& more, const std::string& server =
                                                            "check port 8008 "
                                                            "on-marked-down shutdown-sessions") {
    return "listen a\n bind *:5000\n server s 10.0.0.1:5432 " + server + "\n" + more;
}

}  // namespace proxy::migrate
