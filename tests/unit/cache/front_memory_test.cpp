#include "cache/front_memory.hpp"
#include "http/client.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

http::Response not_found(std::vector<http::Header> headers) {
    http::Response response;
    response.status = 404;
    response.headers = std::move(headers);
    return response;
}

std::string told(std::vector<http::Header> headers) {
    FrontMemory memory;
    note(memory, not_found(std::move(headers)));
    return describe(memory);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(front_memory)

BOOST_AUTO_TEST_CASE(what_comes_from_a_memory_often_says_so) {
    BOOST_TEST(is_remembered(not_found({{"Age", "12"}})));
    BOOST_TEST(is_remembered(not_found({{"X-Varnish", "32770 3"}})));
    BOOST_TEST(is_remembered(not_found({{"X-Cache", "Hit from cloudfront"}})));
    BOOST_TEST(is_remembered(not_found({{"X-Cache-Status", "HIT"}})));
    BOOST_TEST(!is_remembered(not_found({{"Age", "0"}, {"X-Varnish", "3"}, {"X-Cache", "MISS"}})));
    BOOST_TEST(!is_remembered(not_found({})));
}

BOOST_AUTO_TEST_CASE(how_long_it_lasts_is_told_as_far_as_the_proxy_tells) {
    auto text = told({{"Server", "nginx"}, {"Age", "60"}, {"Cache-Control", "public, max-age=600"}});
    BOOST_TEST(contains(text, "(nginx)"), text);
    BOOST_TEST(contains(text, "within 9 min"), text);
    text = told({{"Age", "60"}, {"Cache-Control", "max-age=600, s-maxage=120"}});
    BOOST_TEST(contains(text, "within 1 min"), text);
    text = told({{"Via", "1.1 varnish (Varnish/7.1)"}, {"Age", "60"}});
    BOOST_TEST(contains(text, "1.1 varnish (Varnish/7.1)"), text);
    BOOST_TEST(contains(text, "remembered that for 1 min"), text);
    BOOST_TEST(contains(told({}), "for how long yet it does not tell"));
    BOOST_TEST(contains(told({{"Age", "99999999999999999999"}, {"Cache-Control", "max-age=soon"}}), "does not tell"));
}

BOOST_AUTO_TEST_CASE(of_many_files_the_longest_memory_counts) {
    FrontMemory memory;
    for (const auto* age : {"90", "10", "50"})
        note(memory, not_found({{"Age", age}, {"Cache-Control", "max-age=100"}}));
    BOOST_TEST(memory.files == 3U);
    BOOST_TEST(memory.remaining->count() == 90);
}

BOOST_AUTO_TEST_SUITE_END()
