#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/histogram.h"

namespace daemons {

/// Names with values, in the order of the output.
using Labels = std::vector<std::pair<std::string, std::string>>;
/// Adds a label.
[[nodiscard]] Labels with(Labels labels, const std::string& name, const std::string& value);

/// Prometheus' text format 0.0.4, or OpenMetrics 1.0.0 for a client that asks for it.
enum class MetricsFormat : std::uint8_t { text, openmetrics };
/// By the Accept header of a request.
[[nodiscard]] MetricsFormat metrics_format_for(std::string_view accept);

/// Collects samples for Prometheus into families, in the order of their first samples. Labels may
/// hold any bytes. The help text is not escaped, so it has no newline, backslash or quote. One
/// thread at a time.
///
/// The formats are those of https://prometheus.io/docs/instrumenting/exposition_formats and
/// https://github.com/OpenObservability/OpenMetrics (specification, 1.0.0). They differ in the name
/// of a counter's family, which lacks _total in OpenMetrics, and in the last line.
class Metrics {
  public:
    /// Puts `prefix`, such as "patroni_proxy_", before every name except those that begin with
    /// process_, which are the same in all programs.
    explicit Metrics(std::string prefix) : prefix_(std::move(prefix)) {}

    void gauge(const std::string& name, const char* help, const Labels& labels, double value) {
        sample(name, Type::gauge, help, labels, value);
    }
    /// The name must end in _total.
    void counter(const std::string& name, const char* help, const Labels& labels, double value) {
        sample(name, Type::counter, help, labels, value);
    }
    void gauge(const std::string& name, const char* help, const Labels& labels,
               std::uint64_t value) {
        gauge(name, help, labels, static_cast<double>(value));
    }
    void counter(const std::string& name, const char* help, const Labels& labels,
                 std::uint64_t value) {
        counter(name, help, labels, static_cast<double>(value));
    }
    /// Adds no sample if there is no value.
    template <typename Value>
    void gauge(const std::string& name, const char* help, const Labels& labels,
               const std::optional<Value>& value) {
        if (value)
            gauge(name, help, labels, *value);
    }
    void flag(const std::string& name, const char* help, const Labels& labels, bool value) {
        gauge(name, help, labels, value ? 1.0 : 0.0);
    }
    /// Adds no sample for 0, a limit that is off.
    void limit(const std::string& name, const char* help, const Labels& labels,
               std::uint64_t value) {
        if (value != 0)
            gauge(name, help, labels, value);
    }
    template <typename Scale>
    void histogram(const std::string& name, const char* help, const Labels& labels,
                   const base::Histogram<Scale>& value) {
        buckets(name, help, labels, value.bounds, value.counts, value.sum);
    }

    [[nodiscard]] std::string text(MetricsFormat format = MetricsFormat::text) const;

  private:
    enum class Type : std::uint8_t { gauge, counter, histogram };
    struct Sample {
        std::string suffix;  ///< of the name: _bucket
        Labels labels;
        double value;
    };
    struct Family {
        std::string name;
        Type type;
        std::string help;
        std::vector<Sample> samples;
    };

    Family& family(const std::string& name, Type type, const char* help);
    void sample(const std::string& name, Type type, const char* help, const Labels& labels,
                double value);
    void buckets(const std::string& name, const char* help, const Labels& labels,
                 std::span<const double> bounds, std::span<const std::uint64_t> counts, double sum);

    const std::string prefix_;
    std::vector<Family> families_;
    std::map<std::string, std::size_t> index_;  // by name, into families_
};

}  // namespace daemons
