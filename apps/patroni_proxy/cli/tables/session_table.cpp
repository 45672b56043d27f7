#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "patroni_proxy/cli/status/status_reader.h"
#include "patroni_proxy/cli/tables/json_fields.h"
#include "patroni_proxy/cli/tables/tables.h"

namespace proxy::cli {
namespace {

using daemons::duration_text;
using daemons::size_text;

using Object = Poco::JSON::Object;
using Poco::Dynamic::Var;

std::string bytes_of(const Object& object, const std::string& key) {
    const Var value = object.get(key);
    const bool known = value.isInteger() && !value.isBoolean() && value.convert<double>() >= 0;
    return known ? size_text(value.convert<Poco::UInt64>()) : "";
}

Cell state_cell(const Object& session) {
    const std::string state = shown_text(session, "state");
    return {state, state == "holding" ? Colour::warning : Colour::none};
}

std::vector<Cell> row_of(const Object& session) {
    const double held = seconds_or_zero(session, "held_for");
    return {shown_text(session, "id"),
            shown_text(session, "client"),
            shown_text(session, "cluster") + "/" + shown_text(session, "port"),
            shown_text(session, "member"),
            shown_text(session, "own_address"),
            shown_text(session, "user"),
            shown_text(session, "database"),
            shown_text(session, "application_name"),
            state_cell(session),
            duration_text(seconds_or_zero(session, "age")),
            duration_text(seconds_or_zero(session, "idle")),
            bytes_of(session, "bytes_from_client"),
            bytes_of(session, "bytes_from_backend"),
            held > 0 ? duration_text(held) : ""};
}

}  // namespace

Table session_table(const std::string& json) try {
    using Kind = Column::Kind;
    const Var root = Poco::JSON::Parser().parse(json);
    if (root.type() != typeid(Object::Ptr) || !root.extract<Object::Ptr>()->isArray("sessions"))
        throw Unreadable("the answer is no list of sessions");
    const Object& answer = *root.extract<Object::Ptr>();
    Table table;
    table.columns = {{"ID"},
                     {"Client"},
                     {"Port"},
                     {"Member"},
                     {"Proxy"},
                     {"User"},
                     {"Database"},
                     {"Application"},
                     {"State"},
                     {"Age", Kind::number},
                     {"Idle", Kind::number},
                     {"From client", Kind::number},
                     {"From member", Kind::number},
                     {"Held for", Kind::number}};
    const auto sessions = answer.getArray("sessions");
    for (unsigned i = 0; i < sessions->size(); ++i)
        if (const auto session = sessions->getObject(i))
            table.rows.push_back(row_of(*session));
    const std::string total = shown_text(answer, "total");
    const bool all = total.empty() || total == std::to_string(table.rows.size());
    table.notes.push_back(all ? daemons::counted(table.rows.size(), "session")
                              : std::to_string(table.rows.size()) + " of " + total + " sessions");
    return table;
} catch (const Poco::Exception&) {
    throw Unreadable("the answer is not JSON");
}

}  // namespace proxy::cli
