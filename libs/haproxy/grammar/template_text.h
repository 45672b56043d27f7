#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "haproxy/grammar/configuration.h"

namespace haproxy {

struct TemplateText {
    /// Line for line as in the file. A value that is not known is one symbol (see words.h).
    std::string text;
    std::vector<bool> every;  ///< by line: stands in a loop
    bool is_template = false;
};

/// Reads a template as if it had been rendered once, without rendering it: Go's (confd,
/// consul-template) with `{{ }}`, Jinja's (Ansible) with `{% %}`, `{{ }}` and `{# #}`. A loop's
/// body stands there once. A condition counts as true, and is noted; its `else` is left out. A text
/// that is no template comes back as it is. Pure. Throws ReadError for an action without an end.
[[nodiscard]] TemplateText read_template(const std::string& file, std::string_view text,
                                         const Symbols& symbols, std::vector<Note>& notes);

}  // namespace haproxy
