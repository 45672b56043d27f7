#include "patroni_proxy/migrate/compare/comparison.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <set>
#include <utility>

#include "daemon/text/json.h"
#include "daemon/text/utf8.h"
#include "daemon/text/words.h"

namespace proxy::migrate {
namespace {

using daemons::Json;
using End = Difference::End;

constexpr std::size_t kLongestDifference = 500;

std::string local_time(Difference::Clock::time_point time) {
    const std::time_t seconds = Difference::Clock::to_time_t(time);
    std::tm fields{};
    ::localtime_r(&seconds, &fields);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &fields)};
}

std::string with_digits(double number, int digits) {
    std::array<char, 32> text{};
    const int length = std::snprintf(text.data(), text.size(), "%.*f", digits, number);
    return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::string_view name_of(End end) {
    switch (end) {
        case End::open:
            return "open";
        case End::haproxy_followed:
            return "HAProxy followed";
        case End::proxy_followed:
            return "patroni_proxy followed";
        case End::gone:
            break;
    }
    return "the server is gone";
}

}  // namespace

std::vector<Difference> Comparison::take(Clock::time_point now,
                                         const std::vector<JoinedServer>& servers) {
    std::vector<Difference> events;
    begin_ = begin_.value_or(now);
    latest_ = now;
    std::set<std::string> present;
    for (const auto& server : servers) {
        present.insert(server.server);
        ++total_;
        const bool agrees = server.haproxy_uses == server.proxy_uses;
        agreed_ += agrees ? 1 : 0;
        auto known = open_.find(server.server);
        if (known != open_.end()) {
            known->second.end = now;
            known->second.changing |= server.changing;
            // Both may have changed since, and then they differ in the other way round.
            const bool haproxy_changed = known->second.first.haproxy_uses != server.haproxy_uses;
            if (agrees || haproxy_changed)
                close(known, haproxy_changed ? End::haproxy_followed : End::proxy_followed, events);
            else
                continue;
        }
        if (agrees)
            continue;
        ++count_;
        const Difference difference{server, now, now, End::open, server.changing};
        open_.emplace(server.server, difference);
        events.push_back(difference);
    }
    for (auto one = open_.begin(); one != open_.end();) {
        const auto next = std::next(one);
        if (!present.contains(one->first)) {
            one->second.end = now;
            close(one, End::gone, events);
        }
        one = next;
    }
    return events;
}

void Comparison::close(std::map<std::string, Difference>::iterator difference, End how,
                       std::vector<Difference>& events) {
    difference->second.how = how;
    ++ends_[how];
    if (how == End::haproxy_followed && difference->second.changing)
        ++during_checks_;
    events.push_back(difference->second);
    if (closed_.size() < kMost)
        closed_.push_back(difference->second);
    open_.erase(difference);
}

double Comparison::agreement() const {
    return total_ == 0 ? 100.0 : 100.0 * static_cast<double>(agreed_) / static_cast<double>(total_);
}

std::vector<Difference> Comparison::kept() const {
    std::vector<Difference> all = closed_;
    for (const auto& [server, difference] : open_)
        all.push_back(difference);
    std::stable_sort(all.begin(), all.end(),
                     [](const Difference& a, const Difference& b) { return a.begin < b.begin; });
    return all;
}

std::string Comparison::summary() const {
    const auto time = begin_ ? std::chrono::duration<double>(latest_ - *begin_).count() : 0.0;
    std::string text = "agreement " + with_digits(agreement(), 2) + " % of " +
                       daemons::counted(total_, "comparison") + " in " + with_digits(time, 0) +
                       " s; " + daemons::counted(count_, "difference");
    const auto ended = [&](End end) {
        const auto found = ends_.find(end);
        return found == ends_.end() ? std::size_t{0} : found->second;
    };
    if (const auto number = ended(End::haproxy_followed)) {
        text += ", " + std::to_string(number) + " until HAProxy followed";
        if (during_checks_ != 0)
            text +=
                " (" + std::to_string(during_checks_) + " while it needed `fall` or `rise` checks)";
    }
    if (const auto number = ended(End::proxy_followed))
        text += ", " + std::to_string(number) + " until patroni_proxy followed";
    if (const auto number = ended(End::gone))
        text += ", " + std::to_string(number) + " until the server was gone";
    if (!open_.empty())
        text += ", " + std::to_string(open_.size()) + " now";
    return text;
}

std::string text_of(const Difference& difference) {
    const auto& first = difference.first;
    std::string text = local_time(difference.begin) + "  " + first.server + " (" + first.address +
                       (first.member.empty() ? "" : ", " + first.member) + "): HAProxy says " +
                       first.haproxy_says + "; patroni_proxy " + first.port +
                       (first.proxy_uses ? " uses it: " : " does not use it: ") +
                       first.proxy_reason;
    if (difference.how != End::open)
        text += "; for " + with_digits(difference.seconds(), 1) + " s, until " +
                std::string(name_of(difference.how));
    return daemons::one_line(text, kLongestDifference);
}

std::string json_of(const Comparison& comparison, const Pairing& pairing) {
    Json list = Json::list();
    for (const auto& difference : comparison.kept())
        list.append(
            Json::object()
                .add("server", difference.first.server)
                .add("address", difference.first.address)
                .add("member", difference.first.member)
                .add("port", difference.first.port)
                .add("haproxy", difference.first.haproxy_says)
                .add("haproxy_uses", difference.first.haproxy_uses)
                .add("patroni_proxy_uses", difference.first.proxy_uses)
                .add("reason", difference.first.proxy_reason)
                .add("begin",
                     std::chrono::duration<double>(difference.begin.time_since_epoch()).count())
                .add("seconds", difference.seconds())
                .add("end", std::string(name_of(difference.how)))
                .add("during_checks", difference.changing));
    return Json::object()
        .add("differ_now", comparison.differ_now())
        .add("agreement", comparison.agreement())
        .add("comparisons", comparison.comparisons())
        .add("compared", pairing.port_of_backend)
        .add("not_compared", pairing.not_compared)
        .add("differences", list)
        .text();
}

}  // namespace proxy::migrate
