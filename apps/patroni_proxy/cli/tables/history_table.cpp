#include <array>
#include <cstdio>

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include "daemon/text/units.h"
#include "patroni_proxy/cli/status/status_reader.h"
#include "patroni_proxy/cli/tables/json_fields.h"
#include "patroni_proxy/cli/tables/tables.h"

namespace proxy::cli {
namespace {

using Record = Poco::JSON::Object;

Poco::JSON::Array::Ptr records_in(const Poco::Dynamic::Var& root) {
    if (root.type() != typeid(Record::Ptr) || !root.extract<Record::Ptr>()->isArray("records"))
        throw Unreadable("the answer is no history");
    return root.extract<Record::Ptr>()->getArray("records");
}

bool goes_on(const Record& record) {
    return shown_text(record, "ended").empty();
}

std::string began_text(const Record& record) {
    return daemons::time_text(seconds_or_zero(record, "began"), daemons::TimeZone::local);
}

std::string lasted(const Record& record) {
    if (goes_on(record))
        return "ongoing";
    const double seconds = seconds_or_zero(record, "ended") - seconds_or_zero(record, "began");
    return seconds > 0 ? daemons::duration_text(seconds) : "";
}

Colour colour_of(const Record& record) {
    if (goes_on(record))
        return Colour::bad;
    return seconds_or_zero(record, "no_leader_seconds") > 0 ? Colour::warning : Colour::none;
}

std::string after(const Record& record, const Record& step) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%+.2f s",
                  seconds_or_zero(step, "at") - seconds_or_zero(record, "began"));
    return text.data();
}

Table steps_table(const Record& record) {
    Table table;
    table.title = shown_text(record, "cluster") + ", " + began_text(record);
    table.columns = {{"After", Column::Kind::number},
                     {"Step"},
                     {"Member"},
                     {"Port"},
                     {"Detail", Column::Kind::prose}};
    if (const auto steps = record.getArray("steps"))
        for (unsigned i = 0; i < steps->size(); ++i)
            if (const auto step = steps->getObject(i))
                table.rows.push_back({after(record, *step), shown_text(*step, "step"),
                                      shown_text(*step, "member"), shown_text(*step, "port"),
                                      shown_text(*step, "detail")});
    table.notes = {{shown_text(record, "summary"), colour_of(record)}};
    return table;
}

}  // namespace

Table history_table(const std::string& json) try {
    Table table;
    table.columns = {{"ID", Column::Kind::number},
                     {"Began"},
                     {"Lasted", Column::Kind::number},
                     {"Cluster"},
                     {"About"},
                     {"What", Column::Kind::prose}};
    const auto records = records_in(Poco::JSON::Parser().parse(json));
    for (unsigned i = 0; i < records->size(); ++i)
        if (const auto record = records->getObject(i))
            table.rows.push_back({shown_text(*record, "id"),
                                  began_text(*record),
                                  lasted(*record),
                                  shown_text(*record, "cluster"),
                                  shown_text(*record, "kind"),
                                  {shown_text(*record, "summary"), colour_of(*record)}});
    if (table.rows.empty())
        table.notes = {"Nothing has happened since the proxy's start"};
    return table;
} catch (const Poco::Exception&) {
    throw Unreadable("the answer is not JSON");
}

std::optional<Table> record_table(const std::string& json, const std::string& id) try {
    const auto records = records_in(Poco::JSON::Parser().parse(json));
    for (unsigned i = 0; i < records->size(); ++i)
        if (const auto record = records->getObject(i); record && shown_text(*record, "id") == id)
            return steps_table(*record);
    return std::nullopt;
} catch (const Poco::Exception&) {
    throw Unreadable("the answer is not JSON");
}

}  // namespace proxy::cli
