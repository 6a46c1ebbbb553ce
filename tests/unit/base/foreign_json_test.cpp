#include "base/foreign_json.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace cachefill;

namespace {

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

} // namespace

BOOST_AUTO_TEST_SUITE(foreign_json)

BOOST_AUTO_TEST_CASE(what_is_read_is_what_was_written) {
    auto read = parse_foreign_json(R"({"a": [1, {"b": "[[[\\\"{{{"}], "c": null})");
    BOOST_TEST(read["a"][1]["b"].get<std::string>() == "[[[\\\"{{{");
    BOOST_TEST(parse_foreign_json("{").is_discarded());
    BOOST_TEST(parse_foreign_json("").is_discarded());
}

BOOST_AUTO_TEST_CASE(what_is_nested_too_deeply_is_not_read) {
    BOOST_TEST(!parse_foreign_json(nested(200)).is_discarded());
    BOOST_TEST(parse_foreign_json(nested(201)).is_discarded());
    BOOST_TEST(parse_foreign_json(nested(1'000'000)).is_discarded());
    BOOST_TEST(!parse_foreign_json("\"" + std::string(1000, '[') + "\"").is_discarded());
    std::string flat = "[[]";
    for (int i = 0; i < 1000; ++i) flat += ",[]";
    BOOST_TEST(parse_foreign_json(flat + "]").size() == 1001U);
}

BOOST_AUTO_TEST_SUITE_END()
