#include "patroni_proxy/migrate/convert/cluster_name.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <set>
#include <string_view>

namespace proxy::migrate {
namespace {

/// Words that tell ports of one cluster apart.
bool tells_ports_apart(const std::string& word) {
    static const std::set<std::string_view> words{
        "primary",   "master",  "leader",   "lead",    "write",    "writes",     "writer",
        "rw",        "read",    "reads",    "reader",  "readonly", "readwrite",  "ro",
        "only",      "replica", "replicas", "standby", "standbys", "slave",      "slaves",
        "sync",      "async",   "quorum",   "any",     "postgres", "postgresql", "pgsql",
        "pg",        "db",      "fe",       "be",      "frontend", "backend",    "front",
        "back",      "in",      "out",      "listen",  "port",     "servers",    "ft",
        "pgbouncer", "pool",    "pooled",   "pooler",  "report",   "reports",    "reporting"};
    std::string lower = word;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower.find_first_not_of("0123456789") == std::string::npos || words.contains(lower);
}

std::vector<std::string> own_words(const std::string& name) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : name + "-") {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            word += c;
            continue;
        }
        if (!word.empty() && !tells_ports_apart(word))
            words.push_back(word);
        word.clear();
    }
    return words;
}

}  // namespace

std::string cluster_name_from(const std::vector<std::string>& sections) {
    std::vector<std::string> common;
    std::size_t named = 0;
    for (const auto& section : sections) {
        const auto words = own_words(section);
        if (words.empty())
            continue;
        if (named++ == 0)
            common = words;
        else
            std::erase_if(common, [&](const std::string& word) {
                return std::find(words.begin(), words.end(), word) == words.end();
            });
    }
    // What one of several sections has for itself names that section, and not the cluster.
    if (named == 1 && sections.size() > 1)
        return {};
    std::string name;
    for (const auto& word : common)
        name += (name.empty() ? "" : "_") + word;
    return name;
}

}  // namespace proxy::migrate
