#include "patroni_proxy/hooks/hook_job.h"

#include <set>

#include "daemon/text/json.h"
#include "daemon/text/utf8.h"
#include "patroni_proxy/history/history_json.h"

namespace proxy::hooks {
namespace {

using daemons::Json;
using history::Change;

// Linux allows 128 KiB for one variable.
constexpr std::size_t kLongestVariable = 4'000;

std::string joined(const std::set<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text.append(text.empty() ? "" : " ").append(word);
    return text;
}

Json known(const std::string& text) {
    return text.empty() ? Json() : Json::of(text);
}

}  // namespace

HookJob job_of(const history::History::News& news) {
    const auto& change = news.change;
    const bool is_port = change && change->what == Change::What::port;
    HookJob job;
    job.event = !change ? "ended" : is_port ? "port" : "leader";
    job.subject = is_port ? news.cluster + "/" + change->port : news.cluster;
    const std::string leader = change ? change->leader : news.record->to;

    Json serving = Json::list();
    if (is_port)
        for (const auto& member : change->serving)
            serving.append(Json::of(member));
    job.json = Json::object()
                   .add("event", job.event)
                   .add("cluster", news.cluster)
                   .add("leader", known(leader))
                   .add("port", is_port ? Json::of(change->port) : Json())
                   .add("serving", is_port ? serving : Json())
                   .add("record", news.record ? json_of(*news.record) : Json())
                   .text();

    const auto add = [&](const char* name, const std::string& value) {
        job.environment.emplace_back(std::string("PATRONI_PROXY_").append(name),
                                     daemons::one_line(value, kLongestVariable));
    };
    add("EVENT", job.event);
    add("CLUSTER", news.cluster);
    add("LEADER", leader);
    add("PORT", is_port ? change->port : "");
    add("SERVING", is_port ? joined(change->serving) : "");
    const auto& record = news.record;
    add("OLD_LEADER", record ? record->from : "");
    add("CAUSE", record ? std::string(history::name_of(record->cause)) : "");
    add("WORDS", record ? record->words : "");
    add("SUMMARY", record ? record->summary : "");
    return job;
}

}  // namespace proxy::hooks
