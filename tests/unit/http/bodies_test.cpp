#include "codec/compression.hpp"
#include "codec/encoding.hpp"
#include "harness.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::test;
using codec::Compression;
using http::Client;
using http::Request;

namespace {

std::string compressed(Compression method, const std::string& text) {
    codec::CompressionSettings settings;
    settings.method = method;
    auto compressor = codec::make_compressor(settings);
    std::string out;
    BOOST_TEST_REQUIRE(compressor.has_value());
    BOOST_TEST_REQUIRE((*compressor)->write(text, out).has_value());
    BOOST_TEST_REQUIRE((*compressor)->finish(out).has_value());
    return out;
}

HttpReply encoded(std::string body, const std::string& encoding) {
    HttpReply reply(200, std::move(body));
    reply.headers.emplace_back("Content-Encoding", encoding);
    return reply;
}

Result<http::Response> ask(const HttpReply& reply, std::uint64_t limit = 64 << 20) {
    HttpServer server([&](const HttpRequest&) { return reply; });
    auto request = get(server);
    request.response_limit = limit;
    return send_one(request);
}

std::uint64_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t total = 0, resident = 0;
    statm >> total >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

constexpr std::uint64_t mebibyte = 1 << 20;

} // namespace

BOOST_AUTO_TEST_SUITE(http_bodies)

BOOST_AUTO_TEST_CASE(encoded_answers_are_decoded) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "StorePath: /nix/store/" + std::to_string(i) + "\n";
    for (auto [method, name] : {std::pair(Compression::gzip, "gzip"), std::pair(Compression::zstd, "zstd"),
                                std::pair(Compression::xz, "xz"), std::pair(Compression::gzip, "X-GZIP")}) {
        for (bool chunked : {false, true}) {
            auto reply = encoded(compressed(method, text), name);
            reply.chunked = chunked;
            auto response = ask(reply);
            BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
            BOOST_TEST((response->body == text), name);
        }
    }
    auto plain = ask(encoded(text, "identity"));
    BOOST_TEST_REQUIRE(plain.has_value(), text_of(plain));
    BOOST_TEST((plain->body == text));
    auto nothing = ask(encoded("", "gzip"));
    BOOST_TEST_REQUIRE(nothing.has_value(), text_of(nothing));
    BOOST_TEST(nothing->body.empty());
}

// 64 MiB of zero bytes in 106 bytes of Brotli.
std::string brotli_bomb() {
    return codec::from_base64(
               "y///P/gnAOKxQCD3/o///3/wTwDEYRGA7v0f////4J8AiMMCAN37P/7//8E/ARCHBQC693/8//+DfwIgDgsAdO//+P//B/8EQBwW"
               "AOje//H//w/+CYA4LADQvf/L//8//BMAcVgAoHv/Bw==")
        .value();
}

