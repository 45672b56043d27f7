#include "output_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace support {

OutputReader::OutputReader(Fd out, Fd err)
    : out_{.stream = Stream::out, .fd = std::move(out)},
      err_{.stream = Stream::err, .fd = std::move(err)},
      thread_([this] { run(); }) {}

OutputReader::~OutputReader() {
    stop_.set();
    thread_.join();
}

std::optional<std::size_t> OutputReader::find(std::size_t from, const Matches& matches,
                                              Milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    std::unique_lock lock(mutex_);
    for (std::size_t next = from;; ++next) {
        const bool more =
            changed_.wait_until(lock, deadline, [&] { return ended_ || next < lines_.size(); });
        if (!more || next >= lines_.size())
            return std::nullopt;
        if (matches(lines_[next]))
            return next;
    }
}

bool OutputReader::wait_for_end(Milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, Clock::now() + timeout, [&] { return ended_; });
}

std::vector<OutputLine> OutputReader::lines(std::size_t from) const {
    const std::lock_guard lock(mutex_);
    return {lines_.begin() + static_cast<std::ptrdiff_t>(std::min(from, lines_.size())),
            lines_.end()};
}

std::size_t OutputReader::line_count() const {
    const std::lock_guard lock(mutex_);
    return lines_.size();
}

bool OutputReader::ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

std::string OutputReader::text(Stream stream) const {
    const std::lock_guard lock(mutex_);
    return stream == Stream::out ? out_.text : err_.text;
}

std::string OutputReader::text() const {
    std::string all;
    for (const auto& line : lines())
        all += line.text + "\n";
    return all;
}

void OutputReader::run() {
    pollfd entries[3] = {
        {out_.fd.get(), POLLIN, 0}, {err_.fd.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
    while (entries[0].fd >= 0 || entries[1].fd >= 0) {
        if (::poll(entries, 3, -1) < 0)
            continue;
        if (entries[2].revents != 0)
            break;
        if (entries[0].revents != 0 && !read_from(out_))
            entries[0].fd = -1;
        if (entries[1].revents != 0 && !read_from(err_))
            entries[1].fd = -1;
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

/// False at the end of the stream.
bool OutputReader::read_from(Source& source) {
    std::array<char, std::size_t{16} * 1024> buffer;
    const ssize_t n = ::read(source.fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR)
        return true;
    const std::lock_guard lock(mutex_);
    if (n > 0)
        source.text.append(buffer.data(), static_cast<std::size_t>(n));
    split_lines(source, n <= 0);
    changed_.notify_all();
    return n > 0;
}

void OutputReader::split_lines(Source& source, bool last) {
    std::size_t end = 0;
    while ((end = source.text.find('\n', source.line_start)) != std::string::npos) {
        lines_.push_back(
            {source.stream, source.text.substr(source.line_start, end - source.line_start)});
        source.line_start = end + 1;
    }
    if (last && source.line_start < source.text.size())
        lines_.push_back({source.stream, source.text.substr(std::exchange(source.line_start,
                                                                          source.text.size()))});
}

}  // namespace support
