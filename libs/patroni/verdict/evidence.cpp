#include "patroni/verdict/evidence.h"

#include <algorithm>
#include <utility>

#include "patroni/verdict/last_good.h"

namespace patroni {
namespace {

constexpr std::chrono::seconds kForgetAfter{10};

/// Whether members came, went or changed, lag and position apart: those change all the time.
bool same_topology(const ClusterSnapshot& a, const ClusterSnapshot& b) {
    return a.paused == b.paused &&
           std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(),
                      [](const Member& x, const Member& y) {
                          return x.name == y.name && x.role == y.role && x.state == y.state &&
                                 x.host == y.host && x.port == y.port && x.tags == y.tags;
                      });
}

}  // namespace

std::string leader_named_by(const ClusterSnapshot& snapshot) {
    std::string name;
    for (const auto& member : snapshot.members) {
        if (member.role != Role::leader)
            continue;
        if (!name.empty())
            return {};
        name = member.name;
        if (!serves(member.state))
            return {};
    }
    return name;
}

void Evidence::observe(const Observation& observation) {
    latest_ = observation.at;
    std::visit([&](const auto& claim) { note(observation.at, claim); }, observation.claim);
    decide();
}

std::vector<std::string> Evidence::leaders_to_ask() const {
    std::vector<std::string> members;
    for (const auto& member : {named_, leader_})
        if (!member.empty() && std::find(members.begin(), members.end(), member) == members.end())
            members.push_back(member);
    return members;
}

bool Evidence::is_settled() const {
    // A standby cluster has no primary to wait for.
    if (leader_.empty() && view_.snapshot)
        for (const Member& member : view_.snapshot->members)
            if (member.role == Role::standby_leader && serves(member.state))
                return true;
    if (leader_.empty() || view_.leader.standing != Standing::eligible)
        return false;
    return paused() || (proves(leader_) && named_ == leader_);
}

std::string Evidence::candidate() const {
    const OwnWord* word = own_word(named_);
    return word && word->kind == OwnWord::Kind::denies ? named_ : std::string{};
}

bool Evidence::wants_other_host() const {
    if (!candidate().empty())
        return true;
    return named_ != leader_ && !paused() && (proves(leader_) || proves(named_));
}

const Member* Evidence::find_asked(const std::string& member) const {
    const Member* found = find(member);
    return found || member != leader_ || leader_.empty() ? found : &leader_details_;
}

void Evidence::note(Clock::time_point at, const ClusterAnswer& answer) {
    const SnapshotPtr read = with_last_good(answer.snapshot, view_.snapshot.get());
    const ClusterSnapshot& snapshot = *read;
    if (view_.snapshot && !same_topology(*view_.snapshot, snapshot))
        doubted_at_ = at;
    view_.snapshot = read;
    view_.answered_at = at;

    const std::string named = leader_named_by(snapshot);
    if (named.empty())
        named_row_.reset();
    else if (named_row_ && named == named_)
        named_row_->last = at;
    else
        named_row_ = Row{at, at};
    named_by_another_ = (named_by_another_ && named == named_) || answer.through != named;
    named_ = named;
    contradicts_ &= named_ != leader_;

    // Maintenance mode lets the key run out without an election: only a proof is news then.
    const bool objects = !leader_.empty() && named_ != leader_ && !paused();
    if (!objects)
        unnamed_row_.reset();
    else if (unnamed_row_)
        unnamed_row_->last = at;
    else
        unnamed_row_ = Row{at, at};

    if (const Member* member = find(leader_))
        leader_details_ = *member;
    if (!leader_.empty() && named_ == leader_ && !find(leader_)->remembered)
        confirmed_at_ = at;
    std::erase_if(positions_, [this](const auto& entry) {
        return entry.first != leader_ && !find(entry.first);
    });
}

void Evidence::note(Clock::time_point at, const PrimaryAnswer& answer) {
    OwnWord word;
    word.primary =
        (answer.role == "primary" || answer.role == "master") && answer.state == "running";
    word.kind =
        word.primary && answer.status == 200 ? OwnWord::Kind::proves : OwnWord::Kind::denies;
    word.timeline = answer.timeline.value_or(0);
    // It is a word of its time: what was no objection then is none afterwards.
    word.paused = answer.paused || paused();
    if (answer.dcs_last_seen)
        view_.dcs_last_seen[answer.member] = *answer.dcs_last_seen;
    word.words = "its API answers " + std::to_string(answer.status) + ", role " +
                 (answer.role.empty() ? "unknown" : answer.role) + ", state " +
                 (answer.state.empty() ? "unknown" : answer.state);
    note_own_word(at, answer.member, std::move(word));
}

void Evidence::note(Clock::time_point at, const PrimarySilence& silence) {
    OwnWord word;
    word.words = (silence.is_another ? "" : "its API does not answer: ") + silence.reason;
    word.is_another = silence.is_another;
    note_own_word(at, silence.member, std::move(word));
}

