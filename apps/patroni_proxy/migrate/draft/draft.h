#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxy::migrate {

/// A line of a configuration of ours: key, value as YAML, and why it is there.
struct Entry {
    std::string key;
    std::string value;
    std::string comment = {};
};

struct PortDraft {
    std::string name;
    std::string comment;
    std::vector<std::string> listen;  ///< its addresses once more, as text
    std::vector<Entry> settings;
};

struct ClusterDraft {
    std::string name;
    std::string comment;
    std::vector<Entry> hosts;  ///< values alone
    std::vector<Entry> settings;
    std::vector<PortDraft> ports;
};

/// A configuration of ours before it is a file. A value.
struct Draft {
    std::vector<std::string> header;  ///< comments at the top, one a line
    std::vector<Entry> settings;
    std::vector<ClusterDraft> clusters;
};

/// As a file: keys in this order, comments behind them.
[[nodiscard]] std::string yaml_of(const Draft& draft);

/// A text as a value of YAML, in double quotes.
[[nodiscard]] std::string in_double_quotes(std::string_view text);
/// The same for a text in which `${` is meant literally, and not the beginning of a variable.
[[nodiscard]] std::string yaml_scalar(std::string_view text);
/// The same, without quotes if it is a plain word that YAML reads as text.
[[nodiscard]] std::string key_of(const std::string& name);
/// "[a, b]"
[[nodiscard]] std::string list_of(const std::vector<std::string>& values);

}  // namespace proxy::migrate
