// GET /cluster: which host is asked, and which cluster an answer comes from.

#include <algorithm>
#include <utility>

#include "patroni/answers/cluster_parser.h"
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

}  // namespace

void Poller::ask_next_host() {
    PollInProgress& poll = *poll_;
    if (poll.asked == poll.hosts.size()) {
        const bool is_due = !poll.retries.empty() && poll.retries.front().at <= now_;
        if (!is_due) {
            poll.next_host_at =
                poll.retries.empty() ? Clock::time_point::max() : poll.retries.front().at;
            return;
        }
        poll.hosts.push_back(poll.retries.front().host);
        poll.retries.pop_front();
        poll.speakers.clear();  // they spoke for the answers of before
    }
    const Endpoint host = poll.hosts[poll.asked++];
    if (poll.asked == poll.hosts.size() && !poll.all_asked)
        poll.all_asked = now_;
    if (!cluster_asked_.insert(host.url()).second) {
        poll.next_host_at = now_;
        return fail_host(host, "it has not answered our previous request yet");
    }
    poll.next_host_at = now_ + schedule_.patience();
    ask(host, "/cluster",
        [this, number = poll.number, host, asked_at = now_](const Result<HttpReply>& reply) {
            on_cluster_reply(number, host, asked_at, reply);
        });
}

void Poller::on_cluster_reply(std::uint64_t poll, const Endpoint& host, Clock::time_point asked_at,
                              const Result<HttpReply>& reply) {
    cluster_asked_.erase(host.url());
    auto snapshot = read_cluster(reply);
    if (poll_ && poll_->number == poll)
        (reply.connected() ? poll_->any_connected : poll_->any_unconnected) = true;
    if (snapshot)
        if (const ClusterIdentity told{snapshot.value().scope, {}};
            told.contradicts(identity_.get())) {
            note_foreign(host.url(), told);
            snapshot = Failure{foreign_[host.url()]};
        }
    // A cluster without members is a bootstrap, unless somebody leads already.
    if (const auto& leader = view().leader.member;
        snapshot && snapshot.value().members.empty() && !leader.empty())
        snapshot = Failure{"the answer lists no members, though " + leader + " leads"};
    if (!snapshot)
        hosts_.put_last(host, now_);
    // Another host was faster, or the poll is over: this answer may be old.
    if (!poll_ || poll_->number != poll || poll_->cluster_done)
        return;
    if (!snapshot) {
        if (reply)  // a bad answer has cost the API time as well
            poll_->answer_took = std::max(poll_->answer_took, now_ - asked_at);
        return fail_host(host, snapshot.reason());
    }
    Claim claim;
    claim.host = host;
    claim.snapshot = std::make_shared<const ClusterSnapshot>(std::move(snapshot).value());
    claim.came_at = now_;
    claim.took = now_ - asked_at;
    poll_->claims.push_back(std::move(claim));
    if (poll_->claims.size() == 1)
        begin_claim();
}

void Poller::fail_host(const Endpoint& host, const std::string& reason) {
    PollInProgress& poll = *poll_;
    auto& errors = poll.result.errors;
    if (const std::string error = host.url() + ": " + reason;
        errors.find(error) == std::string::npos)
        errors.append(errors.empty() ? "" : "; ").append(error);
    if (++poll.failed == poll.hosts.size())
        return end_cluster();
    poll.retries.push_back({host, now_ + schedule_.patience()});
    if (!poll.claims.empty())
        return;
    if (poll.failed == poll.asked || poll.next_host_at == Clock::time_point::max())
        ask_next_host();
}

/// No further answer of GET /cluster counts in this poll.
void Poller::end_cluster() {
    poll_->claims.clear();
    poll_->result.all_connected =
        !poll_->result.answered && poll_->any_connected && !poll_->any_unconnected;
    poll_->cluster_done = now_;
    ask_members();
}

