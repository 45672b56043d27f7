// What an answer does to what is known: whose it is, first of all.

#include <algorithm>
#include <utility>

#include "patroni/answers/cluster_parser.h"
#include "patroni/answers/primary_parser.h"
#include "patroni/watch/poller.h"

namespace patroni {
namespace {

Result<ClusterSnapshot> read_cluster(const Result<HttpReply>& reply) {
    if (!reply)
        return Failure{reply.reason()};
    if (reply.value().status != 200)
        return Failure{"status " + std::to_string(reply.value().status) + " " +
                       reply.value().phrase};
    return parse_cluster(reply.value().body);
}

const Member* find(const ClusterSnapshot* snapshot, const std::string& name) {
    if (!snapshot)
        return nullptr;
    const auto found = std::find_if(snapshot->members.begin(), snapshot->members.end(),
                                    [&](const Member& each) { return each.name == name; });
    return found == snapshot->members.end() ? nullptr : &*found;
}

bool is_api_of_any(const ClusterSnapshot* snapshot, const Endpoint& api) {
    return snapshot && std::any_of(snapshot->members.begin(), snapshot->members.end(),
                                   [&](const Member& member) {
                                       const auto its = Endpoint::of_api_url(member.api_url);
                                       return its && its.value() == api;
                                   });
}

}  // namespace

void Poller::on_cluster_reply(std::uint64_t poll, const Endpoint& host, Clock::time_point asked_at,
                              const Result<HttpReply>& reply) {
    cluster_asked_.erase(host.url());
    auto snapshot = read_cluster(reply);
    if (snapshot)
        if (const ClusterIdentity told{snapshot.value().scope, {}};
            told.contradicts(identity_.get())) {
            note_foreign(host.url(), told);
            snapshot = Failure{foreign_[host.url()]};
        }
    // Where somebody leads it is no bootstrap.
    if (const auto& leader = view().leader.member;
        snapshot && snapshot.value().members.empty() && !leader.empty())
        snapshot = Failure{"the answer lists no members, though " + leader + " leads"};
    if (!snapshot)
        hosts_.put_last(host, now_);
    // Another host was faster, or the poll is over: what this one says may be old.
    if (!poll_ || poll_->number != poll || poll_->cluster_done)
        return;
    if (!snapshot) {
        if (reply)  // it had work with us
            poll_->answer_took = std::max(poll_->answer_took, now_ - asked_at);
        return fail_host(host, snapshot.reason());
    }
    Claim claim;
    claim.host = host;
    claim.snapshot = std::make_shared<const ClusterSnapshot>(std::move(snapshot).value());
    claim.took = now_ - asked_at;
    poll_->claims.push_back(std::move(claim));
    if (poll_->claims.size() == 1)
        begin_claim();
}

void Poller::fail_host(const Endpoint& host, const std::string& reason) {
    PollInProgress& poll = *poll_;
    auto& errors = poll.outcome.errors;
    errors.append(errors.empty() ? "" : "; ").append(host.url() + ": " + reason);
    if (++poll.failed == poll.hosts.size())
        return end_cluster();
    if (!poll.claims.empty())
        return;
    if (poll.failed == poll.asked)
        ask_next_host();
}

/// GET /cluster was answered, or will not be.
void Poller::end_cluster() {
    poll_->claims.clear();
    poll_->cluster_done = now_;
    ask_members();
}

/// An answer that brings news waits for own words. In calm nobody is asked who it is.
void Poller::begin_claim() {
    Claim& claim = poll_->claims.front();
    const ClusterSnapshot* before = view().snapshot.get();
    if (identity_.is_settled() && !brings_news(before, *claim.snapshot))
        return accept(Claim(claim));
    claim.until = now_ + schedule_.patience(!poll_->done.empty());
    poll_->next_host_at = Clock::time_point::max();
    const std::string leader = leader_named_by(*claim.snapshot);
    if (const Member* named = find(claim.snapshot.get(), leader)) {
        const Member* known = find(before, leader);
        claim.is_new_place = !known || known->host != named->host || known->port != named->port ||
                             known->api_url != named->api_url;
        const auto api = member_apis_.of(*named, *claim.snapshot);
        if (api && (claim.is_new_place || leader != leader_named_by(*before)))
            claim.leader_api = api.value();
    }
    if (claim.leader_api != claim.host)
        ask_host(claim.host);
    if (claim.leader_api)
        ask_self_report(leader, "/primary", Endpoint(*claim.leader_api));
    weigh_claim();
}

void Poller::weigh_claim() {
    if (!poll_ || poll_->claims.empty())
        return;
    const Claim claim = poll_->claims.front();
    const bool is_over = now_ >= claim.until;
    if (!settle_identity(is_over))
        return;
    const auto [kind, reason] =
        attribute(claim, poll_->speakers, identity_.get(), !view().snapshot, is_over);
    switch (kind) {
        case Attribution::Kind::pending:
            return;
        case Attribution::Kind::ours:
            return accept(claim);
        case Attribution::Kind::unknown:
            return confirm(claim);
        case Attribution::Kind::foreign:
            break;
    }
    hosts_.put_last(claim.host, now_);
    foreign_[claim.host.url()] = reason;
    poll_->claims.pop_front();
    drop_held();
    fail_host(claim.host, reason);
    if (poll_ && !poll_->claims.empty())
        begin_claim();
    else if (poll_ && !poll_->cluster_done && poll_->next_host_at == Clock::time_point::max())
        ask_next_host();  // for nobody was while that claim was looked into
}

/// Whether it is clear which cluster this is about.
bool Poller::settle_identity(bool is_over) {
    if (identity_.is_settled())
        return true;
    const bool awaits_hosts =
        std::any_of(outstanding_.begin(), outstanding_.end(),
                    [](const auto& entry) { return std::get<0>(entry.first).empty(); });
    if (identity_.settle(is_over || !awaits_hosts)) {
        for (const auto& [url, told] : identity_.votes())
            note_foreign(url, told);
        return true;
    }
    if (!identity_.dispute().empty()) {
        poll_->outcome.errors = identity_.dispute();
        end_cluster();
    }
    return false;
}

/// Nobody told whose it is: a second answer that agrees counts.
void Poller::confirm(const Claim& claim) {
    if (!unconfirmed_ || brings_news(unconfirmed_->snapshot.get(), *claim.snapshot))
        unconfirmed_ = Unconfirmed{claim.snapshot, now_};
    if (now_ - unconfirmed_->since >= Evidence::kConfirmAfter)
        return accept(claim);
    poll_->outcome.answered = true;
    poll_->outcome.host = claim.host.url();
    schedule_.doubt(now_);
    end_cluster();
}

void Poller::accept(const Claim& claim) {
    poll_->outcome.answered = true;
    poll_->outcome.host = claim.host.url();
    poll_->answer_took = claim.took;
    hosts_.answered(claim.host);
    answered_by_ = claim.host;
    foreign_.erase(claim.host.url());
    unconfirmed_.reset();
    for (const auto& api : {std::optional(claim.host), claim.leader_api})
        if (const auto word = api ? poll_->speakers.find(api->url()) : poll_->speakers.end();
            word != poll_->speakers.end() && word->second)
            identity_.complete(word->second->cluster);
    identity_.complete({claim.snapshot->scope, {}});
    poll_->claims.clear();
    poll_->cluster_done = now_;
    observe(
        ClusterAnswer{claim.snapshot, member_apis_.member_at(claim.host, claim.snapshot.get())});
    ask_members();
    drop_held();
}

/// Words that nobody asks for any more.
void Poller::drop_held() {
    for (const auto& [question, held] : poll_->held)
        poll_->awaited.erase(question);
    poll_->held.clear();
}

void Poller::ask_members() {
    for (const auto& member : evidence_.leaders_to_ask())
        ask_member(member, "/primary");
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
    return found && view().snapshot ? member_apis_.of(*found, *view().snapshot)
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
    const Question question{member, path, api.url()};
    if (poll_)
        if (const auto held = poll_->held.extract(question))
            return take_self_report(question, api, held.mapped().reply, held.mapped().took);
    if (!outstanding_.emplace(question, now_).second) {
        // It has not answered the last time yet. What it was asked between the polls is older than
        // this one and soon answered: it is asked once more then.
        if (poll_ && asked_between_.contains(member)) {
            poll_->awaited.insert(question);
            poll_->repeated.insert(member);
        }
        return;
    }
    if (poll_)
        poll_->awaited.insert(question);
    else
        asked_between_.insert(member);
    // Paused, nobody takes over from a leader whose Patroni is silent.
    if (path == "/primary" && member == view().leader.member && !view().snapshot->paused)
        schedule_.leader_asked(now_);
    ask(api, path, [this, question, api](const Result<HttpReply>& reply) {
        on_member_reply(question, api, reply);
    });
}

/// Who it is.
void Poller::ask_host(const Endpoint& host) {
    const Question question{"", "/primary", host.url()};
    if (!outstanding_.emplace(question, now_).second)
        return;
    ask(host, "/primary", [this, question, host](const Result<HttpReply>& reply) {
        outstanding_.erase(question);
        (void)hear(host, reply);
        weigh_claim();
    });
}

/// Takes note of who answers there.
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
    member_apis_.told(api, speaker.name);
    identity_.hear(speaker.cluster, is_api_of_any(view().snapshot.get(), api));
    if (is_among(settings_.hosts, api)) {
        identity_.vote(api.url(), speaker.cluster);
        note_foreign(api.url(), speaker.cluster);
    }
    return speaker;
}

