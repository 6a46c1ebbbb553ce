#include "nix/version.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using nix::parse_version;

BOOST_AUTO_TEST_SUITE(version)

BOOST_AUTO_TEST_CASE(versions_are_read_as_every_nix_prints_them) {
    BOOST_TEST(parse_version("nix (Nix) 2.8.0\n").value().text == "2.8.0");
    BOOST_TEST(parse_version("nix (Lix, like Nix) 2.91.1\nSystem type: x\n").value().text == "2.91.1");
    BOOST_TEST(parse_version("nix (Determinate Nix 3.8.5) 2.30.2").value().text == "2.30.2");
    BOOST_TEST(parse_version("nix (Nix) 2.19pre20231010_abc").value().text == "2.19pre20231010_abc");
    BOOST_TEST(parse_version("warning: something\nnix (Nix) 2.31.1 (of a distribution)\n").value().text == "2.31.1");
    BOOST_TEST(parse_version("nix (Nix) 3.0").has_value());
}

BOOST_AUTO_TEST_CASE(what_is_older_than_2_8_is_refused_with_the_advice_to_install_another) {
    for (const auto* old : {"nix (Nix) 2.7.1", "nix (Nix) 1.11.16", "nix (Nix) 2.3"}) {
        auto version = parse_version(old);
        BOOST_REQUIRE(!version);
        BOOST_TEST(version.error().cause().find("too old") != std::string::npos);
        BOOST_TEST(!version.error().hint().empty());
    }
    for (const auto* nonsense : {"", "nix", "nix 2", "nix (Nix) two.eight", "nix (Nix) 2.", "tool 2.30.1"})
        BOOST_TEST(!parse_version(nonsense).has_value(), nonsense);
}

BOOST_AUTO_TEST_CASE(versions_are_compared_by_number) {
    auto lix = parse_version("nix (Lix, like Nix) 2.91.1").value();
    BOOST_TEST(lix.is_at_least(2, 10));
    BOOST_TEST(!lix.is_at_least(3, 0));
    BOOST_TEST(!parse_version("nix (Nix) 2.9pre1_x").value().is_at_least(2, 10));
}

BOOST_AUTO_TEST_SUITE_END()
