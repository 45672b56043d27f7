#include "patroni_proxy/migrate/source_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace proxy::migrate {
namespace {

constexpr std::size_t kMaxFiles = 1'000;

std::vector<std::string> files_of(const std::string& directory) {
    std::vector<std::string> files;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end;
         !error && entry != end && files.size() <= kMaxFiles; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (!name.starts_with('.') && name.ends_with(".cfg"))
            files.push_back(entry->path().string());
    }
    if (error)
        throw daemons::FileError(directory + ": " + error.message());
    std::sort(files.begin(), files.end());
    return files;
}

/// Names without their directories, where no two are then equal.
void shorten_names(std::vector<haproxy::SourceFile>& sources) {
    std::map<std::string, int> count;
    const auto short_name = [](const haproxy::SourceFile& source) {
        return std::filesystem::path(source.name).filename().string();
    };
    for (const auto& source : sources)
        ++count[short_name(source)];
    for (auto& source : sources)
        if (count[short_name(source)] == 1)
            source.name = short_name(source);
}

}  // namespace

std::vector<haproxy::SourceFile> read_sources(const std::vector<std::string>& paths,
                                              const daemons::ReadFile& read) {
    std::vector<haproxy::SourceFile> sources;
    const auto add = [&](const std::string& path) {
        if (sources.size() == kMaxFiles)
            throw daemons::FileError("more than 1000 files");
        sources.push_back({path, read(path)});
    };
    for (const auto& path : paths) {
        std::error_code error;
        if (!std::filesystem::is_directory(path, error)) {
            add(path);
            continue;
        }
        for (const auto& file : files_of(path))
            add(file);
    }
    shorten_names(sources);
    return sources;
}

haproxy::Symbols symbols_from(const std::vector<std::string>& assignments) {
    std::map<std::string, std::string> values;
    for (const auto& assignment : assignments) {
        // An expression of a template may hold "=" itself; a value seldom does.
        const auto equals = assignment.rfind('=');
        if (equals == std::string::npos || equals == 0)
            throw std::invalid_argument("--set takes NAME=VALUE, not '" + assignment + "'");
        values[assignment.substr(0, equals)] = assignment.substr(equals + 1);
    }
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
        if (const auto found = values.find(name); found != values.end())
            return found->second;
        if (name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789_") != std::string::npos)
            return std::nullopt;
        // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs
        const char* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
    };
}

}  // namespace proxy::migrate
