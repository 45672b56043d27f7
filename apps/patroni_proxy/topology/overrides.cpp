#include "patroni_proxy/topology/overrides.h"

namespace proxy {

void apply_drains(std::vector<patroni::Verdict>& verdicts, const Overrides& overrides) {
    for (auto& verdict : verdicts) {
        const auto drain = overrides.drained.find(verdict.member->name);
        if (drain == overrides.drained.end() || verdict.standing != patroni::Standing::eligible)
            continue;
        verdict.standing = patroni::Standing::tolerated;
        verdict.reason = drain->second;
    }
}

}  // namespace proxy
