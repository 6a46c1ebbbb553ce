#include "eval/discover.hpp"
#include "eval/evaluated.hpp"
#include "eval/expression.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::eval;

namespace {

const std::string drv = "/nix/store/11111111111111111111111111111111-system.drv";
const TargetRef nas{.kind = TargetKind::nixos, .name = "nas", .attribute_path = {"nixosConfigurations", "nas"}};

std::vector<std::string> names(const std::vector<TargetRef>& targets) {
    std::vector<std::string> shown;
    for (const auto& target : targets) shown.push_back(target.display());
    return shown;
}
using Names = std::vector<std::string>;
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(eval_printed)

BOOST_AUTO_TEST_CASE(hosts_are_a_list_and_what_is_for_each_system_is_grouped_by_it) {
    BOOST_TEST((names(parse_listing(TargetKind::nixos, R"(["nas", "web.example"])").value()) ==
                Names{"nixos:nas", "nixos:web.example"}));
    auto packages =
        parse_listing(TargetKind::package, R"({"aarch64-linux": ["a"], "x86_64-linux": ["a", "b"]})").value();
    BOOST_TEST(packages.size() == 3U);
    BOOST_TEST(packages[2].name == "x86_64-linux.b");
    BOOST_TEST((packages[2].attribute_path == Names{"packages", "x86_64-linux", "b"}));
    BOOST_TEST(parse_listing(TargetKind::nixos, "[]").value().empty());
}

BOOST_AUTO_TEST_CASE(a_name_is_shown_harmlessly_and_evaluated_as_it_is) {
    auto hosts =
        parse_listing(TargetKind::nixos, R"(["größe 東京", "a\u001b]0;x\u0007\u009b\r\nb\u202ec\u2066"])").value();
    BOOST_TEST((names(hosts) == Names{"nixos:größe 東京", "nixos:a\uFFFD]0;x\uFFFD\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD"}));
    BOOST_TEST(hosts[1].attribute_path[1] == "a\x1b]0;x\a\u009b\r\nb\u202ec\u2066");
    auto systems = parse_listing(TargetKind::package, R"({"x\ny": ["a"]})").value();
    BOOST_TEST(systems[0].name == "x\uFFFDy.a");
    // No two become one.
    auto alike = parse_listing(TargetKind::nixos, R"(["a\r", "a\n", "a\ufffd", "a"])").value();
    BOOST_TEST((names(alike) == Names{"nixos:a\uFFFD", "nixos:a\uFFFD\uFFFD", "nixos:a\uFFFD\uFFFD\uFFFD", "nixos:a"}));
}

BOOST_AUTO_TEST_CASE(what_is_no_listing_is_shown_shortly_and_harmlessly) {
    for (const auto* text :
         {"", "null", "7", "[1]", R"({"x86_64-linux": "a"})", R"({"x86_64-linux": [1]})", "[\"a\"", "error:"}) {
        auto refused = parse_listing(TargetKind::nixos, text);
        BOOST_REQUIRE(!refused.has_value());
        BOOST_TEST((refused.error().kind() == FailureKind::protocol));
        BOOST_TEST(has(refused.error().cause(), "nixosConfigurations"));
    }
    auto long_one = parse_listing(TargetKind::nixos, "\x1b[1m" + std::string(5000, 'x')).error().cause();
    BOOST_TEST(long_one.size() < 300U);
    BOOST_TEST(!has(long_one, "\x1b"));
}

BOOST_AUTO_TEST_CASE(what_can_be_asked_for_beside_hosts_has_a_name) {
    BOOST_TEST((parse_extra_kinds({"checks", "packages", "checks"}).value() ==
                std::vector{TargetKind::check, TargetKind::package}));
    BOOST_TEST(parse_extra_kinds({}).value().empty());
    auto hosts = parse_extra_kinds({"nixosConfigurations"}); // they are there anyway
    BOOST_REQUIRE(!hosts.has_value());
    BOOST_TEST(has(hosts.error().cause(), "packages, checks, devShells"));
    BOOST_TEST(parse_extra_kinds({"devshells"}).error().hint() == "did you mean 'devShells'?");
}

BOOST_AUTO_TEST_CASE(an_evaluated_target_is_read_with_what_it_says_of_caches) {
    auto evaluated = parse_evaluated(nas, R"({"drvPath": ")" + drv +
                                              R"(", "system": "x86_64-linux", "outputs": ["out", "dev"],)"
                                              R"( "settings": null, "newer": 1})");
    BOOST_REQUIRE(evaluated.has_value());
    BOOST_TEST(evaluated->derivation.to_string() == drv);
    BOOST_TEST(evaluated->system == "x86_64-linux");
    BOOST_TEST((evaluated->outputs == Names{"out", "dev"}));
    BOOST_TEST(evaluated->target.display() == "nixos:nas");
    BOOST_TEST(!evaluated->impure);
}

BOOST_AUTO_TEST_CASE(what_lacks_a_derivation_a_system_or_an_output_is_not_evaluated) {
    auto with = [](const std::string& path, const std::string& rest) {
        return R"({"drvPath": ")" + path + "\"" + rest + "}";
    };
    const std::string rest = R"(, "system": "x86_64-linux", "outputs": ["out"])";
    BOOST_TEST(parse_evaluated(nas, with(drv, rest)).has_value());
    for (const auto& text :
         {std::string("null"), std::string("\"" + drv + "\""), std::string("{}"),
          with("/nix/store/11111111111111111111111111111111-system", rest), with("/etc/passwd", rest),
          with(drv, R"(, "outputs": ["out"])"), with(drv, R"(, "system": 1, "outputs": ["out"])"),
          with(drv, R"(, "system": "x86_64-linux", "outputs": [])"),
          with(drv, R"(, "system": "x86_64-linux", "outputs": [1])"), with(drv, rest) + "x"})
        BOOST_TEST(!parse_evaluated(nas, text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(each_kind_is_asked_for_what_it_has) {
    BOOST_TEST(has(target_expression(TargetKind::nixos), "value.config.system.build.toplevel"));
    BOOST_TEST(has(target_expression(TargetKind::darwin), "drv = value.system;"));
    BOOST_TEST(has(target_expression(TargetKind::home), "value.activationPackage"));
    BOOST_TEST(has(target_expression(TargetKind::package), "outputsToInstall"));
    BOOST_TEST(!has(target_expression(TargetKind::nixos), "outputsToInstall"));
    BOOST_TEST(has(target_expression(TargetKind::package), "settings = null;"));
    BOOST_TEST(listing_expression(TargetKind::home) == "builtins.attrNames");
    BOOST_TEST(has(listing_expression(TargetKind::check), "mapAttrs"));
}

BOOST_AUTO_TEST_CASE(a_text_in_nix_is_that_text) {
    BOOST_TEST(nix_string("plain") == "\"plain\"");
    BOOST_TEST(nix_string("a\"b\\c${d}") == R"("a\"b\\c\${d}")");
    BOOST_TEST(nix_string("") == "\"\"");
}

BOOST_AUTO_TEST_SUITE_END()
