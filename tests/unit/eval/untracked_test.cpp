#include "eval/flake_failure.hpp"
#include "eval/untracked.hpp"
#include "nix_scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::eval;
using test::nixos;
using test::NixScene;

BOOST_AUTO_TEST_SUITE(untracked)

namespace {

bool contains(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

Failure failure_of_host(NixScene& scene) {
    auto evaluated = scene.evaluate(nixos("a"));
    BOOST_REQUIRE_MESSAGE(!evaluated, "it evaluates");
    return evaluated.error();
}
std::string in(const NixScene& scene, const std::string& command) {
    return "cd " + scene.flake().string() + " && " + command;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_file_that_git_does_not_track_is_called_that) {
    // However it is read, and whatever of it is missing.
    const std::tuple<const char*, const char*, const char*> ways[]{
        {"import ./hosts/box.nix", "hosts/box.nix", "hosts/box.nix"},
        {"import ./hosts/box", "hosts/box/default.nix", "hosts/box"},
        {"import ./partly", "partly/default.nix", "partly/default.nix"},
        {"drv \"a\" { text = builtins.readFile ./motd; }", "motd", "motd"},
        {"drv \"a\" { src = ./src; }", "src/main.c", "src"},
        {"drv \"a\" { all = builtins.attrNames (builtins.readDir ./all); }", "all/x", "all"},
        {"import (./. + \"/it's.nix\")", "it's.nix", "it's.nix"},
    };
    for (const auto& [expression, file, named] : ways) {
        NixScene scene;
        scene.write("fleet/partly/other.nix", "1");
        scene.flake_with("{ nixosConfigurations.a = host (" + std::string(expression) + "); }");
        scene.write("fleet/" + std::string(file),
                    "derivation { name = \"x\"; system = \"x86_64-linux\"; builder = \"/b\"; }");
        auto failure = failure_of_host(scene);
        BOOST_TEST(failure.cause().starts_with(std::string(named) + " is not tracked by git"), failure.one_line());
        auto quoted = contains(named, "'") ? "'it'\\''s.nix'" : std::string(named);
        BOOST_TEST(failure.hint() == in(scene, "git add " + quoted));
        // What is told can be typed; after it, and after an intent to add, it is no longer so.
        scene.shell(failure.hint());
        if (auto evaluated = scene.evaluate(nixos("a")); !evaluated)
            BOOST_TEST(!contains(evaluated.error().cause(), "tracked"), evaluated.error().one_line());
    }
}

// Named file by file it would take as many tries as there are files.
BOOST_AUTO_TEST_CASE(of_an_untracked_directory_with_several_files_the_directory_is_named_once) {
    const std::string host = "derivation { name = \"x\"; system = \"x86_64-linux\"; builder = \"/b\"; }";
    const std::tuple<const char*, const char*> ways[]{
        {"import ./new/box.nix", "new"},
        {"import ./new", "new"},
        {"import ./new/deep/box.nix", "new"},
        {"import ./hosts/new/box.nix", "hosts/new"},
    };
    for (const auto& [expression, named] : ways) {
        NixScene scene;
        scene.write("fleet/hosts/old.nix", "1");
        scene.flake_with("{ nixosConfigurations.a = host (" + std::string(expression) + "); }");
        auto directory = "fleet/" + std::string(named);
        scene.write(directory + "/box.nix", "import ./common.nix");
        scene.write(directory + "/default.nix", "import ./common.nix");
        scene.write(directory + "/common.nix", host);
        scene.write(directory + "/deep/box.nix", "import ../common.nix");
        auto failure = failure_of_host(scene);
        BOOST_TEST(failure.cause().starts_with(std::string(named) + " is not tracked by git"), failure.one_line());
        BOOST_TEST(failure.hint() == in(scene, "git add " + std::string(named)));
        scene.shell(failure.hint());
        if (auto evaluated = scene.evaluate(nixos("a")); !evaluated)
            BOOST_TEST(!contains(evaluated.error().cause(), "tracked"), evaluated.error().one_line());
    }
    // Beside what is tracked one file is one file.
    NixScene scene;
    scene.write("fleet/hosts/old.nix", "1");
    scene.flake_with("{ nixosConfigurations.a = host (import ./hosts/box.nix); }");
    scene.write("fleet/hosts/box.nix", host);
    scene.write("fleet/hosts/other.nix", host);
    BOOST_TEST(failure_of_host(scene).hint() == in(scene, "git add hosts/box.nix"));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_at_all_is_not_called_untracked) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = host (import ./nowhere.nix); }");
    auto failure = failure_of_host(scene);
    BOOST_TEST(contains(failure.cause(), "nowhere.nix"));
    BOOST_TEST(!contains(failure.cause(), "git"), failure.cause());
    BOOST_TEST(failure.hint().empty());
}

