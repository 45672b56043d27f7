#include "patroni_proxy/migrate/compare/proxy_status.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Parser.h>

#include "net/socket/socket_address.h"

namespace proxy::migrate {
namespace {

using Poco::JSON::Array;
using Poco::JSON::Object;

/// The objects of a list; those that are none are left out.
template <typename Take>
void for_each(const Object& object, const std::string& key, Take take) {
    const Array::Ptr list = object.getArray(key);
    for (std::size_t index = 0; list && index < list->size(); ++index)
        if (const Object::Ptr one = list->getObject(static_cast<unsigned>(index)))
            take(*one);
}

StatusMember member_of(const Object& object) {
    StatusMember member{
        object.optValue<std::string>("name", ""), object.optValue<std::string>("host", ""), {}, {}};
    if (object.has("port") && !object.isNull("port"))
        member.port = object.getValue<std::uint16_t>("port");
    if (const auto address = net::SocketAddress::from_ip(member.host, 0))
        member.addresses.push_back(address->ip());
    return member;
}

StatusPort port_of(const Object& object, const std::string& cluster) {
    StatusPort port;
    port.cluster = cluster;
    port.name = object.optValue<std::string>("name", "");
    port.falls_back = object.optValue<bool>("falls_back", false);
    const Array::Ptr roles = object.getArray("roles");
    for (std::size_t index = 0; roles && index < roles->size(); ++index)
        port.roles.push_back(roles->getElement<std::string>(static_cast<unsigned>(index)));
    for_each(object, "members", [&](const Object& member) {
        port.standings[member.optValue<std::string>("member", "")] = {
            member.optValue<std::string>("standing", "") == "eligible",
            member.optValue<std::string>("reason", "")};
    });
    return port;
}

}  // namespace

patroni::Result<ProxyStatus> parse_status(std::string_view json) {
    try {
        Poco::JSON::Parser parser;
        const auto root = parser.parse(std::string(json)).extract<Object::Ptr>();
        ProxyStatus status;
        for_each(*root, "clusters", [&](const Object& cluster) {
            const auto name = cluster.optValue<std::string>("name", "");
            for_each(cluster, "members", [&](const Object& member) {
                status.members[name].push_back(member_of(member));
            });
            for_each(cluster, "ports",
                     [&](const Object& port) { status.ports.push_back(port_of(port, name)); });
        });
        return status;
    } catch (const Poco::Exception&) {
        return patroni::Failure{"the answer to GET /status cannot be read"};
    }
}

}  // namespace proxy::migrate
