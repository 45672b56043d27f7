#include "patroni_proxy/history/story/summary.h"

#include "daemon/text/utf8.h"
#include "daemon/text/words.h"
#include "patroni_proxy/history/story/cause.h"

namespace proxy::history {
namespace {

constexpr std::size_t kLongestSummary = 900;

std::string leader_name(const std::string& name) {
    return name.empty() ? "none" : name;
}

/// What clients noticed.
std::string clients_text(const Record& record) {
    const PortShare total = total_of(record);
    std::string text = daemons::counted(total.ended, "session") + " ended, " +
                       daemons::counted(total.held, "client") + " held";
    if (total.longest_held > 0)
        text += " (longest " + seconds_text(total.longest_held) + ")";
    text += ", " + std::to_string(total.refused_in_all()) + " refused";
    if (total.gave_up != 0)
        text += ", " + std::to_string(total.gave_up) + " gave up waiting";
    return text;
}

std::string leader_text(const Record& record) {
    std::string change = record.from == record.to ? "leader " + leader_name(record.to) + " stayed"
                                                  : "leader " + leader_name(record.from) + " -> " +
                                                        leader_name(record.to);
    if (record.leaderless == Clock::duration::zero())
        return change;
    const double seconds = std::chrono::duration<double>(record.leaderless).count();
    return change + "; no leader for " + seconds_text(seconds);
}

}  // namespace

std::string summary_of(const Record& record) {
    std::string text;
    switch (record.kind) {
        case Kind::operator_action:
            return record.words;
        case Kind::leader:
            text = leader_text(record) + "; " + clients_text(record) + ": " + record.words;
            break;
        case Kind::patroni:
            text = "leader " + leader_name(record.to) + " stayed; " + clients_text(record) + ": " +
                   record.words;
            break;
        case Kind::members:
        case Kind::clients:
            text = record.words + "; " + clients_text(record);
            break;
    }
    return daemons::one_line(text, kLongestSummary);
}

}  // namespace proxy::history
