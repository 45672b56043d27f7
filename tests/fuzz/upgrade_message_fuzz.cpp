// A message from another process that is to succeed, or was before, this one.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "patroni_proxy/upgrade/messages/messages.h"
#include "require.h"

using namespace proxy::upgrade;

namespace {

/// What was read and written is read again as the same.
template <typename Read>
void try_to_read(std::string_view fields, Read read) {
    const auto value = read(fields);
    if (!value)
        return;
    const auto written = write(*value);
    const auto again = read(written);
    require(again.has_value());
    require(write(*again) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view message(reinterpret_cast<const char*>(data), size);
    const auto kind = kind_of(message);
    const auto fields = fields_of(message);
    if (!kind)
        return 0;
    switch (*kind) {
        case Kind::hello:
            try_to_read(fields, read_hello);
            break;
        case Kind::ready:
            try_to_read(fields, read_ready);
            break;
        case Kind::still_to_come:
            try_to_read(fields, read_still_to_come);
            break;
        case Kind::listeners:
        case Kind::refused:
            try_to_read(fields, read_texts);
            break;
        case Kind::settings:
            try_to_read(fields, read_settings);
            break;
        case Kind::ports:
            try_to_read(fields, read_ports);
            break;
        case Kind::tally:
            try_to_read(fields, read_tally);
            break;
        case Kind::sessions:
            try_to_read(fields, read_session);
            break;
        case Kind::unsent:
            try_to_read(fields, read_unsent);
            break;
        case Kind::end:
            try_to_read(fields, read_end);
            break;
        case Kind::cluster:
            try_to_read(fields, read_cluster);
            break;
        case Kind::record:
            try_to_read(fields, read_record);
            break;
        case Kind::counts:
            try_to_read(fields, read_counts);
            break;
        case Kind::process:
            try_to_read(fields, read_process);
            break;
        case Kind::last_minute:
            try_to_read(fields, read_times);
            break;
        case Kind::took_over:
        case Kind::adopted:
            break;
    }
    return 0;
}
