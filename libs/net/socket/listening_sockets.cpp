#include "net/socket/listening_sockets.h"

#include <system_error>

namespace net {

ListeningSockets::Key ListeningSockets::key_of(const Wish& wish) {
    const bool any_port = !wish.address.is_unix() && wish.address.port() == 0;
    return {wish.address.to_string(), any_port ? wish.owner : std::string{}};
}

ListeningSockets::Prepared ListeningSockets::prepare(const std::vector<Wish>& wishes) const {
    Prepared prepared;
    for (const auto& wish : wishes) {
        const auto found = sockets_.find(key_of(wish));
        try {
            prepared.push_back(found != sockets_.end()
                                   ? found->second
                                   : std::make_shared<const ListeningSocket>(
                                         bind_listening_socket(wish.address, wish.options)));
        } catch (const std::system_error& error) {
            throw std::system_error(error.code(), (wish.place.empty() ? "" : wish.place + ": ") +
                                                      wish.owner + ": " + wish.address.to_string() +
                                                      " cannot be listened on");
        }
    }
    return prepared;
}

void ListeningSockets::use(const std::vector<Wish>& wishes, const Prepared& prepared) {
    sockets_.clear();
    for (std::size_t i = 0; i < wishes.size(); ++i) {
        sockets_[key_of(wishes[i])] = prepared[i];
        // What the kernel refuses here is no reason to serve nobody: the connections go without.
        (void)prepared[i]->apply(wishes[i].options.tcp);
        (void)prepared[i]->set_mode(wishes[i].options.unix_mode);
    }
}

}  // namespace net
