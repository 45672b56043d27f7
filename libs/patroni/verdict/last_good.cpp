#include "patroni/verdict/last_good.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "patroni/rest/endpoint.h"

namespace patroni {
namespace {

bool among(const std::vector<Member>& members, const std::string& name) {
    return std::any_of(members.begin(), members.end(),
                       [&](const Member& member) { return member.name == name; });
}

bool names_a_leader(const ClusterSnapshot& answer) {
    return std::any_of(answer.members.begin(), answer.members.end(), [](const Member& member) {
        return member.role == Role::leader && is_readable(member);
    });
}

std::string in_quotes(const std::string& word) {
    return word.empty() ? "missing" : "'" + word + "'";
}

/// What an entry says in words that nobody knows.
std::string unreadable_words(const Member& member) {
    std::string words;
    if (member.role == Role::unknown)
        words = "its role is " + in_quotes(member.role_name);
    if (member.state == State::unknown)
        words.append(words.empty() ? "its" : ", its")
            .append(" state is ")
            .append(in_quotes(member.state_name));
    return words;
}

/// Says which of these it kept, for a message.
std::string keep_place(Member& member, const Member& before) {
    std::string kept;
    const auto keep = [&](bool is_readable, bool was_known, const char* what) {
        if (is_readable || !was_known)
            return false;
        kept.append(kept.empty() ? "" : ", ").append(what);
        return true;
    };
    if (keep(!member.host.empty(), !before.host.empty(), "host"))
        member.host = before.host;
    if (keep(member.port.has_value(), before.port.has_value(), "port"))
        member.port = before.port;
    member.place_remembered = !kept.empty();
    if (keep(bool(Endpoint::of_api_url(member.api_url)), !before.api_url.empty(), "api_url"))
        member.api_url = before.api_url;
    return kept;
}

}  // namespace

SnapshotPtr with_last_good(const SnapshotPtr& told, const ClusterSnapshot* before) {
    if (!before)
        return told;
    ClusterSnapshot answer = *told;
    const bool names_leader = names_a_leader(answer);
    const auto warn = [&](const std::string& member, const std::string& what) {
        answer.warnings.push_back(member + ": " + what);
    };
    // Two leaders of one answer prove neither: one from memory must not stand against one that is
    // told.
    const auto remember = [&](const Member& known) {
        Member member = known;
        member.remembered = true;
        if (names_leader && member.role == Role::leader)
            member.role = Role::unknown;
        return member;
    };
    for (Member& member : answer.members) {
        const auto known =
            std::find_if(before->members.begin(), before->members.end(),
                         [&](const Member& each) { return each.name == member.name; });
        if (known == before->members.end())
            continue;
        if (!is_readable(member)) {
            warn(member.name,
                 unreadable_words(member) + " in Patroni's answer; keeping its last known entry");
            member = remember(*known);
        } else if (const auto kept = keep_place(member, *known); !kept.empty()) {
            warn(member.name,
                 "no usable " + kept + " in Patroni's answer; keeping the last known one");
        }
    }
    for (const Member& known : before->members)
        // Names that differ from answer to answer must not add up.
        if (answer.nameless != 0 && answer.members.size() < kMostMembers &&
            !among(answer.members, known.name)) {
            warn(known.name,
                 "not in Patroni's answer, which has an entry without a name; keeping its last "
                 "known entry");
            answer.members.push_back(remember(known));
        }
    return answer.warnings.empty() ? told
                                   : std::make_shared<const ClusterSnapshot>(std::move(answer));
}

}  // namespace patroni
