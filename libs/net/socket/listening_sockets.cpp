#include "net/socket/listening_sockets.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace net {
namespace {

bool is_any_port(const ListenAddress& address) {
    return !address.is_unix() && address.port() == 0;
}

/// The path of a unix socket that is kept by this name. Nothing else tells it: the kernel knows
/// only the path that it had before it listened.
std::optional<ListenAddress> address_kept_as(const std::string& name) {
    constexpr std::string_view kBegin = "unix,";
    return name.starts_with(kBegin) ? ListenAddress::parse("unix:" + name.substr(kBegin.size()))
                                    : std::nullopt;
}

}  // namespace

std::string name_for_keeper(const ListenAddress& address) {
    std::string name = address.to_string();
    std::replace(name.begin(), name.end(), ':', ',');
    return name;
}

ListeningSockets::ListeningSockets(SocketKeeper* keeper) : keeper_(keeper) {
    if (!keeper_)
        return;
    for (auto& [name, fd, address] : keeper_->inherited()) {
        const auto socket = std::make_shared<const ListeningSocket>(
            adopt_listening_socket(std::move(fd), address_kept_as(name)));
        if (!*socket) {
            keeper_->forget(name);
        } else if (name == name_for_keeper(socket->address())) {
            kept_[name] = socket;
            inherited_.push_back({name, socket});
        } else {
            socket->leave_path();
            foreign_.push_back(socket);
            inherited_.push_back({name, socket});
        }
    }
}

ListeningSockets::Key ListeningSockets::key_of(const SocketRequest& request) {
    return {request.address.to_string(),
            is_any_port(request.address) ? request.owner : std::string{}};
}

ListeningSockets::Prepared ListeningSockets::prepare(const std::vector<SocketRequest>& requests) {
    // Before anything is bound: an inherited one that nobody wants may be in the way.
    const Sockets claimed = claim_inherited(requests);
    Prepared prepared;
    for (const auto& request : requests) {
        const Key key = key_of(request);
        const auto known = sockets_.find(key);
        const auto inherited = claimed.find(key);
        try {
            if (known != sockets_.end() && !known->second->has_lost_its_path())
                prepared.push_back(known->second);
            else if (inherited != claimed.end())
                prepared.push_back(inherited->second);
            else
                prepared.push_back(std::make_shared<const ListeningSocket>(
                    bind_listening_socket(request.address, request.options)));
        } catch (const std::system_error& error) {
            throw std::system_error(
                error.code(), (request.place.empty() ? "" : request.place + ": ") + request.owner +
                                  ": " + request.address.to_string() + " cannot be listened on");
        }
    }
    return prepared;
}

std::vector<std::string> ListeningSockets::use(const std::vector<SocketRequest>& requests,
                                               const Prepared& prepared) {
    std::vector<std::string> refusals;
    sockets_.clear();
    for (std::size_t i = 0; i < requests.size(); ++i) {
        sockets_[key_of(requests[i])] = prepared[i];
        // If the kernel refuses an option, serve without it.
        (void)prepared[i]->apply(requests[i].options.tcp);
        const int error =
            prepared[i]->set_mode(requests[i].options.unix_mode, requests[i].options.unix_group);
        if (error != 0 && !is_shared(prepared[i]))  // the file of those is its owner's
            refusals.push_back(requests[i].owner + ": the mode and group of " +
                               requests[i].address.to_string() +
                               " cannot be set: " + std::generic_category().message(error));
    }
    update_kept();
    return refusals;
}

void ListeningSockets::offer(std::vector<UniqueFd> sockets) {
    std::erase_if(inherited_, [](const Inherited& each) { return each.name.empty(); });
    offered_.clear();
    for (auto& fd : sockets) {
        const auto socket =
            std::make_shared<const ListeningSocket>(adopt_listening_socket(std::move(fd)));
        if (!*socket)
            continue;
        inherited_.push_back({{}, socket});
        offered_.push_back(socket);
    }
}

bool ListeningSockets::is_shared(const Socket& socket) const {
    return std::find(foreign_.begin(), foreign_.end(), socket) != foreign_.end() ||
           std::any_of(offered_.begin(), offered_.end(),
                       [&](const auto& offered) { return offered.lock() == socket; });
}

