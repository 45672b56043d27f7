// drain, ready, hold and the others that change what a running proxy does. The daemon decides what
// they do and whether it is possible; only names are looked up here.

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>

#include "daemon/log/log.h"
#include "patroni/answers/json.h"
#include "patroni_proxy/cli/command.h"
#include "patroni_proxy/cli/status/names.h"
#include "patroni_proxy/cli/terminal/table.h"
#include "patroni_proxy/cli/terminal/terminal.h"

namespace proxy::cli {
namespace {

/// A reload reads files, which may take ten seconds, and waits for new clusters.
constexpr std::chrono::seconds kReloadPatience{40};
/// The next process does so too, and this one waits 30 s for it.
constexpr std::chrono::seconds kUpgradePatience{45};

struct ChangeOptions : CommonOptions {
    std::string name;  ///< of a member, a port or a cluster; of a level
    std::string sessions;
    std::string why;
    std::string lasts_for;
    std::string rate;
    std::string within;
    std::string port;  ///< of drain and ready: this port only
    bool maintenance = false;
};
using OptionsPtr = std::shared_ptr<ChangeOptions>;

/// The daemon's account of what it has done.
std::string outcome_text(const std::string& json) {
    const auto answer = patroni::parse_json_object(json);
    if (!answer)
        throw Unreadable(answer.reason());
    const std::string message = patroni::text_of(*answer.value(), "message");
    if (message.empty())
        throw Unreadable("it has no message: is the proxy of another version?");
    std::string text = paint(message, {}) + "\n";
    const auto changes = answer.value()->getArray("changes");
    if (changes && changes->size() > 1)  // one alone is the message
        for (const auto& change : *changes)
            if (change.isString())
                text += "  " + paint(change.extract<std::string>(), {}) + "\n";
    return text;
}

void change(const ControlClient& daemon, const std::string& target, bool json) {
    const std::string answer = daemon.post(target);
    const std::string text = read_answer(daemon, [&] { return outcome_text(answer); });
    write_out(json ? answer : text);
}

Query terms_of(const ChangeOptions& options) {
    Query query;
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty())
            query.emplace_back(name, value);
    };
    add("sessions", options.sessions);
    add("for", options.lasts_for);
    add("why", options.why);
    add("rate", options.rate.ends_with("/s") ? options.rate.substr(0, options.rate.size() - 2)
                                             : options.rate);
    add("within", options.within);
    add("maintenance", options.maintenance ? "true" : "");
    return query;
}

enum class Subject { member, port, cluster };

std::string change_target(Subject subject, const ChangeOptions& options,
                          const ControlClient& daemon, const std::string& verb) {
    const ProxyReport report = status_of(daemon);
    Query terms = terms_of(options);
    if (subject == Subject::cluster)
        return cli::target_of({"clusters", find_cluster(report, options.name), verb}, terms);
    const bool of_member = subject == Subject::member;
    const Name name =
        of_member ? find_member(report, options.name) : find_port(report, options.name);
    if (!options.port.empty())
        terms.emplace_back("port", find_port_of(report, name.cluster, options.port).name);
    return cli::target_of({of_member ? "members" : "ports", name.cluster, name.name, verb}, terms);
}

struct Added {
    CLI::App* command;
    OptionsPtr options;
};

Added add_verb(CLI::App& commands, Subject subject, const std::string& verb,
               const std::string& description) {
    const auto options = std::make_shared<ChangeOptions>();
    CLI::App* command = add_command(commands, verb, description, *options);
    command->group(kChange);
    if (subject == Subject::cluster)
        command->add_option("CLUSTER", options->name, "May be left out if there is only one")
            ->type_name("");
    else if (subject == Subject::member)
        command->add_option("MEMBER", options->name, "CLUSTER/MEMBER, or MEMBER where unambiguous")
            ->type_name("")
            ->required();
    else
        command->add_option("PORT", options->name, "CLUSTER/PORT, or PORT where unambiguous")
            ->type_name("")
            ->required();
    command->callback([options, subject, verb] {
        const ControlClient daemon(options->control);
        change(daemon, change_target(subject, *options, daemon, verb), options->json);
    });
    return {command, options};
}

/// For commands whose effect stays until it is lifted.
void add_terms(const Added& added, const std::string& by_default) {
    added.command
        ->add_option("--for", added.options->lasts_for,
                     "Lift it after this time, such as 2h (default: " + by_default + ")")
        ->type_name("TIME")
        ->check(check_duration);
    added.command
        ->add_option("--why", added.options->why,
                     "The reason, for the log, the status and clients that are refused")
        ->type_name("TEXT");
}

