#include "daemon/yaml/yaml_node.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace daemons {
namespace {

constexpr std::size_t kMaxDepth = 32;
// Five hundred clusters with ten ports each have about 100,000 nodes.
constexpr std::size_t kMaxNodes = 250'000;

using Kind = YamlNode::Kind;
using DataPtr = std::shared_ptr<YamlNode::Data>;

/// yaml-cpp counts from 0, and says -1 if it does not know.
int line_of(const YAML::Mark& mark) {
    return mark.line >= 0 ? mark.line + 1 : 1;
}

/// Builds the tree from yaml-cpp's events. Throws YAML::ParserException with the mark of the place.
class Builder final : public YAML::EventHandler {
  public:
    Builder(SourcePtr source, Problems& problems, Variables variables)
        : source_(std::move(source)), problems_(problems), variables_(std::move(variables)) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add_leaf(mark, anchor, {.place = place_of(mark)});
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        YamlNode::Data data{
            .kind = Kind::scalar, .place = place_of(mark), .plain = tag == "?", .text = value};
        if (variables_ && !expects_key() && value.find("${") != std::string::npos)
            expand(data);
        add_leaf(mark, anchor, std::move(data));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end())
            throw YAML::ParserException(mark, "an alias that contains itself");
        refuse_as_key(mark);
        count(mark, found->second.nodes);
        attach(found->second.node);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, anchor, Kind::sequence);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, anchor, Kind::mapping);
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] const YamlNode& root() const noexcept { return root_; }

  private:
    struct Collection {
        DataPtr data;
        YAML::anchor_t anchor;
        std::size_t nodes_before;
        std::set<std::string> keys = {};
        std::optional<YamlNode> key = {};  ///< of the mapping's entry whose value comes next
    };
    struct Anchored {
        YamlNode node;
        std::size_t nodes;  ///< with all aliases expanded
    };

    [[nodiscard]] Place place_of(const YAML::Mark& mark) const { return {source_, line_of(mark)}; }

    void expand(YamlNode::Data& data) {
        auto expanded = expand_variables(data.text, variables_);
        if (!expanded.problem.empty())
            problems_.add(data.place, expanded.problem);
        data.written = std::exchange(data.text, std::move(expanded.text));
        // As if nothing stood there: `key:` has no value either.
        if (data.plain && data.text.empty())
            data.kind = Kind::null;
    }

    [[nodiscard]] bool expects_key() const {
        return !open_.empty() && open_.back().data->kind == Kind::mapping && !open_.back().key;
    }

    void refuse_as_key(const YAML::Mark& mark) const {
        if (expects_key())
            throw YAML::ParserException(mark, "a key must be a plain word");
    }

    void add_leaf(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Data data) {
        if (expects_key() && !open_.back().keys.insert(data.text).second)
            throw YAML::ParserException(mark, "'" + data.text + "' stands twice in one mapping");
        count(mark, 1);
        const YamlNode node(std::make_shared<const YamlNode::Data>(std::move(data)));
        if (anchor != 0)
            anchors_[anchor] = {node, 1};
        attach(node);
    }

    void open(const YAML::Mark& mark, YAML::anchor_t anchor, Kind kind) {
        refuse_as_key(mark);
        if (open_.size() == kMaxDepth)
            throw YAML::ParserException(mark, "nested too deeply");
        const auto data = std::make_shared<YamlNode::Data>();
        data->kind = kind;
        data->place = place_of(mark);
        open_.push_back({data, anchor, nodes_});
        count(mark, 1);
    }

    void close() {
        const Collection closed = std::move(open_.back());
        open_.pop_back();
        const YamlNode node(closed.data);
        if (closed.anchor != 0)
            anchors_[closed.anchor] = {node, nodes_ - closed.nodes_before};
        attach(node);
    }

    /// Keys and values of a mapping come in turn.
    void attach(const YamlNode& node) {
        if (open_.empty()) {
            root_ = node;
            return;
        }
        Collection& parent = open_.back();
        if (parent.data->kind == Kind::sequence)
            parent.data->elements.push_back(node);
        else if (!parent.key)
            parent.key = node;
        else
            parent.data->entries.emplace_back(*std::exchange(parent.key, std::nullopt), node);
    }

    void count(const YAML::Mark& mark, std::size_t nodes) {
        nodes_ += nodes;
        if (nodes_ > kMaxNodes)
            throw YAML::ParserException(mark, "too many values");
    }

    const SourcePtr source_;
    Problems& problems_;
    const Variables variables_;
    YamlNode root_;
    std::vector<Collection> open_;
    std::map<YAML::anchor_t, Anchored> anchors_;
    std::size_t nodes_ = 0;
};

}  // namespace

std::string as_written(std::string message, const YamlNode& value) {
    const std::string& secret = value.text();
    const std::string& shown = value.written();
    if (!value.is_expanded() || secret.empty())
        return message;
    for (std::size_t at = 0; (at = message.find(secret, at)) != std::string::npos;
         at += shown.size())
        message.replace(at, secret.size(), shown);
    return message;
}

YamlNode parse_yaml(const std::string& text, const SourcePtr& source, Problems& problems,
                    const Variables& variables) {
    const std::size_t problems_before = problems.lines().size();
    const auto refuse = [&](int line, const std::string& what) {
        problems.add(Place{source, line}, what);
        return YamlNode();
    };
    try {
        std::istringstream input(text);
        YAML::Parser parser(input);
        Builder file(source, problems, variables);
        Builder rest(source, problems, {});
        if (!parser.HandleNextDocument(file))
            return refuse(1, "the file is empty");
        if (parser.HandleNextDocument(rest))
            return refuse(1, "the file holds more than one YAML document");
        return problems.lines().size() == problems_before ? file.root() : YamlNode();
    } catch (const YAML::Exception& error) {
        // Inside { }, YAML takes the brace of an unquoted ${NAME} for its own.
        const bool flow = error.msg.starts_with("end of ") && text.find("${") != std::string::npos;
        return refuse(
            line_of(error.mark),
            error.msg + (flow ? "; inside { } and [ ] a value with ${NAME} needs quotes" : ""));
    }
}

}  // namespace daemons
