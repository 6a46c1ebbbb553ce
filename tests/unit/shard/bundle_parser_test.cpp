#include "shard/bundle_parser.hpp"
#include "unit/shard/scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::shard;
using namespace cachefill::test;

namespace {

constexpr std::string_view payload = "what a daemon is given";

std::string whole() {
    auto bundle = some_bundle();
    auto path = nix::StorePath::parse(some_derivation).value();
    bundle.contents.objects.push_back({.path = path, .info_bytes = 2, .nar_bytes = payload.size() - 2});
    auto bytes = bundle_beginning(to_json(bundle)) + std::string(payload);
    return bytes + bundle_end(codec::hash_bytes(codec::HashAlgorithm::sha256, bytes));
}

// The payload, of a bundle that comes in pieces of this size.
Result<std::string> parse(const std::string& bytes, std::size_t piece = std::string::npos) {
    BundleParser parser;
    std::string taken;
    for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size()))
        TRY_VOID(parser.write(std::string_view(bytes).substr(at, piece),
                              [&taken](std::string_view part) { taken += part; }));
    TRY_VOID(parser.finish());
    return taken;
}

std::string why(const std::string& bytes) {
    auto parsed = parse(bytes);
    return parsed ? "nothing" : parsed.error().one_line();
}

} // namespace

BOOST_AUTO_TEST_SUITE(bundle_parser)

BOOST_AUTO_TEST_CASE(it_is_the_same_in_pieces_of_any_size) {
    for (std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1000}, std::string::npos}) {
        auto parsed = parse(whole(), piece);
        BOOST_REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().one_line()));
        BOOST_TEST(*parsed == payload);
    }
}

BOOST_AUTO_TEST_CASE(the_header_is_there_before_the_payload) {
    BundleParser parser;
    auto header = bundle_beginning(to_json(some_bundle()));
    BOOST_REQUIRE(parser.write(header.substr(0, header.size() - 1), {}));
    BOOST_TEST(!parser.bundle().has_value());
    BOOST_REQUIRE(parser.write(header.substr(header.size() - 1), {}));
    BOOST_REQUIRE(parser.bundle().has_value());
    BOOST_TEST(parser.bundle()->branch == "main");
}

BOOST_AUTO_TEST_CASE(one_that_is_cut_off_anywhere_is_none) {
    auto bytes = whole();
    for (std::size_t length = 0; length < bytes.size(); ++length)
        BOOST_REQUIRE_MESSAGE(why(bytes.substr(0, length)).find("ends too early") != std::string::npos, length);
}

BOOST_AUTO_TEST_CASE(one_with_another_byte_anywhere_is_none) {
    auto bytes = whole();
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        BOOST_REQUIRE_MESSAGE(!parse(damaged), at);
    }
    auto damaged = bytes;
    damaged[damaged.size() - 60] = static_cast<char>(damaged[damaged.size() - 60] ^ 1); // in the payload
    BOOST_TEST(why(damaged) == "its checksum is wrong: it was damaged since it was written");
}

BOOST_AUTO_TEST_CASE(what_else_is_wrong_is_told) {
    BOOST_TEST(why("#!/bin/sh and whatever follows") == "it is no bundle of cachefill's");
    auto other = whole();
    other.replace(0, 19, "cachefill bundle 2\n");
    BOOST_TEST(why(other).find("has another format than this cachefill") != std::string::npos);
    BOOST_TEST(parse(other).error().hint().find("the same version of cachefill") != std::string::npos);
    BOOST_TEST(why(whole() + "x") == "something follows its end");
    auto long_header = whole();
    long_header[19 + 7] = 1;
    BOOST_TEST(why(long_header).find("its header would have ") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
