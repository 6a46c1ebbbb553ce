#include "eval/target.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::eval;

namespace {

TargetRef target(TargetKind kind, const std::string& name) {
    return {.kind = kind, .name = name, .attribute_path = {"anything", name}};
}

const std::vector<TargetRef> fleet{
    target(TargetKind::nixos, "nixos-desktop"),    target(TargetKind::nixos, "nas"),
    target(TargetKind::nixos, "template-minimal"), target(TargetKind::darwin, "macbook"),
    target(TargetKind::home, "kim@nixos-laptop"),  target(TargetKind::package, "x86_64-linux.hello"),
};

std::string selected(const std::vector<std::string>& texts) {
    auto selectors = Selectors::parse(texts).value();
    std::string names;
    for (const auto& one : fleet)
        if (selectors.selects(one)) names += one.display() + " ";
    return names;
}

} // namespace

BOOST_AUTO_TEST_SUITE(selectors)

BOOST_AUTO_TEST_CASE(without_any_all_hosts_are_meant_and_nothing_else) {
    BOOST_TEST(selected({}) ==
               "nixos:nixos-desktop nixos:nas nixos:template-minimal darwin:macbook home:kim@nixos-laptop ");
}

BOOST_AUTO_TEST_CASE(a_name_without_kind_means_a_host_of_any_kind) {
    BOOST_TEST(selected({"nas"}) == "nixos:nas ");
    BOOST_TEST(selected({"*hello"}) == "");
    BOOST_TEST(selected({"kim@*"}) == "home:kim@nixos-laptop ");
}

BOOST_AUTO_TEST_CASE(a_kind_narrows_and_its_plural_is_understood) {
    BOOST_TEST(selected({"darwin:*"}) == "darwin:macbook ");
    BOOST_TEST(selected({"packages:*.hello"}) == "package:x86_64-linux.hello ");
    BOOST_TEST(selected({"package:*"}) == "package:x86_64-linux.hello ");
}

BOOST_AUTO_TEST_CASE(taking_away_alone_starts_from_all_hosts) {
    BOOST_TEST(selected({"!nixos:*"}) == "darwin:macbook home:kim@nixos-laptop ");
    BOOST_TEST(selected({"! template-*", "!home:*", "!macbook"}) == "nixos:nixos-desktop nixos:nas ");
}

BOOST_AUTO_TEST_CASE(the_last_match_decides) {
    BOOST_TEST(selected({"nixos:*", "!n*", "nas"}) == "nixos:nas nixos:template-minimal ");
    BOOST_TEST(selected({"nas", "!nas"}) == "");
}

BOOST_AUTO_TEST_CASE(an_unknown_kind_is_a_usage_failure_with_a_suggestion) {
    auto failed = Selectors::parse({"nixso:nas"});
    BOOST_REQUIRE(!failed);
    BOOST_TEST((failed.error().kind() == FailureKind::usage));
    BOOST_TEST(failed.error().cause().find("'nixso'") != std::string::npos);
    BOOST_TEST(failed.error().hint().find("nixos") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_selector_that_names_nothing_is_a_usage_failure) {
    for (const char* text : {"", "  ", "!", "nixos:", "!darwin:"}) {
        auto failed = Selectors::parse({text});
        BOOST_REQUIRE(!failed);
        BOOST_TEST((failed.error().kind() == FailureKind::usage));
    }
}

BOOST_AUTO_TEST_CASE(names_that_match_nothing_are_told_and_globs_may_match_nothing) {
    auto selectors = Selectors::parse({"nas", "nsa", "!gone", "home:nas", "printer-*"}).value();
    auto unmatched = selectors.unmatched_names(fleet);
    BOOST_TEST(unmatched == (std::vector<std::string>{"nsa", "!gone", "home:nas"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_a_name_without_wildcard_names_exactly) {
    auto selectors = Selectors::parse({"nas", "darwin:*", "!home:kim@nixos-laptop"}).value();
    BOOST_TEST(selectors.names_exactly(fleet[1]));
    BOOST_TEST(!selectors.names_exactly(fleet[3]));
    BOOST_TEST(!selectors.names_exactly(fleet[4]));
}

BOOST_AUTO_TEST_SUITE_END()
