#include "patroni_proxy/migrate/pieces/listen_draft.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "daemon/text/utf8.h"
#include "net/socket/listen_address.h"
#include "patroni_proxy/migrate/report/directives.h"

namespace proxy::migrate {
namespace {

using haproxy::Address;

constexpr int kMaxRange = 100;

class ListenReader {
  public:
    ListenReader(const haproxy::Proxy& proxy, Ledger& ledger) : proxy_(proxy), ledger_(ledger) {}

    ListenDraft read() {
        for (const auto& bind : proxy_.binds) {
            read_addresses(bind);
            for (const auto& option : bind.options)
                read_option(bind, option);
        }
        drop_what_others_include();
        return std::move(draft_);
    }

  private:
    void read_addresses(const haproxy::Bind& bind) {
        const auto& line = *bind.line;
        const std::string directive = "bind " + line.word(1);
        if (bind.symbolic) {
            ledger_.skip(line);
            ledger_.add(line.place, directive, Outcome::not_carried,
                        "this address is not known here: give it with --set NAME=VALUE");
            return;
        }
        ledger_.skip(line);
        bool all = true;
        for (const auto& address : bind.addresses)
            if (const std::string why = take(address, bind); !why.empty()) {
                ledger_.add(line.place, "bind " + address.text, Outcome::not_carried, why);
                all = false;
            }
        if (!all)
            return;
        ledger_.add(line.place, directive, Outcome::carried, "listen");
        draft_.comment += (draft_.comment.empty() ? "" : ", ") + line.place.text();
    }

    /// Why an address cannot be listened on; empty if it can.
    std::string take(const Address& address, const haproxy::Bind& bind) {
        if (address.kind == Address::Kind::other)
            return "patroni_proxy listens on IP addresses and unix sockets only";
        if (address.kind == Address::Kind::path)
            return add_path(address.host);
        if (!address.port || address.port_offset != 0)
            return "it has no port";
        if (*address.last_port - *address.port >= kMaxRange)
            return "more than 100 ports";
        const bool all6 = address.host.empty() && (address.ipv6 || bind.find("v6only"));
        for (int port = *address.port; port <= *address.last_port; ++port) {
            const bool v6 = address.host.find(':') != std::string::npos;
            std::string host = v6 ? "[" + address.host + "]" : address.host;
            if (address.host.empty())
                host = all6 ? "[::]" : "0.0.0.0";
            if (auto why = add(host + ":" + std::to_string(port)); !why.empty())
                return why;
        }
        return {};
    }

    std::string add_path(const std::string& path) {
        if (daemons::valid_utf8(path) != path)
            return "its path is not valid UTF-8";
        const std::string text = "unix:" + path;
        if (!net::ListenAddress::parse(text))
            return "a path begins with '/', does not end with it, and has at most " +
                   std::to_string(net::ListenAddress::kMaxPath) + " bytes";
        return add(text);
    }

    std::string add(const std::string& text) {
        if (!net::ListenAddress::parse(text))
            return "a name is not looked up: write its address";
        if (std::find(draft_.addresses.begin(), draft_.addresses.end(), text) ==
            draft_.addresses.end())
            draft_.addresses.push_back(text);
        return {};
    }

    void read_option(const haproxy::Bind& bind, const haproxy::LineOption& option) {
        const bool unix_socket =
            std::any_of(bind.addresses.begin(), bind.addresses.end(),
                        [](const Address& address) { return address.kind == Address::Kind::path; });
        Fate fate = fate_of_bind_option(option);
        if (option.keyword == "mode") {
            const auto& mode = option.value();
            const bool octal = mode.size() >= 3 && mode.size() <= 4 &&
                               mode.find_first_not_of("01234567") == std::string::npos &&
                               (mode.size() == 3 || mode.front() == '0');
            if (!octal || !unix_socket)
                fate = {Outcome::not_needed, "of unix sockets only"};
            else
                draft_.mode = mode.size() == 3 ? "0" + mode : mode;
            draft_.mode_comment = bind.line->place.text();
        }
        if (option.keyword == "accept-proxy")
            draft_.accepts_proxy = option.place.text() + ": accept-proxy";
        ledger_.add(option.place, "bind ... " + option.text(), fate.outcome, fate.why);
    }

    /// "[::]:5000" takes IPv4 as well, and "0.0.0.0:5000" every address: others beside them are too
    /// many. HAProxy lets them share a port.
    void drop_what_others_include() {
        const auto width = [](const std::string& text) {
            return text.starts_with("[::]:") ? 2 : text.starts_with("0.0.0.0:") ? 1 : 0;
        };
        const std::vector<std::string> all = std::exchange(draft_.addresses, {});
        for (std::size_t index = 0; index < all.size(); ++index) {
            const auto address = net::ListenAddress::parse(all[index]);
            bool included = false;
            for (std::size_t other = 0; other < all.size(); ++other)
                included |= other != index &&
                            net::ListenAddress::parse(all[other])->overlaps(*address) &&
                            (width(all[other]) > width(all[index]) ||
                             (width(all[other]) == width(all[index]) && other < index));
            if (!included)
                draft_.addresses.push_back(all[index]);
        }
    }

    const haproxy::Proxy& proxy_;
    Ledger& ledger_;
    ListenDraft draft_;
};

}  // namespace

ListenDraft read_listen(const haproxy::Proxy& proxy, Ledger& ledger) {
    return ListenReader(proxy, ledger).read();
}

}  // namespace proxy::migrate