void add_members_verbs(CLI::App& commands) {
    const Added drain = add_verb(commands, Subject::member, "drain",
                                 "Give a member no new sessions; those it has stay");
    add_terms(drain, "until `ready`");
    drain.command
        ->add_option("--rate", drain.options->rate,
                     "End its sessions too, at most so many a second, idle ones first")
        ->check([](const std::string& text) {
            const bool digits =
                text.find_first_not_of("0123456789") == std::string::npos ||
                (text.ends_with("/s") && text.find_first_not_of("0123456789") == text.size() - 2);
            return digits && text.find_first_of("123456789") != std::string::npos
                       ? ""
                       : "must be a number of sessions, such as 20 or 20/s";
        });
    drain.command
        ->add_option("--within", drain.options->within,
                     "End its sessions too, all of them within this time, idle ones first")
        ->check(check_duration);
    drain.command->add_flag("--maintenance", drain.options->maintenance,
                            "Call it maintenance, as HAProxy's tools then show it too");
    const Added ready = add_verb(commands, Subject::member, "ready",
                                 "End a drain: the member gets new sessions again");
    for (const Added& added : {drain, ready})
        added.command->add_option("--port", added.options->port,
                                  "For this port of its cluster only (default: for all)");
    const Added cap = add_verb(commands, Subject::member, "cap",
                               "Limit the sessions of a member; those it has stay");
    cap.command->add_option("SESSIONS", cap.options->sessions, "The limit, or none to lift it")
        ->required()
        ->check([](const std::string& text) {
            const bool number =
                !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
            return number || text == "none" ? "" : "must be a number or none";
        });
    add_terms(cap, "until it is lifted");
}

void add_port_verbs(CLI::App& commands) {
    const Added hold = add_verb(commands, Subject::port, "hold",
                                "Let new clients of a port wait, as PgBouncer's PAUSE does");
    add_terms(hold, "60s");
    add_verb(commands, Subject::port, "release", "End a hold: the clients that wait go on");
    const Added disable = add_verb(commands, Subject::port, "disable",
                                   "Refuse new clients of a port; its sessions stay");
    add_terms(disable, "until `enable`");
    add_verb(commands, Subject::port, "enable", "Let new clients of a port in again");
}

bool is_switch(const std::string& text) {
    return text == "on" || text == "off";
}

/// `freeze CLUSTER off` is another way to say `unfreeze CLUSTER`.
void add_cluster_verbs(CLI::App& commands) {
    const Added freeze = add_verb(commands, Subject::cluster, "freeze",
                                  "Keep a cluster's routing as it is, whatever Patroni says");
    add_terms(freeze, "until `unfreeze`");
    const auto position = std::make_shared<std::string>();
    freeze.command->add_option("on|off", *position, "`off` is the same as `unfreeze` (default: on)")
        ->type_name("")
        ->check([](const std::string& text) { return is_switch(text) ? "" : "must be on or off"; });
    freeze.command->callback([options = freeze.options, position] {
        if (position->empty() && is_switch(options->name))
            std::swap(*position, options->name);
        const ControlClient daemon(options->control);
        change(daemon,
               change_target(Subject::cluster, *options, daemon,
                             *position == "off" ? "unfreeze" : "freeze"),
               options->json);
    });
    add_verb(commands, Subject::cluster, "unfreeze", "Follow Patroni again");
}

void add_close(CLI::App& commands) {
    struct Options : CommonOptions {
        SessionOptions which;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = add_command(
        commands, "close", "End sessions at once: say which by at least one option", *options);
    command->group(kChange);
    add_session_options(*command, options->which);
    command->callback([options] {
        const ControlClient daemon(options->control);
        const Query query = query_of(options->which, daemon);
        if (query.empty())
            throw CLI::ValidationError("close",
                                       "say which sessions, such as --id, --member or --port");
        change(daemon, cli::target_of({"sessions", "close"}, query), options->json);
    });
}

void add_process_verbs(CLI::App& commands) {
    const auto reload = std::make_shared<CommonOptions>();
    CLI::App* command = add_command(
        commands, "reload", "Read the configuration file again, and say what changes", *reload);
    command->group(kChange);
    command->callback([reload] {
        change(ControlClient(reload->control, kReloadPatience), "/reload", reload->json);
    });

    const auto upgrade = std::make_shared<CommonOptions>();
    command = add_command(commands, "upgrade",
                          "Start the program anew from its file and hand all sessions over to it",
                          *upgrade);
    command->group(kChange);
    command->callback([upgrade] {
        change(ControlClient(upgrade->control, kUpgradePatience), "/upgrade", upgrade->json);
    });

    const auto level = std::make_shared<ChangeOptions>();
    command = add_command(commands, "log-level",
                          "Set the log level until the next reload or restart", *level);
    command->group(kChange);
    command->add_option("LEVEL", level->name, "error, warning, info or debug")
        ->required()
        ->check(daemons::log::check_level);
    command->callback([level] {
        change(ControlClient(level->control),
               cli::target_of({"log_level"}, {{"level", level->name}}), level->json);
    });
}

}  // namespace

void add_change_commands(CLI::App& commands) {
    add_members_verbs(commands);
    add_port_verbs(commands);
    add_cluster_verbs(commands);
    add_close(commands);
    add_process_verbs(commands);
}

}  // namespace proxy::cli
