#pragma once

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>

// Compares what docs/metrics.md and contrib say of the metrics with what the code writes.

inline std::string content_of_project_file(const std::string& name) {
    std::ifstream in(TEST_DATA "/../../" + name);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// A row for each family, as in docs/metrics.md: "| `name` | counter | help |".
inline std::string metrics_table(const std::string& metrics) {
    std::istringstream lines(metrics);
    std::string table;
    std::string help;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string hash;
        std::string kind;
        std::string name;
        words >> hash >> kind >> name >> std::ws;
        std::string rest;
        std::getline(words, rest);
        if (hash != "#")
            continue;
        if (kind == "HELP")
            help = rest;
        else
            table.append("| `").append(name).append("` | ").append(rest).append(" | ").append(
                help + " |\n");
    }
    return table;
}

/// The rows of the table under a heading of docs/metrics.md.
inline std::string documented_metrics(const std::string& heading) {
    const std::string page = content_of_project_file("docs/metrics.md");
    std::istringstream lines(page.substr(page.find("\n## " + heading + "\n") + 1));
    std::string table;
    std::string line;
    for (std::getline(lines, line); std::getline(lines, line) && !line.starts_with("## ");)
        if (line.starts_with("| `"))
            table += line + "\n";
    return table;
}

/// The names of series in a text of samples.
inline std::set<std::string> series_of(const std::string& metrics) {
    std::istringstream lines(metrics);
    std::set<std::string> names;
    for (std::string line; std::getline(lines, line);)
        if (!line.starts_with("#"))
            names.insert(line.substr(0, line.find_first_of("{ ")));
    return names;
}

/// The series whose names begin with `start` that rules and dashboard of contrib ask for.
inline std::set<std::string> asked_for(const std::string& start) {
    std::set<std::string> names;
    const std::regex series("\\b(" + start + R"([a-z_]+)\b(?!["\s]*[},.]|\.rules))");
    for (const char* const file :
         {"contrib/prometheus/patroni_proxy.rules.yml", "contrib/grafana/patroni_proxy.json"}) {
        std::istringstream lines(content_of_project_file(file));
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("#"))
                continue;
            for (std::sregex_iterator found(line.begin(), line.end(), series), end; found != end;
                 ++found)
                names.insert(found->str(1));
        }
    }
    return names;
}