BOOST_AUTO_TEST_CASE(an_intent_to_add_is_enough) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = host (import ./box.nix); }");
    scene.write("fleet/box.nix", "derivation { name = \"x\"; system = \"x86_64-linux\"; builder = \"/b\"; }");
    BOOST_TEST(contains(failure_of_host(scene).cause(), "not tracked"));
    scene.shell("cd fleet; git add -N box.nix");
    BOOST_TEST(scene.evaluate(nixos("a")).has_value());
    // Once git knows it, whatever else is wrong with it is told as it is.
    scene.write("fleet/box.nix", "throw \"here\"");
    BOOST_TEST(contains(failure_of_host(scene).cause(), "here"));
}

BOOST_AUTO_TEST_CASE(an_ignored_file_is_called_that_with_the_rule) {
    NixScene scene;
    scene.write("fleet/.gitignore", "# mine\nsecret*\n");
    scene.flake_with("{ nixosConfigurations.a = host (drv \"a\" { text = builtins.readFile ./secret.txt; }); }");
    scene.write("fleet/secret.txt", "s");
    auto failure = failure_of_host(scene);
    BOOST_TEST(failure.cause().starts_with("secret.txt is ignored by git (.gitignore:2:secret*)"), failure.cause());
    BOOST_TEST(failure.hint().starts_with(in(scene, "git add -f secret.txt")), failure.hint());
}

BOOST_AUTO_TEST_CASE(below_a_repository_paths_are_those_of_the_repository) {
    NixScene scene;
    scene.flake_with("{ }");
    scene.write("fleet/sub/flake.nix",
                "{ outputs = _: { nixosConfigurations.a.config.system.build.toplevel = import ./box.nix; }; }");
    scene.commit();
    scene.write("fleet/sub/box.nix", "1");
    scene.settings.flake = scene.path("fleet/sub").string();
    auto failure = failure_of_host(scene);
    BOOST_TEST(failure.cause().starts_with("sub/box.nix is not tracked by git"), failure.cause());
    BOOST_TEST(failure.hint() == in(scene, "git add sub/box.nix"));
}

BOOST_AUTO_TEST_CASE(the_flake_itself_may_be_untracked) {
    NixScene scene;
    scene.write("fleet/flake.nix", "{ outputs = _: { }; }");
    scene.shell("cd fleet; git init -q");
    auto opened = scene.open();
    BOOST_REQUIRE(!opened);
    BOOST_TEST(opened.error().cause().starts_with("flake.nix is not tracked by git"), opened.error().one_line());
    BOOST_TEST(opened.error().hint() == in(scene, "git add flake.nix"));

    for (const auto& reference : {scene.path("fleet/sub").string(), scene.flake().string() + "?dir=sub"}) {
        scene.write("fleet/sub/flake.nix", "{ outputs = _: { }; }");
        scene.commit();
        scene.shell("cd fleet; git rm -q --cached sub/flake.nix; git commit -q -m gone");
        scene.settings.flake = reference;
        auto below = scene.open();
        BOOST_REQUIRE(!below);
        BOOST_TEST(below.error().cause().find(" is not tracked by git") != std::string::npos, below.error().one_line());
        BOOST_TEST(contains(below.error().hint(), "git add sub"), below.error().hint());
    }
}

BOOST_AUTO_TEST_CASE(the_lock_file_may_be_untracked) {
    NixScene scene;
    scene.write("input/flake.nix", "{ outputs = _: { }; }");
    scene.flake_with("{ }", "inputs.i.url = \"path:" + scene.path("input").string() + "\";");
    auto nix =
        "nix --extra-experimental-features 'nix-command flakes' flake lock --store '" + scene.settings.store_uri + "'";
    BOOST_TEST(contains(scene.open().error().hint(), "nix flake lock " + scene.flake().string()));
    scene.shell("cd fleet; " + nix + "; git rm -q --cached flake.lock");
    auto opened = scene.open();
    BOOST_REQUIRE(!opened);
    BOOST_TEST(opened.error().cause().starts_with("flake.lock is not tracked by git"), opened.error().one_line());
    scene.shell(opened.error().hint());
    BOOST_TEST(scene.open().has_value());
}

BOOST_AUTO_TEST_CASE(another_repository_below_is_none_of_this_one) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = host (import ./inner/box.nix); }");
    scene.write("fleet/inner/box.nix", "1");
    scene.shell("cd fleet/inner; git init -q; git add -A; git commit -q -m inner");
    auto failure = failure_of_host(scene);
    BOOST_TEST(failure.cause().starts_with("inner/box.nix lies in inner, a git repository of its own that the flake's "
                                           "knows nothing of, so for Nix it is not there"),
               failure.cause());
    // It is none of its submodules.
    BOOST_TEST(!contains(failure.hint(), "?submodules=1"), failure.hint());
    BOOST_TEST(contains(failure.hint(), "git submodule add URL inner"), failure.hint());
    BOOST_TEST(contains(failure.hint(), "move inner/.git away"), failure.hint());
}