void Evidence::note(Clock::time_point /*at*/, const PositionAnswer& answer) {
    if (answer.position && (answer.member == leader_ || find(answer.member)))
        positions_[answer.member] = *answer.position;
    else
        positions_.erase(answer.member);
}

void Evidence::note(Clock::time_point at, const TrafficTrouble& /*trouble*/) {
    doubted_at_ = at;
}

void Evidence::note(Clock::time_point at, const Push& /*push*/) {
    doubted_at_ = at;
}

void Evidence::note_own_word(Clock::time_point at, const std::string& member, OwnWord word) {
    const OwnWord* before = own_word(member);
    // What a primary says while paused is no objection, and none begins with it.
    const bool goes_on = before && before->kind == word.kind &&
                         keeps_while_paused(*before) == keeps_while_paused(word);
    word.first = goes_on ? before->first : at;
    if (word.kind == OwnWord::Kind::silent)
        word.denied = before && before->denied;
    else
        word.denied = word.kind == OwnWord::Kind::denies && !keeps_while_paused(word);
    // What /cluster said before it is refuted.
    if (member == named_ && word.denied && word.kind == OwnWord::Kind::denies)
        named_row_.reset();
    word.last = at;
    if (member == leader_) {
        // It speaks for itself, later than /cluster did: that objection must come again.
        if (word.kind == OwnWord::Kind::proves) {
            contradicts_ |= unnamed_row_.has_value();
            unnamed_row_.reset();
        }
        // Paused, a primary keeps its part without the lock.
        if (word.kind == OwnWord::Kind::proves || keeps_while_paused(word))
            confirmed_at_ = at;
    }
    own_words_[member] = std::move(word);
}

void Evidence::decide() {
    wants_confirmation_ = in_doubt();
    if (const auto member = proven_challenger())
        accept(*member, own_words_[*member].timeline);
    else if (const auto name = named_challenger())
        accept(*name, find(*name)->timeline.value_or(0));
    weigh_leader();
    warn();
    update_live_lag();
    forget_old_words();
    std::erase_if(view_.dcs_last_seen,
                  [this](const auto& entry) { return entry.first != leader_; });
}

/// Who is neither leader nor named is not asked in every poll: its word grows old, and a proof
/// of long ago must not stand against anybody.
void Evidence::forget_old_words() {
    std::erase_if(own_words_, [this](const auto& entry) {
        return entry.first != leader_ && entry.first != named_ &&
               latest_ - entry.second.last >= kForgetAfter;
    });
}

/// A member other than the leader that proves to be one, and may be believed.
std::optional<std::string> Evidence::proven_challenger() {
    const std::string* best = nullptr;
    for (const auto& [member, word] : own_words_)
        if (member != leader_ && word.kind == OwnWord::Kind::proves && find(member) &&
            may_succeed(member, word) &&
            (!best || word.timeline > own_words_[*best].timeline || member == named_))
            best = &member;
    return best ? std::optional(*best) : std::nullopt;
}

bool Evidence::may_succeed(const std::string& member, const OwnWord& word) {
    // It is asked no more, and /cluster has named somebody else since: its word is void.
    if (member != named_ && word.last < view_.answered_at)
        return false;
    // Two that prove themselves: /cluster decides between them, but not through one of them.
    const bool rival = std::any_of(own_words_.begin(), own_words_.end(), [&](const auto& entry) {
        return entry.first != member && entry.second.kind == OwnWord::Kind::proves;
    });
    // A cluster restored from a backup starts on a lower timeline; so does a member that woke up
    // in the past.
    const bool from_the_past = word.timeline < highest_timeline_;
    const bool confirmed = word.last - word.first >= kConfirmAfter;
    const bool believed = (!rival || (member == named_ && named_by_another_)) &&
                          (!from_the_past || (confirmed && member == named_));
    // One that wakes up takes itself for the leader of before: that alone stands against /cluster,
    // and says nothing of a leader that is silent.
    const OwnWord* leaders = own_word(leader_);
    const bool is_alone = !leader_.empty() && named_ == leader_ && !paused() && leaders &&
                          leaders->kind == OwnWord::Kind::silent;
    wants_confirmation_ |= !believed;
    return believed && !is_alone;
}

/// A leader that only /cluster vouches for, because its own API cannot be reached.
std::optional<std::string> Evidence::named_challenger() {
    const OwnWord* word = own_word(named_);
    if (named_.empty() || named_ == leader_ || !word || word->kind != OwnWord::Kind::silent)
        return std::nullopt;
    if (!leader_.empty() && (proves(leader_) || paused()))
        return std::nullopt;
    if ((ever_led_ || word->denied) && !is_named_twice()) {
        wants_confirmation_ = true;
        return std::nullopt;
    }
    return named_;
}

void Evidence::accept(const std::string& member, std::uint64_t timeline) {
    // Or whoever led before would lead again by its word of before, once a stale view names it.
    if (proves(leader_))
        own_words_.erase(leader_);
    leader_ = member;
    leader_details_ = *find(member);
    highest_timeline_ = timeline;
    confirmed_at_ = latest_;
    ever_led_ = true;
    unnamed_row_.reset();
    contradicts_ = false;
}