void Poller::note_foreign(const std::string& url, const ClusterIdentity& told) {
    std::string why = told.contradicts(identity_.get())
                          ? "it " + objection_to(told, identity_.get())
                          : std::string{};
    if (why.empty() ? foreign_.erase(url) != 0 : std::exchange(foreign_[url], why) != why)
        if (view().snapshot)
            tell_view_at_ = now_;
}

void Poller::on_member_reply(const Question& question, const Endpoint& api,
                             const Result<HttpReply>& reply) {
    const auto took = now_ - outstanding_.extract(question).mapped();
    if (poll_ && !poll_->claims.empty() && poll_->claims.front().leader_api == api) {
        // It counts once the answer that named it does.
        poll_->held.insert_or_assign(question, PollInProgress::Held{reply, took});
        (void)hear(api, reply);
        return weigh_claim();
    }
    take_self_report(question, api, reply, took);
}

/// Why what answers there is not the word of `member`.
std::optional<std::string> Poller::why_another(const std::string& member, const Endpoint& api,
                                               const Speaker& speaker) const {
    const bool is_named_so = speaker.name.empty() || speaker.name == member;
    if (is_named_so && !speaker.cluster.contradicts(identity_.get()))
        return std::nullopt;
    return (speaker.name.empty() ? "a member" : speaker.name) + " of " + speaker.cluster.words() +
           " answers at " + api.url() + ", where " + member + " of " + identity_.get().words() +
           " should";
}

