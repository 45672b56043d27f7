#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace daemons {

/// Names and values, in the order of the output.
using Labels = std::vector<std::pair<std::string, std::string>>;
/// Adds a label.
[[nodiscard]] Labels with(Labels labels, const std::string& name, const std::string& value);

/// Collects samples for Prometheus into families, in the order of their first samples. Labels may
/// hold any bytes. The help text is not escaped: no newline and no backslash. One thread at a time.
class Metrics {
  public:
    /// Every name begins with `prefix`: "patroni_proxy_".
    explicit Metrics(std::string prefix) : prefix_(std::move(prefix)) {}

    void gauge(const std::string& name, const char* help, const Labels& labels, double value) {
        sample(name, help, labels, value, false);
    }
    void counter(const std::string& name, const char* help, const Labels& labels, double value) {
        sample(name, help, labels, value, true);
    }
    void gauge(const std::string& name, const char* help, const Labels& labels,
               std::uint64_t value) {
        gauge(name, help, labels, static_cast<double>(value));
    }
    void counter(const std::string& name, const char* help, const Labels& labels,
                 std::uint64_t value) {
        counter(name, help, labels, static_cast<double>(value));
    }
    /// No sample where there is no value.
    template <typename Value>
    void gauge(const std::string& name, const char* help, const Labels& labels,
               const std::optional<Value>& value) {
        if (value)
            gauge(name, help, labels, *value);
    }
    void flag(const std::string& name, const char* help, const Labels& labels, bool value) {
        gauge(name, help, labels, value ? 1.0 : 0.0);
    }

    /// In Prometheus' text format.
    [[nodiscard]] std::string text() const;

  private:
    struct Family {
        std::string name;
        std::string help;
        bool counter = false;
        std::vector<std::pair<Labels, double>> samples;
    };
    void sample(const std::string& name, const char* help, const Labels& labels, double value,
                bool counter);

    const std::string prefix_;
    std::vector<Family> families_;
    std::map<std::string, std::size_t> index_;  // by name, into families_
};

}  // namespace daemons