/// Whether the leader still is one, by both sources.
void Evidence::weigh_leader() {
    if (leader_.empty())
        return describe_vacancy();
    const OwnWord* word = own_word(leader_);
    const bool denied = word && word->kind == OwnWord::Kind::denies && !keeps_while_paused(*word);
    const bool unnamed = unnamed_row_.has_value();
    const bool twice = (denied && word->last - word->first >= kConfirmAfter) ||
                       (unnamed && unnamed_row_->confirmed());
    std::string objection = denied ? word->words : "";
    if (unnamed)
        objection += std::string(denied ? "; " : "") + named_by_cluster();
    if ((denied && unnamed) || twice) {
        lost_reason_ = leader_ + " is no longer leader: " + objection;
        // Or it would be leader again by its word of before.
        if (!denied)
            own_words_.erase(leader_);
        leader_.clear();
        return describe_vacancy();
    }
    if (word && word->kind == OwnWord::Kind::silent && word->denied && named_ == leader_ &&
        !is_named_twice()) {
        wants_confirmation_ = true;
        return describe_leader(Standing::tolerated,
                               "it has denied that it leads, and since then " + word->words);
    }
    // It has answered the same objection already, and is asked again.
    if (denied || (unnamed && !(contradicts_ && proves(leader_)))) {
        wants_confirmation_ = true;
        return describe_leader(Standing::tolerated, objection + " (to be confirmed)");
    }
    if (word)
        highest_timeline_ = std::max(highest_timeline_, word->timeline);
    if (contradicts_)
        return describe_leader(Standing::eligible,
                               "leader by its own word, though " + named_by_cluster());
    if (!word || word->kind != OwnWord::Kind::silent)
        return describe_leader(Standing::eligible, "leader");
    describe_leader(Standing::eligible,
                    (named_ == leader_ ? "leader by /cluster alone: " : "leader as last known: ") +
                        word->words);
    view_.leader.api_is_silent = true;
}

/// By answers that are late enough to count for two, and none of them refuted by itself.
bool Evidence::is_named_twice() const {
    return named_row_ && named_row_->confirmed();
}

std::string Evidence::named_by_cluster() const {
    return named_.empty() ? "Patroni shows no leader" : "Patroni shows " + named_ + " as leader";
}

void Evidence::describe_leader(Standing standing, const std::string& reason) {
    view_.leader = {leader_, standing, reason, leader_details_, confirmed_at_};
}

void Evidence::describe_vacancy() {
    std::string reason = lost_reason_;
    if (!named_.empty()) {
        // A promotion takes another moment after the lock is taken.
        wants_confirmation_ = true;
        const OwnWord* word = own_word(named_);
        reason = named_ + " is shown as leader, but " +
                 (word ? word->words : "its own API has not answered yet");
    } else if (reason.empty()) {
        reason = "Patroni shows no leader";
    }
    view_.leader = {{}, Standing::out, reason, {}, {}};
}

void Evidence::warn() {
    view_.warnings.clear();
    const bool is_doubtful = view_.leader.api_is_silent || contradicts_;
    if (view_.leader.standing == Standing::eligible && is_doubtful)
        view_.warnings.push_back(leader_ + " is " + view_.leader.reason);
    for (const auto& [member, word] : own_words_)
        if (word.is_another && !(member == leader_ && is_doubtful))
            view_.warnings.push_back(member + ": " + word.words);
    if (view_.snapshot)
        view_.warnings.insert(view_.warnings.end(), view_.snapshot->warnings.begin(),
                              view_.snapshot->warnings.end());
}

void Evidence::update_live_lag() {
    view_.live_lag.clear();
    const auto leader = positions_.find(view_.leader.member);
    if (leader == positions_.end())
        return;
    // A replica may be asked later than the leader and be ahead of what the leader said.
    for (const auto& [member, position] : positions_)
        view_.live_lag[member] = leader->second > position ? leader->second - position : 0;
}

const Evidence::OwnWord* Evidence::own_word(const std::string& member) const {
    const auto found = own_words_.find(member);
    return found == own_words_.end() ? nullptr : &found->second;
}

bool Evidence::proves(const std::string& member) const {
    const OwnWord* word = own_word(member);
    return word && word->kind == OwnWord::Kind::proves;
}

bool Evidence::keeps_while_paused(const OwnWord& word) const {
    return (paused() || word.paused) && word.primary;
}

bool Evidence::paused() const {
    return view_.snapshot && view_.snapshot->paused;
}

/// Until an answer came that is late enough to show what the doubt was about.
bool Evidence::in_doubt() const {
    return doubted_at_ && view_.answered_at < *doubted_at_ + kConfirmAfter;
}

const Member* Evidence::find(const std::string& member) const {
    if (!view_.snapshot || member.empty())
        return nullptr;
    const auto& members = view_.snapshot->members;
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const Member& each) { return each.name == member; });
    return found == members.end() ? nullptr : &*found;
}

}  // namespace patroni
