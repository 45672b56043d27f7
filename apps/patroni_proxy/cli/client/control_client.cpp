#include "patroni_proxy/cli/client/control_client.h"

#include <array>
#include <cerrno>
#include <grp.h>
#include <istream>
#include <optional>
#include <pwd.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>

#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Timespan.h>
#include <Poco/URI.h>

#include "daemon/system/signals.h"
#include "daemon/text/units.h"
#include "daemon/text/utf8.h"
#include "net/socket/socket_address.h"
#include "patroni/answers/json.h"
#include "patroni/rest/request_deadline.h"

namespace proxy::cli {
namespace {

using Kind = ControlError::Kind;
using Poco::Net::HTTPClientSession;
using Poco::Net::StreamSocket;

/// 100,000 sessions are about 50 MB.
constexpr std::size_t kMaxBody = std::size_t{256} * 1024 * 1024;

/// Every character with a meaning in a path or a query.
constexpr const char* kReserved = "!#$%&'()*+,/:;=?@[]";

std::string encoded(const std::string& text) {
    std::string result;
    Poco::URI::encode(text, kReserved, result);
    return result;
}

std::optional<Poco::Net::SocketAddress> tcp_address(const std::string& address) {
    if (const auto parsed = net::SocketAddress::parse(address))
        return Poco::Net::SocketAddress(parsed->data(), parsed->size());
    return std::nullopt;
}

/// "root", or the number of a user or group without a name.
template <typename Entry>
std::string name_or_number(const Entry* entry, const char* name, unsigned id) {
    return entry ? name : std::to_string(id);
}

/// Who may use a socket that refuses this user.
std::string permitted(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return "";
    // NOLINTBEGIN(concurrency-mt-unsafe): nobody else asks for users and groups
    const passwd* user = ::getpwuid(status.st_uid);
    std::string text = ": only the user " +
                       name_or_number(user, user ? user->pw_name : "", status.st_uid) +
                       " may use it";
    if ((status.st_mode & S_IWGRP) != 0) {
        const group* members = ::getgrgid(status.st_gid);
        text += ", and members of the group " +
                name_or_number(members, members ? members->gr_name : "", status.st_gid);
    }
    // NOLINTEND(concurrency-mt-unsafe)
    return text;
}

StreamSocket connect(const std::string& address, std::chrono::milliseconds patience) {
    if (address.size() >= sizeof(sockaddr_un::sun_path))
        throw ControlError(Kind::not_running, address + ": too long for the path of a socket");
    const Poco::Timespan timeout(std::chrono::microseconds(patience).count());
    try {
        StreamSocket socket;
        if (const auto tcp = tcp_address(address))
            socket.connect(*tcp, timeout);
        else
            socket.connect(Poco::Net::SocketAddress(Poco::Net::SocketAddress::UNIX_LOCAL, address),
                           timeout);
        return socket;
    } catch (const Poco::TimeoutException&) {
        throw ControlError(Kind::not_running, address + ": does not accept within " +
                                                  daemons::duration_text(patience));
    } catch (const Poco::Exception& error) {
        throw connect_failure(address, error.code());
    }
}

std::string read_body(std::istream& in) {
    std::string body;
    std::array<char, 64 * 1024> chunk;
    while (in.read(chunk.data(), chunk.size()) || in.gcount() > 0) {
        body.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
        if (body.size() > kMaxBody)
            throw std::runtime_error("the answer is larger than 256 MiB");
    }
    return body;
}

/// Its lines, harmless for a terminal.
std::string lines_of(std::string_view text) {
    std::string lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines += (lines.empty() ? "" : "\n") +
                 daemons::one_line(text.substr(0, end), daemons::kLongestReason);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

/// The reason in an error answer of the daemon.
std::string error_of(const std::string& body, int status) {
    constexpr int kNotFound = Poco::Net::HTTPResponse::HTTP_NOT_FOUND;
    if (const auto json = patroni::parse_json_object(body))
        if (const std::string text = patroni::text_of(*json.value(), "error"); !text.empty())
            return lines_of(text);
    if (status == kNotFound)
        return "the patroni_proxy that runs does not know this request: is it of another version?";
    return body.empty() ? "HTTP status " + std::to_string(status) : lines_of(body);
}

std::string exchange(const StreamSocket& socket, const std::string& method,
                     const std::string& target) {
    HTTPClientSession session(socket);
    session.setKeepAlive(false);
    Poco::Net::HTTPRequest request(method, target, Poco::Net::HTTPMessage::HTTP_1_1);
    request.setHost("localhost");
    if (method != "GET")
        request.setContentLength(0);
    session.sendRequest(request).flush();
    Poco::Net::HTTPResponse response;
    std::string body = read_body(session.receiveResponse(response));
    if (session.networkException() != nullptr ||
        (response.hasContentLength() &&
         body.size() < static_cast<std::size_t>(response.getContentLength64())))
        throw std::runtime_error("the answer was cut short");
    if (response.getStatus() != Poco::Net::HTTPResponse::HTTP_OK)
        throw ControlError(Kind::refused, error_of(body, response.getStatus()));
    return body;
}

}  // namespace

ControlError connect_failure(const std::string& address, int error) {
    switch (error) {
        case ENOENT:
            return {Kind::not_running, "no control socket at " + address +
                                           ": is patroni_proxy running? (--control PATH)"};
        case ECONNREFUSED:
            if (struct stat status{};
                ::stat(address.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
                return {Kind::not_running, address +
                                               " is no socket: say where patroni_proxy's is "
                                               "(--control PATH)"};
            return {Kind::not_running,
                    "nobody listens at " + address +
                        ": patroni_proxy has ended, or is elsewhere (--control PATH)"};
        case EACCES:
        case EPERM:
            return {Kind::denied, address + ": permission denied" + permitted(address)};
        default:
            return {Kind::not_running,
                    address + ": " +
                        (error == 0 ? "cannot connect" : std::generic_category().message(error))};
    }
}

std::string target_of(const std::vector<std::string>& path, const Query& query) {
    std::string target;
    for (const auto& part : path)
        target += "/" + encoded(part);
    char separator = '?';
    for (const auto& [name, value] : query) {
        target += separator + encoded(name) + "=" + encoded(value);
        separator = '&';
    }
    return target;
}

ControlClient::ControlClient(std::string address, std::chrono::milliseconds patience)
    : address_(address.starts_with("unix:") ? address.substr(5) : std::move(address)),
      patience_(patience) {
    daemons::ignore_sigpipe();  // the daemon may end while it is asked
}

std::string ControlClient::ask(const std::string& method, const std::string& target) const {
    patroni::RequestDeadline deadline;
    const auto until = patroni::RequestDeadline::Clock::now() + patience_;
    const StreamSocket socket = connect(address_, patience_);
    deadline.guard(socket.impl()->sockfd(), until);
    std::string body;
    std::string problem;
    try {
        body = exchange(socket, method, target);
    } catch (const ControlError&) {
        throw;
    } catch (const Poco::Exception&) {
        problem = "closed the connection without an answer, or does not speak HTTP";
    } catch (const std::exception& error) {
        problem = error.what();
    }
    // POCO may take an answer that was cut off for a complete one.
    if (deadline.release() == patroni::RequestDeadline::Cut::deadline)
        problem = "no complete answer within " + daemons::duration_text(patience_);
    if (!problem.empty())
        throw ControlError(Kind::no_answer, address_ + ": " + problem);
    return body;
}

}  // namespace proxy::cli
