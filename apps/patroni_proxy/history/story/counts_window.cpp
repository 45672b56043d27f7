#include "patroni_proxy/history/story/counts_window.h"

#include <algorithm>
#include <utility>

namespace proxy::history {
namespace {

constexpr std::size_t kRecent = 8;
constexpr double kNoticed = 0.5;  // seconds

/// A port that was removed and added again begins at 0.
std::uint64_t grown(std::uint64_t now, std::uint64_t before) {
    return now >= before ? now - before : now;
}

const PortCounts& counts_of(const CountsSeen& counts, const std::string& port) {
    static const PortCounts none;
    const auto found = counts.ports.find(port);
    return found == counts.ports.end() ? none : found->second;
}

std::map<std::string, std::uint64_t> refused_since(const PortCounts& now,
                                                   const PortCounts& before) {
    std::map<std::string, std::uint64_t> refused;
    for (const auto& [reason, number] : now.refused) {
        const auto found = before.refused.find(reason);
        const auto more = grown(number, found == before.refused.end() ? 0 : found->second);
        if (more != 0 && !is_expected_refusal(reason))
            refused[reason] = more;
    }
    return refused;
}

}  // namespace

bool is_expected_refusal(const std::string& reason) {
    return reason == "not_allowed" || reason == "port_disabled";
}

void CountsWindow::add(CountsSeen counts) {
    for (const auto& [port, each] : counts.ports)
        if (kept_since_ && counts.at >= *kept_since_)
            longest_[port] = std::max(longest_[port], each.longest_held);
    recent_.push_back(std::move(counts));
    if (recent_.size() > kRecent)
        recent_.pop_front();
}

void CountsWindow::begin(Clock::time_point moment) {
    kept_since_ = moment - kBefore;
    longest_.clear();
    base_ = recent_.empty() ? CountsSeen{} : recent_.front();
    for (const auto& each : recent_) {
        if (each.at <= *kept_since_)
            base_ = each;
        else
            for (const auto& [port, counts] : each.ports)
                longest_[port] = std::max(longest_[port], counts.longest_held);
    }
}

std::vector<PortShare> CountsWindow::since_begin(const std::string& leader) const {
    std::vector<PortShare> shares;
    if (!kept_since_ || recent_.empty())
        return shares;
    for (const auto& [port, now] : recent_.back().ports) {
        const PortCounts& before = counts_of(base_, port);
        PortShare share{.port = port,
                        .ended = grown(now.ended, before.ended),
                        .held = grown(now.held, before.held),
                        .gave_up = grown(now.gave_up, before.gave_up),
                        .refused = refused_since(now, before)};
        if (const auto longest = longest_.find(port); longest != longest_.end())
            share.longest_held = longest->second;
        if (const auto first = now.first_sessions.find(leader);
            first != now.first_sessions.end() && first->second >= *kept_since_)
            share.first_session = first->second;
        if (share.ended != 0 || share.held != 0 || share.longest_held > 0 || share.gave_up != 0 ||
            !share.refused.empty() || share.first_session)
            shares.push_back(std::move(share));
    }
    return shares;
}

bool CountsWindow::anyone_waits() const {
    if (recent_.size() < 2)
        return false;
    const CountsSeen& before = recent_[recent_.size() - 2];
    return std::any_of(
        recent_.back().ports.begin(), recent_.back().ports.end(), [&](const auto& entry) {
            return entry.second.waiting != 0 && counts_of(before, entry.first).waiting != 0;
        });
}

bool CountsWindow::anyone_was_turned_away() const {
    if (recent_.size() < 2)
        return false;
    const CountsSeen& before = recent_[recent_.size() - 2];
    return std::any_of(recent_.back().ports.begin(), recent_.back().ports.end(),
                       [&](const auto& entry) {
                           const PortCounts& last = counts_of(before, entry.first);
                           return entry.second.longest_held >= kNoticed ||
                                  !refused_since(entry.second, last).empty();
                       });
}

}  // namespace proxy::history
