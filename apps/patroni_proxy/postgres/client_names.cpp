#include "patroni_proxy/postgres/client_names.h"

#include <algorithm>
#include <string>

#include "daemon/text/utf8.h"
#include "patroni_proxy/postgres/postgres_messages.h"

namespace proxy {

ClientNames::ClientNames(std::string_view packet) {
    std::string_view user;
    std::string_view database;
    std::string_view application;
    for (const auto& [name, value] : read_startup_parameters(packet)) {
        if (name == "user")
            user = value;
        else if (name == "database")
            database = value;
        else if (name == "application_name")
            application = value;
    }
    *this = ClientNames(user, database, application);
}

ClientNames::ClientNames(std::string_view user, std::string_view database,
                         std::string_view application) {
    std::string text;
    for (const std::string_view each : {user, database.empty() ? user : database, application})
        text += daemons::one_line(each, kLongestName) + '\0';
    auto copy = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), copy.get());
    text_ = std::move(copy);
}

std::string_view ClientNames::name(unsigned which) const noexcept {
    if (!text_)
        return {};
    std::string_view text(text_.get());
    for (; which > 0; --which)
        text = std::string_view(text.data() + text.size() + 1);
    return text;
}

}  // namespace proxy
