#pragma once

#include <string>

#include "patroni/rest/rest_client.h"

namespace patroni {

/// The answer in one text: "200 OK: body", or the reason why there is none.
inline std::string text_of(const Result<HttpReply>& reply) {
    if (!reply)
        return reply.reason();
    return std::to_string(reply.value().status) + " " + reply.value().phrase + ": " +
           reply.value().body;
}

}  // namespace patroni