BOOST_AUTO_TEST_CASE(encodings_on_top_of_each_other_are_undone_from_the_last_to_the_first) {
    std::string text(10'000, 'x');
    auto twice = compressed(Compression::zstd, compressed(Compression::gzip, text));
    for (const auto* names : {"gzip, zstd", "gzip,zstd", "x-gzip, identity , zstd,"}) {
        auto response = ask(encoded(twice, names));
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST((response->body == text), names);
    }
    auto in_two_fields = encoded(twice, "gzip");
    in_two_fields.headers.emplace_back("content-encoding", "zstd");
    auto response = ask(in_two_fields);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST((response->body == text));
    auto wrong_order = ask(encoded(twice, "zstd, gzip"));
    BOOST_TEST(!wrong_order.has_value());
    auto endless = ask(encoded("x", "gzip, gzip, gzip, gzip, gzip, gzip"));
    BOOST_TEST_REQUIRE(!endless.has_value());
    BOOST_TEST(contains(endless.error().one_line(), "more than 5 Content-Encodings"), endless.error().one_line());
    // What is cut off inside is cut off, although the outer encoding is whole.
    auto gzip = compressed(Compression::gzip, text);
    auto cut = ask(encoded(compressed(Compression::zstd, gzip.substr(0, gzip.size() / 2)), "gzip, zstd"));
    BOOST_TEST_REQUIRE(!cut.has_value());
    BOOST_TEST(contains(cut.error().one_line(), "gzip stream ends too early"), cut.error().one_line());
}

BOOST_AUTO_TEST_CASE(an_encoding_that_is_unknown_or_broken_is_a_protocol_failure) {
    auto unknown = ask(encoded("x", "gzip, compress"));
    BOOST_TEST_REQUIRE(!unknown.has_value());
    BOOST_TEST((unknown.error().kind() == FailureKind::protocol));
    BOOST_TEST(contains(unknown.error().one_line(), "'compress'"), unknown.error().one_line());
    auto whole = compressed(Compression::gzip, std::string(10'000, 'x'));
    auto cut = ask(encoded(whole.substr(0, whole.size() / 2), "gzip"));
    BOOST_TEST_REQUIRE(!cut.has_value());
    BOOST_TEST((cut.error().kind() == FailureKind::protocol), cut.error().one_line());
    for (const auto* name : {"zstd", "br", "bzip2", "deflate", "xz"}) {
        auto garbage = ask(encoded("nothing that was packed, whatever they say", name));
        BOOST_TEST_REQUIRE(!garbage.has_value(), name);
        BOOST_TEST((garbage.error().kind() == FailureKind::protocol), garbage.error().one_line());
    }
}

BOOST_AUTO_TEST_CASE(what_becomes_large_takes_little_memory_on_its_way_to_a_sink) {
    auto bomb = encoded(brotli_bomb(), "br");
    HttpServer server([&](const HttpRequest&) { return bomb; });
    std::uint64_t size = 0, largest = 0;
    auto request = get(server);
    request.sink = [&](std::string_view piece) -> Result<void> {
        size += piece.size();
        largest = std::max<std::uint64_t>(largest, piece.size());
        return {};
    };
    auto before = resident_bytes();
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(size == 64 * mebibyte);
    BOOST_TEST(largest <= mebibyte);
#ifndef __SANITIZE_ADDRESS__ // it keeps what was freed
    BOOST_TEST(resident_bytes() < before + 48 * mebibyte);
#else
    static_cast<void>(before);
#endif
    auto text = ask(bomb, 1'000'000);
    BOOST_TEST_REQUIRE(!text.has_value());
    BOOST_TEST((text.error().kind() == FailureKind::protocol), text.error().one_line());
}

BOOST_AUTO_TEST_CASE(a_body_longer_than_its_limit_is_a_protocol_failure_also_unpacked_or_in_chunks) {
    HttpReply plain(200, std::string(1001, 'x'));
    auto chunked = plain;
    chunked.chunked = true;
    auto bomb = encoded(compressed(Compression::zstd, std::string(1001, 'x')), "zstd");
    for (const auto& reply : {plain, chunked, bomb}) {
        auto response = ask(reply, 1000);
        BOOST_TEST_REQUIRE(!response.has_value());
        BOOST_TEST((response.error().kind() == FailureKind::protocol), response.error().one_line());
        auto allowed = ask(reply, 1001);
        BOOST_TEST(allowed.has_value(), text_of(allowed));
    }
}

BOOST_AUTO_TEST_CASE(of_a_body_no_more_is_read_than_is_enough) {
    HttpReply large(200, std::string(mebibyte, 'n'));
    large.repeat = 256;
    HttpServer server([&](const HttpRequest& request) {
        if (request.target == "/large") return large;
        if (request.target == "/gzip")
            return encoded(compressed(Compression::gzip, "packed" + std::string(999, 'x')), "gzip");
        return HttpReply(206, "few");
    });
    for (auto [target, expected] :
         {std::pair("/large", "nnnnnn"), std::pair("/gzip", "packed"), std::pair("/few", "few")}) {
        auto request = get(server, target);
        request.enough = 6;
        request.response_limit = 2000;
        auto response = send_one(request);
        BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
        BOOST_TEST(response->body == expected);
    }
    BOOST_TEST(server.log().size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_sink_receives_success_only_and_without_an_offer_of_encodings) {
    HttpServer server([](const HttpRequest& request) {
        return request.target == "/good" ? HttpReply(200, "good") : HttpReply(500, "bad");
    });
    std::string received;
    auto request = get(server, "/good");
    request.sink = [&](std::string_view piece) -> Result<void> {
        received += piece;
        return {};
    };
    auto good = send_one(request);
    BOOST_TEST_REQUIRE(good.has_value(), text_of(good));
    BOOST_TEST(received == "good");
    BOOST_TEST(good->body.empty());
    BOOST_TEST(server.log().back().header("Accept-Encoding") == "");
    request.url = server.url() + "/bad";
    auto bad = send_one(request);
    BOOST_TEST_REQUIRE(bad.has_value(), text_of(bad));
    BOOST_TEST(received == "good");
    BOOST_TEST(bad->body == "bad");
}

BOOST_AUTO_TEST_CASE(what_a_sink_fails_with_is_the_failure) {
    HttpServer server([](const HttpRequest&) { return HttpReply(200, "x"); });
    auto request = get(server);
    request.sink = [](std::string_view) -> Result<void> { return Failure(FailureKind::machine, "disk full"); };
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::machine));
    BOOST_TEST(contains(response.error().one_line(), "disk full"));
}

BOOST_AUTO_TEST_CASE(sixty_four_mebibytes_into_a_sink_take_little_memory) {
    HttpServer server([](const HttpRequest&) {
        HttpReply reply(200, std::string(mebibyte, 'n'));
        reply.repeat = 64;
        return reply;
    });
    std::uint64_t received = 0, most = 0;
    std::size_t largest_piece = 0;
    auto before = resident_bytes();
    auto request = get(server);
    request.response_limit = 10; // not for sinks
    request.sink = [&](std::string_view piece) -> Result<void> {
        received += piece.size();
        largest_piece = std::max(largest_piece, piece.size());
        if (received % 8192 == 0) most = std::max(most, resident_bytes());
        return {};
    };
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(received == 64 * mebibyte);
    BOOST_TEST(largest_piece <= 256 * 1024);
    BOOST_TEST((most == 0 || most - std::min(before, most) < 24 * mebibyte));
}

BOOST_AUTO_TEST_CASE(sixty_four_mebibytes_from_a_file_take_little_memory) {
    auto directory = temporary_directory();
    auto path = directory.path() / "body";
    {
        std::ofstream file(path, std::ios::binary);
        std::string piece(mebibyte, 'n');
        for (int i = 0; i < 64; ++i) file << piece;
        file << "end";
    }
    HttpServerSettings settings;
    settings.keep_bodies = false;
    HttpServer server([](const HttpRequest&) { return HttpReply(200, "thanks"); }, settings);
    auto before = resident_bytes();
    Request request(http::Method::put, server.url() + "/nar");
    request.body_file = path;
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->body == "thanks");
    BOOST_TEST(server.log().at(0).body_size == 64 * mebibyte + 3);
    BOOST_TEST(server.log().at(0).header("Content-Length") == std::to_string(64 * mebibyte + 3));
    BOOST_TEST(resident_bytes() - std::min(before, resident_bytes()) < 24 * mebibyte);
}

BOOST_AUTO_TEST_CASE(a_body_from_a_file_arrives_byte_for_byte) {
    auto directory = temporary_directory();
    auto path = directory.path() / "body";
    std::string content;
    for (int i = 0; content.size() < 3 * 256 * 1024 + 17; ++i) content += std::to_string(i) + ",";
    BOOST_TEST(write_file_atomically(path, content).has_value());
    std::string received;
    HttpServer server([&](const HttpRequest& request) {
        received = request.body;
        return HttpReply(200);
    });
    Request request(http::Method::put, server.url());
    request.body_file = path;
    auto response = send_one(request);
    server.stop();
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST((received == content));
}

BOOST_AUTO_TEST_CASE(a_body_file_that_is_not_there_is_named) {
    HttpServer server([](const HttpRequest&) { return HttpReply(200); });
    Request request(http::Method::put, server.url());
    request.body_file = "/nonexistent/body";
    auto response = send_one(request);
    BOOST_TEST_REQUIRE(!response.has_value());
    BOOST_TEST((response.error().kind() == FailureKind::machine));
    BOOST_TEST(contains(response.error().one_line(), "/nonexistent/body"));
}

BOOST_AUTO_TEST_SUITE_END()
