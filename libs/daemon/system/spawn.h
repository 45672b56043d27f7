#pragma once

#include <string>
#include <vector>

namespace daemons {

/// A command line or an environment as posix_spawn() takes it. Borrows the texts.
inline std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const auto& text : texts)
        pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace daemons
