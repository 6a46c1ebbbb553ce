#include "http/body.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::http;

namespace {

std::string zstd(std::string_view text) {
    auto compressor = codec::make_compressor({.method = codec::Compression::zstd}).value();
    std::string out;
    BOOST_REQUIRE(compressor->write(text, out).has_value());
    BOOST_REQUIRE(compressor->finish(out).has_value());
    return out;
}
const std::vector<Header> encoded{{"Content-Encoding", "zstd"}};

// What a request gets of an answer that comes in pieces of this size.
std::string received(const Request& request, std::string_view bytes, const std::vector<Header>& headers = {},
                     int status = 200, std::size_t piece = 5) {
    BodyTarget target(request);
    auto done = target.begin(status, headers, bytes.size());
    for (std::size_t at = 0; done && at < bytes.size(); at += piece) done = target.write(bytes.substr(at, piece));
    if (done) done = target.finish();
    return done ? target.take() : "failure: " + done.error().one_line();
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(http_body)

BOOST_AUTO_TEST_CASE(a_body_is_kept_as_far_as_its_limit) {
    Request request(Method::get, "https://x/");
    request.response_limit = 10;
    BOOST_TEST(received(request, "ten bytes!") == "ten bytes!");
    BOOST_TEST(has(received(request, "eleven bytes"), "longer than the 10 B it may have"));
    BOOST_TEST(received(request, "") == "");
    BodyTarget target(request); // no length was told
    BOOST_TEST(target.begin(200, {}, {}).has_value());
    BOOST_TEST(target.write("ten bytes!").has_value());
    BOOST_TEST(!target.write("!").has_value());
}

BOOST_AUTO_TEST_CASE(an_encoding_is_undone_and_the_limit_is_for_what_comes_out) {
    Request request(Method::get, "https://x/");
    request.response_limit = 1000;
    BOOST_TEST(received(request, zstd(std::string(1000, 'x')), encoded) == std::string(1000, 'x'));
    BOOST_TEST(received(request, zstd(std::string(1001, 'x')), encoded).starts_with("failure: "));
    BOOST_TEST(has(received(request, "nonsense", encoded), "decoding the answer: "));
    auto cut = zstd("some text");
    cut.resize(cut.size() - 2);
    BOOST_TEST(received(request, cut, encoded).starts_with("failure: "));
    BOOST_TEST(received(request, "", encoded) == ""); // nothing is encoded as nothing by some
}

BOOST_AUTO_TEST_CASE(a_sink_gets_what_succeeded_without_a_limit_and_may_refuse) {
    std::string got;
    Request request(Method::get, "https://x/");
    request.response_limit = 10;
    request.sink = [&](std::string_view piece) -> Result<void> {
        got += piece;
        return {};
    };
    BOOST_TEST(received(request, zstd(std::string(5000, 'x')), encoded) == "");
    BOOST_TEST(got.size() == 5000U);
    got.clear();
    BOOST_TEST(received(request, "not found", {}, 404) == "not found"); // what went wrong is not what was wanted
    BOOST_TEST(got == "");
    request.sink = [](std::string_view) -> Result<void> { return Failure(FailureKind::machine, "disk full"); };
    BOOST_TEST(received(request, zstd("text"), encoded) == "failure: disk full"); // no fault of the encoding
}

BOOST_AUTO_TEST_CASE(who_wants_only_the_beginning_gets_only_that) {
    Request request(Method::get, "https://x/");
    request.enough = 4;
    BOOST_TEST(received(request, "beginning and more") == "begi");
    BOOST_TEST(received(request, "be") == "be");
    BOOST_TEST(received(request, zstd("beginning and more"), encoded) == "begi");
    std::string large = "begi"; // of several blocks
    for (unsigned value = 1; large.size() < 400'000; value = value * 1664525 + 1013904223)
        large += static_cast<char>(value >> 24);
    auto cut = zstd(large);
    cut.resize(cut.size() - 1);
    BOOST_TEST(received(request, cut, encoded, 200, 10'000) == "begi"); // a part need not be whole
    BodyTarget target(request);
    BOOST_TEST(target.begin(200, {}, 1ULL << 40).has_value()); // however much there is
    BOOST_TEST(target.write("beg").has_value());
    BOOST_TEST(!target.has_enough());
    BOOST_TEST(target.write("inning").has_value());
    BOOST_TEST(target.has_enough());
}

BOOST_AUTO_TEST_CASE(a_file_is_sent_piece_by_piece_as_long_as_it_was) {
    auto directory = TemporaryDirectory::make("cachefill-body-").value();
    auto file = directory.path() / "x";
    std::string content(600 * 1024, 'x');
    content += "end";
    BOOST_REQUIRE(write_file_atomically(file, content).has_value());
    auto body = FileBody::open(file).value();
    BOOST_TEST(body.size() == content.size());
    std::string sent;
    while (sent.size() < body.size()) {
        auto piece = body.next();
        BOOST_REQUIRE(piece.has_value());
        BOOST_TEST(piece->size() <= 256U * 1024);
        sent += *piece;
    }
    BOOST_TEST((sent == content));
    BOOST_TEST(!FileBody::open(directory.path() / "absent").has_value());
}

BOOST_AUTO_TEST_CASE(a_file_that_got_shorter_meanwhile_is_a_failure_and_one_that_grew_is_not) {
    auto directory = TemporaryDirectory::make("cachefill-body-").value();
    auto file = directory.path() / "x";
    BOOST_REQUIRE(write_file_atomically(file, "0123456789").has_value());
    auto shrunk = FileBody::open(file).value();
    std::filesystem::resize_file(file, 4);
    auto next = shrunk.next();
    BOOST_REQUIRE(!next.has_value());
    BOOST_TEST(has(next.error().cause(), "it had 10 bytes, now it has 4"));
    auto grown = FileBody::open(file).value();
    std::filesystem::resize_file(file, 40);
    BOOST_TEST(grown.next()->size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
