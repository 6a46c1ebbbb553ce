#include "report/report_fields.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill::report::fields;
using cachefill::event::PushOutcome;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(report_fields)

BOOST_AUTO_TEST_CASE(what_is_there_is_read_and_its_text_is_harmless_and_of_one_line) {
    auto object = json::parse(
        R"({"text": "a\u001b[1mb", "list": ["x", 3, "y"], "number": 7, "yes": true, "outcome": "not-pushed"})");
    BOOST_TEST(text_at(object, "text") == "ab");
    const std::vector<std::string> texts{"x", "y"};
    BOOST_TEST(texts_at(object, "list") == texts, boost::test_tools::per_element());
    object["log"] = json::array({"  a", "b\nc"});
    const std::vector<std::string> lines{"  a", "b", "c"};
    BOOST_TEST(lines_at(object, "log") == lines, boost::test_tools::per_element());
    object["text"] = "a\nok: b\u2028c\r\nd\n"; // names of somebody's
    object["list"] = json::array({"x\ny"});
    BOOST_TEST(text_at(object, "text") == "a ok: b c d");
    BOOST_TEST(texts_at(object, "list").at(0) == "x y");
    BOOST_TEST(prose_at(object, "text") == "a\nok: b\u2028c\nd\n");
    BOOST_TEST(number_at(object, "number") == 7U);
    BOOST_TEST(flag_at(object, "yes", false));
    BOOST_TEST((push_outcome_of(object) == PushOutcome::not_pushed));
    for (auto outcome :
         {PushOutcome::published, PushOutcome::already_there, PushOutcome::withheld, PushOutcome::failed}) {
        json push;
        push["outcome"] = cachefill::event::to_string(outcome);
        BOOST_TEST((push_outcome_of(push) == outcome));
    }
}

BOOST_AUTO_TEST_CASE(no_field_shows_a_login_or_what_a_query_says) {
    const std::string address = "see https://kim:s3cret@e.example/x?token=s3cret.";
    const std::string shown = "see https://…@e.example/x?token=….";
    json object{{"text", address}, {"list", json::array({address})}, {"url", "https://e.example/x?token=s3cret#a"}};
    BOOST_TEST(text_at(object, "text") == shown);
    BOOST_TEST(prose_at(object, "text") == shown);
    BOOST_TEST(texts_at(object, "list").at(0) == shown);
    BOOST_TEST(lines_at(object, "list").at(0) == shown);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_or_of_another_type_is_empty) {
    for (const auto* odd :
         {"{}", "[]", "7", "null", R"({"key": -1, "outcome": "odd", "verdict": 3})", R"({"key": {}})"}) {
        auto object = json::parse(odd);
        BOOST_TEST(
            (text_at(object, "key").empty() && texts_at(object, "key").empty() && list_at(object, "key").empty()));
        BOOST_TEST(number_at(object, "key") == 0U);
        BOOST_TEST(flag_at(object, "key", true));
        BOOST_TEST((!verdict_of(object) && !build_outcome_of(object) && !push_outcome_of(object)));
    }
}

BOOST_AUTO_TEST_SUITE_END()
