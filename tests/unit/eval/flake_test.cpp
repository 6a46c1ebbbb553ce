#include "eval/flake.hpp"
#include "eval/flake_place.hpp"
#include "nix_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

using namespace cachefill;
using namespace cachefill::eval;
using test::nixos;
using test::NixScene;
using test::place;

namespace {

bool contains(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_SUITE(flake)

BOOST_AUTO_TEST_CASE(a_clean_tree_has_a_revision_and_a_dirty_one_has_none) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = host (drv \"a\" { rev = self.rev or \"none\"; }); }");
    auto clean = scene.open().value();
    BOOST_TEST(clean.revision + "\n" == scene.shell("cd fleet; git rev-parse HEAD"));
    BOOST_TEST(!clean.dirty);
    BOOST_TEST(clean.directory == scene.flake());
    BOOST_TEST(clean.nix_version.starts_with("2."));
    auto drv = scene.evaluate(nixos("a")).value().derivation;

    scene.write("fleet/new.nix", "1");
    scene.shell("cd fleet; git add -N new.nix");
    auto dirty = scene.open().value();
    BOOST_TEST(dirty.dirty);
    BOOST_TEST(dirty.revision.empty());
    BOOST_TEST((scene.evaluate(nixos("a")).value().derivation != drv));
    BOOST_TEST(!contains(scene.sink.messages(), "dirty"));
}

BOOST_AUTO_TEST_CASE(a_directory_without_git_and_one_below_the_repository_are_flakes_too) {
    NixScene scene;
    scene.write("plain/flake.nix",
                "{ outputs = _: { nixosConfigurations.a.config.system.build.toplevel = throw \"here\"; }; }");
    scene.settings.flake = "path:" + scene.path("plain").string();
    auto plain = scene.open().value();
    BOOST_TEST(!plain.dirty);
    BOOST_TEST(plain.directory == scene.path("plain"));

    scene.flake_with("{ }");
    scene.write("fleet/sub/flake.nix", "{ outputs = _: {\n nixosConfigurations.a = 1 + \"\"; }; }");
    scene.commit();
    scene.settings.flake = scene.path("fleet/sub").string();
    auto sub = scene.open().value();
    BOOST_TEST(sub.directory == scene.flake());
    BOOST_TEST(sub.subdirectory == "sub");
    BOOST_TEST(!scene.evaluate(nixos("a")));
    BOOST_TEST(place(scene.position(nixos("a"))).starts_with("sub/flake.nix:2:"));
}

BOOST_AUTO_TEST_CASE(a_remote_flake_is_locked_once_for_all) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = host (drv \"a\" { }); }");
    scene.settings.flake = "git+file://" + scene.flake().string() + "?ref=main";
    auto info = scene.open().value();
    BOOST_TEST(info.directory.empty());
    BOOST_TEST(contains(info.url, info.revision));
    BOOST_TEST(!info.dirty);
    BOOST_TEST(scene.evaluate(nixos("a")).has_value());
}

