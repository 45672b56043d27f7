#include <map>
#include <set>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/parser.h>

#include "daemon/config/yaml_mapping.h"

namespace daemons {
namespace {

constexpr std::size_t kMaxDepth = 32;
// A hundred clusters with ten ports each make some 20,000 nodes.
constexpr std::size_t kMaxNodes = 100'000;

/// Watches yaml-cpp's events for what its tree would hide or choke on. Throws YAML::ParserException
/// with the mark of the place.
class Guard final : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        leaf(mark, anchor, std::string{});
    }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  const std::string& value) override {
        leaf(mark, anchor, value);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto size = sizes_.find(anchor);
        if (size == sizes_.end())
            throw YAML::ParserException(mark, "an alias that contains itself");
        note_key(mark, std::string{}, false);
        count(mark, size->second);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, anchor, false);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, anchor, true);
    }
    void OnMapEnd() override { close(); }

  private:
    struct Collection {
        YAML::anchor_t anchor;
        std::size_t nodes_before;
        bool is_map;
        bool expects_key;
        std::set<std::string> keys;
    };

    void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& value) {
        note_key(mark, value, true);
        count(mark, 1);
        if (anchor != 0)
            sizes_[anchor] = 1;
    }

    void open(const YAML::Mark& mark, YAML::anchor_t anchor, bool is_map) {
        note_key(mark, std::string{}, false);
        if (open_.size() == kMaxDepth)
            throw YAML::ParserException(mark, "nested too deeply");
        open_.push_back({anchor, nodes_, is_map, true, {}});
        count(mark, 1);
    }

    void close() {
        if (open_.back().anchor != 0)
            sizes_[open_.back().anchor] = nodes_ - open_.back().nodes_before;
        open_.pop_back();
    }

    /// Keys and values of a mapping come in turn.
    void note_key(const YAML::Mark& mark, const std::string& text, bool scalar) {
        if (open_.empty() || !open_.back().is_map)
            return;
        Collection& map = open_.back();
        if (map.expects_key && !scalar)
            throw YAML::ParserException(mark, "a key must be a plain word");
        if (map.expects_key && !map.keys.insert(text).second)
            throw YAML::ParserException(mark, "'" + text + "' stands twice in one mapping");
        map.expects_key = !map.expects_key;
    }

    void count(const YAML::Mark& mark, std::size_t nodes) {
        nodes_ += nodes;
        if (nodes_ > kMaxNodes)
            throw YAML::ParserException(mark, "too many values");
    }

    std::vector<Collection> open_;
    std::map<YAML::anchor_t, std::size_t> sizes_;  // of finished anchors, aliases expanded
    std::size_t nodes_ = 0;
};

}  // namespace

YAML::Node parse_yaml(const std::string& text, Problems& problems) {
    try {
        std::istringstream input(text);
        YAML::Parser parser(input);
        Guard guard;
        if (!parser.HandleNextDocument(guard)) {
            problems.add(YAML::Mark{}, "the file is empty");
            return {};
        }
        Guard rest;
        if (parser.HandleNextDocument(rest)) {
            problems.add(YAML::Mark{}, "the file holds more than one YAML document");
            return {};
        }
        return YAML::Load(text);
    } catch (const YAML::Exception& error) {
        problems.add(error.mark, error.msg);
        return {};
    }
}

}  // namespace daemons
