#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <endian.h>
#include <span>

namespace net {

/// Whether a PostgreSQL server waits for a query, outside a transaction, as far as the bytes
/// between it and its client tell. Only the caller knows whether the two speak in clear text: other
/// bytes say this by chance at most. Pure; inline, since it sees every read. Source of the
/// messages: PostgreSQL's documentation, "Message Formats".
class QueryState {
  public:
    /// The server's last bytes were a ReadyForQuery with status idle, notifications and notices
    /// aside, and the client has said nothing since.
    [[nodiscard]] bool awaits_query() const noexcept { return awaits_query_ && !pipelines_; }

    void on_client(std::span<const std::byte> bytes) noexcept {
        on_hidden();
        // A client that has asked twice without waiting for an answer may be served a second time
        // at any moment: the server's bytes no longer tell whether it awaits a query.
        if (pipelines_)
            return;
        open_requests_ =
            static_cast<std::uint8_t>(std::min(2U, open_requests_ + requests_in(bytes)));
        pipelines_ = open_requests_ > 1;
    }
    void on_backend(std::span<const std::byte> bytes) noexcept {
        if (rest_ != 0) {
            const std::size_t come = std::min<std::size_t>(rest_, bytes.size());
            rest_ = static_cast<std::uint16_t>(rest_ - come);
            bytes = bytes.subspan(come);
            if (rest_ != 0)
                return;
            awaits_query_ = true;
            open_requests_ = 0;
            if (bytes.empty())
                return;
        }
        char status = ready_status(bytes);
        if (status == 0)
            status = status_with_notices(bytes);
        awaits_query_ = status == 'I';
        if (status != 0)
            open_requests_ = 0;
    }
    /// One of the two has sent bytes that are not shown here, with more behind them that are.
    void on_hidden() noexcept {
        awaits_query_ = false;
        rest_ = 0;
    }
    /// One of the two has ended, or is about to.
    void on_end() noexcept { on_hidden(); }

    /// It in one byte, for another process; from_byte() there. In the middle of a notification, the
    /// other process does not know that the server waits until the next ReadyForQuery.
    [[nodiscard]] std::uint8_t as_byte() const noexcept {
        return static_cast<std::uint8_t>((awaits_query_ ? 1U : 0U) | (pipelines_ ? 2U : 0U) |
                                         unsigned{open_requests_} << 2U);
    }
    /// Any byte gives a state.
    [[nodiscard]] static QueryState from_byte(std::uint8_t byte) noexcept {
        QueryState state;
        state.awaits_query_ = (byte & 1U) != 0;
        state.pipelines_ = (byte & 2U) != 0;
        state.open_requests_ = static_cast<std::uint8_t>(std::min(2U, unsigned{byte} >> 2U));
        return state;
    }

  private:
    /// The status of a ReadyForQuery at the end of the bytes: 'I', 'T' or 'E'; 0 if there is none.
    /// A server sends it last, and what it sends together arrives together unless it is longer than
    /// the buffer. So bytes that end like this are the end of an answer; data that looks the same
    /// and ends a read is followed by more at once.
    [[nodiscard]] static char ready_status(std::span<const std::byte> bytes) noexcept {
        constexpr char kReadyForQuery[] = {'Z', 0, 0, 0, 5};
        const std::size_t length = sizeof kReadyForQuery + 1;
        if (bytes.size() < length ||
            std::memcmp(bytes.data() + bytes.size() - length, kReadyForQuery, length - 1) != 0)
            return 0;
        return static_cast<char>(bytes.back());
    }

    /// What a server sends without being asked, also between two queries: NotificationResponse,
    /// NoticeResponse, ParameterStatus ("Asynchronous Operations" in PostgreSQL's documentation).
    [[nodiscard]] static bool comes_unasked(char type) noexcept {
        return type == 'A' || type == 'N' || type == 'S';
    }

    /// The same as ready_status() where such messages follow the ReadyForQuery, or come alone. Only
    /// small reads are looked through, and encrypted ones fail at their first bytes. 0 if other
    /// messages are last, or if the last is not whole: where it is one of those, `rest_` says how
    /// much of it is to come.
    [[nodiscard]] char status_with_notices(std::span<const std::byte> bytes) noexcept {
        if (bytes.size() > kLongest)
            return 0;
        char status = awaits_query_ ? 'I' : '\0';
        const auto left = for_each_message(bytes, [&](char type, std::span<const std::byte> body) {
            if (type == 'Z' && body.size() == 1)
                status = static_cast<char>(body.front());
            else if (!comes_unasked(type))
                status = 0;
        });
        if (left.empty())
            return status;
        if (status == 'I' && left.size() >= kHeader && comes_unasked(static_cast<char>(left[0])))
            if (const std::size_t size = message_size(left); size > left.size() && size <= kLongest)
                rest_ = static_cast<std::uint16_t>(size - left.size());
        return 0;
    }

    /// How many requests that are each answered by a ReadyForQuery the bytes hold, at most 2; 0 if
    /// they are not whole messages.
    [[nodiscard]] static unsigned requests_in(std::span<const std::byte> bytes) noexcept {
        unsigned requests = 0;
        const auto left = for_each_message(bytes, [&](char type, std::span<const std::byte>) {
            if ((type == 'Q' || type == 'S' || type == 'F') && requests < 2)
                ++requests;
        });
        return left.empty() ? requests : 0;
    }

    static constexpr std::size_t kHeader = 5;  // the type, and a length that counts itself
    static constexpr std::size_t kLongest =
        std::size_t{16} * 1024;  // NOTIFY sends at most 8,000 bytes

    /// Of the first message, with its header, which must be there.
    [[nodiscard]] static std::size_t message_size(std::span<const std::byte> bytes) noexcept {
        std::uint32_t length = 0;
        std::memcpy(&length, bytes.data() + 1, sizeof length);
        return std::size_t{1} + be32toh(length);
    }

    /// Shows each whole message's type and body; returns the bytes from the first one on that is
    /// not whole, or no message.
    template <typename Visit>
    static std::span<const std::byte> for_each_message(std::span<const std::byte> bytes,
                                                       Visit visit) noexcept {
        while (bytes.size() >= kHeader) {
            const std::size_t size = message_size(bytes);
            if (size < kHeader || size > bytes.size())
                break;
            visit(static_cast<char>(bytes.front()), bytes.first(size).subspan(kHeader));
            bytes = bytes.subspan(size);
        }
        return bytes;
    }

    bool awaits_query_ = false;
    bool pipelines_ = false;          ///< the client was seen to ask before it had its answer
    std::uint8_t open_requests_ = 0;  ///< since the last ReadyForQuery, as far as known
    /// Bytes to come of a message that the server sends unasked; once it is whole, the server waits
    /// for a query.
    std::uint16_t rest_ = 0;
};

}  // namespace net