BOOST_AUTO_TEST_CASE(nix_config_names_upstreams) {
    NixScene scene;
    scene.flake_with("{ }", "nixConfig.extra-substituters = [ \"https://x.example.org\" ];\n"
                            "nixConfig.extra-trusted-public-keys = \"x-1:abc y-1:def\";\n");
    auto info = scene.open().value();
    BOOST_TEST(info.extra_substituters == std::vector<std::string>{"https://x.example.org"},
               boost::test_tools::per_element());
    BOOST_TEST(info.extra_trusted_public_keys == (std::vector<std::string>{"x-1:abc", "y-1:def"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_lock_file_is_never_written) {
    NixScene scene;
    scene.write("library/flake.nix", "{ outputs = _: { one = 1; }; }");
    scene.flake_with("{ nixosConfigurations.a = host (drv \"a\" { x = inputs.library.one; }); }",
                     "inputs.library.url = \"path:" + scene.path("library").string() + "\";\n");
    auto opened = scene.open();
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::eval));
    BOOST_TEST(contains(opened.error().cause(), "lock file"));
    BOOST_TEST(contains(opened.error().hint(), "nix flake lock"));
    BOOST_TEST(!std::filesystem::exists(scene.path("fleet/flake.lock")));
    BOOST_TEST(scene.shell("cd fleet; git status --porcelain") == "");

    scene.shell("cd fleet; nix --extra-experimental-features 'nix-command flakes' flake lock --store '" +
                scene.settings.store_uri + "'; git add flake.lock");
    scene.commit();
    BOOST_TEST(scene.open().has_value());
    BOOST_TEST(scene.evaluate(nixos("a")).has_value());
    BOOST_TEST(scene.shell("cd fleet; git status --porcelain") == "");
}

BOOST_AUTO_TEST_CASE(an_input_that_cannot_be_fetched_fails_only_who_needs_it) {
    NixScene scene;
    scene.write("library/flake.nix", "{ outputs = _: { one = 1; }; }");
    scene.flake_with("{ nixosConfigurations.needs = host (drv \"a\" { x = inputs.library.one; });\n"
                     "  nixosConfigurations.without = host (drv \"b\" { }); }",
                     "inputs.library.url = \"path:" + scene.path("library").string() + "\";\n");
    scene.shell("cd fleet; nix --extra-experimental-features 'nix-command flakes' flake lock --store '" +
                scene.settings.store_uri + "'; git add flake.lock");
    scene.commit();
    scene.shell("rm -rf library; chmod -R u+w root; rm -rf root home/.cache");
    auto results = scene.evaluate_all({nixos("needs"), nixos("without")});
    BOOST_TEST(!results[0]);
    BOOST_TEST(results[1].has_value());
    BOOST_TEST(contains(scene.sink.messages(), "not all inputs"));
}

BOOST_AUTO_TEST_CASE(a_flake_that_does_not_parse_is_told_with_its_place) {
    NixScene scene;
    scene.write("fleet/flake.nix", "{\n  outputs = { self }: {\n    a = ;\n  };\n}\n");
    scene.commit();
    auto opened = scene.open();
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::eval));
    BOOST_TEST(contains(opened.error().cause(), "syntax error, unexpected ';'"));
    BOOST_TEST(place(scene.position(TargetRef{})) == "flake.nix:3:9");
    BOOST_TEST(contains(opened.error().one_line(), "flake.nix:3:9"));
}

BOOST_AUTO_TEST_CASE(what_is_no_flake_is_a_usage_failure_that_names_it) {
    NixScene scene;
    std::filesystem::create_directories(scene.path("empty"));
    for (const auto& flake : {scene.path("empty").string(), scene.path("gone").string(), std::string("bogus:::x"),
                              "path:" + scene.path("gone").string(), scene.flake().string() + "#nas"}) {
        scene.settings.flake = flake;
        auto opened = scene.open();
        BOOST_REQUIRE(!opened);
        BOOST_TEST((opened.error().kind() == FailureKind::usage), opened.error().one_line());
        BOOST_TEST(contains(opened.error().one_line(), flake.substr(0, 20)));
    }
}

BOOST_AUTO_TEST_CASE(a_tree_of_another_user_is_told_with_the_way_out) {
    if (::geteuid() != 0) return; // only root can give files away
    NixScene scene;
    scene.flake_with("{ }");
    scene.shell("chown -R 12345 fleet");
    auto opened = scene.open();
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::machine), opened.error().one_line());
    BOOST_TEST(contains(opened.error().hint(), "safe.directory"));
}

BOOST_AUTO_TEST_CASE(without_nix_the_machine_is_at_fault) {
    NixScene scene;
    scene.flake_with("{ }");
    scene.settings.environment.set("PATH", scene.path("home").string());
    auto opened = scene.open();
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::machine));
    BOOST_TEST(contains(opened.error().hint(), "install Nix"));
}

BOOST_AUTO_TEST_CASE(metadata_that_makes_no_sense_is_a_protocol_failure) {
    for (const char* text : {"", "[]", "{}", "{\"path\":\"/etc\"}", "<html>", "{\"path\":7,\"resolved\":[]}"})
        BOOST_TEST(!parse_metadata(text), text);
}

