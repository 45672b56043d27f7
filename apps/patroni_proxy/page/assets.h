#pragma once

namespace proxy::page {

// style.css and live.js, which the build puts into the program: the page needs nothing else.
extern const char kStyle[];
extern const char kScript[];

}  // namespace proxy::page
