#include "patroni_agent/admin/admin_server.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/socket/socket_address.h"
#include "sample_report.h"
#include "support/sockets/test_client.h"

namespace agent {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class AgentAdminServerTest : public testing::Test {
  protected:
    /// The whole answer, head and body.
    [[nodiscard]] std::string answer(const std::string& method, const std::string& path) const {
        support::TestClient client("127.0.0.1", socket_->address().port());
        client.send(method + " " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        return client.receive_to_eof();
    }

  private:
    const AdminServer::Socket socket_ = std::make_shared<const net::ListeningSocket>(
        net::bind_listening_socket(*net::ListenAddress::parse("127.0.0.1:0")));
    AdminServer server_{socket_, [](const auto& done) { done(sample_report()); }};
};

TEST_F(AgentAdminServerTest, Pages) {
    EXPECT_THAT(answer("GET", "/live"), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("OK")));
    EXPECT_THAT(answer("HEAD", "/live"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(answer("OPTIONS", "/live"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(answer("GET", "/status"),
                AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("application/json"),
                      HasSubstr("\"own_member\": \"p1\"")));
    EXPECT_THAT(answer("GET", "/metrics"),
                AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("text/plain; version=0.0.4"),
                      HasSubstr("\npatroni_agent_maintenance 1\n")));
}

TEST_F(AgentAdminServerTest, OtherPathsAndMethods) {
    for (const std::string path : {"/", "/ready", "/live/", "/update_clusters"})
        EXPECT_THAT(answer("GET", path), StartsWith("HTTP/1.1 404 ")) << path;
    EXPECT_THAT(answer("POST", "/live"),
                AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD, OPTIONS\r\n")));
    for (const std::string path : {"/status", "/metrics"})
        for (const std::string method : {"POST", "OPTIONS"})
            EXPECT_THAT(answer(method, path),
                        AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
}

}  // namespace
}  // namespace agent
