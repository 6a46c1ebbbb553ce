#include "nix/derivation_difference.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace cachefill;
using namespace cachefill::nix;
using Kind = DerivationDifference::Kind;

BOOST_AUTO_TEST_SUITE(nix_derivation_difference)

namespace {

StorePath path(char digit, const std::string& name) {
    return StorePath::parse_base_name(std::string(32, digit) + "-" + name).value();
}

// Derivations by path; `same_in_both` etc. are made by the tests.
struct Store {
    std::map<StorePath, Derivation> derivations;

    StorePath add(char digit, const std::string& name, std::vector<StorePath> inputs = {},
                  std::map<std::string, std::string> environment = {}, std::vector<StorePath> sources = {}) {
        Derivation derivation;
        derivation.platform = "x86_64-linux";
        derivation.builder = "/bin/sh";
        DerivationOutput output;
        output.name = "out";
        output.path = path(digit, name);
        derivation.environment = std::move(environment);
        derivation.environment["out"] = output.path->to_string();
        derivation.outputs.push_back(std::move(output));
        for (auto& input : inputs) {
            DerivationInput entry{.derivation = std::move(input), .outputs = {"out"}};
            derivation.input_derivations.push_back(std::move(entry));
        }
        derivation.input_sources = std::move(sources);
        auto drv = path(digit, name + ".drv");
        derivations.emplace(drv, std::move(derivation));
        return drv;
    }

    std::vector<DerivationDifference> compare(const StorePath& first, const StorePath& second) const {
        auto read = [this](const StorePath& wanted) -> Result<Derivation> {
            auto found = derivations.find(wanted);
            if (found == derivations.end()) return Failure(FailureKind::store, "not here");
            return found->second;
        };
        return find_differences(first, second, read);
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(the_same_derivation_has_no_difference) {
    Store store;
    auto one = store.add('1', "system");
    BOOST_TEST(store.compare(one, one).empty());
}

BOOST_AUTO_TEST_CASE(the_cause_is_named_where_it_is_and_not_all_the_way_up) {
    Store store;
    auto glibc = store.add('0', "glibc");
    auto here = store.add('1', "motd", {glibc}, {{"text", "hello"}});
    auto there = store.add('2', "motd", {glibc}, {{"text", "good day"}});
    auto first = store.add('3', "system", {store.add('4', "etc", {there, glibc}), glibc},
                           {{"etc", "/nix/store/44444444444444444444444444444444-etc"}});
    auto second = store.add('5', "system", {store.add('6', "etc", {here, glibc}), glibc},
                            {{"etc", "/nix/store/66666666666666666666666666666666-etc"}});
    auto found = store.compare(first, second);
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].text("in the cloud", "here") ==
               "the attribute 'text' of motd is 'good day' in the cloud and 'hello' here");
    BOOST_TEST(found[0].way == (std::vector<std::string>{"system", "etc", "motd"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(another_version_is_told_as_one) {
    Store store;
    auto first = store.add('1', "system", {store.add('2', "firefox-141.0", {}, {{"version", "141.0"}})});
    auto second = store.add('3', "system", {store.add('4', "firefox-142.0", {}, {{"version", "142.0"}})});
    auto found = store.compare(first, second);
    BOOST_REQUIRE(found.size() == 2U);
    BOOST_TEST(found[0].text("there", "here") == "firefox is firefox-141.0 there and firefox-142.0 here");
    BOOST_TEST((found[1].kind == Kind::attribute));
}

BOOST_AUTO_TEST_CASE(what_only_one_of_them_has_is_told) {
    Store store;
    auto first = store.add('1', "path", {store.add('2', "htop")}, {{"old", "1"}});
    auto second = store.add('3', "path", {store.add('4', "btop")});
    auto found = store.compare(first, second);
    BOOST_REQUIRE(found.size() == 3U);
    BOOST_TEST(found[0].text("there", "here") == "path has 'htop' only there");
    BOOST_TEST(found[1].text("there", "here") == "path has 'btop' only here");
    BOOST_TEST(found[2].text("there", "here") == "path has 'old' only there");
}

BOOST_AUTO_TEST_CASE(a_changed_source_is_named) {
    Store store;
    auto first = store.add('1', "unit", {}, {}, {path('a', "unit.sh"), path('b', "same.sh")});
    auto second = store.add('2', "unit", {}, {}, {path('c', "unit.sh"), path('b', "same.sh")});
    auto found = store.compare(first, second);
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].text("there", "here") == "the source 'unit.sh' of unit has another content");
}

BOOST_AUTO_TEST_CASE(of_a_long_script_the_first_line_that_differs_is_shown) {
    Store store;
    std::string head;
    for (int line = 0; line < 40; ++line) head += "echo the same\n";
    auto first = store.add('1', "script", {}, {{"text", head + "exec one\nend"}});
    auto second = store.add('2', "script", {}, {{"text", head + "exec two\nend"}});
    auto found = store.compare(first, second);
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].first == "exec one");
    BOOST_TEST(found[0].second == "exec two");
}

BOOST_AUTO_TEST_CASE(a_derivation_that_is_not_here_is_no_guess) {
    Store store;
    auto second = store.add('2', "system");
    auto found = store.compare(path('9', "system.drv"), second);
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST((found[0].kind == Kind::unreadable));
}

BOOST_AUTO_TEST_CASE(a_cause_met_on_two_ways_is_told_once) {
    Store store;
    auto there = store.add('1', "conf", {}, {{"a", "1"}});
    auto here = store.add('2', "conf", {}, {{"a", "2"}});
    auto first = store.add('3', "top", {store.add('4', "left", {there}), store.add('5', "right", {there})});
    auto second = store.add('6', "top", {store.add('7', "left", {here}), store.add('8', "right", {here})});
    BOOST_TEST(store.compare(first, second).size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