void Poller::take_self_report(const Question& question, const Endpoint& api,
                              const Result<HttpReply>& reply, Clock::duration took) {
    const auto& [member, path, url] = question;
    // Of where it was before nobody speaks for it.
    const auto own_api = api_of(member);
    const bool is_moved = !own_api || !(own_api.value() == api);
    if (poll_)
        poll_->awaited.erase(question);
    const bool is_asked_again = path == "/primary" && asked_between_.erase(member) != 0 && poll_ &&
                                poll_->repeated.erase(member) != 0;
    if (!is_moved && path == "/primary" && reply)
        candidate_checks_.answered(member, took);
    if (path == "/primary" && member == view().leader.member)
        schedule_.leader_answered(reply ? std::optional(took) : std::nullopt);
    if (is_asked_again)
        ask_member(member, path);
    const Speaker speaker = hear(api, reply);
    if (is_moved)
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
        observe(answer.value());
    else
        observe(PrimarySilence{member, answer.reason()});
    if (!reply)
        ask_elsewhere(member, path, api);
}

/// Where a member's API is silent an entry of `hosts` may lead to it, once that has said so.
void Poller::ask_elsewhere(const std::string& member, const std::string& path,
                           const Endpoint& silent) {
    if (const auto api = api_of(member); api && !(api.value() == silent))
        return ask_self_report(member, path, api.value());
    for (const auto& host : settings_.hosts)
        if (!member_apis_.is_known(host) && !member_apis_.is_silent(host))
            ask_host(host);
}

}  // namespace patroni
