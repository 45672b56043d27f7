#include "support/process/psql_session.h"

#include <stdexcept>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include "support/fakes/fake_backend.h"

namespace support {
namespace {

TEST(PsqlSessionTest, SaysWhyItCannotConnect) {
    const FakeBackend closed({.accept = BackendOptions::Accept::refuse});
    const std::string conninfo =
        "host=" + closed.ip() + " port=" + std::to_string(closed.port()) + " user=x dbname=x";
    try {
        PsqlSession session(conninfo);
        FAIL() << "should have thrown";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("Connection refused"), std::string::npos)
            << error.what();
    }
    EXPECT_EQ(psql_once(conninfo, "SELECT 1").status, ExitStatus{.code = 2});
}

}  // namespace
}  // namespace support