/// An answer that changes something waits for self-reports; any other counts at once, so that calm
/// polls do not ask hosts who they are.
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
        claim.is_known_api = known && known->api_url == named->api_url;
        claim.is_new_place =
            !claim.is_known_api || known->host != named->host || known->port != named->port;
        const auto api = member_apis_.of(*named, claim.snapshot);
        // An entry of `hosts` that leads to a member of that name would vouch for our member, and
        // another cluster may use the same names.
        const auto own = Endpoint::of_api_url(named->api_url);
        const bool may_vouch = api && (!claim.is_new_place || (own && own.value() == api.value()));
        if (may_vouch && (claim.is_new_place || leader != leader_named_by(*before)))
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
    if (unconfirmed_ && unconfirmed_->claim.host == claim.host)
        unconfirmed_.reset();
    poll_->claims.pop_front();
    drop_held();
    fail_host(claim.host, reason);
    if (poll_ && !poll_->claims.empty())
        begin_claim();
}

/// Whether it is clear which cluster is followed. `is_over`: the claim waits no longer.
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
        poll_->result.errors = identity_.dispute();
        end_cluster();
    }
    return false;
}

/// No self-report says which cluster the answer comes from: it counts once a second one agrees.
void Poller::confirm(const Claim& claim) {
    if (!unconfirmed_ || brings_news(unconfirmed_->claim.snapshot.get(), *claim.snapshot))
        unconfirmed_ = Unconfirmed{claim, now_, poll_->speakers};
    if (now_ - unconfirmed_->since >= Evidence::kConfirmAfter)
        return accept(claim);
    poll_->result.answered = true;
    poll_->result.host = claim.host.url();
    schedule_.doubt(now_);
    end_cluster();
}

/// A self-report that comes after its claim has stopped waiting still vouches for it, as long as it
/// may have been asked for the claim's sake. APIs are slow while an election is under way: without
/// this a new leader that falls silent afterwards would leave new sessions with the old one.
void Poller::confirm_late(const Endpoint& api, const Speaker& speaker) {
    if (!unconfirmed_ || (poll_ && !poll_->claims.empty()))
        return;
    if (now_ - unconfirmed_->since > settings_.timeouts.total)
        return;
    const Claim claim = unconfirmed_->claim;
    if (api != claim.host && api != claim.leader_api)
        return;
    unconfirmed_->speakers[api.url()] = speaker;
    const auto whose = attribute(claim, unconfirmed_->speakers, identity_.get(), /*is_first=*/false,
                                 /*is_over=*/true);
    if (whose.kind == Attribution::Kind::foreign) {
        foreign_[claim.host.url()] = whose.reason;
        unconfirmed_.reset();
    }
    if (whose.kind != Attribution::Kind::ours)
        return;
    unconfirmed_.reset();
    identity_.complete(speaker.cluster);
    observe_answer(claim);
}

/// An answer is as old as it is, however long it took to find out whose it is.
void Poller::observe_answer(const Claim& claim) {
    observe(ClusterAnswer{claim.snapshot, member_apis_.member_at(claim.host, claim.snapshot),
                          claim.came_at});
}

void Poller::accept(const Claim& claim) {
    poll_->result.answered = true;
    poll_->result.host = claim.host.url();
    poll_->answer_took = claim.took;
    hosts_.answered(claim.host);
    answered_by_ = claim.host;
    foreign_.erase(claim.host.url());
    unconfirmed_.reset();
    for (const auto& api : {std::optional(claim.host), claim.leader_api})
        if (const auto reported = api ? poll_->speakers.find(api->url()) : poll_->speakers.end();
            reported != poll_->speakers.end() && reported->second)
            identity_.complete(reported->second->cluster);
    identity_.complete({claim.snapshot->scope, {}});
    poll_->claims.clear();
    poll_->cluster_done = now_;
    observe_answer(claim);
    ask_members();
    drop_held();
}

/// Self-reports that waited for a claim that is settled now.
void Poller::drop_held() {
    for (const auto& [request, held] : poll_->held)
        poll_->awaited.erase(request);
    poll_->held.clear();
}

void Poller::note_foreign(const std::string& url, const ClusterIdentity& told) {
    std::string why = told.contradicts(identity_.get())
                          ? "it " + objection_to(told, identity_.get())
                          : std::string{};
    if (why.empty() ? foreign_.erase(url) != 0 : std::exchange(foreign_[url], why) != why)
        if (view().snapshot)
            tell_view_at_ = now_;
}

}  // namespace patroni
