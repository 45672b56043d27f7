#include "daemon/text/metrics.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <set>

#include "daemon/text/utf8.h"

namespace daemons {
namespace {

// Nobody gives longer names.
constexpr std::size_t kLongestLabel = 256;
constexpr std::string_view kTotal = "_total";
/// Up to here every integer is a double.
constexpr double kLargestInteger = 9'007'199'254'740'992;

/// In the shortest form that loses nothing, unless `format` says which one.
template <typename... Format>
std::string digits(double value, Format... format) {
    std::array<char, 400> buffer{};  // the largest double has 309 digits
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format...).ptr;
    return {buffer.data(), end};
}

std::string number(double value) {
    if (std::isnan(value))
        return "NaN";
    if (std::isinf(value))
        return value < 0 ? "-Inf" : "+Inf";
    const bool whole = std::trunc(value) == value && std::abs(value) <= kLargestInteger;
    return whole ? digits(value, std::chars_format::fixed) : digits(value);
}

/// The upper bound of a bucket, "0.25" or "1.0". The same in both formats, because it identifies
/// the series.
std::string bound(double value) {
    std::string text = digits(value, std::chars_format::fixed);
    return text.find('.') == std::string::npos ? text.append(".0") : text;
}

/// Prometheus rejects the whole scrape for one byte that is not UTF-8 or that its parser takes for
/// the end of the value.
std::string label_value(const std::string& value) {
    std::string escaped;
    for (const char c : one_line(value, kLongestLabel)) {
        if (c == '\\' || c == '"')
            escaped += '\\';
        escaped += c;
    }
    return escaped;
}

/// {a="b",c="d"}, or nothing.
std::string label_set(const Labels& labels) {
    std::string text;
    for (const auto& [name, value] : labels) {
        text.append(text.empty() ? "{" : ",").append(name);
        text.append("=\"").append(label_value(value)).append("\"");
    }
    return text.empty() ? text : text.append("}");
}

}  // namespace

Labels with(Labels labels, const std::string& name, const std::string& value) {
    labels.emplace_back(name, value);
    return labels;
}

MetricsFormat metrics_format_for(std::string_view accept) {
    return accept.find("application/openmetrics-text") == std::string_view::npos
               ? MetricsFormat::text
               : MetricsFormat::openmetrics;
}

Metrics::Family& Metrics::family(const std::string& name, Type type, const char* help) {
    const auto [place, is_new] = index_.try_emplace(name, families_.size());
    if (is_new)
        families_.push_back({name.starts_with("process_") ? name : prefix_ + name, type, help, {}});
    return families_[place->second];
}

void Metrics::sample(const std::string& name, Type type, const char* help, const Labels& labels,
                     double value) {
    family(name, type, help).samples.push_back({"", labels, value});
}

void Metrics::buckets(const std::string& name, const char* help, const Labels& labels,
                      std::span<const double> bounds, std::span<const std::uint64_t> counts,
                      double sum) {
    auto& samples = family(name, Type::histogram, help).samples;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        below += counts[i];
        samples.push_back({"_bucket",
                           with(labels, "le", i < bounds.size() ? bound(bounds[i]) : "+Inf"),
                           static_cast<double>(below)});
    }
    samples.push_back({"_sum", labels, sum});
    samples.push_back({"_count", labels, static_cast<double>(below)});
}

std::string Metrics::text(MetricsFormat format) const {
    constexpr std::array<std::string_view, 3> kTypes{"gauge", "counter", "histogram"};
    const bool open = format == MetricsFormat::openmetrics;
    std::string text;
    for (const auto& [name, type, help, samples] : families_) {
        std::string_view described = name;
        if (open && type == Type::counter && name.ends_with(kTotal))
            described.remove_suffix(kTotal.size());
        text.append("# HELP ").append(described).append(" ").append(help).append("\n");
        text.append("# TYPE ").append(described).append(" ");
        text.append(kTypes.at(static_cast<std::size_t>(type))).append("\n");
        std::set<std::string> told;  // two labels may be equal once they are cut
        for (const auto& sample : samples) {
            const std::string series = name + sample.suffix + label_set(sample.labels);
            if (told.insert(series).second)
                text.append(series).append(" ").append(number(sample.value)).append("\n");
        }
    }
    return open ? text.append("# EOF\n") : text;
}

}  // namespace daemons
