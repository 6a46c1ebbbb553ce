#include "codec/hash.hpp"
#include "eval/licence_check.hpp"
#include "nix/locked_path.hpp"
#include "nix_scene.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::eval;
using test::nixos;
using test::NixScene;

namespace {

bool contains(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

const std::string old_words =
    "Package ‘steam-1.0’ in «unknown-file» has an unfree license (‘unfree’), refusing to evaluate.\n\na) …";
const std::string new_words =
    "Refusing to evaluate package 'steam-1.0' in x:1 because it has an unfree license (‘unfree’)\nmore";
const std::string nixpkgs_hash = "sha256-7jkqHucdkQGXvXF/DZhzIRJ81NKlsVWh8k7yWKnVf2U=";
const std::string other_hash = "sha256-LoSx7jnZENkEdKJXhBo6lvaswCVTGIeQAFiOvkMalAw=";
const std::string rev = "1111111111111111111111111111111111111111";
const std::string check = "/pkgs/stdenv/generic/check-meta.nix";

std::string tree(const std::string& hash) { return nix::locked_path(codec::Hash::parse(hash).value()).to_string(); }

std::string github(const std::string& owner, const std::string& repo, const std::string& hash) {
    return R"({"locked":{"type":"github","owner":")" + owner + R"(","repo":")" + repo + R"(","rev":")" + rev +
           R"(","lastModified":1,"narHash":")" + hash + R"("}})";
}

// A flake whose input `nixpkgs` is nixpkgs, and which has another input with an input `nixpkgs` of its own.
FlakeInfo flake_with_lock(const std::string& nixpkgs = github("NixOS", "nixpkgs", nixpkgs_hash)) {
    FlakeInfo info;
    info.source = nix::StorePath::parse("/nix/store/b3bl4had2hx52nbcira0xhk6f3b29r07-source").value();
    info.directory = "/home/kim/fleet";
    info.url = "git+file:///home/kim/fleet?rev=" + rev;
    info.lock = R"({"root":"root","version":7,"nodes":{"nixpkgs":)" + nixpkgs + R"(,"other":)" +
                github("evil", "other", other_hash) + R"(,"nixpkgs_2":)" + github("evil", "nixpkgs", other_hash) +
                R"(,"root":{"inputs":{"nixpkgs":"nixpkgs","other":"other"}}}})";
    return info;
}

EvaluatorError thrown(const std::string& file, const std::string& text = old_words) {
    return {.text = text, .own = {}, .trace = {{.file = file, .line = 6, .column = 8}}};
}

// How 2.8, 2.26 and 2.34 name the file of an input (measured).
std::vector<std::string> spellings(const std::string& owner, const std::string& repo, const std::string& hash) {
    std::string encoded = hash.substr(0, hash.size() - 1) + "%3D";
    return {"/srv/root" + tree(hash) + check, tree(hash) + check + ":6:8",
            "«github:" + owner + "/" + repo + "/" + rev + "?narHash=" + encoded + "»" + check + ":6:8"};
}

} // namespace

BOOST_AUTO_TEST_SUITE(licence_check)

BOOST_AUTO_TEST_CASE(a_refusal_by_the_check_of_the_locked_nixpkgs_is_one) {
    for (const auto& file : spellings("NixOS", "nixpkgs", nixpkgs_hash)) {
        BOOST_TEST(licence_refusal(thrown(file), flake_with_lock()) ==
                   "Package ‘steam-1.0’ in «unknown-file» has an unfree license (‘unfree’)");
        BOOST_TEST(!licence_refusal(thrown(file, new_words), flake_with_lock()).empty(), file);
    }
}

