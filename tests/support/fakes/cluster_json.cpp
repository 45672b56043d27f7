#include "cluster_json.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace support {

namespace {

std::string json_string(const std::string& text) {
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            json += '\\';
            json += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
            json += escaped;
        } else {
            json += c;
        }
    }
    return json + "\"";
}

bool is_bare(const std::string& text) {
    const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isdigit(c) != 0;
    });
    return digits || text == "true" || text == "false";
}

std::string key_value(const std::string& key, const std::string& json) {
    return json_string(key) + ": " + json;
}

std::string to_json(const std::string& text) {
    return json_string(text);
}
std::string to_json(std::int64_t number) {
    return std::to_string(number);
}
std::string to_json(const std::variant<std::int64_t, std::string>& either) {
    return std::visit([](const auto& value) { return to_json(value); }, either);
}

std::string joined(const std::vector<std::string>& parts) {
    std::string all;
    for (const auto& part : parts)
        all += (all.empty() ? "" : ", ") + part;
    return all;
}

template <typename Value>
void add(std::vector<std::string>& parts, const std::string& key,
         const std::optional<Value>& value) {
    if (value)
        parts.push_back(key_value(key, to_json(*value)));
}

std::string tags_json(const std::map<std::string, std::string>& tags) {
    std::vector<std::string> parts;
    parts.reserve(tags.size());
    for (const auto& [key, value] : tags)
        parts.push_back(key_value(key, is_bare(value) ? value : json_string(value)));
    return "{" + joined(parts) + "}";
}

}  // namespace

ClusterJson& ClusterJson::member(const ClusterMember& member) {
    std::vector<std::string> parts;
    add(parts, "name", member.name);
    add(parts, "role", member.role);
    add(parts, "state", member.state);
    add(parts, "api_url", member.api_url);
    add(parts, "host", member.host);
    add(parts, "port", member.port);
    add(parts, "timeline", member.timeline);
    if (!member.tags.empty())
        parts.push_back(key_value("tags", tags_json(member.tags)));
    for (const auto& [key, json] : member.extra)
        parts.push_back(key_value(key, json));
    add(parts, "lag", member.lag);
    members_.push_back("{" + joined(parts) + "}");
    return *this;
}

ClusterJson& ClusterJson::pause(bool paused) {
    return extra("pause", paused ? "true" : "false");
}

ClusterJson& ClusterJson::scope(const std::string& scope) {
    return extra("scope", json_string(scope));
}

ClusterJson& ClusterJson::extra(const std::string& key, const std::string& json) {
    extra_.push_back(key_value(key, json));
    return *this;
}

std::string ClusterJson::str() const {
    std::vector<std::string> parts{key_value("members", "[" + joined(members_) + "]")};
    parts.insert(parts.end(), extra_.begin(), extra_.end());
    return "{" + joined(parts) + "}";
}

}  // namespace support
