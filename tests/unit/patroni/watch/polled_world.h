#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "patroni/watch/poller.h"

namespace patroni {

/// APIs of a made-up world, and a Poller that asks them, in a time of its own.
class PolledWorld {
  public:
    /// What an API answers to a path; nothing: it refuses connections.
    using Api = std::function<std::optional<HttpReply>(const std::string& path)>;

    explicit PolledWorld(ClusterWatcher::Settings settings) : timeout_(settings.timeouts.total) {
        Poller::Outlets outlets;
        outlets.ask = [this](const Endpoint& endpoint, const std::string& path, auto on_reply) {
            ask(endpoint, path, std::move(on_reply));
        };
        outlets.on_view = [this](const ClusterView& view) { views.push_back(view); };
        outlets.on_poll = [this](const auto& poll) { polls.push_back(poll); };
        outlets.chance = [](std::int64_t least, std::int64_t most) {
            return least <= 0 && most >= 0 ? 0 : least;
        };
        outlets.address_of = [this](const std::string& host) {
            ++addresses_asked;
            return host;
        };
        poller = std::make_unique<Poller>(std::move(settings), std::move(outlets));
    }

    void run_for(Clock::duration time) {
        const auto end = now + time;
        while (true) {
            poller->advance(now, std::chrono::system_clock::time_point{});
            auto next = poller->next_deadline();
            if (!replies_.empty())
                next = std::min(next, replies_.begin()->first);
            if (next > end)
                break;
            now = std::max(now, next);
            if (!replies_.empty() && replies_.begin()->first <= now) {
                const auto reply = replies_.extract(replies_.begin());
                reply.mapped()(now);
            }
        }
        now = end;
    }

    [[nodiscard]] std::size_t asked(const std::string& url, const std::string& path) const {
        const auto found = asked_.find(url + path);
        return found == asked_.end() ? 0 : found->second;
    }
    void forget_asked() { asked_.clear(); }
    [[nodiscard]] const Leadership& leader() const { return poller->view().leader; }

    std::map<std::string, Api> apis;  ///< by URL; one that is not here refuses connections
    /// How long answers take, by URL, with or without a path; 1 ms if neither is here.
    std::map<std::string, Clock::duration> delays;
    /// Requests, by URL and path, that are accepted and never answered. As behind a MemberProbe,
    /// later ones to the same API wait until such a one is given up.
    std::set<std::string> hanging;
    Clock::time_point now{std::chrono::hours{1}};
    std::vector<ClusterView> views;
    std::vector<ClusterWatcher::PollResult> polls;
    std::size_t addresses_asked = 0;
    std::unique_ptr<Poller> poller;

  private:
    void ask(const Endpoint& endpoint, const std::string& path, Poller::OnReply on_reply) {
        const std::string url = endpoint.url();
        ++asked_[url + path];
        auto& free_at = free_at_[url];
        const auto begins = std::max(now, free_at);
        if (hanging.contains(url + path)) {
            free_at = begins + timeout_;
            replies_.emplace(free_at, [on_reply = std::move(on_reply)](auto at) {
                on_reply(at, Failure{"no complete answer in time", true});
            });
            return;
        }
        const Clock::duration usual = std::chrono::milliseconds{1};
        const Clock::duration its_own = delays.contains(url) ? delays[url] : usual;
        const auto delay = delays.contains(url + path) ? delays[url + path] : its_own;
        replies_.emplace(begins + delay,
                         [this, url, path, on_reply = std::move(on_reply)](auto at) {
                             const auto reply = apis.contains(url) ? apis[url](path) : std::nullopt;
                             on_reply(at, reply ? Result<HttpReply>(*reply)
                                                : Result<HttpReply>(Failure{"connection refused"}));
                         });
    }

    std::multimap<Clock::time_point, std::function<void(Clock::time_point)>> replies_;
    std::map<std::string, std::size_t> asked_;
    const Clock::duration timeout_;
    std::map<std::string, Clock::time_point> free_at_;  ///< when what hangs is given up, by URL
};

}  // namespace patroni
