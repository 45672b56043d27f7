#include "daemon/text/html.h"

namespace daemons::html {

std::string escaped(std::string_view text) {
    std::string html;
    for (const char letter : text)
        switch (letter) {
            case '&':
                html += "&amp;";
                break;
            case '<':
                html += "&lt;";
                break;
            case '>':
                html += "&gt;";
                break;
            case '"':
                html += "&quot;";
                break;
            case '\'':
                html += "&#39;";
                break;
            default:
                html += letter;
        }
    return html;
}

}  // namespace daemons::html
