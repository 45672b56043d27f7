#include "patroni_proxy/page/history_section.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "daemon/text/units.h"
#include "patroni_proxy/page/html.h"

namespace proxy::page {
namespace {

using history::Record;
using history::RecordPtr;
using history::StepKind;

constexpr std::size_t kMostRows = 20;
constexpr std::size_t kMostTimeLines = 3;

Tone tone_of(const Record& record) {
    if (!record.ended)
        return Tone::bad;
    const bool was_leaderless = record.kind == history::Kind::leader &&
                                record.leaderless != history::Clock::duration::zero();
    return was_leaderless ? Tone::warn : Tone::calm;
}

const char* word_of(const Record& record) {
    if (!record.ended)
        return "ongoing";
    switch (record.kind) {
        case history::Kind::leader:
            return "leader";
        case history::Kind::patroni:
            return "Patroni";
        case history::Kind::members:
            return "members";
        case history::Kind::clients:
            return "clients";
        case history::Kind::operator_action:
            return "operator";
    }
    return "?";
}

const char* words_of(StepKind kind) {
    switch (kind) {
        case StepKind::last_proven:
            return "last proved that it leads";
        case StepKind::doubted:
            return "is doubted";
        case StepKind::leader_out:
            return "is no longer the leader";
        case StepKind::lock_free:
            return "nobody holds the leader lock";
        case StepKind::lock_taken:
            return "takes the leader lock";
        case StepKind::promoted:
            return "is promoted: new sessions go to it";
        case StepKind::leads_again:
            return "leads again";
        case StepKind::first_session:
            return "gets its first session";
        case StepKind::patroni_silent:
            return "no host answers";
        case StepKind::patroni_answers:
            return "a host answers again";
        case StepKind::member_left:
            return "stops serving";
        case StepKind::member_joined:
            return "serves";
    }
    return "?";
}

std::string began_text(const Record& record) {
    return daemons::time_text(record.unix_of(record.began), daemons::TimeZone::utc);
}

std::string offset(const Record& record, history::Clock::time_point at) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%+.2f s",
                  std::chrono::duration<double>(at - record.began).count());
    return text.data();
}

std::string time_line(const Record& record) {
    Table out{record.cluster + ": " + record.words + ", began " + began_text(record),
              {"After", "What", "Why"},
              {}};
    for (const auto& step : record.steps) {
        std::string what = step.member + (step.member.empty() ? "" : " ") + words_of(step.kind);
        if (!step.port.empty())
            what += " " + step.port;
        out.rows.push_back({escaped(offset(record, step.at)), escaped(what), escaped(step.detail)});
    }
    return table(out);
}

}  // namespace

std::string history_section(const std::vector<RecordPtr>& records) {
    if (records.empty())
        return {};
    Table out{"Latest changes, newest first", {"Began", "Cluster", "About", "What"}, {}};
    std::string time_lines;
    std::size_t told = 0;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (out.rows.size() < kMostRows)
            out.rows.push_back({escaped(began_text(**record)), escaped((*record)->cluster),
                                badge(tone_of(**record), word_of(**record)),
                                escaped((*record)->summary)});
        if ((*record)->kind == history::Kind::leader && told < kMostTimeLines) {
            time_lines += time_line(**record);
            ++told;
        }
    }
    return "<section id=\"history\">\n<h2>History</h2>\n" + table(out) + time_lines +
           "</section>\n";
}

}  // namespace proxy::page
