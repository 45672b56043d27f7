#include "patroni/rest/failure_reason.h"

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <gtest/gtest.h>

namespace patroni {
namespace {

using namespace std::chrono_literals;

TEST(FailureReasonTest, ErrnosReadAsPlainWords) {
    const std::vector<std::pair<int, std::string>> cases{
        {ECONNREFUSED, "connection refused"},
        {ECONNRESET, "the server reset the connection"},
        {EPIPE, "the server closed the connection"},
        {ETIMEDOUT, "no answer in time"},
        {EHOSTUNREACH, "no route to the host"},
        {ENETUNREACH, "no route to the network"},
        {EMFILE, "out of file descriptors"},
        {EADDRNOTAVAIL, "out of local ports"},
        {EACCES, "permission denied"},
    };
    for (const auto& [error, words] : cases)
        EXPECT_EQ(reason_of_errno(error), words);
}

template <typename Exception>
std::string reason_of_a(const std::string& text, int code = 0) {
    return reason_of(Exception(text, code));
}

// All that POCO's sockets and HTTP throw, with the texts that it has for them.
TEST(FailureReasonTest, NoTextOfPocoIsShown) {
    using namespace Poco::Net;
    EXPECT_EQ(reason_of_a<ConnectionRefusedException>("127.0.0.1:8008", ECONNREFUSED),
              "connection refused");
    EXPECT_EQ(reason_of_a<ConnectionResetException>("", ECONNRESET),
              "the server reset the connection");
    EXPECT_EQ(reason_of_a<ConnectionAbortedException>("", ECONNABORTED),
              "the server closed the connection without an answer");
    EXPECT_EQ(reason_of_a<NoMessageException>(""),
              "the server closed the connection without an answer");
    EXPECT_EQ(reason_of_a<Poco::TimeoutException>("connect timed out"), "no answer in time");
    EXPECT_EQ(reason_of_a<InvalidAddressException>("::x"), "not a valid IP address");
    EXPECT_EQ(reason_of_a<MessageException>("Too many header fields"),
              "the answer is not valid HTTP");
    EXPECT_EQ(reason_of_a<HTTPException>("unknown"), "the answer is not valid HTTP");
    EXPECT_EQ(reason_of_a<Poco::SyntaxException>("not an integer"), "the answer is not valid HTTP");
    EXPECT_EQ(reason_of_a<SSLException>("SSL Exception: error:0A000126"),
              "the TLS connection broke");
    EXPECT_EQ(reason_of_a<SSLConnectionUnexpectedlyClosedException>(""),
              "the TLS connection broke");
    EXPECT_EQ(reason_of_a<NetException>("No route to host", EHOSTUNREACH), "no route to the host");
    EXPECT_EQ(reason_of_a<Poco::IOException>("Too many open files", EMFILE),
              "out of file descriptors");
    EXPECT_EQ(reason_of_a<Poco::IOException>("I/O error"), "the connection failed");
    EXPECT_EQ(reason_of(Poco::NullPointerException()), "the connection failed");
}

TEST(FailureReasonTest, TimesAreSecondsWhereTheyAreWhole) {
    EXPECT_EQ(text_of(4s), "4 s");
    EXPECT_EQ(text_of(1'500ms), "1500 ms");
    EXPECT_EQ(text_of(100ms), "100 ms");
    EXPECT_EQ(text_of(0ms), "0 ms");
}

}  // namespace
}  // namespace patroni
