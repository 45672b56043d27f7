#include "patroni_agent/reply/agent_reply.h"

namespace agent {
namespace {

// HAProxy's buffer for it holds 128 with the NUL.
constexpr std::size_t kMaxComment = 120;

std::string_view words_of(ServerState state) {
    switch (state) {
        case ServerState::ready:
            return "READY UP";
        case ServerState::drain:
            return "DRAIN UP";
        case ServerState::maint:
            return "MAINT DOWN";
        case ServerState::down:
            return "READY DOWN";
    }
    return "MAINT DOWN";
}

}  // namespace

std::string_view name_of(ServerState state) {
    switch (state) {
        case ServerState::ready:
            return "ready";
        case ServerState::drain:
            return "drain";
        case ServerState::maint:
            return "maint";
        case ServerState::down:
            return "down";
    }
    return "maint";
}

std::string agent_reply(ServerState state, std::string_view reason) {
    std::string reply(words_of(state));
    reply += " # ";
    // A line break would end the reply, and member names come from elsewhere.
    for (const char c : reason.substr(0, kMaxComment))
        reply += c >= ' ' && c <= '~' ? c : '?';
    reply += '\n';
    return reply;
}

}  // namespace agent
