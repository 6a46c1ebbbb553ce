#include "codec/encoding.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace cachefill;
using namespace cachefill::codec;

BOOST_AUTO_TEST_SUITE(encoding)

BOOST_AUTO_TEST_CASE(base64_has_the_vectors_of_the_rfc) {
    const std::pair<std::string_view, std::string_view> vectors[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (auto [bytes, text] : vectors) {
        BOOST_TEST(to_base64(bytes) == text);
        BOOST_TEST(from_base64(text).value() == bytes);
    }
    BOOST_TEST(to_base64("\xFB\xEF\xFF") == "++//");
}

BOOST_AUTO_TEST_CASE(base64_is_strict) {
    for (auto text : {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zg==Zg==", "Zm9v ", " Zm9v", "Zm9v\n", "Zm-_",
                      "Zh==", "Zm9=", "=m9v", "Z=9v"})
        BOOST_TEST(!from_base64(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(base16_is_written_in_lower_case_and_read_in_both) {
    BOOST_TEST(to_base16(std::string_view("\x00\x9F\xff", 3)) == "009fff");
    BOOST_TEST(from_base16("009FfF").value() == std::string_view("\x00\x9F\xff", 3));
    for (auto text : {"0", "0g", "g0", "0x", " 0", "0\xC3"}) BOOST_TEST(!from_base16(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(nix32_is_a_little_endian_number_with_its_most_significant_digit_first) {
    BOOST_TEST(to_nix32("") == "");
    BOOST_TEST(to_nix32("\x01") == "01");
    BOOST_TEST(to_nix32("\xff") == "7z");
    BOOST_TEST(from_nix32("7z").value() == "\xff");
}

BOOST_AUTO_TEST_CASE(nix32_is_strict) {
    // 8z would be more than a byte holds; e, o, u and t are no digits; no bytes have 1, 3 or 6 digits.
    for (auto text : {"8z", "zz", "0e", "0o", "0u", "0t", "0A", "1", "000", "000000", "0 ", "0\xC3"})
        BOOST_TEST(!from_nix32(text).has_value(), text);
    BOOST_TEST(is_nix32("0123456789abcdfghijklmnpqrsvwxyz"));
    BOOST_TEST(is_nix32(""));
    for (auto text : {"e", "o", "u", "t", "A", "-", "\xC3"}) BOOST_TEST(!is_nix32(text), text);
}

BOOST_AUTO_TEST_CASE(what_was_encoded_decodes_to_the_same_bytes) {
    std::mt19937 random(1);
    std::uniform_int_distribution<int> byte(0, 255);
    for (std::size_t size = 0; size < 80; ++size) {
        std::string bytes;
        for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(byte(random));
        BOOST_TEST(from_base16(to_base16(bytes)).value() == bytes);
        BOOST_TEST(from_base64(to_base64(bytes)).value() == bytes);
        BOOST_TEST(from_nix32(to_nix32(bytes)).value() == bytes);
    }
}

BOOST_AUTO_TEST_CASE(a_wrong_digit_is_named_by_its_place_and_not_shown) {
    auto decoded = from_base64("AAAA!AAA");
    BOOST_REQUIRE(!decoded);
    BOOST_TEST(decoded.error().cause() == "not base 64: character 5 is not one of its digits");
}

BOOST_AUTO_TEST_CASE(every_wrong_text_is_told_by_its_length_or_the_first_wrong_digit) {
    const std::pair<Result<std::string>, std::string_view> table[] = {
        {from_base16("abc"), "not base 16: 3 digits are no whole number of bytes"},
        {from_base16("00g0"), "not base 16: character 3 is not one of its digits"},
        {from_base16("000g"), "not base 16: character 4 is not one of its digits"},
        {from_base64("AAAAA"), "not base 64: 5 digits are no whole number of bytes"},
        {from_base64("AA=A"), "not base 64: character 3 is not one of its digits"},
        {from_base64("AB=="), "not base 64: character 2 is not one of its digits"}, // bits that mean nothing
        {from_nix32("000"), "not Nix's base 32: 3 digits are no whole number of bytes"},
        {from_nix32("0e"), "not Nix's base 32: character 2 is not one of its digits"},
        {from_nix32("z0"), "not Nix's base 32: character 1 is not one of its digits"}, // more than a byte
    };
    for (const auto& [decoded, cause] : table) {
        BOOST_REQUIRE(!decoded);
        BOOST_TEST(decoded.error().cause() == cause);
        BOOST_TEST((decoded.error().kind() == FailureKind::protocol));
    }
}

BOOST_AUTO_TEST_CASE(what_decodes_is_the_only_spelling_of_its_bytes) {
    std::mt19937 random(5);
    constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    constexpr std::string_view nix32_digits = "0123456789abcdfghijklmnpqrsvwxyz";
    auto text_of = [&random](std::string_view digits, std::size_t size) {
        std::string text;
        for (std::size_t i = 0; i < size; ++i) text += digits[random() % digits.size()];
        return text;
    };
    std::size_t decoded = 0;
    for (int i = 0; i < 3000; ++i) {
        auto base64 = text_of(base64_digits, 4);
        if (auto bytes = from_base64(base64)) {
            BOOST_TEST(to_base64(*bytes) == base64);
            ++decoded;
        }
        auto nix32 = text_of(nix32_digits, 2 + random() % 7);
        if (auto bytes = from_nix32(nix32)) {
            BOOST_TEST(to_nix32(*bytes) == nix32);
            ++decoded;
        }
    }
    BOOST_TEST(decoded > 500U);
}

BOOST_AUTO_TEST_SUITE_END()
