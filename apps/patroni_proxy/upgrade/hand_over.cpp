#include "patroni_proxy/upgrade/hand_over.h"

#include <algorithm>
#include <utility>

namespace proxy::upgrade {

bool Standstill::stop_here() {
    std::unique_lock lock(mutex_);
    ++stopped_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return outcome_ != Outcome::open; });
    return outcome_ == Outcome::passed;
}

void Standstill::await(std::size_t workers) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ >= workers; });
}

void Standstill::end(bool passed) {
    const std::lock_guard lock(mutex_);
    outcome_ = passed ? Outcome::passed : Outcome::kept;
    changed_.notify_all();
}

void send_if_short(Channel& channel, const std::string& message, Channel::Deadline deadline) {
    if (message.size() <= Channel::kMaxMessage)
        channel.send(message, deadline);
}

/// A port that has seen many members takes several messages, which add up.
void HandOver::add(const LabelledTally& tally) {
    constexpr std::size_t kMembers = 100;
    LabelledTally part = tally;
    part.tally.members.clear();
    for (const auto& member : tally.tally.members) {
        part.tally.members.insert(member);
        if (part.tally.members.size() < kMembers)
            continue;
        channel_.send(message(Kind::tally, write(part)), deadline_);
        part = LabelledTally{tally.label, {}};
    }
    channel_.send(message(Kind::tally, write(part)), deadline_);
}

void HandOver::add(PassedSession session, int client, int backend) {
    const auto to_client = std::exchange(session.state.relay.client.unsent, {});
    const auto to_backend = std::exchange(session.state.relay.backend.unsent, {});
    session.has_backend_socket = backend >= 0;
    batch_.push_back(write(session));
    batch_size_ += batch_.back().size();
    descriptors_.push_back(client);
    if (backend >= 0)
        descriptors_.push_back(backend);
    const bool has_unsent = !to_client.empty() || !to_backend.empty();
    if (has_unsent || batch_size_ >= Channel::kBatch ||
        descriptors_.size() + 2 > Channel::kMaxDescriptors)
        flush();
    send_unsent(net::RelaySide::client, to_client);
    send_unsent(net::RelaySide::backend, to_backend);
    ++sessions_;
}

void HandOver::send_unsent(net::RelaySide to, const std::vector<std::byte>& bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (std::size_t from = 0; from < text.size(); from += Channel::kBatch)
        channel_.send(
            message(Kind::unsent, write(Unsent{sessions_, to, text.substr(from, Channel::kBatch)})),
            deadline_);
}

void HandOver::flush() {
    if (batch_.empty())
        return;
    channel_.send(message(Kind::sessions, write(batch_)), deadline_, descriptors_);
    batch_.clear();
    batch_size_ = 0;
    descriptors_.clear();
}

void HandOver::add(const StillToCome& still_to_come) {
    constexpr std::size_t kAtOnce = 200;
    flush();
    StillToCome part;
    const auto send_part = [&] {
        channel_.send(message(Kind::still_to_come, write(std::exchange(part, {}))), deadline_);
    };
    for (const auto& port : still_to_come.ports) {
        part.ports.push_back(port);
        if (part.ports.size() == kAtOnce)
            send_part();
    }
    for (const auto& backend : still_to_come.backends) {
        part.backends.push_back(backend);
        if (part.backends.size() == kAtOnce)
            send_part();
    }
    send_part();
}

void HandOver::end(Follows follows, std::uint64_t last_id) {
    flush();
    channel_.send(message(Kind::end, write(End{.sessions = sessions_,
                                               .last_id = last_id,
                                               .more = follows == Follows::batch})),
                  deadline_);
}

}  // namespace proxy::upgrade
