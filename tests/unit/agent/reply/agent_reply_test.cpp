#include "patroni_agent/reply/agent_reply.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent {
namespace {

TEST(AgentReplyTest, StatesTheAdministrativeAndTheOperatingState) {
    EXPECT_EQ(agent_reply(ServerState::ready, "p1: leader"), "READY UP # p1: leader\n");
    EXPECT_EQ(agent_reply(ServerState::drain, "p1: x"), "DRAIN UP # p1: x\n");
    EXPECT_EQ(agent_reply(ServerState::maint, "p1: x"), "MAINT DOWN # p1: x\n");
    EXPECT_EQ(agent_reply(ServerState::down, "p1: x"), "READY DOWN # p1: x\n");
}

TEST(AgentReplyTest, WithoutAReasonItIsALineAllTheSame) {
    EXPECT_EQ(agent_reply(ServerState::maint, ""), "MAINT DOWN # \n");
}

TEST(AgentReplyTest, AReasonIsCutToWhatHaproxyKeeps) {
    const std::string reply = agent_reply(ServerState::ready, std::string(10'000, 'x'));
    const std::string head = "READY UP # ";
    EXPECT_EQ(reply, head + std::string(120, 'x') + "\n");
}

TEST(AgentReplyTest, NothingButPrintableAsciiAndOneNewlineAtTheEnd) {
    std::string every_byte;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string reply =
            agent_reply(ServerState::maint, std::string(1, static_cast<char>(byte)));
        const std::string shown =
            byte >= ' ' && byte <= '~' ? std::string(1, static_cast<char>(byte)) : "?";
        EXPECT_EQ(reply, "MAINT DOWN # " + shown + "\n") << byte;
    }
    // What would be another reply, were the name believed.
    EXPECT_EQ(agent_reply(ServerState::maint, "p2\nREADY UP\r\n"), "MAINT DOWN # p2?READY UP??\n");
}

TEST(AgentReplyTest, EveryStateHasAName) {
    std::string names;
    for (const auto state : kAllServerStates)
        names += std::string(name_of(state)) + " ";
    EXPECT_EQ(names, "ready drain maint down ");
}

}  // namespace
}  // namespace agent
