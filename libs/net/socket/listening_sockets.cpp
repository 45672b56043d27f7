#include "net/socket/listening_sockets.h"

#include <system_error>

namespace net {

ListeningSockets::Key ListeningSockets::key_of(const SocketRequest& request) {
    const bool any_port = !request.address.is_unix() && request.address.port() == 0;
    return {request.address.to_string(), any_port ? request.owner : std::string{}};
}

ListeningSockets::Prepared ListeningSockets::prepare(
    const std::vector<SocketRequest>& requests) const {
    Prepared prepared;
    for (const auto& request : requests) {
        const auto found = sockets_.find(key_of(request));
        const bool is_there = found != sockets_.end() && !found->second->has_lost_its_path();
        try {
            prepared.push_back(is_there
                                   ? found->second
                                   : std::make_shared<const ListeningSocket>(
                                         bind_listening_socket(request.address, request.options)));
        } catch (const std::system_error& error) {
            throw std::system_error(
                error.code(), (request.place.empty() ? "" : request.place + ": ") + request.owner +
                                  ": " + request.address.to_string() + " cannot be listened on");
        }
    }
    return prepared;
}

void ListeningSockets::use(const std::vector<SocketRequest>& requests, const Prepared& prepared) {
    sockets_.clear();
    for (std::size_t i = 0; i < requests.size(); ++i) {
        sockets_[key_of(requests[i])] = prepared[i];
        // If the kernel refuses an option, serve without it.
        (void)prepared[i]->apply(requests[i].options.tcp);
        (void)prepared[i]->set_mode(requests[i].options.unix_mode, requests[i].options.unix_group);
    }
}

}  // namespace net
