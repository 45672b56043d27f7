#pragma once

#include "daemon/system/file.h"
#include "daemon/yaml/variables.h"

namespace daemons {

/// What a configuration is read from, or stand-ins in a test.
struct Inputs {
    ReadFile read = read_file;
    ListDirectory list = list_directory;
    Variables variables = environment_variable;
};

}  // namespace daemons
