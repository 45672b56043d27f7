#include "patroni_proxy/upgrade/messages/messages.h"

#include "patroni_proxy/upgrade/messages/fields.h"

namespace proxy::upgrade {
namespace {

enum : unsigned { kText = 1 };
enum : unsigned { kFormatField = 1, kVersion };
enum : unsigned { kSession = 1, kToBackend, kBytes };
enum : unsigned { kSessions = 1, kLastId };

}  // namespace

std::optional<Kind> kind_of(std::string_view message) {
    const unsigned number = message.empty() ? 0 : static_cast<unsigned char>(message.front());
    if (number < static_cast<unsigned>(Kind::hello) ||
        number > static_cast<unsigned>(Kind::adopted))
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
    }
    return in.failed() ? std::nullopt : std::optional(end);
}

}  // namespace proxy::upgrade
