#include "codec/encoding.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace cachefill::codec {

namespace {

constexpr std::string_view base16_digits = "0123456789abcdef";
constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view nix32_digits = "0123456789abcdfghijklmnpqrsvwxyz";

constexpr std::uint8_t no_digit = 0xFF;
using DigitTable = std::array<std::uint8_t, 256>;

constexpr DigitTable make_table(std::string_view digits) {
    DigitTable table{};
    table.fill(no_digit);
    for (std::size_t i = 0; i < digits.size(); ++i)
        table[static_cast<std::uint8_t>(digits[i])] = static_cast<std::uint8_t>(i);
    return table;
}

constexpr DigitTable make_base16_table() {
    auto table = make_table(base16_digits);
    for (std::size_t i = 0; i < 6; ++i) table['A' + i] = static_cast<std::uint8_t>(10 + i);
    return table;
}

constexpr DigitTable base16_table = make_base16_table();
constexpr DigitTable base64_table = make_table(base64_digits);
constexpr DigitTable nix32_table = make_table(nix32_digits);

unsigned byte_at(std::string_view bytes, std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); }
unsigned digit_at(const DigitTable& table, std::string_view text, std::size_t i) { return table[byte_at(text, i)]; }

// The text itself stays out of the message: it may be a key.
Failure bad_digit(std::string_view base, std::size_t position) {
    return Failure(FailureKind::protocol, "not " + std::string(base) + ": character " + std::to_string(position + 1) +
                                              " is not one of its digits");
}

Failure bad_length(std::string_view base, std::size_t length) {
    return Failure(FailureKind::protocol,
                   "not " + std::string(base) + ": " + counted(length, "digit") + " are no whole number of bytes");
}

constexpr std::size_t nix32_length(std::size_t bytes) { return bytes == 0 ? 0 : (bytes * 8 - 1) / 5 + 1; }

} // namespace

std::string to_base16(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text += base16_digits[byte_at(bytes, i) >> 4];
        text += base16_digits[byte_at(bytes, i) & 15];
    }
    return text;
}

Result<std::string> from_base16(std::string_view text) {
    if (text.size() % 2 != 0) return bad_length("base 16", text.size());
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        unsigned high = digit_at(base16_table, text, i);
        unsigned low = digit_at(base16_table, text, i + 1);
        if (high == no_digit) return bad_digit("base 16", i);
        if (low == no_digit) return bad_digit("base 16", i + 1);
        bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
}

std::string to_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::size_t present = std::min<std::size_t>(3, bytes.size() - i);
        unsigned group = byte_at(bytes, i) << 16;
        if (present > 1) group |= byte_at(bytes, i + 1) << 8;
        if (present > 2) group |= byte_at(bytes, i + 2);
        text += base64_digits[group >> 18];
        text += base64_digits[group >> 12 & 63];
        text += present > 1 ? base64_digits[group >> 6 & 63] : '=';
        text += present > 2 ? base64_digits[group & 63] : '=';
    }
    return text;
}

Result<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return bad_length("base 64", text.size());
    std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    unsigned group = 0;
    for (std::size_t i = 0; i < text.size() - padding; ++i) {
        unsigned digit = digit_at(base64_table, text, i);
        if (digit == no_digit) return bad_digit("base 64", i);
        group = (group << 6 | digit) & 0xFFFFFF;
        if (i % 4 == 3)
            for (int shift = 16; shift >= 0; shift -= 8) bytes += static_cast<char>(group >> shift & 0xFF);
    }
    // The last group holds 8 or 16 bits; what its last digit has beyond them must be zero, or two texts mean the same.
    unsigned unused = padding == 2 ? 4 : 2;
    if (padding > 0) {
        if ((group & ((1U << unused) - 1)) != 0) return bad_digit("base 64", text.size() - padding - 1);
        group >>= unused;
        if (padding == 1) bytes += static_cast<char>(group >> 8 & 0xFF);
        bytes += static_cast<char>(group & 0xFF);
    }
    return bytes;
}

std::string to_nix32(std::string_view bytes) {
    std::string text;
    std::size_t length = nix32_length(bytes.size());
    text.reserve(length);
    for (std::size_t n = length; n-- > 0;) {
        std::size_t byte = n * 5 / 8;
        std::size_t bit = n * 5 % 8;
        unsigned digit = byte_at(bytes, byte) >> bit;
        if (byte + 1 < bytes.size()) digit |= byte_at(bytes, byte + 1) << (8 - bit);
        text += nix32_digits[digit & 31];
    }
    return text;
}

Result<std::string> from_nix32(std::string_view text) {
    std::string bytes(text.size() * 5 / 8, '\0');
    if (nix32_length(bytes.size()) != text.size()) return bad_length("Nix's base 32", text.size());
    for (std::size_t n = 0; n < text.size(); ++n) {
        std::size_t position = text.size() - 1 - n;
        unsigned digit = digit_at(nix32_table, text, position);
        if (digit == no_digit) return bad_digit("Nix's base 32", position);
        std::size_t byte = n * 5 / 8;
        std::size_t bit = n * 5 % 8;
        bytes[byte] = static_cast<char>(byte_at(bytes, byte) | (digit << bit & 0xFF));
        unsigned carry = digit >> (8 - bit);
        if (byte + 1 < bytes.size())
            bytes[byte + 1] = static_cast<char>(byte_at(bytes, byte + 1) | carry);
        else if (carry != 0)
            return bad_digit("Nix's base 32", position);
    }
    return bytes;
}

bool is_nix32(std::string_view text) {
    for (char c : text)
        if (nix32_table[static_cast<std::uint8_t>(c)] == no_digit) return false;
    return true;
}

} // namespace cachefill::codec
