#include "harness.hpp"
#include "http/response_reader.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using http::BodyTarget;
using http::ResponseReader;
using Expect = ResponseReader::Expect;

namespace {

struct Read {
    std::string failure;
    int status = 0;
    std::string body;
    bool keeps_alive = false;
    std::size_t left = 0;
};

// Feeds `bytes` in pieces of `step`, then the end of the stream if the answer is not done.
Read read_in_steps(const std::string& bytes, std::size_t step, Expect expect = Expect::body) {
    http::Request request;
    BodyTarget target(request);
    ResponseReader reader(expect, target);
    std::string buffer;
    Read result;
    std::size_t at = 0;
    while (at < bytes.size() && !reader.is_done()) {
        buffer += bytes.substr(at, step);
        at += step;
        auto used = reader.read(buffer);
        if (!used) {
            result.failure = used.error().one_line();
            return result;
        }
        buffer.erase(0, *used);
    }
    if (!reader.is_done()) {
        auto ended = reader.end_of_stream(true);
        if (!ended) result.failure = ended.error().one_line();
    }
    result.status = reader.status();
    result.body = target.take();
    result.keeps_alive = reader.keeps_alive();
    result.left = buffer.size();
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_response_reader)

BOOST_AUTO_TEST_CASE(an_answer_means_the_same_however_it_is_cut_into_pieces) {
    std::string answer = "HTTP/1.1 100 Continue\r\n\r\n"
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
                         "5\r\nhello\r\n1;ext=1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: t\r\n\r\n";
    for (std::size_t step = 1; step <= answer.size(); ++step) {
        auto read = read_in_steps(answer, step);
        BOOST_TEST(read.failure == "");
        BOOST_TEST(read.status == 200);
        BOOST_TEST(read.body == "hello world");
        BOOST_TEST(read.keeps_alive);
        BOOST_TEST(read.left == 0);
    }
}

BOOST_AUTO_TEST_CASE(every_way_to_cut_an_answer_short_is_a_failure) {
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    for (std::size_t length = 1; length < answer.size(); ++length) {
        auto read = read_in_steps(answer.substr(0, length), 7);
        BOOST_TEST(contains(read.failure, "the connection was closed"), read.failure);
    }
    BOOST_TEST(read_in_steps(answer, 7).body == "hello world");
}

BOOST_AUTO_TEST_CASE(bytes_behind_an_answer_are_left_alone) {
    auto read = read_in_steps("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", 1000);
    BOOST_TEST(read.body == "ok");
    BOOST_TEST(read.left == 17);
}

BOOST_AUTO_TEST_CASE(old_and_closing_answers_do_not_keep_the_connection) {
    BOOST_TEST(!read_in_steps("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 100).keeps_alive);
    BOOST_TEST(!read_in_steps("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 100).keeps_alive);
    BOOST_TEST(!read_in_steps("HTTP/1.1 200 OK\r\n\r\nbody", 100).keeps_alive);
    BOOST_TEST(read_in_steps("HTTP/1.1 200 OK\r\n\r\nbody", 100).body == "body");
    BOOST_TEST(read_in_steps("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 100).keeps_alive);
    BOOST_TEST(read_in_steps("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", 100, Expect::head_only).keeps_alive);
}

// As curl takes it, and so Nix.
BOOST_AUTO_TEST_CASE(what_small_servers_send_is_understood) {
    for (const std::string answer :
         {"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
          "HTTP/1.0 200\nContent-Length: 5\n\nhello", "HTTP/1.1 200 OK\r\nX Y: z\r\nContent-Length: 5\r\n\r\nhello",
          "HTTP/1.1 200 OK\r\nX: y\r\n  folded: z\r\nContent-Length: 5\r\n\r\nhello",
          "HTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200 OK\nTransfer-Encoding: "
          "chunked\n\n5\r\nhello\r\n0\r\n\r\n"}) {
        for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
            auto read = read_in_steps(answer, step);
            BOOST_TEST(read.failure == "", answer);
            BOOST_TEST(read.status == 200);
            BOOST_TEST(read.body == "hello", answer);
            BOOST_TEST(read.left == 0);
        }
    }
    BOOST_TEST(read_in_steps("HTTP/1.1 200 OK\nX: " + std::string(70'000, 'x'), 1000).failure.find("longer than") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(nonsense_is_refused) {
    for (const auto* nonsense :
         {"\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
          "HTTP/1.1 020 OK\r\nContent-Length: 0\r\n\r\n"}) {
        auto read = read_in_steps(nonsense, 1000);
        BOOST_TEST(read.failure != "", nonsense);
    }
}

BOOST_AUTO_TEST_SUITE_END()
