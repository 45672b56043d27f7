#pragma once

#include <cstdlib>

/// What a fuzzer finds when it does not hold.
inline void require(bool holds) {
    if (!holds)
        std::abort();
}
