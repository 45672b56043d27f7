#include "daemon/yaml/problems.h"

#include "daemon/yaml/yaml_node.h"

namespace daemons {

std::string Source::name_of(int line) const {
    if (name_of_line_)
        return name_of_line_(line);
    return line == 0 ? file_ : file_ + ":" + std::to_string(line);
}

std::string Place::to_string() const {
    return source ? source->name_of(line) : "line " + std::to_string(line);
}

std::string Place::seen_from(const Place& reader) const {
    const bool same_file = source && source == reader.source && !source->file().empty();
    return same_file ? "line " + std::to_string(line) : to_string();
}

void Problems::add(const Place& where, const std::string& what) {
    lines_.push_back(where.to_string() + ": " + what);
}

void Problems::add(const YamlNode& where, const std::string& what) {
    add(where.place(), what);
}

void Problems::warn(const Place& where, const std::string& what) {
    warnings_.push_back(where.to_string() + ": warning: " + what);
}

void Problems::warn(const YamlNode& where, const std::string& what) {
    warn(where.place(), what);
}

}  // namespace daemons
