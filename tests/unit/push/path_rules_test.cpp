#include "nix/locked_path.hpp"
#include "push/path_rules.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::push;

namespace {

struct Rules {
    PushSettings settings;
    nix::PathInfo info{.path = nix::StorePath::parse_base_name("00000000000000000000000000000000-hello-2.12").value(),
                       .nar_hash = codec::hash_bytes(codec::HashAlgorithm::sha256, "nar"),
                       .nar_size = 3,
                       .references = {},
                       .deriver = {},
                       .signatures = {},
                       .content_address = {}};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(path_rules, Rules)

BOOST_AUTO_TEST_CASE(what_was_built_here_goes_up) {
    BOOST_TEST(reason_to_withhold(info, false, settings, {}).has_value());
    BOOST_TEST(!reason_to_withhold(info, true, settings, {})); // by a remote builder
    info.ultimate = true;
    BOOST_TEST(!reason_to_withhold(info, false, settings, {}));
}

BOOST_AUTO_TEST_CASE(what_a_known_cache_signed_goes_up) {
    auto key = nix::SecretKey::generate("upstream-1");
    auto other = nix::SecretKey::generate("other-1");
    info.signatures = {key.sign(nix::fingerprint(info.path, info.nar_hash, info.nar_size, {})).value()};
    BOOST_TEST(!reason_to_withhold(info, false, settings, {key.public_key()}));
    BOOST_TEST(reason_to_withhold(info, false, settings, {other.public_key()}).has_value());
}

BOOST_AUTO_TEST_CASE(foreign_paths_go_up_only_when_asked_for) {
    settings.push_foreign = true;
    BOOST_TEST(!reason_to_withhold(info, false, settings, {}));
}

BOOST_AUTO_TEST_CASE(what_is_to_be_withheld_stays_even_if_it_was_built_here) {
    settings.push_foreign = true;
    settings.withheld.emplace(info.path, "it is the flake's own source");
    BOOST_TEST(reason_to_withhold(info, true, settings, {}).value() == "it is the flake's own source");
}

BOOST_AUTO_TEST_CASE(what_is_to_be_withheld_stays_under_any_name) {
    settings.push_foreign = true;
    auto original = nix::locked_path(info.nar_hash); // where a flake's tree with this content lies
    BOOST_REQUIRE(original != info.path);
    settings.withheld.emplace(original, "it is the flake's own source");
    BOOST_TEST(reason_to_withhold(info, false, settings, {}).value() ==
               "its content is that of " + original.to_string() + ": it is the flake's own source");
}

BOOST_AUTO_TEST_CASE(exclusion_looks_at_names_without_hashes) {
    settings.exclude = {"0000*", "hello-*"};
    BOOST_TEST(find_excluding_pattern(info.path, settings).value() == "hello-*");
    settings.exclude = {"hello"};
    BOOST_TEST(!find_excluding_pattern(info.path, settings));
}

BOOST_AUTO_TEST_CASE(parts_grow_so_that_ten_thousand_are_enough) {
    BOOST_TEST(part_size_for(1ULL << 30, settings) == settings.part_size);
    auto part = part_size_for(1ULL << 40, settings);
    BOOST_TEST((1ULL << 40) / part < 9000U);
    settings.memory_budget = 1000;
    BOOST_TEST(part_size_for(1ULL << 30, settings) == 1000U);
}

BOOST_AUTO_TEST_SUITE_END()
