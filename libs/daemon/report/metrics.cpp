#include "daemon/report/metrics.h"

#include <cstddef>
#include <set>
#include <sstream>

#include <prometheus/text_serializer.h>

#include "daemon/text/utf8.h"

namespace daemons {
namespace {

// A name that is longer is none that anybody gave.
constexpr std::size_t kLongestLabel = 256;

/// The serializer escapes quotes, backslashes and newlines. A scrape with one byte that is not
/// UTF-8, or that Prometheus' parser takes for its end, would be lost as a whole.
Labels printable(Labels labels) {
    for (auto& [name, value] : labels)
        value = one_line(value, kLongestLabel);
    return labels;
}

}  // namespace

Labels with(Labels labels, const std::string& name, const std::string& value) {
    labels.emplace_back(name, value);
    return labels;
}

void Metrics::sample(const std::string& name, const char* help, const Labels& labels, double value,
                     bool counter) {
    const auto [place, is_new] = index_.try_emplace(name, families_.size());
    if (is_new)
        families_.push_back({prefix_ + name, help, counter, {}});
    families_[place->second].samples.emplace_back(labels, value);
}

std::string Metrics::text() const {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& [name, help, counter, samples] : families_) {
        auto& family = families.emplace_back();
        family.name = name;
        family.help = help;
        family.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
        std::set<Labels> told;  // two texts may look the same once they are cut
        for (const auto& [labels, value] : samples) {
            const Labels shown = printable(labels);
            if (!told.insert(shown).second)
                continue;
            auto& metric = family.metric.emplace_back();
            for (const auto& [label, text] : shown)
                metric.label.push_back({label, text});
            (counter ? metric.counter.value : metric.gauge.value) = value;
        }
    }
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families);
    return text.str();
}

}  // namespace daemons
