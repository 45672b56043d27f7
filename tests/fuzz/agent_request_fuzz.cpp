// Whatever a client of the agent sends: a request that is one, or a reason why it is none; and a
// reply that is one line, whatever of it shows in the reply.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "patroni_agent/reply/agent_reply.h"
#include "patroni_agent/reply/agent_request.h"
#include "require.h"

namespace {

void check_reply(std::string_view reason) {
    const std::string reply = agent::agent_reply(agent::ServerState::maint, reason);
    require(reply.starts_with("MAINT DOWN # ") && reply.size() <= 140);
    require(std::count(reply.begin(), reply.end(), '\n') == 1 && reply.back() == '\n');
    require(
        std::all_of(reply.begin(), reply.end() - 1, [](char c) { return c >= ' ' && c <= '~'; }));
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const auto parsed = agent::parse_request(line);
    check_reply(line);
    if (!parsed) {
        require(!parsed.reason().empty());
        check_reply(parsed.reason());
        return 0;
    }
    const agent::AgentRequest& request = parsed.value();
    require(!request.cluster.empty() && !request.member.empty());
    require(request.member.find('/') == std::string::npos);
    require(line.find(request.cluster + "/" + request.member + "/") != std::string_view::npos);
    // Written out, it is read as the same.
    const auto again = agent::parse_request("x" + request.cluster + "/" + request.member + "/" +
                                            std::string(patroni::name_of(request.role)));
    require(again && again.value().cluster == "x" + request.cluster &&
            again.value().member == request.member && again.value().role == request.role);
    return 0;
}
