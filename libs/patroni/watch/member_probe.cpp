#include "patroni/watch/member_probe.h"

#include <utility>

namespace patroni {

MemberProbe::MemberProbe(RestClient::Timeouts timeouts, RestClient::Access access)
    : client_(timeouts, std::move(access)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

MemberProbe::~MemberProbe() {
    thread_.request_stop();
    client_.abort();
    thread_.join();
}

void MemberProbe::ask(const Endpoint& endpoint, const std::string& path, OnReply on_reply) {
    {
        const base::MutexLock lock(mutex_);
        questions_.push_back({endpoint, path, std::move(on_reply)});
    }
    changed_.notify_one();
}

bool MemberProbe::is_idle() {
    const base::MutexLock lock(mutex_);
    return questions_.empty() && !is_asking_;
}

void MemberProbe::run(const std::stop_token& stop) {
    base::MutexLock lock(mutex_);
    while (true) {
        changed_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !questions_.empty(); });
        if (stop.stop_requested())
            return;
        const Question question = std::move(questions_.front());
        questions_.pop_front();
        is_asking_ = true;
        lock.unlock();
        question.on_reply(client_.get(question.endpoint, question.path));
        lock.lock();
        is_asking_ = false;
    }
}

}  // namespace patroni
