// Whatever a client and a server begin with, in whatever pieces.
// The input is a sequence of chunks: two bytes, of which the first bit says who sends it (0: the
// client, 1: the server) and the others how much, and then what is sent. Nothing: the sender ends.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/text/utf8.h"
#include "patroni_proxy/postgres/client_address.h"
#include "patroni_proxy/postgres/postgres_messages.h"
#include "patroni_proxy/postgres/startup.h"
#include "require.h"

namespace {

using proxy::Request;
using proxy::Startup;
using Next = Startup::Next;
using Awaits = Startup::Awaits;

struct Chunk {
    bool from_server;
    std::string_view bytes;
};

std::vector<Chunk> chunks_of(std::string_view input) {
    std::vector<Chunk> chunks;
    while (input.size() >= 2) {
        const auto first = static_cast<unsigned char>(input[0]);
        const auto second = static_cast<unsigned char>(input[1]);
        const std::size_t size = (first & 0x7fU) << 8U | second;
        input.remove_prefix(2);
        chunks.push_back({(first & 0x80U) != 0, input.substr(0, size)});
        input.remove_prefix(std::min(size, input.size()));
    }
    return chunks;
}

std::size_t length_of(std::string_view bytes) {
    std::size_t length = 0;
    for (const char byte : bytes.substr(0, 4))
        length = length << 8U | static_cast<unsigned char>(byte);
    return length;
}

void check_request(std::string_view bytes) {
    const auto [kind, size] = proxy::read_request(bytes);
    require(size <= bytes.size() && size <= proxy::kMaxRequest);
    require((size == 0) == (kind == Request::incomplete || kind == Request::other));
    require(kind != Request::cancel || size <= proxy::kMaxCancelRequest);
    // One that is waited for may still come, and nobody waits for more than a request.
    if (kind == Request::incomplete && bytes.size() >= 8)
        require(length_of(bytes) > bytes.size() && length_of(bytes) <= proxy::kMaxRequest);
    // What follows a request does not matter, and less than it is not yet one.
    if (size != 0) {
        require(proxy::read_request(bytes.substr(0, size)).kind == kind);
        require(proxy::read_request(bytes.substr(0, size - 1)).kind == Request::incomplete);
    }
}

void check_answer(std::string_view bytes) {
    const proxy::Answer answer = proxy::read_answer(bytes);
    require(answer.is_error || (answer.sqlstate.empty() && answer.message.empty()));
    for (const std::string& field : {answer.sqlstate, answer.message}) {
        require(field.find('\0') == std::string::npos);
        require(bytes.find(field) != std::string_view::npos);
    }
    // Told to a client, it is read as the same, but for what no client should be shown.
    const auto again = proxy::read_answer(proxy::fatal_error(answer.sqlstate, answer.message));
    require(again.is_error && again.sqlstate == answer.sqlstate);
    require(again.message == daemons::one_line(answer.message, daemons::kLongestReason));
}

/// PostgreSQL gets the same parameters but for one, and nothing else is changed.
void check_client_address(std::string_view bytes) {
    constexpr std::string_view kAddress = "10.0.0.1:50000";
    const std::string changed = proxy::with_client_address(bytes, kAddress);
    const auto [kind, size] = proxy::read_request(bytes);
    const auto [new_kind, new_size] = proxy::read_request(changed);
    require(new_kind == kind && new_size <= proxy::kMaxRequest);
    require(bytes.substr(size) == std::string_view(changed).substr(new_size));
    if (changed == bytes)
        return;
    require(kind == Request::startup && changed.substr(4, 4) == bytes.substr(4, 4));
    const auto before = proxy::read_startup_parameters(bytes.substr(0, size));
    const auto after =
        proxy::read_startup_parameters(std::string_view(changed).substr(0, new_size));
    require(after.size() == before.size() || after.size() == before.size() + 1);
    for (std::size_t i = 0; i < after.size(); ++i) {
        if (after[i].first != "application_name")
            require(i < before.size() && after[i] == before[i]);
        else
            require(after[i].second.size() <= proxy::kLongestName &&
                    after[i].second.ends_with(kAddress));
    }
}

/// What is kept is what is waited for: no more than a request, and a whole one where the server
/// is to answer it.
void check_kept(const Startup& startup) {
    const std::string& kept = startup.request();
    require(kept.size() <= proxy::kMaxRequest);
    const auto [kind, size] = proxy::read_request(kept);
    switch (startup.awaits()) {
        case Awaits::request:
            require(kind == Request::incomplete);
            return;
        case Awaits::encryption:
            require(kind == Request::ssl || kind == Request::gss);
            break;
        case Awaits::answer:
            require(kind == Request::startup);
            break;
    }
    require(size == kept.size());
}

void follow(const std::vector<Chunk>& chunks, bool keeps, bool withholds) {
    Startup startup(keeps, withholds);
    unsigned silent_ends = 0;
    for (const auto& [from_server, bytes] : chunks) {
        const std::string before = startup.request();
        const Next next = from_server ? startup.on_backend(bytes) : startup.on_client(bytes);
        switch (next) {
            case Next::enough:
                // It is not asked again; until then it has kept what it read, and no more.
                require(startup.request().size() < proxy::kMaxRequest + bytes.size() ||
                        startup.request() == before);
                return;
            case Next::cancel: {
                const auto [kind, size] = proxy::read_request(startup.request());
                require(!from_server && kind == Request::cancel);
                require(size == startup.request().size());
                return;
            }
            case Next::not_ready:
                require(keeps && from_server && startup.request() == before);
                require(!bytes.empty() || ++silent_ends <= 3);
                require(bytes.empty() || startup.awaits() == Awaits::answer);
                check_kept(startup);
                break;
            case Next::more:
                require(withholds || from_server);
                break;
            case Next::further:
                require(!bytes.empty() && (keeps || startup.awaits() != Awaits::answer));
                check_kept(startup);
                break;
        }
    }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto chunks = chunks_of(input);
    for (const bool withholds : {true, false}) {
        follow(chunks, true, withholds);
        follow(chunks, false, withholds);
    }
    for (const auto& chunk : chunks) {
        check_request(chunk.bytes);
        check_answer(chunk.bytes);
        check_client_address(chunk.bytes);
    }
    return 0;
}