BOOST_AUTO_TEST_CASE(the_same_words_from_elsewhere_are_none) {
    auto info = flake_with_lock();
    for (const auto& owner : {"evil"})
        for (const auto& repo : {"other", "nixpkgs"})
            for (const auto& file : spellings(owner, repo, other_hash))
                BOOST_TEST(licence_refusal(thrown(file), info) == "", file);
    for (const std::string& file :
         {std::string(), std::string("/home/kim/fleet/flake.nix:3:4"), "/home/kim/fleet" + check,
          info.source->to_string() + check, tree(nixpkgs_hash) + "/pkgs/top-level/all-packages.nix",
          // What looks like a tree of nixpkgs, inside of another input's.
          tree(other_hash) + tree(nixpkgs_hash) + check, tree(nixpkgs_hash) + "/x" + check,
          "«github:evil/other/" + rev + "»" + check, "«github:NixOS/nixpkgs/" + rev + "»/x" + check})
        BOOST_TEST(licence_refusal(thrown(file), info) == "", file);
    // Forced by the check, thrown by somebody else; and by a `throw` that stands in no file.
    auto error = thrown(tree(other_hash) + "/flake.nix");
    error.trace.push_back({.file = tree(nixpkgs_hash) + check, .line = 4, .column = 1});
    BOOST_TEST(licence_refusal(error, info) == "");
    error.trace.front() = {};
    BOOST_TEST(licence_refusal(error, info) == "");
    error.trace.clear();
    BOOST_TEST(licence_refusal(error, info) == "");
}

BOOST_AUTO_TEST_CASE(other_words_of_the_check_are_none) {
    auto file = tree(nixpkgs_hash) + check;
    for (const char* text : {"Package ‘openssl’ in x:1 is marked as insecure, refusing to evaluate.",
                             "Package ‘a’ in x has an unfree license (‘b’) is marked as broken, refusing to evaluate.",
                             "Package ‘a has an unfree license (‘b’)’ in x is marked as broken, refusing to evaluate.",
                             "Refusing to evaluate package 'a' in x because it is marked as insecure",
                             "has an unfree license (‘unfree’), refusing to evaluate.", "set NIXPKGS_ALLOW_UNFREE=1",
                             "", "Package ‘a’ has an unfree license (‘b’), refusing to evaluate."})
        BOOST_TEST(licence_refusal(thrown(file, text), flake_with_lock()) == "", text);
}

