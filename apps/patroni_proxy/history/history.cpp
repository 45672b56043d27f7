#include "patroni_proxy/history/history.h"

#include <algorithm>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/system/unix_time.h"
#include "daemon/text/utf8.h"

namespace proxy::history {
namespace {

Epoch now() {
    return {Clock::now(), daemons::unix_now()};
}

}  // namespace

void History::see(const std::string& cluster, const ClusterSeen& seen) {
    ClusterStory& story = story_of(cluster);
    story.see(seen, now());
    take_from(cluster, story);
}

void History::see(const std::string& cluster, const PollSeen& seen) {
    ClusterStory& story = story_of(cluster);
    story.see(seen, now());
    take_from(cluster, story);
}

void History::see(const std::string& cluster, CountsSeen counts) {
    ClusterStory& story = story_of(cluster);
    story.see(std::move(counts), now());
    take_from(cluster, story);
}

ClusterStory& History::story_of(const std::string& cluster) {
    return stories_.try_emplace(cluster, cluster).first->second;
}

void History::take_from(const std::string& cluster, ClusterStory& story) {
    for (auto& change : story.take_changes())
        if (on_news_)
            on_news_({cluster, std::move(change), story.open()});
    for (auto& record : story.take_finished()) {
        record.id = ++last_id_;
        log(record);
        if (on_news_ && record.kind >= Kind::members)
            on_news_({cluster, {}, record});
        keep_record(std::move(record));
    }
}

void History::note(const OperatorAction& action) {
    Record record;
    record.id = ++last_id_;
    record.kind = Kind::operator_action;
    record.cluster = action.cluster;
    record.epoch = now();
    record.began = record.epoch.at;
    record.ended = record.epoch.at;
    record.cause = Cause::operator_action;
    record.by = daemons::one_line(action.by, Record::kLongestText);
    std::string words = action.subject;
    words.append(words.empty() ? "" : ": ").append(action.what);
    record.words = daemons::one_line(words, Record::kLongestText);
    record.summary = record.words;
    keep_record(std::move(record));
}

void History::keep(const std::set<std::string>& clusters) {
    std::erase_if(stories_, [&](const auto& entry) { return !clusters.contains(entry.first); });
}

void History::keep_record(Record record) {
    const auto is_of_clients = [](const RecordPtr& each) { return each->kind == Kind::clients; };
    records_.push_back(std::make_shared<const Record>(std::move(record)));
    const auto of_clients = std::count_if(records_.begin(), records_.end(), is_of_clients);
    if (static_cast<std::size_t>(of_clients) > kMostRecords / 2)
        records_.erase(std::find_if(records_.begin(), records_.end(), is_of_clients));
    else if (records_.size() > kMostRecords)
        records_.pop_front();
}

void History::log(const Record& record) {
    const daemons::log::About about{"history_record", record.cluster};
    const auto line = [&] { return record.cluster + ": " + record.summary; };
    if (record.kind == Kind::clients)
        client_lines_.log(daemons::log::Level::info, about, line);
    else
        daemons::log::info(about, line());
}

std::vector<RecordPtr> History::records() const {
    std::vector<RecordPtr> all(records_.begin(), records_.end());
    for (const auto& [cluster, story] : stories_)
        if (auto open = story.open())
            all.push_back(std::make_shared<const Record>(std::move(*open)));
    return all;
}

std::vector<RecordPtr> History::records_for_successor() const {
    const auto now = Clock::now();
    auto id = last_id_;
    auto all = records();
    for (auto& each : all) {
        if (each->ended)
            continue;
        auto record = std::make_shared<Record>(*each);
        record->id = ++id;
        record->ended = now;
        record->summary.append("; still open when the program was upgraded");
        each = std::move(record);
    }
    return all;
}

void History::go_on_with(std::vector<Record> records) {
    records_.clear();
    last_id_ = 0;
    for (auto& record : records) {
        last_id_ = std::max(last_id_, record.id);
        keep_record(std::move(record));
    }
}

}  // namespace proxy::history
