#include "patroni_proxy/upgrade/predecessor.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>

#include "daemon/text/units.h"
#include "patroni_proxy/upgrade/successor.h"

namespace proxy::upgrade {
namespace {

// What was sent at once comes at once.
constexpr std::chrono::seconds kForAMessage{5};

Channel::Deadline soon() {
    return std::chrono::steady_clock::now() + kForAMessage;
}

[[noreturn]] void not_understood() {
    throw std::runtime_error("the running process has sent what this one does not understand");
}

template <typename T>
T understood(std::optional<T> value) {
    if (!value)
        not_understood();
    return *std::move(value);
}

template <typename T>
void append(std::vector<T>& all, std::vector<T> more) {
    std::move(more.begin(), more.end(), std::back_inserter(all));
}

}  // namespace

std::unique_ptr<Predecessor> Predecessor::from_environment() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
    const char* const number = std::getenv(kChannelVariable);
    if (!number)
        return nullptr;
    const auto fd = daemons::parse_number(number);
    ::unsetenv(kChannelVariable);  // NOLINT(concurrency-mt-unsafe): the same
    int type = 0;
    socklen_t size = sizeof type;
    if (!fd || *fd > INT32_MAX ||
        ::getsockopt(static_cast<int>(*fd), SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        type != SOCK_SEQPACKET)
        throw std::runtime_error(std::string(kChannelVariable) +
                                 " is set in the environment, and there is no process to succeed");
    ::fcntl(static_cast<int>(*fd), F_SETFD, FD_CLOEXEC);
    return std::make_unique<Predecessor>(Channel(net::UniqueFd(static_cast<int>(*fd))));
}

Predecessor::Predecessor(Channel channel) : channel_(std::move(channel)) {
    try {
        read_start();
    } catch (const std::exception& error) {
        refuse(error.what());
        throw;
    }
}

/// All up to the needs of the ports, which come last.
void Predecessor::read_start() {
    const auto first = channel_.receive(soon());
    if (kind_of(first.bytes) != Kind::hello)
        not_understood();
    const auto hello = understood(read_hello(fields_of(first.bytes)));
    version_ = hello.version;
    if (hello.format > kFormat)
        throw std::runtime_error("the running process (version " + hello.version +
                                 ") hands over in format " + std::to_string(hello.format) +
                                 "; this one understands formats up to " + std::to_string(kFormat) +
                                 ": restart instead, or upgrade to a newer version");
    for (;;) {
        auto message = channel_.receive(soon());
        const auto fields = fields_of(message.bytes);
        const auto kind = kind_of(message.bytes);
        if (!kind)
            continue;  // of a newer version, which can do without
        switch (*kind) {
            case Kind::listeners: {
                const auto texts = understood(read_texts(fields));
                if (texts.size() != 2 * message.descriptors.size())
                    not_understood();
                for (std::size_t i = 0; i < message.descriptors.size(); ++i)
                    listeners_.push_back(
                        {texts[2 * i], std::move(message.descriptors[i]), texts[2 * i + 1]});
                break;
            }
            case Kind::settings: {
                auto more = understood(read_settings(fields));
                append(settings_.settings, std::move(more.settings));
                settings_.holds_ended.merge(more.holds_ended);
                append(settings_.paces, std::move(more.paces));
                break;
            }
            case Kind::cluster:
                take_cluster(understood(read_cluster(fields)));
                break;
            case Kind::ports:
                append(ports_, understood(read_ports(fields)));
                break;
            case Kind::end:
                return;
            default:
                not_understood();
        }
    }
}

Arrivals Predecessor::receive(const std::vector<std::string>& labels) {
    channel_.send(message(Kind::ready, write(Ready{labels, true})), soon());
    return receive_batch(labels);
}

/// A batch that has come whole is taken, even if it is late: the other process no longer has it.
Arrivals Predecessor::receive_more(const std::vector<std::string>& labels) {
    try {
        return receive_batch(labels);
    } catch (const ChannelEnded&) {
        throw;
    } catch (const std::exception&) {
        channel_.hear_no_more();
        return receive_batch(labels);
    }
}

Arrivals Predecessor::receive_batch(const std::vector<std::string>& labels) {
    Arrivals arrivals;
    for (;;) {
        auto message = channel_.receive(soon());
        const auto fields = fields_of(message.bytes);
        const auto kind = kind_of(message.bytes);
        if (!kind)
            continue;
        switch (*kind) {
            case Kind::record:
                if (auto record = read_record(fields))
                    arrivals.records.push_back(*std::move(record));
                break;
            case Kind::counts:
                arrivals.counts.push_back(understood(read_counts(fields)));
                break;
            case Kind::last_minute: {
                auto more = understood(read_times(fields));
                arrivals.times[more.at].merge(more.ports);
                break;
            }
            case Kind::process:
                arrivals.process = understood(read_process(fields));
                break;
            case Kind::tally:
                arrivals.tallies.push_back(understood(read_tally(fields)));
                break;
            case Kind::still_to_come: {
                auto more = understood(read_still_to_come(fields));
                append(arrivals.still_to_come.ports, std::move(more.ports));
                append(arrivals.still_to_come.backends, std::move(more.backends));
                break;
            }
            case Kind::sessions:
                take_sessions(std::move(message), arrivals, labels);
                break;
            case Kind::unsent: {
                const auto unsent = understood(read_unsent(fields));
                if (unsent.session >= arrivals.sessions.size())
                    not_understood();
                auto& relay = arrivals.sessions[unsent.session].session.state.relay;
                auto& bytes = unsent.to == net::RelaySide::client ? relay.client.unsent
                                                                  : relay.backend.unsent;
                const auto* const from = reinterpret_cast<const std::byte*>(unsent.bytes.data());
                bytes.insert(bytes.end(), from, from + unsent.bytes.size());
                break;
            }
            case Kind::end: {
                const auto end = understood(read_end(fields));
                if (end.sessions != arrivals.sessions.size())
                    not_understood();
                arrivals.last_id = end.last_id;
                arrivals.more = end.more;
                return arrivals;
            }
            default:
                not_understood();
        }
    }
}

void Predecessor::take_cluster(PassedCluster passed) {
    FeedState& known = clusters_[passed.cluster];
    FeedState& more = passed.state;
    if (more.memory)
        known.memory = std::move(more.memory);
    if (more.frozen)
        known.frozen = std::move(more.frozen);
    append(known.judges, std::move(more.judges));
    known.since.add(more.since.entries());
}

void Predecessor::take_sessions(Channel::Message message, Arrivals& arrivals,
                                const std::vector<std::string>& labels) const {
    auto descriptor = message.descriptors.begin();
    const auto next = [&] {
        if (descriptor == message.descriptors.end())
            not_understood();
        return std::move(*descriptor++);
    };
    for (const auto& text : understood(read_texts(fields_of(message.bytes)))) {
        Arrival arrival{understood(read_session(text)), {}, {}};
        if (std::find(labels.begin(), labels.end(), arrival.session.label) == labels.end())
            not_understood();
        arrival.client = next();
        if (arrival.session.has_backend_socket)
            arrival.backend = next();
        arrivals.sessions.push_back(std::move(arrival));
    }
    if (descriptor != message.descriptors.end())
        not_understood();
}

void Predecessor::take_over() {
    channel_.send(message(Kind::took_over), soon());
}

void Predecessor::say_adopted() noexcept {
    try {
        channel_.send(message(Kind::adopted), soon());
    } catch (const std::exception&) {
        return;  // it has gone: nobody waits
    }
}

void Predecessor::refuse(const std::string& why) noexcept {
    constexpr std::size_t kLongest = 4'096;
    try {
        channel_.send(message(Kind::refused, write(std::vector{why.substr(0, kLongest)})), soon());
    } catch (const std::exception&) {
        return;  // it has gone: nobody needs to know
    }
}

}  // namespace proxy::upgrade
