#include "patroni_agent/member/own_member.h"

#include <exception>
#include <utility>

#include "daemon/log/log.h"
#include "patroni/answers/primary_parser.h"
#include "patroni_agent/member/identity.h"

namespace agent {
namespace {

constexpr std::chrono::seconds kAskAgain{10};

AddressesOf addresses_by(const patroni::RestClient::Access& access,
                         std::chrono::milliseconds patience) {
    return [access, patience](const std::string& host) {
        const auto known = access.resolver->addresses_of(host, access.prefer, patience);
        return known ? known.value() : std::vector<std::string>{};
    };
}

}  // namespace

OwnMember::OwnMember(net::EventLoop& loop, std::string cluster, OnAsked on_asked)
    : cluster_(std::move(cluster)), on_asked_(std::move(on_asked)), asker_(loop) {}

void OwnMember::use(const std::vector<patroni::Endpoint>& hosts,
                    const patroni::RestClient::Access& access) {
    access_ = access;
    if (std::exchange(hosts_, hosts) == hosts)
        return;
    asked_ = false;
    told_ = {};
    name_.clear();
    why_not_known_.clear();
    asker_.abandon();
    ask();
}

void OwnMember::ask() {
    try {
        asker_.start([this, hosts = hosts_, access = access_]() -> daemons::SideThread::Done {
            return [this, told = ask_all(hosts, access)] { on_told(told); };
        });
    } catch (const std::exception&) {
        on_told({.speakers = {}, .all_answered = false});
    }
}

/// On the other thread: uses no member.
OwnMember::Told OwnMember::ask_all(const std::vector<patroni::Endpoint>& hosts,
                                   const patroni::RestClient::Access& access) {
    Told told;
    patroni::RestClient client(kPatroniTimeouts, access);
    for (const auto& host : apis_here(hosts, addresses_by(access, kPatroniTimeouts.connect),
                                      addresses_of_this_host())) {
        const auto reply = client.get(host, "/patroni");
        told.all_answered &= bool(reply);
        if (reply)
            told.speakers.push_back(patroni::parse_speaker(reply.value().body));
    }
    return told;
}

void OwnMember::on_told(const Told& told) {
    // What all have said counts until all answer again.
    if (!asked_ || told.all_answered || !told_.all_answered)
        told_ = told;
    asked_ = true;
    asked_at_ = std::chrono::steady_clock::now();
    decide();
    on_asked_();
}

void OwnMember::consider(patroni::SnapshotPtr snapshot) {
    snapshot_ = std::move(snapshot);
    decide();
    const bool is_due = std::chrono::steady_clock::now() - asked_at_ >= kAskAgain;
    if (asked_ && (is_due || !told_.all_answered) && !asker_.is_busy())
        ask();
}

void OwnMember::decide() {
    if (!asked_ || !snapshot_)
        return;
    const auto found = find();
    if (found) {
        if (std::exchange(name_, found.value()) != found.value())
            daemons::log::info({"local_member_known", cluster_, name_},
                               cluster_ + ": the local member is " + found.value());
    } else if (name_.empty() && std::exchange(why_not_known_, found.reason()) != found.reason()) {
        daemons::log::warning({"local_member_unknown", cluster_}, cluster_ + ": " + found.reason());
    }
}

patroni::Result<std::string> OwnMember::find() const {
    const auto by_word = member_by_its_word(*snapshot_, told_.speakers);
    if (!by_word)
        return patroni::Failure{by_word.reason()};
    if (by_word.value())
        return *by_word.value();
    return member_beside(*snapshot_, hosts_, addresses_by(access_, patience_),
                         addresses_of_this_host());
}

}  // namespace agent
