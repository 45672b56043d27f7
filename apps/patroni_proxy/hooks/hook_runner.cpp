#include "patroni_proxy/hooks/hook_runner.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/text/utf8.h"
#include "patroni/rest/rest_client.h"

namespace proxy::hooks {
namespace {

constexpr std::size_t kLongestOutput = 500;  // in the log

/// What is wrong; empty if the server said 2xx.
std::string post(const HookSettings& settings, const HookJob& job, const std::stop_token& stop) {
    patroni::RestClient client({.connect = settings.timeout, .total = settings.timeout});
    const std::stop_callback abort(stop, [&client] { client.abort(); });
    const auto reply = client.post(settings.url->endpoint, settings.url->path, job.json);
    if (!reply)
        return reply.reason();
    const int status = reply.value().status;
    return status >= 200 && status < 300
               ? ""
               : "status " + std::to_string(status) + " " + reply.value().phrase;
}

}  // namespace

void HookRunner::use(const std::optional<HookSettings>& settings) {
    const base::MutexLock lock(mutex_);
    settings_ = settings;
    if (!settings_)
        waiting_.clear();
}

void HookRunner::run(HookJob job) {
    {
        const base::MutexLock lock(mutex_);
        if (!settings_)
            return;
        if (waiting_.size() == kMostWaiting)
            drop_one();
        waiting_.push_back(std::move(job));
    }
    changed_.notify_one();
    if (thread_.joinable())
        return;
    try {
        thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
    } catch (const std::system_error&) {
        daemons::log::error({"hook_not_started"}, "on_change: no more threads can be started");
    }
}

void HookRunner::drop_one() {
    const auto oldest = std::find_if(waiting_.begin(), waiting_.end(),
                                     [](const HookJob& job) { return job.event != "leader"; });
    waiting_.erase(oldest == waiting_.end() ? waiting_.begin() : oldest);
    ++dropped_;
}

bool HookRunner::is_busy() {
    const base::MutexLock lock(mutex_);
    return running_ || !waiting_.empty();
}

void HookRunner::stop() {
    thread_ = {};
}

void HookRunner::work(const std::stop_token& stop) {
    while (true) {
        base::MutexLock lock(mutex_);
        running_ = false;
        changed_.wait(lock, stop, [this]() REQUIRES(mutex_) { return !waiting_.empty(); });
        if (stop.stop_requested())
            return;
        const HookJob job = std::move(waiting_.front());
        waiting_.pop_front();
        running_ = true;
        const auto settings = settings_;
        const auto dropped = std::exchange(dropped_, 0);
        lock.unlock();
        if (dropped != 0)
            daemons::log::warning({"hooks_left_out"},
                                  "on_change: " + std::to_string(dropped) +
                                      " runs were left out because earlier ones took too long");
        if (settings)
            run_now(*settings, job, stop);
    }
}

void HookRunner::run_now(const HookSettings& settings, const HookJob& job,
                         const std::stop_token& stop) {
    if (settings.url) {
        // Paths of webhooks are often secret.
        if (const std::string problem = post(settings, job, stop); !problem.empty())
            log_failure(job, settings.url->endpoint.url() + ": " + problem, {});
        return;
    }
    const auto result =
        run_command({settings.command, job.environment, job.json, settings.timeout}, stop);
    if (!result.problem.empty())
        return log_failure(job, settings.command.front() + ": " + result.problem, result.output);
    if (!result.output.empty())
        daemons::log::debug({"hook_output", job.subject},
                            "on_change for " + job.event + " of " + job.subject + ": " +
                                daemons::one_line(result.output, kLongestOutput));
}

void HookRunner::log_failure(const HookJob& job, const std::string& problem,
                             const std::string& output) {
    failures_.log(daemons::log::Level::warning, {"hook_failed", job.subject}, [&] {
        std::string text =
            "on_change for " + job.event + " of " + job.subject + " failed: " + problem;
        if (!output.empty())
            text.append("; it wrote: ").append(daemons::one_line(output, kLongestOutput));
        return text;
    });
}

}  // namespace proxy::hooks
