#include "patroni/watch/member_probe.h"

#include <utility>

namespace patroni {

MemberProbe::MemberProbe(RestClient::Timeouts timeouts, RestClient::Access access)
    : client_(timeouts, std::move(access)), thread_([this] { run(); }) {}

MemberProbe::~MemberProbe() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    client_.abort();
    thread_.join();
}

void MemberProbe::ask(const Endpoint& endpoint, const std::string& path, OnReply on_reply) {
    {
        const std::lock_guard lock(mutex_);
        questions_.push_back({endpoint, path, std::move(on_reply)});
    }
    changed_.notify_one();
}

bool MemberProbe::is_idle() {
    const std::lock_guard lock(mutex_);
    return questions_.empty() && !asks_;
}

void MemberProbe::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return stopping_ || !questions_.empty(); });
        if (stopping_)
            return;
        const Question question = std::move(questions_.front());
        questions_.pop_front();
        asks_ = true;
        lock.unlock();
        question.on_reply(client_.get(question.endpoint, question.path));
        lock.lock();
        asks_ = false;
    }
}

}  // namespace patroni
