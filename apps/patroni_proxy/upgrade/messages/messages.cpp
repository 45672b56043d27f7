#include "patroni_proxy/upgrade/messages/messages.h"

#include <cstdint>
#include <utility>

#include "patroni_proxy/upgrade/messages/fields.h"
#include "patroni_proxy/upgrade/messages/values.h"

namespace proxy::upgrade {
namespace {

// More sessions than there can be descriptors.
constexpr std::uint64_t kMostToCome = INT32_MAX;

enum : unsigned { kText = 1, kInBatches };
enum : unsigned { kFormatField = 1, kVersion };
enum : unsigned { kSession = 1, kToBackend, kBytes };
enum : unsigned { kSessions = 1, kLastId, kBatchFollows };
enum : unsigned { kPortToCome = 1, kBackendToCome };
enum : unsigned { kLabelToCome = 1, kCountToCome, kMemberToCome, kAddressToCome };

using ToCome = StillToCome::Backend;

std::string write_to_come(const ToCome& each) {
    FieldWriter out;
    out.text(kLabelToCome, each.label);
    out.number(kCountToCome, each.connections);
    out.text_unless_empty(kMemberToCome, each.member);
    out.text_unless_empty(kAddressToCome, text_of_address(each.address));
    return out.bytes();
}

std::optional<ToCome> read_to_come(std::string_view fields) {
    ToCome each;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kLabelToCome)
            each.label = in.text();
        else if (in.field() == kCountToCome)
            each.connections = in.number();
        else if (in.field() == kMemberToCome)
            each.member = in.text();
        else if (in.field() == kAddressToCome)
            each.address = address_of_text(in.text());
    }
    const bool sound = !in.failed() && each.connections <= kMostToCome;
    return sound ? std::optional(std::move(each)) : std::nullopt;
}

}  // namespace

std::optional<Kind> kind_of(std::string_view message) {
    const unsigned number = message.empty() ? 0 : static_cast<unsigned char>(message.front());
    if (number < static_cast<unsigned>(Kind::hello) ||
        number > static_cast<unsigned>(Kind::last_minute))
        return std::nullopt;
    return static_cast<Kind>(number);
}

std::string message(Kind kind, std::string_view fields) {
    std::string text(1, static_cast<char>(kind));
    text += fields;
    return text;
}

std::string_view fields_of(std::string_view message) {
    return message.substr(message.empty() ? 0 : 1);
}

std::string write(const Hello& hello) {
    FieldWriter out;
    out.number(kFormatField, hello.format);
    out.text(kVersion, hello.version);
    return out.bytes();
}

std::optional<Hello> read_hello(std::string_view fields) {
    Hello hello{.format = 0};
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kFormatField)
            hello.format = in.number();
        else if (in.field() == kVersion)
            hello.version = in.text();
    }
    const bool sound = !in.failed() && hello.format != 0;
    return sound ? std::optional(std::move(hello)) : std::nullopt;
}

std::string write(const std::vector<std::string>& texts) {
    FieldWriter out;
    for (const auto& text : texts)
        out.text(kText, text);
    return out.bytes();
}

std::optional<std::vector<std::string>> read_texts(std::string_view fields) {
    std::vector<std::string> texts;
    FieldReader in(fields);
    while (in.next())
        if (in.field() == kText)
            texts.emplace_back(in.text());
    return in.failed() ? std::nullopt : std::optional(std::move(texts));
}

std::string write(const Ready& ready) {
    FieldWriter out;
    for (const auto& label : ready.labels)
        out.text(kText, label);
    out.number_unless_0(kInBatches, ready.in_batches ? 1 : 0);
    return out.bytes();
}

std::optional<Ready> read_ready(std::string_view fields) {
    Ready ready;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kText)
            ready.labels.emplace_back(in.text());
        else if (in.field() == kInBatches)
            ready.in_batches = in.number() != 0;
    }
    return in.failed() ? std::nullopt : std::optional(std::move(ready));
}

std::string write(const StillToCome& still_to_come) {
    FieldWriter out;
    for (const auto& port : still_to_come.ports)
        out.text(kPortToCome, write_to_come({port.label, {}, {}, port.sessions}));
    for (const auto& backend : still_to_come.backends)
        out.text(kBackendToCome, write_to_come(backend));
    return out.bytes();
}

std::optional<StillToCome> read_still_to_come(std::string_view fields) {
    StillToCome still_to_come;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() != kPortToCome && in.field() != kBackendToCome)
            continue;
        auto each = read_to_come(in.text());
        if (!each)
            return std::nullopt;
        if (in.field() == kBackendToCome)
            still_to_come.backends.push_back(*std::move(each));
        else
            still_to_come.ports.push_back({std::move(each->label), each->connections});
    }
    return in.failed() ? std::nullopt : std::optional(std::move(still_to_come));
}

std::string write(const Unsent& unsent) {
    FieldWriter out;
    out.number(kSession, unsent.session);
    out.number_unless_0(kToBackend, unsent.to == net::RelaySide::backend ? 1 : 0);
    out.text(kBytes, unsent.bytes);
    return out.bytes();
}

std::optional<Unsent> read_unsent(std::string_view fields) {
    Unsent unsent;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kSession)
            unsent.session = in.number();
        else if (in.field() == kToBackend)
            unsent.to = in.number() != 0 ? net::RelaySide::backend : net::RelaySide::client;
        else if (in.field() == kBytes)
            unsent.bytes = in.text();
    }
    return in.failed() ? std::nullopt : std::optional(unsent);
}

std::string write(const End& end) {
    FieldWriter out;
    out.number(kSessions, end.sessions);
    out.number(kLastId, end.last_id);
    out.number_unless_0(kBatchFollows, end.more ? 1 : 0);
    return out.bytes();
}

std::optional<End> read_end(std::string_view fields) {
    End end;
    FieldReader in(fields);
    while (in.next()) {
        if (in.field() == kSessions)
            end.sessions = in.number();
        else if (in.field() == kLastId)
            end.last_id = in.number();
        else if (in.field() == kBatchFollows)
            end.more = in.number() != 0;
    }
    return in.failed() ? std::nullopt : std::optional(end);
}

}  // namespace proxy::upgrade
