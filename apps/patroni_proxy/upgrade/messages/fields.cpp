#include "patroni_proxy/upgrade/messages/fields.h"

namespace proxy::upgrade {
namespace {

constexpr unsigned kBits = 7;
constexpr unsigned char kMore = 0x80;

}  // namespace

void FieldWriter::varint(std::uint64_t value) {
    while (value >= kMore) {
        bytes_ += static_cast<char>((value & (kMore - 1U)) | kMore);
        value >>= kBits;
    }
    bytes_ += static_cast<char>(value);
}

void FieldWriter::number(unsigned field, std::uint64_t value) {
    varint(std::uint64_t{field} * 2);
    varint(value);
}

void FieldWriter::text(unsigned field, std::string_view value) {
    varint(std::uint64_t{field} * 2 + 1);
    varint(value.size());
    bytes_ += value;
}

bool FieldReader::varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += kBits) {
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        value |= std::uint64_t{byte & (kMore - 1U)} << shift;
        if ((byte & kMore) == 0)
            return true;
    }
    return false;
}

bool FieldReader::next() {
    number_ = 0;
    text_ = {};
    if (rest_.empty() || failed_)
        return false;
    std::uint64_t key = 0;
    std::uint64_t value = 0;
    failed_ = !varint(key) || !varint(value);
    field_ = key / 2;
    const bool is_text = key % 2 != 0;
    failed_ = failed_ || (is_text && value > rest_.size());
    if (failed_)
        return false;
    if (is_text) {
        text_ = rest_.substr(0, static_cast<std::size_t>(value));
        rest_.remove_prefix(static_cast<std::size_t>(value));
    } else {
        number_ = value;
    }
    return true;
}

}  // namespace proxy::upgrade
