// wait: until a member has at most so many sessions.

#include <memory>
#include <thread>

#include "daemon/text/units.h"
#include "daemon/text/words.h"
#include "patroni_proxy/cli/command.h"
#include "patroni_proxy/cli/status/names.h"
#include "patroni_proxy/cli/tables/tables.h"
#include "patroni_proxy/cli/terminal/terminal.h"

namespace proxy::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPause{500};

struct WaitOptions : CommonOptions {
    std::string member;
    std::uint64_t sessions = 0;
    std::string timeout;
};

std::uint64_t sessions_now(const ProxyReport& report, const Name& member) {
    for (const auto& cluster : report.clusters)
        if (cluster.name == member.cluster)
            return sessions_of(cluster, member.name);
    return 0;
}

bool wait(const WaitOptions& options) {
    const ControlClient daemon(options.control);
    const auto begin = Clock::now();
    const auto timeout = daemons::parse_duration(options.timeout);
    const Name member = find_member(status_of(daemon), options.member);
    for (;;) {
        const std::uint64_t sessions = sessions_now(status_of(daemon), member);
        const auto waited = Clock::now() - begin;
        const bool done = sessions <= options.sessions;
        if (done || (timeout && waited >= *timeout)) {
            write_out(member.text() + (done ? " has " : " still has ") +
                      daemons::counted(sessions, "session") + " after " +
                      daemons::duration_text(waited) + "\n");
            return done;
        }
        const auto left = timeout ? *timeout - waited : Clock::duration(kPause);
        std::this_thread::sleep_for(std::min<Clock::duration>(kPause, left));
    }
}

}  // namespace

void add_wait_command(CLI::App& commands, int& exit_code) {
    const auto options = std::make_shared<WaitOptions>();
    CLI::App* command =
        add_command(commands, "wait",
                    "Wait until a member has few sessions, such as 0 after a drain", *options);
    command->group(kLook);
    command->remove_option(command->get_option("--json"));
    command->add_option("--member", options->member, "CLUSTER/MEMBER, or MEMBER where unambiguous")
        ->type_name("MEMBER")
        ->required();
    command->add_option("--sessions", options->sessions, "Until it has at most N")
        ->type_name("N")
        ->check([](const std::string& text) {
            return daemons::parse_number(text) ? "" : "must be a whole number";
        })
        ->capture_default_str();
    command
        ->add_option("--timeout", options->timeout,
                     "Give up after this time, with exit code 1 (default: never)")
        ->type_name("TIME")
        ->check(check_duration);
    command->callback(
        [options, &exit_code] { exit_code = wait(*options) ? EXIT_SUCCESS : EXIT_FAILURE; });
}

}  // namespace proxy::cli
