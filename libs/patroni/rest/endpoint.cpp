#include "patroni/rest/endpoint.h"

#include <cstddef>

#include <Poco/Exception.h>
#include <Poco/URI.h>

namespace patroni {
namespace {

// Of a name in DNS. Whatever Patroni tells is kept, compared and looked up.
constexpr std::size_t kLongestHost = 255;

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view url) {
    try {
        const Poco::URI uri{std::string(url)};
        if (uri.getScheme() != "http" && uri.getScheme() != "https")
            return Failure{"only http:// and https:// are allowed"};
        if (uri.getHost().empty())
            return Failure{"it has no host"};
        if (uri.getHost().size() > kLongestHost)
            return Failure{"its host has more than " + std::to_string(kLongestHost) + " bytes"};
        if (!uri.getUserInfo().empty())
            return Failure{"Patroni needs no password for what is read here: remove it"};
        if (!uri.getPathEtc().empty() && uri.getPathEtc() != "/")
            return Failure{"it must end after the port"};
        if (uri.getPort() == 0)
            return Failure{"port 0 is not allowed"};
        Endpoint endpoint;
        endpoint.tls = uri.getScheme() == "https";
        endpoint.host = uri.getHost();
        endpoint.port = uri.getPort();
        return endpoint;
    } catch (const Poco::Exception&) {
        return Failure{"it is not a URL"};
    }
}

Result<Endpoint> Endpoint::of_api_url(std::string_view api_url) {
    if (api_url.empty())
        return Failure{"no api_url in Patroni's answer"};
    const auto authority = api_url.find("://");
    const auto path =
        authority == std::string_view::npos ? authority : api_url.find('/', authority + 3);
    return parse(api_url.substr(0, path));
}

std::string Endpoint::url() const {
    const bool v6 = host.find(':') != std::string::npos;
    return std::string(tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" +
           std::to_string(port);
}

std::string Endpoint::server_name() const {
    return host.size() > 1 && host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

}  // namespace patroni
