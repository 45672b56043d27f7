// Self-reports: which API is asked, and whether its answer comes from the member that was asked.

#include <algorithm>
#include <utility>

#include "patroni/answers/primary_parser.h"
#include "patroni/watch/poller.h"

namespace patroni {

void Poller::ask_leaders() {
    for (const auto& member : evidence_.leaders_to_ask())
        ask_member(member, "/primary");
}

void Poller::ask_members() {
    ask_leaders();
    const auto snapshot = view().snapshot;
    if (!snapshot)
        return;
    if (identity_.is_doubted()) {
        for (const auto& member : snapshot->members)
            ask_member(member.name, "/primary");
        for (const auto& host : settings_.hosts)
            ask_host(host);
    }
    const bool wants =
        std::any_of(settings_.judged_by.begin(), settings_.judged_by.end(),
                    [&](const Requirements& wanted) { return wants_positions(wanted, *snapshot); });
    if (!wants || !schedule_.take_positions(now_))
        return;
    for (const auto& member : snapshot->members)
        if (serves(member.state))
            ask_member(member.name, "/patroni");
}

Result<Endpoint> Poller::api_of(const std::string& member) const {
    const Member* found = evidence_.find_asked(member);
    return found && view().snapshot ? member_apis_.of(*found, view().snapshot)
                                    : Failure{"it is not a member of the cluster"};
}

void Poller::ask_member(const std::string& member, const std::string& path) {
    const auto api = api_of(member);
    if (api)
        return ask_self_report(member, path, api.value());
    if (path == "/patroni")
        return observe(PositionAnswer{member, std::nullopt});
    const Member* found = evidence_.find_asked(member);
    const bool is_shared = found && Endpoint::of_api_url(found->api_url);
    if (is_shared)  // a host may turn out to lead to it
        for (const auto& host : settings_.hosts)
            if (!member_apis_.is_known(host))
                ask_host(host);
    if (member == view().leader.member)
        schedule_.leader_answered(std::nullopt);
    observe(PrimarySilence{member, api.reason(), is_shared});
}

void Poller::ask_self_report(const std::string& member, const std::string& path,
                             const Endpoint& api) {
    const Request request{member, path, api.url()};
    if (poll_)
        if (const auto held = poll_->held.extract(request))
            return take_self_report(request, api, held.mapped().reply, held.mapped().asked);
    if (!outstanding_.emplace(request, now_).second) {
        // It has not answered the last request yet. If that was made between polls, its answer
        // is older than this poll: it is asked again once it has answered.
        if (poll_ && asked_between_.contains(member)) {
            poll_->awaited.insert(request);
            poll_->repeated.insert(member);
        }
        return;
    }
    if (poll_)
        poll_->awaited.insert(request);
    else
        asked_between_.insert(member);
    // While the cluster is paused nobody takes over from a silent leader.
    if (path == "/primary" && member == view().leader.member && !view().snapshot->paused)
        schedule_.leader_asked(now_);
    ask(api, path, [this, request, api](const Result<HttpReply>& reply) {
        on_member_reply(request, api, reply);
    });
}

/// Asks a host which member and which cluster it is.
void Poller::ask_host(const Endpoint& host) {
    const Request request{"", "/primary", host.url()};
    if (!outstanding_.emplace(request, now_).second)
        return;
    ask(host, "/primary", [this, request, host](const Result<HttpReply>& reply) {
        const auto asked_at = outstanding_.extract(request).mapped();
        // Whatever it was asked for, it is also the leader's word about itself.
        const auto& leader = view().leader.member;
        const auto api = api_of(leader);
        const bool is_leaders = reply && !leader.empty() && api && api.value() == host;
        const Speaker speaker = hear(host, reply);
        if (is_leaders && !why_another(leader, host, speaker))
            if (const auto answer = parse_primary(leader, reply.value().status, reply.value().body))
                observe_report(answer.value(), asked_at);
        weigh_claim();
    });
}

void Poller::observe_report(PrimaryAnswer answer, Clock::time_point asked_at) {
    answer.asked_at = asked_at;
    observe(std::move(answer));
}

/// Notes who answers at `api`, and says who that is (empty: no usable answer).
Speaker Poller::hear(const Endpoint& api, const Result<HttpReply>& reply) {
    const bool is_self_report =
        reply && parse_primary({}, reply.value().status, reply.value().body).operator bool();
    Speaker speaker = is_self_report ? parse_speaker(reply.value().body) : Speaker{};
    if (poll_)
        poll_->speakers[api.url()] = is_self_report ? std::optional(speaker) : std::nullopt;
    if (!reply)
        member_apis_.silent(api);
    if (!is_self_report)
        return speaker;
    const bool is_known_member = member_apis_.is_of_any(api, view().snapshot);  // so far
    member_apis_.told(api, speaker.name);
    identity_.hear(speaker.cluster, is_known_member);
    if (is_among(settings_.hosts, api)) {
        identity_.vote(api.url(), speaker.cluster);
        note_foreign(api.url(), speaker.cluster);
    }
    confirm_late(api, speaker);
    return speaker;
}

void Poller::on_member_reply(const Request& request, const Endpoint& api,
                             const Result<HttpReply>& reply) {
    const auto asked_at = outstanding_.extract(request).mapped();
    const PollInProgress::Asked asked{asked_at, now_ - asked_at};
    if (poll_ && !poll_->claims.empty() && poll_->claims.front().leader_api == api) {
        // It counts once the claim that names this leader does.
        poll_->held.insert_or_assign(request, PollInProgress::Held{reply, asked});
        (void)hear(api, reply);
        return weigh_claim();
    }
    take_self_report(request, api, reply, asked);
}

/// Why the answer does not come from `member`; empty if it may.
std::optional<std::string> Poller::why_another(const std::string& member, const Endpoint& api,
                                               const Speaker& speaker) const {
    const bool is_named_so = speaker.name.empty() || speaker.name == member;
    if (is_named_so && !speaker.cluster.contradicts(identity_.get()))
        return std::nullopt;
    return (speaker.name.empty() ? "a member" : speaker.name) + " of " + speaker.cluster.words() +
           " answers at " + api.url() + ", where " + member + " of " + identity_.get().words() +
           " should";
}

void Poller::take_self_report(const Request& request, const Endpoint& api,
                              const Result<HttpReply>& reply, const PollInProgress::Asked& asked) {
    const auto& [member, path, url] = request;
    // An answer from its old address no longer counts.
    const auto is_moved = [this, &api, &name = member] {  // clang 14 cannot capture a binding
        const auto own_api = api_of(name);
        return !own_api || !(own_api.value() == api);
    };
    if (poll_)
        poll_->awaited.erase(request);
    const bool is_asked_again = path == "/primary" && asked_between_.erase(member) != 0 && poll_ &&
                                poll_->repeated.erase(member) != 0;
    if (path == "/primary" && reply && !is_moved())
        candidate_checks_.answered(member, asked.took);
    if (path == "/primary" && member == view().leader.member)
        schedule_.leader_answered(reply ? std::optional(asked.took) : std::nullopt);
    if (is_asked_again)
        ask_member(member, path);
    const Speaker speaker = hear(api, reply);  // by which it may turn out to have moved
    if (is_moved())
        return;
    if (const auto another = why_another(member, api, speaker)) {
        if (path == "/patroni")
            observe(PositionAnswer{member, std::nullopt});
        return observe(PrimarySilence{member, *another, true});
    }
    if (identity_.is_settled())
        identity_.complete(speaker.cluster);
    if (path == "/patroni") {
        const auto position = reply ? parse_position(member, reply.value().body)
                                    : Result<PositionAnswer>(Failure{reply.reason()});
        return observe(position ? position.value() : PositionAnswer{member, std::nullopt});
    }
    const auto answer = reply ? parse_primary(member, reply.value().status, reply.value().body)
                              : Result<PrimaryAnswer>(Failure{reply.reason()});
    if (answer)
        observe_report(answer.value(), asked.at);
    else
        observe(PrimarySilence{member, answer.reason(), false, reply.connected()});
    if (!reply)
        ask_elsewhere(member, path, api);
}

/// If a member's API is silent, an entry of `hosts` may lead to it: those not known yet are asked.
void Poller::ask_elsewhere(const std::string& member, const std::string& path,
                           const Endpoint& silent) {
    if (const auto api = api_of(member); api && !(api.value() == silent))
        return ask_self_report(member, path, api.value());
    for (const auto& host : settings_.hosts)
        if (!member_apis_.is_known(host) && !member_apis_.is_silent(host))
            ask_host(host);
}

}  // namespace patroni