BOOST_AUTO_TEST_CASE(nixpkgs_is_what_the_flake_calls_so_or_what_comes_from_its_home) {
    auto counts = [](const std::string& lock, const std::string& hash) {
        auto info = flake_with_lock();
        info.lock = lock;
        return !licence_refusal(thrown(tree(hash) + check), info).empty();
    };
    auto lock = [](const std::string& inputs, const std::string& nodes) {
        return R"({"root":"root","version":7,"nodes":{)" + nodes + R"(,"root":{"inputs":{)" + inputs + "}}}}";
    };
    auto fork = github("kim", "my-nixpkgs", other_hash);
    BOOST_TEST(counts(lock(R"("nixpkgs":"a")", R"("a":)" + fork), other_hash));
    BOOST_TEST(!counts(lock(R"("unstable":"a")", R"("a":)" + fork), other_hash));
    BOOST_TEST(!counts(lock(R"("x":"x")", R"("x":{"inputs":{"nixpkgs":"a"}},"a":)" + fork), other_hash));
    // Through `follows`, also in a circle.
    BOOST_TEST(counts(lock(R"("x":"x","nixpkgs":["x","nixpkgs"])", R"("x":{"inputs":{"nixpkgs":"a"}},"a":)" + fork),
                      other_hash));
    BOOST_TEST(!counts(lock(R"("nixpkgs":["nixpkgs"])", R"("a":)" + fork), other_hash));
    for (const char* locked :
         {R"("type":"github","owner":"nixos","repo":"Nixpkgs")",
          R"("type":"git","url":"https://github.com/NixOS/nixpkgs.git")",
          R"("type":"tarball","url":"https://releases.nixos.org/nixos/unstable/x/nixexprs.tar.xz")",
          R"("type":"tarball","url":"https://api.flakehub.com/f/pinned/NixOS/nixpkgs/0.1/x/source.tar.gz")"})
        BOOST_TEST(
            counts(lock(R"("unstable":"a")", R"("a":{"locked":{"narHash":")" + other_hash + "\"," + locked + "}}"),
                   other_hash),
            locked);
    for (const char* locked : {R"("type":"github","owner":"nixos","repo":"nixpkgs","host":"git.example.org")",
                               R"("type":"tarball","url":"https://github.com/NixOS/nixpkgs-evil")",
                               R"("type":"tarball","url":"https://evil.example/https://channels.nixos.org/")"})
        BOOST_TEST(
            !counts(lock(R"("unstable":"a")", R"("a":{"locked":{"narHash":")" + other_hash + "\"," + locked + "}}"),
                    other_hash),
            locked);
    for (const char* broken : {"", "[]", "{}", R"({"nodes":[]})", R"({"nodes":{"root":3,"a":4},"root":"root"})",
                               R"({"nodes":{"root":{"inputs":[]},"a":1},"root":"root"})"})
        BOOST_TEST(!counts(broken, other_hash), broken);
}

BOOST_AUTO_TEST_CASE(a_flake_without_inputs_may_be_nixpkgs_itself) {
    auto info = flake_with_lock();
    info.lock = R"({"nodes":{"root":{}},"root":"root","version":7})";
    info.subdirectory = "fleet";
    auto own = "/fleet" + check;
    for (const auto& file :
         {"/srv/root" + info.source->to_string() + own, "/home/kim/fleet" + own + ":6:8", "«" + info.url + "»" + own})
        BOOST_TEST(!licence_refusal(thrown(file), info).empty(), file);
    for (const std::string& file :
         {info.source->to_string() + check, info.source->to_string() + "/flake.nix",
          tree(other_hash) + info.source->to_string() + own, std::string("/home/kim/fleet/fleet/flake.nix:6:8")})
        BOOST_TEST(licence_refusal(thrown(file), info) == "", file);
}

namespace {

// A nixpkgs that is in the scene's store already, and what flake.lock says of it.
std::string stand_in_of_nixpkgs(const NixScene& scene) {
    scene.write("nixpkgs/pkgs/stdenv/generic/check-meta.nix", R"(reason: name: package:
if builtins.getEnv "NIXPKGS_ALLOW_UNFREE" == "1" then package else
  throw "Package ‘${name}’ in x:1 ${reason}, refusing to evaluate.\n\nNIXPKGS_ALLOW_UNFREE=1")");
    scene.write("nixpkgs/flake.nix", "{ outputs = _: { refuse = import ./pkgs/stdenv/generic/check-meta.nix; }; }");
    auto nix = "nix --extra-experimental-features 'nix-command flakes' --store '" + scene.settings.store_uri + "' ";
    scene.shell(nix + "store add-path --name source nixpkgs");
    auto hash = scene.shell(nix + "hash path nixpkgs");
    hash.pop_back();
    return github("NixOS", "nixpkgs", hash);
}

} // namespace

BOOST_AUTO_TEST_CASE(what_the_check_refuses_is_repeated_impurely_and_that_is_said) {
    NixScene scene;
    auto locked = stand_in_of_nixpkgs(scene);
    scene.write("fleet/flake.lock", R"({"root":"root","version":7,"nodes":{"nixpkgs":)" +
                                        locked.substr(0, locked.size() - 1) +
                                        R"(,"original":{"type":"github","owner":"NixOS","repo":"nixpkgs"}},)" +
                                        R"("root":{"inputs":{"nixpkgs":"nixpkgs"}}}})");
    const std::string outputs = R"nix({
        nixosConfigurations = {
          game = host (inputs.nixpkgs.refuse "has an unfree license (‘unfree’)" "steam" (drv "game" { }));
          insecure = host (inputs.nixpkgs.refuse "is marked as insecure" "openssl" (drv "old" { }));
          liar = host (if builtins.getEnv "NIXPKGS_ALLOW_UNFREE" == "1" then drv "lie" { } else
            throw "Package ‘steam’ in x:1 has an unfree license (‘unfree’), refusing to evaluate.");
          free = host (drv "free" { });
        };
    })nix";
    scene.flake_with(outputs, "inputs.nixpkgs.url = \"github:NixOS/nixpkgs\";\n");
    scene.settings.environment.set("NIXPKGS_ALLOW_UNFREE", "1");
    auto results = scene.evaluate_all({nixos("game"), nixos("insecure"), nixos("liar"), nixos("free")});
    BOOST_REQUIRE_MESSAGE(results[0].has_value(), (results[0] ? "" : results[0].error().one_line()));
    BOOST_TEST(results[0]->impure);
    BOOST_TEST(results[0]->why_impure == "Package ‘steam’ in x:1 has an unfree license (‘unfree’)");
    BOOST_TEST(contains(scene.sink.messages(), "notice: nixos:game evaluates only with --impure and "
                                               "NIXPKGS_ALLOW_UNFREE=1, because nixpkgs says: Package ‘steam’"));
    BOOST_REQUIRE(!results[1]);
    BOOST_TEST(contains(results[1].error().hint(), "NIXPKGS_ALLOW_INSECURE=1"));
    BOOST_REQUIRE(!results[2]);
    BOOST_TEST(contains(results[2].error().hint(), "not said by the licence check of a nixpkgs that flake.lock names"));
    BOOST_TEST(!contains(scene.sink.messages(), "nixos:liar"));
    BOOST_TEST(!results[3].value().impure);

    // The next time it is not asked again, if nothing speaks for another answer.
    scene.settings.past_evaluations = scene.path("past.json");
    BOOST_TEST(scene.evaluate(nixos("game")).value().impure);
    auto evaluations = [&] { return scene.sink.messages().find("nixos:game was evaluated with --impure"); };
    BOOST_TEST(evaluations() == std::string::npos);
    auto at_once = scene.evaluate(nixos("game")).value();
    BOOST_TEST(at_once.impure);
    BOOST_TEST(at_once.why_impure == "Package ‘steam’ in x:1 has an unfree license (‘unfree’)");
    BOOST_TEST(evaluations() != std::string::npos);
    BOOST_TEST(contains(scene.read("past.json"), "\"unasked\": 1"));
    scene.settings.expects_refusals = false;
    BOOST_TEST(scene.evaluate(nixos("game")).value().impure);
    BOOST_TEST(contains(scene.read("past.json"), "\"unasked\": 0"));
    scene.settings.expects_refusals = true;
    // What does not evaluate impurely may do so purely.
    auto past = scene.read("past.json");
    const std::string pure = R"({ nixosConfigurations.game = host (
        if builtins ? currentSystem then throw "impure" else drv "game" { }); })";
    scene.flake_with(pure, "inputs.nixpkgs.url = \"github:NixOS/nixpkgs\";\n");
    BOOST_TEST(!scene.evaluate(nixos("game")).value().impure);
    BOOST_TEST(!contains(scene.read("past.json"), "licence"));
    scene.flake_with(outputs, "inputs.nixpkgs.url = \"github:NixOS/nixpkgs\";\n");

    // Only who started it can have allowed it, whatever was allowed before.
    scene.write("past.json", past);
    for (const char* value : {"", "0", "true"}) {
        scene.settings.environment.set("NIXPKGS_ALLOW_UNFREE", value);
        auto refused = scene.evaluate(nixos("game"));
        BOOST_REQUIRE(!refused);
        BOOST_TEST(contains(refused.error().hint(), "NIXPKGS_ALLOW_UNFREE=1 in the environment of cachefill"), value);
    }
    scene.settings.environment.set("NIXPKGS_ALLOW_UNFREE", "1");
    scene.settings.impure = Impure::never;
    auto refused = scene.evaluate(nixos("game"));
    BOOST_REQUIRE(!refused);
    BOOST_TEST(contains(refused.error().cause(), "unfree license"));
    BOOST_TEST(contains(refused.error().hint(), "impure: never"));
    scene.settings.impure = Impure::always;
    BOOST_TEST(scene.evaluate(nixos("liar")).value().impure);
    BOOST_TEST(scene.evaluate(nixos("liar")).value().why_impure == "");
}

BOOST_AUTO_TEST_SUITE_END()
