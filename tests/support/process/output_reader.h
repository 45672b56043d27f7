#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/sockets/fd.h"
#include "support/wait.h"
#include "support/wake_event.h"

namespace support {

enum class Stream { out, err };

struct OutputLine {
    Stream stream;
    std::string text;  ///< without its "\n"
};

/// Reads stdout and stderr of a process, in a thread of its own, into one list of lines in the
/// order they came. Owns both pipes and the thread. Every method may be called from any thread.
class OutputReader {
  public:
    OutputReader(Fd out, Fd err);
    ~OutputReader();
    OutputReader(const OutputReader&) = delete;
    OutputReader& operator=(const OutputReader&) = delete;

    using Matches = std::function<bool(const OutputLine&)>;
    /// The index of the first line from index `from` on that matches, seen already or still to
    /// come; empty when time is up or both streams have ended without one.
    std::optional<std::size_t> find(std::size_t from, const Matches& matches, Milliseconds timeout);
    /// Until both streams have ended; false when time is up.
    bool wait_for_end(Milliseconds timeout);

    [[nodiscard]] std::vector<OutputLine> lines(std::size_t from = 0) const;
    [[nodiscard]] std::size_t line_count() const;
    [[nodiscard]] bool ended() const;
    [[nodiscard]] std::string text(Stream stream) const;
    /// Both streams, line by line as they came.
    [[nodiscard]] std::string text() const;

  private:
    struct Source {
        Stream stream;
        Fd fd;
        std::string text = {};
        std::size_t line_start = 0;
    };

    void run();
    bool read_from(Source& source);
    void split_lines(Source& source, bool last);

    Source out_;
    Source err_;
    WakeEvent stop_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<OutputLine> lines_;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace support
