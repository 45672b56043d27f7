#include "patroni/rest/failure_reason.h"

#include <cctype>
#include <cerrno>
#include <system_error>

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>

namespace patroni {

std::string reason_of_errno(int error) {
    switch (error) {
        case ECONNREFUSED:
            return "connection refused";
        case ECONNRESET:
            return "the server reset the connection";
        case EPIPE:
        case ECONNABORTED:
            return "the server closed the connection";
        case ETIMEDOUT:
            return "no answer in time";
        case EHOSTUNREACH:
            return "no route to the host";
        case ENETUNREACH:
            return "no route to the network";
        case EMFILE:
        case ENFILE:
            return "out of file descriptors";
        case EADDRNOTAVAIL:
            return "out of local ports";
        default:
            break;
    }
    std::string text = std::generic_category().message(error);
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
}

// POCO puts the errno into code(), and for many cases has a class of its own.
std::string reason_of(const Poco::Exception& error) {
    using namespace Poco::Net;
    if (dynamic_cast<const ConnectionRefusedException*>(&error))
        return reason_of_errno(ECONNREFUSED);
    if (dynamic_cast<const ConnectionResetException*>(&error))
        return reason_of_errno(ECONNRESET);
    if (dynamic_cast<const ConnectionAbortedException*>(&error) ||
        dynamic_cast<const NoMessageException*>(&error))
        return "the server closed the connection without an answer";
    if (dynamic_cast<const Poco::TimeoutException*>(&error))
        return reason_of_errno(ETIMEDOUT);
    if (dynamic_cast<const InvalidAddressException*>(&error))
        return "not a valid IP address";
    if (dynamic_cast<const MessageException*>(&error) ||
        dynamic_cast<const HTTPException*>(&error) ||
        dynamic_cast<const Poco::DataException*>(&error))
        return "the answer is not valid HTTP";
    if (dynamic_cast<const SSLException*>(&error))
        return "the TLS connection broke";
    return error.code() > 0 ? reason_of_errno(error.code()) : "the connection failed";
}

std::string text_of(std::chrono::milliseconds time) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time);
    return time.count() != 0 && whole == time ? std::to_string(whole.count()) + " s"
                                              : std::to_string(time.count()) + " ms";
}

}  // namespace patroni
