#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace proxy::upgrade {

/// Writes numbered fields. A reader skips the fields that it does not know, so that another version
/// may add some.
///
/// A field is its number and kind in one varint (number * 2, plus 1 for a text), and then its
/// value: a varint, or the size of a text as a varint and its bytes. A varint has 7 bits in each
/// byte, the lowest first; the highest bit of a byte says that another one follows.
class FieldWriter {
  public:
    void number(unsigned field, std::uint64_t value);
    void text(unsigned field, std::string_view value);
    /// Nothing for 0, false or "": that is what a reader assumes.
    void number_unless_0(unsigned field, std::uint64_t value) {
        if (value != 0)
            number(field, value);
    }
    void text_unless_empty(unsigned field, std::string_view value) {
        if (!value.empty())
            text(field, value);
    }

    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

  private:
    void varint(std::uint64_t value);

    std::string bytes_;
};

/// Reads them back, whatever the bytes are. Borrows the bytes.
class FieldReader {
  public:
    explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

    /// Reads the next field; false at the end, or if the rest is no field: see failed().
    [[nodiscard]] bool next();
    [[nodiscard]] bool failed() const noexcept { return failed_; }

    // Of the field that was read.
    [[nodiscard]] std::uint64_t field() const noexcept { return field_; }
    /// 0 for a text.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
    /// Empty for a number.
    [[nodiscard]] std::string_view text() const noexcept { return text_; }

  private:
    [[nodiscard]] bool varint(std::uint64_t& value);

    std::string_view rest_;
    bool failed_ = false;
    std::uint64_t field_ = 0;
    std::uint64_t number_ = 0;
    std::string_view text_;
};

}  // namespace proxy::upgrade