BOOST_AUTO_TEST_CASE(metadata_of_lazy_trees_name_no_path) {
    auto info = parse_metadata(R"({"url":"x","revision":"1","resolved":{"type":"git","url":"file:///srv/a%23b"}})");
    BOOST_REQUIRE(info);
    BOOST_TEST(!info->source);
    BOOST_TEST(info->directory == "/srv/a#b");
}

BOOST_AUTO_TEST_CASE(a_directory_is_not_taken_for_a_name_in_the_registry) {
    BOOST_TEST(place_flake("github:a/b").reference == "github:a/b");
    BOOST_TEST(place_flake("github:a/b?dir=c").reference == "github:a/b?dir=c");
    BOOST_TEST(place_flake("nixpkgs").reference == "nixpkgs");
    BOOST_TEST(place_flake("").reference == std::filesystem::current_path().string());
    BOOST_TEST(place_flake("/usr/").reference == "/usr");
    BOOST_TEST(place_flake("/usr?dir=share").reference == "/usr?dir=share");
    BOOST_TEST(place_flake("https://kim:s3cret@example.org/x.tar.gz").shown == "https://example.org/x.tar.gz");
    BOOST_TEST(place_flake("./nope\x1b[31m\u202e").shown == "./nope\uFFFD[31m\uFFFD");
}

BOOST_AUTO_TEST_CASE(an_address_with_a_login_is_not_handed_to_nix) {
    NixScene scene;
    for (const auto* address :
         {"git+https://kim:s3cret@127.0.0.1:9/x", "https://127.0.0.1:9/x.tar.gz?private_token=s3cret",
          "git+https://s3cret@127.0.0.1:9/x", "https://kim:s3 cret@127.0.0.1:9/x"}) {
        scene.settings.flake = address;
        auto info = scene.open();
        BOOST_REQUIRE(!info);
        BOOST_TEST(info.error().cause().find("holds a login") != std::string::npos, info.error().one_line());
        BOOST_TEST(info.error().one_line().find("cret") == std::string::npos, info.error().one_line());
    }
}

BOOST_AUTO_TEST_CASE(a_link_to_a_flake_is_followed) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = host (drv \"a\" { }); }");
    scene.shell("ln -s fleet link");
    for (const auto* name : {"link", "link/"}) {
        scene.settings.flake = scene.path(name).string();
        auto info = scene.open();
        BOOST_REQUIRE_MESSAGE(info.has_value(), (info ? "" : info.error().one_line()));
        BOOST_TEST(info->directory == scene.flake());
        BOOST_TEST(scene.evaluate(nixos("a")).has_value());
    }
}

// Nix 2.8 itself cannot read the second and third kind from inside when the name has '#', '?' or a blank in it.
BOOST_AUTO_TEST_CASE(a_flake_may_lie_in_a_directory_of_any_name) {
    for (const std::string name : {"a#b", "a?b", "a@b%41c", "a b+ü[x]"}) {
        NixScene scene;
        scene.flake_with("{ nixosConfigurations.a = host (drv \"a\" { }); }");
        scene.shell("mkdir -p '" + name + "/plain' '" + name + "/git/sub'; cp fleet/flake.nix '" + name +
                    "/plain/'; cp fleet/flake.nix '" + name + "/git/'; cp fleet/flake.nix '" + name +
                    "/git/sub/'; cd '" + name + "/git'; git init -q; git add -A; git commit -q -m x");
        for (const std::string kind : {"plain", "git", "git/sub", "git?dir=sub"}) {
            scene.settings.flake = scene.path(name).string() + "/" + kind;
            auto info = scene.open();
            BOOST_TEST_CONTEXT(scene.settings.flake) {
                BOOST_REQUIRE_MESSAGE(info.has_value(), (info ? "" : info.error().one_line()));
                BOOST_TEST(info->directory == scene.path(name) / kind.substr(0, kind.find_first_of("/?")));
                BOOST_TEST(info->subdirectory == (contains(kind, "sub") ? "sub" : ""));
                auto found = scene.discover();
                BOOST_REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().one_line()));
                BOOST_TEST(found->size() == 1U);
                auto evaluated = scene.evaluate(nixos("a"));
                BOOST_TEST(evaluated.has_value(), (evaluated ? "" : evaluated.error().one_line()));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_a_directory_of_an_odd_name_is_told_with_its_place) {
    NixScene scene;
    scene.write("a#b/flake.nix", "{\n  outputs = { self }: {\n    nixosConfigurations.a = 1 + \"\";\n  };\n}\n");
    scene.settings.flake = scene.path("a#b").string();
    BOOST_TEST(!scene.evaluate(nixos("a")));
    BOOST_TEST(place(scene.position(nixos("a"))).starts_with("flake.nix:3:"));
}

BOOST_AUTO_TEST_SUITE_END()
