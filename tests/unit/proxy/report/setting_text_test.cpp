#include "patroni_proxy/report/setting_text.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

TEST(SettingTextTest, SaysWhatIsSetByWhomAndUntilWhen) {
    const struct {
        OperatorReport setting;
        const char* text;
    } cases[]{
        {{.setting = "drain",
          .member = "p1",
          .why = "new disks",
          .by = "uid 0, pid 42",
          .since = 1'795'000'000,
          .until = 1'795'007'200},
         "main/p1 is drained by uid 0, pid 42 since 2026-11-18 11:06:40 UTC, until 2026-11-18 "
         "13:06:40 UTC: new disks"},
        {{.setting = "drain", .member = "p1", .port = "rw", .by = "uid 0", .since = 1},
         "main/p1 is drained on port rw by uid 0 since 1970-01-01 00:00:01 UTC"},
        {{.setting = "cap", .member = "p1", .by = "uid 0", .since = 1, .sessions = 5},
         "main/p1 is capped at 5 sessions by uid 0 since 1970-01-01 00:00:01 UTC"},
        {{.setting = "hold", .port = "rw", .by = "uid 0"}, "main/rw is held by uid 0 since ?"},
        {{.setting = "disable", .port = "rw", .by = "uid 0"},
         "main/rw is disabled by uid 0 since ?"},
        {{.setting = "freeze", .by = "uid 0"}, "main is frozen by uid 0 since ?"},
        {{.setting = "muted", .by = "uid 0"}, "main is muted by uid 0 since ?"},
    };
    for (const auto& [setting, text] : cases)
        EXPECT_EQ(setting_text("main", setting, daemons::TimeZone::utc), text);
}

}  // namespace
}  // namespace proxy
