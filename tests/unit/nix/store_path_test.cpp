#include "nix/store_path.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using nix::StorePath;

namespace {

const std::string digits = "0123456789abcdfghijklmnpqrsvwxyz";

}

BOOST_AUTO_TEST_SUITE(store_path)

BOOST_AUTO_TEST_CASE(a_path_has_a_hash_and_a_name) {
    auto path = StorePath::parse("/nix/store/" + digits + "-hello-2.12+a_b?c=D.drv").value();
    BOOST_TEST(path.hash_part() == digits);
    BOOST_TEST(path.name() == "hello-2.12+a_b?c=D.drv");
    BOOST_TEST(path.base_name() == digits + "-hello-2.12+a_b?c=D.drv");
    BOOST_TEST(path.to_string() == "/nix/store/" + digits + "-hello-2.12+a_b?c=D.drv");
    BOOST_TEST(path.is_derivation());
    BOOST_TEST((StorePath::parse_base_name(path.base_name()).value() == path));
}

BOOST_AUTO_TEST_CASE(what_is_no_store_path_is_refused) {
    for (const auto& name :
         {std::string(), std::string("hello"), digits, digits + "-", digits + "_x", digits.substr(1) + "-hello",
          "e" + digits.substr(1) + "-hello", "A" + digits.substr(1) + "-hello", digits + "-a b", digits + "-a/b",
          digits + "-ä", digits + "-a\n", digits + "-a" + std::string(1, '\0'), digits + "-" + std::string(212, 'x')})
        BOOST_TEST(!StorePath::parse_base_name(name).has_value(), name);
    BOOST_TEST(StorePath::parse_base_name(digits + "-" + std::string(211, 'x')).has_value());
    for (const auto& path :
         {digits + "-x", std::string("/nix/store"), std::string("/nix/store/"), "/nix/storey/" + digits + "-x",
          "/gnu/store/" + digits + "-x", "/nix/store//" + digits + "-x", "/nix/store/" + digits + "-x/",
          "/nix/store/" + digits + "-x/bin"})
        BOOST_TEST(!StorePath::parse(path).has_value(), path);
}

BOOST_AUTO_TEST_CASE(a_path_below_one_is_split) {
    auto [path, rest] = StorePath::parse_inside("/nix/store/" + digits + "-x/bin/sh").value();
    BOOST_TEST(path.base_name() == digits + "-x");
    BOOST_TEST(rest == "/bin/sh");
    BOOST_TEST(StorePath::parse_inside("/nix/store/" + digits + "-x").value().second == "");
    BOOST_TEST(!StorePath::parse_inside("/nix/store/x/bin").has_value());
}

BOOST_AUTO_TEST_CASE(paths_are_ordered_bytewise) {
    auto make = [](const std::string& name) { return StorePath::parse_base_name(digits + "-" + name).value(); };
    BOOST_TEST((make("Z") < make("a")));
    BOOST_TEST((make("a") < make("a-")));
    BOOST_TEST((make("a+") < make("a-")));
}

BOOST_AUTO_TEST_CASE(foreign_text_is_harmless_in_the_failure) {
    auto failure = StorePath::parse_base_name("\x1b[31mred").error();
    BOOST_TEST(failure.cause() == "'red' is not a store path: it does not begin with a hash of 32 digits and '-'");
    BOOST_TEST(StorePath::parse_base_name(std::string(1'000'000, 'x')).error().cause().size() < 500U);
}

BOOST_AUTO_TEST_SUITE_END()
