// Reloads: the verb, what it changes of what operators have set, and its record.

#include <utility>

#include "daemon/text/words.h"
#include "patroni_proxy/control/control.h"

namespace proxy {

std::string summary_of(const ReloadOutcome& outcome) {
    return outcome.changes.empty() ? "nothing has changed" : daemons::joined(outcome.changes);
}

void Control::reload(const std::string& listeners, const Caller& caller,
                     std::function<void(const ReloadOutcome&)> done) {
    daemons::log::info(
        {"reload_requested"},
        "reload asked for by " + caller.name +
            (listeners.empty() ? "" : ", with the listening sockets of " + listeners));
    reload_caller_ = caller.name;
    proxy_.reload(listeners, [this, done = std::move(done)](const ReloadOutcome& outcome) {
        if (!reload_caller_.empty())  // it failed before the files were read
            note_reload(outcome);
        done(outcome);
    });
}

void Control::note_reload(const ReloadOutcome& outcome) {
    std::string what = outcome.error.empty()
                           ? "the configuration was reloaded: " + summary_of(outcome)
                           : "a reload failed and changed nothing: " + outcome.error;
    const std::string by = std::exchange(reload_caller_, {});
    if (!by.empty())
        what.append("; asked for by ").append(by);
    proxy_.note_action({{}, {}, what, by});
}

void Control::on_reload() {
    for (const auto& setting : settings_.take_removed(proxy_.config())) {
        forget_pace(setting.subject);
        tell(daemons::log::Level::info, "operator_setting_removed", setting.subject,
             setting.subject.text() + ": no longer " + setting.reason() +
                 ": it is no longer in the configuration");
    }
    arm_expiry();
}

}  // namespace proxy
