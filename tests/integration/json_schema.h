#pragma once

#include <string>

#include "support/process/daemon_process.h"
#include "support/process/temp_dir.h"

/// What in `json` is not as the schema in that file says; empty: all of it fits.
inline std::string misfits(const std::string& json, const std::string& schema) {
    const support::TempDir directory;
    const std::string file = directory.write("answer.json", json);
    const auto result =
        support::run({"sh", "-c", R"(exec python3 "$0" "$1" <"$2")", VALID_JSON, schema, file});
    return result.out + (result.status.code == 0 ? "" : "exit code not 0: " + result.err);
}
