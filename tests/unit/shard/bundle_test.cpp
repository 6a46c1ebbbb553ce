#include "shard/bundle.hpp"
#include "unit/shard/scene.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace cachefill;
using namespace cachefill::shard;
using namespace cachefill::test;
using Json = nlohmann::json;

namespace {

Result<Bundle> changed(const std::function<void(Json&)>& change) {
    auto json = Json::parse(to_json(some_bundle()));
    change(json);
    return parse_bundle_header(json.dump());
}

} // namespace

BOOST_AUTO_TEST_SUITE(bundle)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back_whole) {
    auto written = some_bundle();
    written.contents.withheld.emplace(*written.flake.source, "it is private");
    written.contents.expected.push_back(*written.flake.source);
    written.contents.objects.push_back(
        {.path = nix::StorePath::parse(some_derivation).value(), .info_bytes = 30, .nar_bytes = 40});
    written.contents.objects.push_back({.path = *written.flake.source, .info_bytes = 3, .nar_bytes = 4});
    auto read = parse_bundle_header(to_json(written));
    BOOST_REQUIRE_MESSAGE(read, (read ? "" : read.error().one_line()));
    BOOST_TEST(to_json(*read) == to_json(written));
    BOOST_TEST(read->flake.nix_version == "2.8.0");
    BOOST_REQUIRE(read->targets[0].evaluated);
    BOOST_TEST(read->targets[0].evaluated->derivation.to_string() == some_derivation);
    BOOST_TEST(read->targets[0].evaluated->took.count() == 2500);
    BOOST_REQUIRE(read->targets[1].failure);
    BOOST_TEST((read->targets[1].failure->kind() == FailureKind::eval));
    BOOST_TEST(read->targets[1].failure->one_line() == written.targets[1].failure->one_line());
    BOOST_TEST(read->targets[1].position->line == 3U);
    BOOST_TEST(read->targets[1].needs_system == "aarch64-darwin");
    BOOST_TEST(read->contents.payload_bytes() == 77U);
    BOOST_TEST(read->contents.nar_bytes() == 44U);
    BOOST_TEST(read->contents.derivations() == 1U);
    BOOST_TEST(read->contents.sources() == 1U);
    BOOST_TEST(read->contents.withheld.at(*written.flake.source) == "it is private");
}

BOOST_AUTO_TEST_CASE(each_run_has_another_name) {
    BOOST_TEST(new_run_name().size() == 32U);
    BOOST_TEST(new_run_name() != new_run_name());
}

BOOST_AUTO_TEST_CASE(no_login_goes_in) {
    auto bundle = some_bundle();
    bundle.flake.url = "git+https://kim:hunter2@example.org/fleet";
    bundle.flake.extra_substituters = {"https://cache.example", "https://kim:hunter2@cache.example"};
    auto printed = Json::parse(bundle.targets[0].evaluated->printed);
    printed["settings"] = {{"conf", "substituters = https://a.example https://kim:hunter2@b.example\n"
                                    "trusted-public-keys = a.example-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY="},
                           {"words", "settings"}};
    bundle.targets[0].evaluated->printed = printed.dump();
    auto text = to_json(bundle);
    BOOST_TEST(text.find("hunter2") == std::string::npos, text);
    auto read = parse_bundle_header(text);
    BOOST_REQUIRE(read);
    BOOST_TEST(read->flake.extra_substituters.size() == 1U);
    auto settings = read->targets[0].evaluated->nix_settings;
    BOOST_REQUIRE(settings);
    BOOST_REQUIRE(settings->substituters.set);
    BOOST_TEST(settings->substituters.set->size() == 1U);
    BOOST_TEST(settings->trusted_public_keys.set->size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_none_is_refused_with_a_reason) {
    BOOST_TEST(!parse_bundle_header("[]"));
    BOOST_TEST(!parse_bundle_header("{"));
    BOOST_TEST(!changed([](Json& json) { json["run"] = "somebody's"; }));
    BOOST_TEST(!changed([](Json& json) { json.erase("cut"); }));
    BOOST_TEST(!changed([](Json& json) { json["targets"][0]["target"]["kind"] = "toaster"; }));
    BOOST_TEST(!changed([](Json& json) { json["contents"]["expected"] = {"/etc/passwd"}; }));
    const auto huge = std::uint64_t{1} << 61;
    BOOST_TEST(changed([](Json& json) { json["contents"]["objects"] = {{some_derivation, 1, 1}}; }).has_value());
    BOOST_TEST(!changed([huge](Json& json) {
        json["contents"]["objects"] = {{some_derivation, 1, huge}, {some_derivation, huge, 1}};
    }));
    auto other = changed([](Json& json) { json["store"] = "/gnu/store"; });
    BOOST_REQUIRE(!other);
    BOOST_TEST(other.error().one_line().find("of the store directory /gnu/store") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_of_it_steers_a_terminal) {
    auto read = changed([](Json& json) {
        json["branch"] = "\x1b[31mmain";
        json["targets"][1]["failure"]["cause"] = "\x1b[31mred";
    });
    BOOST_REQUIRE(read);
    BOOST_TEST(read->branch == "main");
    BOOST_TEST(read->targets[1].failure->cause() == "red");
}

BOOST_AUTO_TEST_SUITE_END()
