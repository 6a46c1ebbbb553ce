#include "nix/aterm.hpp"
#include "nix/derivation_text.hpp"
#include "nix/key_text.hpp"
#include "nix/path_hash.hpp"
#include "nix/path_info.hpp"
#include "nix/store_path.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::nix;

namespace {

std::string read_string(std::string_view text) {
    ATermReader reader(text);
    std::string value;
    if (!reader.string(value)) return "failure: " + reader.take_failure().cause();
    return reader.expect_end() ? value : "failure: " + reader.take_failure().cause();
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string plain_derivation =
    R"(Derive([("dev","/nix/store/2222222222222222222222222222222a-x-dev","",""),("out","/nix/store/2222222222222222222222222222222a-x","","")],)"
    R"([("/nix/store/1111111111111111111111111111111a-y.drv",["out"])],["/nix/store/3333333333333333333333333333333a-s"],)"
    R"("x86_64-linux","/bin/sh",["-c","echo \"a\\b\"\n\t\r"],[("dev","/nix/store/2222222222222222222222222222222a-x-dev"),("n","v"),("out","/nix/store/2222222222222222222222222222222a-x")]))";

} // namespace

BOOST_AUTO_TEST_SUITE(nix_spelling)

BOOST_AUTO_TEST_CASE(a_key_is_a_name_and_what_stands_behind_the_colon) {
    using Parts = std::pair<std::string_view, std::string_view>;
    BOOST_TEST((split_key_text("cache-1:AAAA") == Parts{"cache-1", "AAAA"}));
    BOOST_TEST((split_key_text("AAAA") == Parts{"", "AAAA"}));
    BOOST_TEST((split_key_text("a:b:c") == Parts{"a", "b:c"}));
    BOOST_TEST((split_key_text(":x") == Parts{"", "x"}));
}

BOOST_AUTO_TEST_CASE(base64_is_read_as_leniently_as_nix_reads_it) {
    struct Row {
        std::string_view text, expected;
    };
    for (const auto& row : {Row{"", ""}, Row{"aGk=", "hi"}, Row{"aGk", "hi"}, Row{"aG\nk=", "hi"},
                            Row{"aGk=whatever?", "hi"}, Row{"aGkh", "hi!"}, Row{"aGkhY", "hi!"}})
        BOOST_TEST(decode_key_text(row.text).value_or("none") == row.expected, row.text);
    for (const auto* text : {"aG k", "aG-k", "aG_k", "aG\xff"}) BOOST_TEST(!decode_key_text(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(a_store_path_follows_from_type_content_and_name) {
    auto content = codec::hash_bytes(codec::HashAlgorithm::sha256, "x");
    BOOST_TEST(base16_spelling(content) == "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
    auto hash = path_hash("text", content, "name");
    BOOST_TEST(hash.size() == hash_part_length);
    BOOST_TEST(hash != path_hash("source", content, "name"));
    BOOST_TEST(hash != path_hash("text", content, "other"));
    BOOST_TEST(hash != path_hash("text", codec::hash_bytes(codec::HashAlgorithm::sha256, "y"), "name"));
    // `builtins.toFile "name" "x"` says the same.
    BOOST_TEST(text_path("name", "x").first.hash_part() == hash);
}

BOOST_AUTO_TEST_CASE(a_string_is_read_without_its_quotes_and_escapes) {
    struct Row {
        std::string_view text, expected;
    };
    for (const auto& row :
         {Row{R"("")", ""}, Row{R"("plain")", "plain"}, Row{R"("a\"b")", "a\"b"}, Row{R"("a\\")", "a\\"},
          Row{R"("\n\r\t\$")", "\n\r\t$"}, Row{"\"two\nlines\"", "two\nlines"}})
        BOOST_TEST(read_string(row.text) == row.expected, row.text);
    for (const auto* text : {"", "plain", "\"open", "\"open\\", "\"open\\\"", "\"a\"b"})
        BOOST_TEST(read_string(text).starts_with("failure: "), text);
    BOOST_TEST(has(read_string("\"a\"bc"), "2 bytes after its end"));
    BOOST_TEST(has(read_string("\"open"), "a string does not end"));
}

BOOST_AUTO_TEST_CASE(a_list_has_its_items_between_commas) {
    auto count = [](std::string_view text) {
        ATermReader reader(text);
        int items = 0;
        std::string_view value;
        bool is_good = reader.list([&] { return ++items, reader.string(value); }) && reader.expect_end();
        return is_good ? items : -1;
    };
    BOOST_TEST(count("[]") == 0);
    BOOST_TEST(count(R"(["a"])") == 1);
    BOOST_TEST(count(R"(["a","b\"","c"])") == 3);
    for (const auto* text : {"", "[", R"(["a")", R"(["a",])", R"(["a" "b"])", R"([,])", R"(["a"]])"})
        BOOST_TEST(count(text) == -1, text);
}

BOOST_AUTO_TEST_CASE(what_was_expected_and_where_is_told) {
    ATermReader reader("Derive(x");
    BOOST_TEST(reader.next_is("Derive"));
    BOOST_TEST(reader.expect("Derive("));
    BOOST_TEST(reader.next_is('x'));
    BOOST_TEST(!reader.expect("["));
    auto cause = reader.take_failure().cause();
    BOOST_TEST(has(cause, "'['"));
    BOOST_TEST(has(cause, "7"));
}

BOOST_AUTO_TEST_CASE(a_derivation_is_written_as_it_was_read) {
    auto derivation = Derivation::parse(plain_derivation).value();
    InputsByHash inputs{{"/nix/store/1111111111111111111111111111111a-y.drv", {"out"}}};
    BOOST_TEST(derivation_text(derivation, inputs, OutputPaths::kept) == plain_derivation);
}

BOOST_AUTO_TEST_CASE(what_is_hashed_names_inputs_by_hash_and_no_output) {
    auto derivation = Derivation::parse(plain_derivation).value();
    auto masked = derivation_text(derivation, {{"abc", {"dev", "out"}}}, OutputPaths::masked);
    BOOST_TEST(has(masked, R"([("dev","","",""),("out","","","")],[("abc",["dev","out"])],)"));
    BOOST_TEST(has(masked, R"([("dev",""),("n","v"),("out","")])"));
    BOOST_TEST(!has(masked, "2222"));
    BOOST_TEST(!has(masked, "1111"));
    BOOST_TEST(has(masked, "3333")); // sources stay
}

BOOST_AUTO_TEST_SUITE_END()
