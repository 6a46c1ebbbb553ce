#include "daemon/wire.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>

using namespace cachefill;
using namespace cachefill::daemon;

namespace {

const std::string path_text = "/nix/store/wrdn9yzgxls7a7bh372ipr9l4ma3iygf-top";

std::string words(std::initializer_list<std::uint64_t> values) {
    WireWriter writer;
    for (auto value : values) writer.word(value);
    return writer.take();
}

void write_strings(WireWriter& writer, const std::vector<std::string>& texts) {
    writer.word(texts.size());
    for (const auto& text : texts) writer.string(text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(wire)

BOOST_AUTO_TEST_CASE(words_are_little_endian_and_strings_padded_to_eight) {
    WireWriter writer;
    writer.word(0x0123456789abcdef);
    writer.string("abc");
    writer.string("12345678");
    writer.string("");
    BOOST_TEST((writer.bytes() == std::string("\xef\xcd\xab\x89\x67\x45\x23\x01"
                                              "\3\0\0\0\0\0\0\0abc\0\0\0\0\0"
                                              "\x8\0\0\0\0\0\0\0"
                                              "12345678"
                                              "\0\0\0\0\0\0\0\0",
                                              48)));
}

BOOST_AUTO_TEST_CASE(what_was_written_is_read_back) {
    auto path = nix::StorePath::parse(path_text).value();
    WireWriter writer;
    write_strings(writer, {"a", "", "long enough to need padding"});
    writer.paths({path, path});
    writer.map({{"k", "v"}, {"l", ""}});
    writer.string("");
    writer.word(1);
    WireReader reader(writer.bytes());
    BOOST_TEST((reader.strings() == std::vector<std::string>{"a", "", "long enough to need padding"}));
    BOOST_TEST((reader.paths() == std::vector{path, path}));
    std::map<std::string, std::string> map;
    reader.list(16, [&] {
        auto name = reader.string();
        map.emplace(name, reader.string());
    });
    BOOST_TEST(map.size() == 2U);
    BOOST_TEST(!reader.optional_path().has_value());
    BOOST_TEST(reader.flag());
    BOOST_TEST(reader.ok());
    BOOST_TEST(reader.position() == writer.bytes().size());
}

BOOST_AUTO_TEST_CASE(a_message_that_is_not_all_there_says_how_much_it_needs_at_least) {
    WireWriter writer;
    write_strings(writer, {"first", "second"});
    writer.word(7);
    for (std::size_t length = 0; length < writer.bytes().size(); ++length) {
        WireReader reader(std::string_view(writer.bytes()).substr(0, length));
        reader.strings();
        reader.word();
        BOOST_TEST(!reader.ok());
        BOOST_TEST(!reader.failure().has_value());
        BOOST_TEST(reader.needed() > length);
        BOOST_TEST(reader.needed() <= writer.bytes().size());
    }
}

BOOST_AUTO_TEST_CASE(the_rest_of_a_list_counts_for_what_is_needed) {
    auto bytes = words({1000});
    WireReader reader(bytes);
    reader.paths();
    BOOST_TEST(reader.needed() == 8U + 8U + 999U * 56U);
}

BOOST_AUTO_TEST_CASE(hostile_lengths_are_failures_at_once) {
    auto most = std::numeric_limits<std::uint64_t>::max();
    for (auto length : {longest_string + 1, most, most - 7, most / 2}) {
        auto bytes = words({length, 0, 0});
        WireReader as_string(bytes), as_strings(bytes), as_paths(bytes);
        as_string.string();
        BOOST_REQUIRE(as_string.failure().has_value());
        BOOST_TEST((as_string.failure()->kind() == FailureKind::protocol));
    }
    for (auto count : {longest_message / 8 + 1, most, most / 8}) {
        auto bytes = words({count, 0, 0});
        WireReader as_strings(bytes), as_paths(bytes);
        BOOST_TEST(as_strings.strings().empty());
        BOOST_TEST(as_strings.failure().has_value());
        BOOST_TEST(as_paths.paths().empty());
        BOOST_TEST(as_paths.failure().has_value());
    }
}

BOOST_AUTO_TEST_CASE(strings_of_a_message_may_not_add_up_to_too_much) {
    // Many lists, each of them possible, promise more than a message may have.
    auto bytes = words({longest_message / 16, 0, 0});
    WireReader reader(bytes);
    reader.list(16, [&] {
        reader.word();
        reader.list(8, [&] { reader.word(); });
        reader.fail(Failure(FailureKind::protocol, "reached"));
    });
    BOOST_TEST(reader.failure().has_value());
}

BOOST_AUTO_TEST_CASE(padding_that_is_not_zero_is_refused) {
    auto bytes = words({1}) + "ab" + std::string(6, '\0');
    WireReader reader(bytes);
    reader.string();
    BOOST_TEST(reader.failure().has_value());
}

BOOST_AUTO_TEST_CASE(something_that_is_no_store_path_is_named) {
    WireWriter writer;
    writer.string("/etc/passwd");
    WireReader reader(writer.bytes());
    reader.path();
    BOOST_REQUIRE(reader.failure().has_value());
    BOOST_TEST(reader.failure()->cause().find("/etc/passwd") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
