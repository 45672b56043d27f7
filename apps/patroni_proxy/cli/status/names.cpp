#include "patroni_proxy/cli/status/names.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "daemon/text/utf8.h"
#include "daemon/text/words.h"

namespace proxy::cli {
namespace {

constexpr std::size_t kMaxListed = 1'000;  // bytes

std::string listed(const std::vector<std::string>& names) {
    return daemons::one_line(daemons::joined(names), kMaxListed);
}

std::string shown(const std::string& text) {
    return daemons::one_line(text, kMaxListed);
}

Name find(const std::vector<Name>& names, const std::string& text, const std::string& kind) {
    std::vector<std::string> all;
    std::vector<Name> found;
    for (const auto& each : names) {
        all.push_back(each.text());
        if (each.text() == text)
            return each;
        if (each.name == text)
            found.push_back(each);
    }
    if (found.size() == 1)
        return found.front();
    if (found.empty())
        throw std::runtime_error(
            "no " + kind + " " + shown(text) +
            (all.empty() ? "; there is none yet" : "; there are " + listed(all)));
    std::vector<std::string> several;
    several.reserve(found.size());
    for (const auto& each : found)
        several.push_back(each.text());
    throw std::runtime_error("several clusters have a " + kind + " " + shown(text) +
                             ": say which, " + listed(several));
}

void add(std::vector<Name>& names, const Name& name) {
    const auto same = [&](const Name& other) {
        return other.cluster == name.cluster && other.name == name.name;
    };
    if (std::none_of(names.begin(), names.end(), same))
        names.push_back(name);
}

}  // namespace

std::vector<Name> members_of(const ProxyReport& report) {
    std::vector<Name> names;
    for (const auto& cluster : report.clusters) {
        std::vector<Name> here;
        for (const auto& member : cluster.members)
            add(here, {cluster.name, member.name});
        for (const auto& port : cluster.ports)
            for (const auto& traffic : port.traffic)
                add(here, {cluster.name, traffic.member});
        for (const auto& setting : cluster.operator_settings)
            if (!setting.member.empty())
                add(here, {cluster.name, setting.member});
        names.insert(names.end(), here.begin(), here.end());
    }
    return names;
}

std::vector<Name> ports_of(const ProxyReport& report) {
    std::vector<Name> names;
    for (const auto& cluster : report.clusters)
        for (const auto& port : cluster.ports)
            names.push_back({cluster.name, port.name});
    return names;
}

Name find_member(const ProxyReport& report, const std::string& text) {
    return find(members_of(report), text, "member");
}

Name find_port(const ProxyReport& report, const std::string& text) {
    return find(ports_of(report), text, "port");
}

Name find_port_of(const ProxyReport& report, const std::string& cluster, const std::string& text) {
    std::vector<Name> here;
    for (const auto& name : ports_of(report))
        if (name.cluster == cluster)
            here.push_back(name);
    return find(here, text, "port");
}

std::string find_cluster(const ProxyReport& report, const std::string& text) {
    std::vector<std::string> names;
    for (const auto& cluster : report.clusters)
        names.push_back(cluster.name);
    if (text.empty() && names.size() == 1)
        return names.front();
    if (std::find(names.begin(), names.end(), text) != names.end())
        return text;
    throw std::runtime_error((text.empty() ? "say which cluster" : "no cluster " + shown(text)) +
                             (names.empty()       ? "; there is none"
                              : names.size() == 1 ? "; there is " + listed(names)
                                                  : "; there are " + listed(names)));
}

}  // namespace proxy::cli