BOOST_AUTO_TEST_CASE(what_a_submodule_does_not_track_is_to_be_added_there) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = host (import ./inner/box.nix); }");
    scene.write("fleet/inner/other.nix", "1");
    scene.shell("cd fleet/inner; git init -q; git add -A; git commit -q -m inner; cd ..; "
                "git add inner 2> /dev/null; git commit -q -m outer");
    scene.write("fleet/inner/box.nix", "1");
    auto failure = failure_of_host(scene);
    BOOST_TEST(failure.cause().starts_with("box.nix is not tracked by git"), failure.cause());
    BOOST_TEST(failure.hint() == "cd " + (scene.flake() / "inner").string() + " && git add box.nix");
    scene.shell(failure.hint());
    BOOST_TEST(contains(failure_of_host(scene).hint(), "?submodules=1"));
}

BOOST_AUTO_TEST_CASE(git_add_is_not_told_of_a_directory_without_files) {
    NixScene scene;
    scene.flake_with("{ nixosConfigurations.a = host (import ./hosts/nowhere.nix); }");
    scene.shell("mkdir -p fleet/hosts/deep");
    auto failure = failure_of_host(scene);
    BOOST_TEST(!contains(failure.cause(), "git"), failure.cause());
    BOOST_TEST(failure.hint().empty());
}

BOOST_AUTO_TEST_CASE(where_one_stands_in_the_repository_the_command_is_short) {
    UntrackedFile file{.repository = "/fleet",
                       .file = "hosts/a b.nix",
                       .why = UntrackedFile::Why::unknown_to_git,
                       .rule = {},
                       .inner = {}};
    Failure said(FailureKind::eval, "gone");
    BOOST_TEST(explain_untracked(said, file, "/fleet").hint() == "git add 'hosts/a b.nix'");
    BOOST_TEST(explain_untracked(said, file, "/fleet/hosts").hint() == "git add 'a b.nix'");
    BOOST_TEST(explain_untracked(said, file, "/fleet/nix").hint() == "git add '../hosts/a b.nix'");
    BOOST_TEST(explain_untracked(said, file, "/").hint() == "cd /fleet && git add 'hosts/a b.nix'");
    file.file = "-x.nix";
    BOOST_TEST(explain_untracked(said, file, "/fleet").hint() == "git add -- -x.nix");
}

namespace {

std::string lock_with(const std::string& path, const std::string& more) {
    return R"({"nodes": {"i": {"locked": {"path": ")" + path + R"(", "type": "path")" + more +
           R"(, "original": {"path": ")" + path +
           R"(", "type": "path"}}, "root": {"inputs": {"i": "i"}}}, "root": "root", "version": 7})";
}
const std::string before_2_26 =
    R"(, "lastModified": 1, "narHash": "sha256-KRJI8uCzApTqeanrTMc0ecyHZxqmiVG8oNypMlzkaI8="})";
const std::string since_2_26 = R"(}, "parent": [])";

} // namespace

BOOST_AUTO_TEST_CASE(a_lock_of_the_other_generation_of_nix_is_known) {
    for (const auto* old : {"2.8.0", "2.18.9", "2.25.5"}) {
        BOOST_TEST(foreign_relative_input(lock_with("./x", since_2_26), old).value().path == "./x");
        BOOST_TEST(!foreign_relative_input(lock_with("./x", before_2_26), old));
    }
    for (const auto* recent : {"2.26.0", "2.34.8", "2.93.1"}) {
        BOOST_TEST(foreign_relative_input(lock_with("./x", before_2_26), recent).value().name == "i");
        BOOST_TEST(!foreign_relative_input(lock_with("./x", since_2_26), recent));
    }
    BOOST_TEST(!foreign_relative_input(lock_with("/srv/x", before_2_26), "2.34.8"));
    for (const auto* broken : {"", "{", "[]", R"({"nodes": 1})", R"({"nodes": {"a": 1, "b": {"locked": []}}})"})
        BOOST_TEST(!foreign_relative_input(broken, "2.34.8"));
}

BOOST_AUTO_TEST_CASE(a_newer_lock_is_called_that_where_nix_cannot_read_it) {
    NixScene scene;
    scene.write("fleet/x/flake.nix", "{ outputs = _: { }; }");
    scene.flake_with("{ }", "inputs.i.url = \"path:./x\";");
    scene.write("fleet/flake.lock", lock_with("./x", since_2_26));
    scene.commit();
    auto opened = scene.open();
    if (opened) return; // the installed Nix is of that generation
    BOOST_TEST(contains(opened.error().cause(), "was written by Nix 2.26 or newer"), opened.error().one_line());
    BOOST_TEST(contains(opened.error().cause(), "relative input './x'"));
    BOOST_TEST(contains(opened.error().hint(), "use Nix 2.26 or newer"));
}

BOOST_AUTO_TEST_SUITE_END()
