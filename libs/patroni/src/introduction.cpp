#include "patroni/introduction.h"

#include "json.h"

namespace patroni {

Result<Introduction> parse_introduction(std::string_view body) {
    const auto object = parse_json_object(body);
    if (!object)
        return Failure{object.reason()};
    const auto itself = object.value()->getObject("patroni");
    if (!itself)
        return Failure{"the answer does not say whose it is"};
    return Introduction{text_of(*itself, "name"), text_of(*itself, "scope")};
}

}  // namespace patroni