std::vector<ListenAddress> ListeningSockets::taken() const {
    std::vector<ListenAddress> addresses;
    for (const auto& offered : offered_)
        if (const auto socket = offered.lock(); socket && is_used(socket))
            addresses.push_back(socket->address());
    return addresses;
}

std::string ListeningSockets::address_wished(const Socket& socket) const {
    for (const auto& [key, each] : sockets_)
        if (each == socket)
            return key.first;
    return socket->address().to_string();
}

void ListeningSockets::leave() {
    for (const auto& [name, socket] : kept_)
        socket->leave_path();
    kept_.clear();
    sockets_.clear();
}

void ListeningSockets::inherit(std::vector<InheritedSocket>&& sockets) {
    for (auto& [owner, fd, address] : sockets) {
        const auto socket = std::make_shared<const ListeningSocket>(
            adopt_listening_socket(std::move(fd), ListenAddress::parse(address)));
        if (!*socket)
            continue;
        socket->leave_path();
        inherited_.push_back({{}, socket, owner, address});
        // A service manager's, which keeps it without being told.
        const auto wished = ListenAddress::parse(address);
        if (wished && *wished != socket->address() && !is_any_port(*wished))
            foreign_.push_back(socket);
        former_names_.push_back(name_for_keeper(socket->address()));
    }
}

void ListeningSockets::succeed() {
    for (const auto& [key, socket] : sockets_)
        socket->leave_path(false);
}

void ListeningSockets::keep_as_successor() {
    if (!keeper_)
        return;
    const auto former_names = std::exchange(former_names_, {});
    kept_.clear();
    update_kept();
    for (const auto& name : former_names)
        if (!kept_.contains(name))
            keeper_->forget(name);
}

void ListeningSockets::hand_over() {
    for (const auto& [key, socket] : sockets_)
        socket->leave_path();
    leave();
}

ListeningSockets::Sockets ListeningSockets::claim_inherited(
    const std::vector<SocketRequest>& requests) {
    Sockets claimed;
    auto inherited = std::exchange(inherited_, {});
    const auto claim = [&](const auto& fits) {
        for (const auto& request : requests) {
            const Key key = key_of(request);
            const auto found =
                std::find_if(inherited.begin(), inherited.end(),
                             [&](const Inherited& each) { return fits(each, request); });
            if (found == inherited.end() || sockets_.contains(key) || claimed.contains(key))
                continue;
            claimed[key] = found->socket;
            inherited.erase(found);
        }
    };
    claim([](const Inherited& each, const SocketRequest& request) {
        return each.socket->address() == request.address;
    });
    claim([](const Inherited& each, const SocketRequest& request) {
        return !each.name.empty() && each.name == request.owner;
    });
    claim([](const Inherited& each, const SocketRequest& request) {
        return !each.owner.empty() && each.owner == request.owner &&
               each.wished == request.address.to_string();
    });
    for (const auto& [name, socket, owner, wished] : inherited) {
        if (name.empty())
            continue;
        keeper_->on_unused(name, socket->address());
        kept_.erase(name);
        std::erase(foreign_, socket);
    }
    return claimed;
}

bool ListeningSockets::is_used(const Socket& socket) const {
    return std::any_of(sockets_.begin(), sockets_.end(),
                       [&](const auto& each) { return each.second == socket; });
}

void ListeningSockets::update_kept() {
    // Until keep_as_successor() the keeper listens only to the process before this one.
    if (!keeper_ || !former_names_.empty())
        return;
    std::erase_if(foreign_, [this](const Socket& socket) { return !is_used(socket); });
    std::erase_if(kept_, [this](const auto& entry) {
        if (is_used(entry.second))
            return false;
        keeper_->forget(entry.first);
        return true;
    });
    for (const auto& [key, socket] : sockets_) {
        if (std::find(foreign_.begin(), foreign_.end(), socket) != foreign_.end())
            continue;
        const std::string name = name_for_keeper(socket->address());
        if (!kept_.contains(name) && keeper_->keep(name, socket->get()))
            kept_[name] = socket;
    }
}

}  // namespace net
