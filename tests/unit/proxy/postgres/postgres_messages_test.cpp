#include "patroni_proxy/postgres/postgres_messages.h"

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "postgres_bytes.h"

namespace proxy {

std::ostream& operator<<(std::ostream& out, Request kind) {
    switch (kind) {
        case Request::incomplete:
            return out << "incomplete";
        case Request::ssl:
            return out << "ssl";
        case Request::gss:
            return out << "gss";
        case Request::cancel:
            return out << "cancel";
        case Request::startup:
            return out << "startup";
        case Request::other:
            return out << "other";
    }
    return out << "Request " << static_cast<int>(kind);
}

namespace {

using namespace std::string_literals;

/// The first bytes of a text, alone in memory: a sanitizer sees who reads on behind them.
class Cut {
  public:
    Cut(const std::string& text, std::size_t size) : bytes_(text.data(), text.data() + size) {}
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

  private:
    std::vector<char> bytes_;
};

void expect_request(const std::string& what, const std::string& bytes, Request kind,
                    std::size_t size) {
    const auto head = read_request(Cut(bytes, bytes.size()).view());
    EXPECT_EQ(head.kind, kind) << what;
    EXPECT_EQ(head.size, size) << what;
}

TEST(PostgresMessagesTest, ReadsEachRequest) {
    const struct {
        const char* what;
        std::string bytes;
        Request kind;
    } cases[]{
        {"SSLRequest", ssl_request(), Request::ssl},
        {"GSSENCRequest", gss_request(), Request::gss},
        {"CancelRequest", cancel_request(), Request::cancel},
        {"CancelRequest, the shortest", request_of(kCancelCode, 13), Request::cancel},
        {"CancelRequest, the longest", request_of(kCancelCode, 268), Request::cancel},
        {"StartupMessage", startup_packet(), Request::startup},
        {"StartupMessage of 3.2", startup_packet(kProtocol32), Request::startup},
        {"StartupMessage of a 3 yet to come", startup_packet(0x0003'ffff), Request::startup},
        {"StartupMessage, the shortest", request_of(kProtocol30, 9), Request::startup},
        {"StartupMessage, the longest", request_of(kProtocol30, 10'004), Request::startup},
    };
    for (const auto& [what, bytes, kind] : cases) {
        expect_request(what, bytes, kind, bytes.size());
        // What follows is not its business.
        expect_request(what + " and another"s, bytes + ssl_request(), kind, bytes.size());
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            const auto head = read_request(Cut(bytes, size).view());
            ASSERT_EQ(head.kind, Request::incomplete) << what << ", " << size << " bytes of it";
            ASSERT_EQ(head.size, 0U) << what << ", " << size << " bytes of it";
        }
    }
}

TEST(PostgresMessagesTest, RecognisesWhatIsNotARequest) {
    const struct {
        const char* what;
        std::string bytes;
    } cases[]{
        {"length 0", four_bytes(0) + four_bytes(kProtocol30)},
        {"length 4, its own", four_bytes(4) + four_bytes(kProtocol30)},
        {"length 7", four_bytes(7) + four_bytes(kSslCode)},
        {"a startup packet without anything", request_of(kProtocol30, 8)},
        {"a startup packet that is too long", request_of(kProtocol30, 10'005)},
        {"a length of 16 million", four_bytes(0x00ff'ffff) + four_bytes(kProtocol30)},
        {"a length of 2 thousand million", four_bytes(0x7fff'ffff) + four_bytes(kProtocol30)},
        {"a negative length", four_bytes(0xffff'ffff) + four_bytes(kProtocol30)},
        {"protocol 2", startup_packet(0x0002'0000)},
        {"protocol 4", startup_packet(0x0004'0000)},
        {"SSLRequest with more in it", request_of(kSslCode, 9)},
        {"GSSENCRequest with more in it", request_of(kGssCode, 12)},
        {"CancelRequest without a key", request_of(kCancelCode, 12)},
        {"CancelRequest with too long a key", request_of(kCancelCode, 269)},
        {"a code that nobody has", request_of(80'877'105, 8)},
        {"TLS from the first byte on", "\x16\x03\x01\x02\x00"s},
        {"its first byte alone", "\x16"},
        {"HTTP", "GET / HTTP/1.1\r\n\r\n"},
        {"a message of a session", message_of('Q', "SELECT 1\0"s)},
    };
    for (const auto& [what, bytes] : cases)
        expect_request(what, bytes, Request::other, 0);
}

void expect_answer(const std::string& what, std::string_view bytes, const Answer& expected) {
    const Answer answer = read_answer(bytes);
    EXPECT_EQ(answer.is_error, expected.is_error) << what;
    EXPECT_EQ(answer.sqlstate, expected.sqlstate) << what;
    EXPECT_EQ(answer.message, expected.message) << what;
}

TEST(PostgresMessagesTest, ReadsTheCompleteFieldsOfAnAnswer) {
    const std::string sqlstate(kCannotConnectNow);
    const std::string message = "the database system is shutting down";
    for (const auto& before : {""s, only_protocol_30()}) {
        const std::string bytes = before + shutting_down();
        const auto sqlstate_ends = bytes.find(sqlstate) + sqlstate.size();
        const auto message_ends = bytes.find(message) + message.size();
        for (std::size_t size = 0; size <= bytes.size(); ++size)
            // The zero behind a field belongs to it.
            expect_answer(std::to_string(size) + " bytes of it", Cut(bytes, size).view(),
                          {.is_error = size >= before.size() + 5,
                           .sqlstate = size > sqlstate_ends ? sqlstate : "",
                           .message = size > message_ends ? message : ""});
    }
}

TEST(PostgresMessagesTest, RecognisesAServerThatIsStartingOrStopping) {
    for (const auto* sqlstate : {"57P01", "57P02", "57P03"})
        EXPECT_TRUE(is_not_ready(read_answer(fatal_error(sqlstate, "")))) << sqlstate;
    // No such user, too many clients, a query that was cancelled, a database that was dropped.
    for (const auto* sqlstate : {"28000", "53300", "57014", "57P04"})
        EXPECT_FALSE(is_not_ready(read_answer(fatal_error(sqlstate, "")))) << sqlstate;
    EXPECT_FALSE(is_not_ready(read_answer("R")));
}

TEST(PostgresMessagesTest, ReadsWhatAServerMayAnswer) {
    const Answer no_error;
    const Answer nameless{.is_error = true};
    const struct {
        const char* what;
        std::string bytes;
        Answer answer;
    } cases[]{
        {"nothing", "", no_error},
        {"no encryption", "N", no_error},
        {"encryption", "S", no_error},
        {"AuthenticationOk", message_of('R', four_bytes(0)), no_error},
        {"a notice", message_of('N', "SNOTICE\0C57P03\0Mwait\0\0"s), no_error},
        {"an error without fields", message_of('E', "\0"s), nameless},
        {"an error with empty fields", message_of('E', "C\0M\0\0"s), nameless},
        {"fields in another order",
         message_of('E', "Mfull\0Hwait\0C53300\0SFATAL\0\0"s),
         {.is_error = true, .sqlstate = "53300", .message = "full"}},
        {"one field alone", message_of('E', "Mfull\0\0"s), {.is_error = true, .message = "full"}},
        {"a letter in a field is no field", message_of('E', "HC57P03\0DM\0\0"s), nameless},
        {"what follows the error",
         message_of('E', "C53300\0\0"s) + "C57P03\0Mmore\0\0"s,
         {.is_error = true, .sqlstate = "53300"}},
        {"a wrong length, which nobody needs",
         "E" + four_bytes(0xffff'ffff) + "C53300\0\0"s,
         {.is_error = true, .sqlstate = "53300"}},
        {"a newer protocol declined, then accepted",
         only_protocol_30() + message_of('R', four_bytes(0)), no_error},
        {"a newer protocol declined, of a length that cannot be",
         "v" + four_bytes(0xffff'ffff) + shutting_down(), no_error},
        {"a newer protocol declined, of length 0", "v" + four_bytes(0) + shutting_down(), no_error},
        // A postmaster that has no memory for another process says so in this old way.
        {"an error of protocol 2", "Ecould not fork new process for connection: no memory\n\0"s,
         nameless},
    };
    for (const auto& [what, bytes, answer] : cases)
        expect_answer(what, Cut(bytes, bytes.size()).view(), answer);
}

TEST(PostgresMessagesTest, KnowsWhetherAnErrorIsComplete) {
    const std::string error = shutting_down();
    const std::string both = only_protocol_30() + error;
    for (std::size_t size = 0; size < both.size(); ++size)
        EXPECT_TRUE(read_answer(both.substr(0, size)).incomplete) << size;
    const std::string whole[]{error,          error + "more", both,
                              "R"s,           "N"s,           "EFATAL:  text"s,
                              "E\0\0\x20\0"s, "v\0\0\0\0"s,   "v\0\0\x20\0"s};
    for (const auto& bytes : whole)
        EXPECT_FALSE(read_answer(bytes).incomplete) << testing::PrintToString(bytes);
}

TEST(PostgresMessagesTest, WritesAnErrorAsPostgresDoes) {
    // Of a length that needs two bytes.
    for (const auto& message : {"no backends available"s, ""s, std::string(300, 'x')}) {
        const std::string error = fatal_error(kCannotConnectNow, message);
        EXPECT_EQ(error,
                  message_of('E', "SFATAL\0VFATAL\0C57P03\0M"s + message + std::string(2, '\0')));
        expect_answer("its own", error,
                      {.is_error = true, .sqlstate = "57P03", .message = message});
    }
}

TEST(PostgresMessagesTest, AnErrorMessageIsOneFieldWhateverItContains) {
    const auto message_in = [](const std::string& text) {
        return read_answer(fatal_error(kCannotConnectNow, text)).message;
    };
    EXPECT_EQ(message_in("state is x\0C00000\0Mall is well\0"s),
              R"(state is x\u0000C00000\u0000Mall is well\u0000)");
    EXPECT_EQ(message_in("\x1b[2Jx\nFATAL:  no"), R"(\u001b[2Jx\nFATAL:  no)");
    EXPECT_EQ(message_in("\xFF"), "\xEF\xBF\xBD");
    // libpq takes a longer one than 30,000 bytes for no error of PostgreSQL.
    EXPECT_LT(fatal_error(kCannotConnectNow, std::string(1'000'000, 's')).size(), 3'000U);
}

TEST(PostgresMessagesTest, AsksForReadinessAsAUser) {
    const std::string question = readiness_question();
    expect_request("the question", question, Request::startup, question.size());
    // A newer protocol, or no user, is what an older server would speak of first.
    EXPECT_EQ(question.substr(4, 4), four_bytes(kProtocol30));
    EXPECT_EQ(question.substr(8, 18), "user\0patroni_proxy"s);
    EXPECT_EQ(question.substr(question.size() - 2), "\0\0"s);
}

}  // namespace
}  // namespace proxy
