#include "eval/complaint.hpp"
#include "eval/confinement.hpp"
#include "nix_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::eval;
using test::nixos;
using test::NixScene;

namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

bool has(const std::vector<fs::path>& paths, const fs::path& one) {
    return std::find(paths.begin(), paths.end(), one) != paths.end();
}

boost::test_tools::assertion_result kernel_confines(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result result(async::landlock_version() != 0);
    result.message() << "this kernel has no Landlock";
    return result;
}

// A scene whose store has no daemon, as most have here.
struct ConfinedScene : NixScene {
    ConfinedScene() {
        settings.confining = {
            .is_wanted = true, .has_daemon = false, .store_root = path("root"), .readable = {}, .closed = {}};
        settings.impure = Impure::always;
    }
    // A host called after what one of its inputs is read from.
    static std::string reading(const std::string& file) {
        return "host (drv (builtins.readFile \"" + file + "\") { })";
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(confinement)

BOOST_AUTO_TEST_CASE(a_file_that_may_not_be_opened_is_named_in_every_wording) {
    BOOST_TEST(refused_file("error: opening file '/home/kim/x y': Permission denied").value() == "/home/kim/x y");
    BOOST_TEST(refused_file("cannot read directory \"/home/kim\": Permission denied").value() == "/home/kim");
    BOOST_TEST(refused_file("fatal: 'a' and\nfatal: could not open '/b' for reading: Permission denied").value() ==
               "/b");
    for (const char* text : {"", "Permission denied", "'x': Permission denied", "'/x': No such file or directory",
                             "git@example.org: Permission denied (publickey)."})
        BOOST_TEST(!refused_file(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(of_a_directory_only_what_everybody_may_read_is_given) {
    NixScene scene;
    scene.write("etc/open/a", "");
    scene.write("etc/open/b", "");
    scene.write("etc/mixed/key", "", 0600);
    scene.write("etc/mixed/known", "");
    scene.write("etc/shadow", "", 0640);
    scene.write("elsewhere/target", "");
    scene.write("elsewhere/secret", "", 0600);
    fs::create_symlink(scene.path("elsewhere/target"), scene.path("etc/open/link"));
    fs::create_symlink(scene.path("elsewhere/secret"), scene.path("etc/bad"));
    fs::create_symlink(scene.path("elsewhere"), scene.path("etc/directory"));
    auto found = public_places(scene.path("etc"));
    std::sort(found.begin(), found.end());
    const std::vector<fs::path> expected{scene.path("etc/mixed/known"), scene.path("etc/open"),
                                         scene.path("etc/open/link")};
    BOOST_TEST((found == expected));
}

BOOST_AUTO_TEST_CASE(a_flake_has_its_tree_and_what_git_keeps_elsewhere) {
    NixScene scene;
    scene.flake_with("{ }");
    BOOST_TEST((places_of_flake(scene.flake()) == std::vector<fs::path>{scene.flake()}));
    scene.shell("cd fleet && git worktree add -q ../other && cd .. && git clone -q --shared fleet shared");
    auto tree = places_of_flake(scene.path("other"));
    BOOST_TEST(has(tree, scene.path("fleet/.git/worktrees/other")));
    BOOST_TEST(has(tree, scene.path("fleet/.git")));
    BOOST_TEST(has(places_of_flake(scene.path("shared")), scene.path("fleet/.git/objects")));
    // Not whatever a file calls so.
    scene.write("lie/.git", "gitdir: " + scene.path("home").string() + "\n");
    BOOST_TEST((places_of_flake(scene.path("lie")) == std::vector<fs::path>{scene.path("lie")}));
    BOOST_TEST(places_of_flake({}).empty());
}

BOOST_AUTO_TEST_CASE(what_lies_in_the_flake_opens_no_other_folder) {
    NixScene scene;
    scene.flake_with("{ }");
    auto flake = scene.flake();
    scene.write("secret/key", "harmless");
    // Objects that are a link, beside a HEAD that is none of git's.
    scene.shell("mkdir fleet/fake && touch fleet/fake/HEAD && ln -s ../../secret fleet/fake/objects && "
                "printf '../../fake/objects\\n../../fake/objects/\\n' > fleet/.git/objects/info/alternates");
    BOOST_TEST((places_of_flake(flake) == std::vector<fs::path>{flake}));
    // A link to a folder called objects, and a folder that only looks like one of git's.
    scene.shell("mkdir -p secret/objects && rm fleet/fake/objects && ln -s ../../secret/objects fleet/fake/objects");
    BOOST_TEST((places_of_flake(flake) == std::vector<fs::path>{flake}));
    scene.shell("ln -s ../fleet/fake/HEAD secret/HEAD"); // no HEAD of a repository is a link to elsewhere
    BOOST_TEST((places_of_flake(flake) == std::vector<fs::path>{flake}));
    scene.shell("rm fleet/.git/objects/info/alternates");
    // A work tree that its repository knows nothing of, and another one's own .git.
    scene.shell(
        "git init -q other && mkdir -p liar/own/worktrees/x && cd liar && touch own/HEAD own/worktrees/x/HEAD && "
        "echo '../../../../other/.git' > own/worktrees/x/commondir && echo 'gitdir: own/worktrees/x' > .git");
    auto liar = scene.path("liar");
    BOOST_TEST((places_of_flake(liar) == std::vector<fs::path>{liar}));
    scene.write("liar/.git", "gitdir: " + scene.path("other/.git").string() + "\n");
    BOOST_TEST((places_of_flake(liar) == std::vector<fs::path>{liar}));
    scene.shell("cd fleet && git worktree add -q ../theirs");
    scene.write("liar/.git", "gitdir: " + scene.path("fleet/.git/worktrees/theirs").string() + "\n");
    BOOST_TEST((places_of_flake(liar) == std::vector<fs::path>{liar}));
    // What git itself makes: a submodule, and a repository that is kept apart.
    scene.shell("git init -q --separate-git-dir apart.git apart");
    BOOST_TEST(has(places_of_flake(scene.path("apart")), scene.path("apart.git")));
    scene.shell(
        "git clone -q fleet outer && cd outer && git -c protocol.file.allow=always submodule --quiet add ../fleet in");
    BOOST_TEST(has(places_of_flake(scene.path("outer/in")), scene.path("outer/.git/modules/in")));
}

BOOST_AUTO_TEST_CASE(no_variable_opens_the_whole_home) {
    NixScene scene;
    scene.settings.confining.is_wanted = true;
    auto home = scene.path("home").string();
    scene.settings.environment.set("PATH", home + ":/:" + home + "/bin");
    scene.settings.environment.set("NIX_PATH", "nixpkgs=/srv/nixpkgs:" + scene.path("").string());
    scene.settings.environment.set("OTHER", "/srv/other");
    auto found = confinement_of(scene.settings, {}, true, "/tmp/own");
    if (!found) return; // a kernel without
    BOOST_TEST(has(found->readable, home + "/bin"));
    BOOST_TEST(has(found->readable, "/srv/nixpkgs"));
    BOOST_TEST(has(found->writable, "/tmp/own"));
    for (const fs::path& path :
         {fs::path("/"), fs::path(home), scene.path(""), fs::path("/srv/other"), fs::path("/tmp")})
        BOOST_TEST((!has(found->readable, path) && !has(found->writable, path)), path);
    BOOST_TEST(!has(found->readable, home + "/.ssh"));
}

BOOST_AUTO_TEST_CASE(what_the_settings_of_nix_and_git_name_is_open) {
    NixScene scene;
    if (async::landlock_version() == 0) return;
    scene.settings.confining.is_wanted = true;
    scene.write("home/.config/nix/nix.conf", "include more.conf\n!include " + scene.path("tokens").string() + "\n");
    scene.write("home/.config/nix/more.conf", "!include ../../loop.conf\n");
    scene.write("home/loop.conf", "include loop.conf\n!include nowhere\nsandbox = true\n");
    scene.write("tokens", "access-tokens = x=y\n");
    scene.write("home/.gitconfig", "[include]\n\tpath = ~/git-more\n[core]\n\tattributesFile = \"~/attributes\"\n");
    scene.write("home/git-more", "");
    scene.write("home/attributes", "");
    auto readable = confinement_of(scene.settings, {}, true, "/tmp/own").value().readable;
    for (const char* file :
         {"tokens", "home/.config/nix/more.conf", "home/loop.conf", "home/git-more", "home/attributes"})
        BOOST_TEST(has(readable, scene.path(file)), file);
}

BOOST_AUTO_TEST_CASE(git_names_no_keys) {
    NixScene scene;
    if (async::landlock_version() == 0) return;
    scene.settings.confining.is_wanted = true;
    for (const char* file : {"key", "more", "key-of-more", "ignored", "ca.pem", "proxy-ca.pem", "cert.pem", "sent",
                             "credentials", "roots/a.pem", "elsewhere"})
        scene.write("home/" + std::string(file), "");
    scene.write("home/more", "[user]\n\tsigningKey = ~/key-of-more\n[includeIf \"gitdir:/x\"] path = \"elsewhere\"\n");
    scene.write("home/.gitconfig",
                "[user]\n\tsigningkey = ~/key\n[core] excludesFile = ~/ignored\n[Include]\n\tPath = more\n"
                "[http \"https://x\"]\n\tsslCAInfo = ~/ca.pem\n\tsslKey = ~/key\n\tsslCert = ~/cert.pem\n"
                "[http]\n\tsslCAPath = ~/roots\n\tproxySSLCAInfo = ~/proxy-ca.pem\n\tcookieFile = ~/sent\n"
                "[credential]\n\thelper = ~/credentials\n[alias]\n\tpath = ~/key\n");
    auto readable = confinement_of(scene.settings, {}, true, "/tmp/own").value().readable;
    for (const char* file : {"more", "elsewhere", "ignored", "ca.pem", "proxy-ca.pem", "roots"})
        BOOST_TEST(has(readable, scene.path("home/" + std::string(file))), file);
    for (const char* file : {"key", "key-of-more", "cert.pem", "sent", "credentials"})
        BOOST_TEST(!has(readable, scene.path("home/" + std::string(file))), file);
}

BOOST_AUTO_TEST_CASE(of_folders_with_settings_only_these_are_open) {
    NixScene scene;
    if (async::landlock_version() == 0) return;
    scene.settings.confining.is_wanted = true;
    auto home = scene.path("home");
    for (const char* file : {"git/config", "git/credentials", "git/ignore", "nix/nix.conf", "nix/secret",
                             "nixpkgs/config.nix", "nixpkgs/mine.nix", "nixpkgs/token", "nixpkgs/overlays/x.nix"})
        scene.write("home/.config/" + std::string(file), "");
    scene.write("home/.nixpkgs/config.nix", "");
    scene.write("home/.nixpkgs/token", "");
    scene.write("home/.git-credentials", "");
    auto readable = confinement_of(scene.settings, {}, true, "/tmp/own").value().readable;
    auto is_open = [&](const fs::path& file) {
        return std::any_of(readable.begin(), readable.end(), [&](const auto& place) {
            auto inside = file.lexically_relative(place);
            return !inside.empty() && *inside.begin() != "..";
        });
    };
    for (const char* file :
         {".config/git/config", ".config/git/ignore", ".config/nix/nix.conf", ".config/nixpkgs/config.nix",
          ".config/nixpkgs/mine.nix", ".config/nixpkgs/overlays/x.nix", ".nixpkgs/config.nix"})
        BOOST_TEST(is_open(home / file), file);
    for (const char* file : {".config/git/credentials", ".config/nix/secret", ".config/nixpkgs/token", ".nixpkgs/token",
                             ".git-credentials"})
        BOOST_TEST(!is_open(home / file), file);
}

BOOST_AUTO_TEST_CASE(a_key_of_ours_is_closed_and_what_lies_beside_it_is_open) {
    NixScene scene;
    if (async::landlock_version() == 0) return;
    auto& confining = scene.settings.confining;
    confining.is_wanted = true;
    for (const char* file : {"a/list", "a/cache.key", "a/more/token", "a/more/list", "b/config"})
        scene.write("open/" + std::string(file), "");
    auto top = scene.path("open");
    confining.readable = {top / "a", top / "b"};
    fs::create_directory_symlink("more", top / "a/link");
    fs::create_directory_symlink(".", top / "a/circle");
    fs::create_symlink("../a/cache.key", top / "b/key");
    auto readable = [&] { return confinement_of(scene.settings, {}, true, "/tmp/own").value().readable; };
    BOOST_TEST(has(readable(), top / "a"));
    confining.closed = {top / "a/cache.key", top / "b/key", top / "a/more/token", "relative", ""};
    auto found = readable();
    for (const char* place : {"a/list", "a/more/list", "b"}) BOOST_TEST(has(found, top / place), place);
    for (const auto& place : found) {
        if (!fs::exists(place)) continue;
        for (const char* closed : {"a/cache.key", "a/more/token"}) {
            auto inside = (top / closed).lexically_relative(fs::canonical(place));
            BOOST_TEST((inside.empty() || *inside.begin() == ".."), place << " opens " << closed);
        }
    }
}

BOOST_AUTO_TEST_CASE(who_builds_by_himself_is_confined_only_where_nix_has_no_bounds) {
    ConfinedScene scene;
    if (async::landlock_version() == 0) return;
    BOOST_TEST(!confinement_of(scene.settings, {}, false, "/tmp/own").has_value());
    BOOST_TEST(confinement_of(scene.settings, {}, true, "/tmp/own").has_value());
    scene.settings.accept_flake_config = true;
    BOOST_TEST(!confinement_of(scene.settings, {}, true, "/tmp/own").has_value());
    scene.settings.accept_flake_config = false;
    scene.settings.import_from_derivation = false;
    BOOST_TEST(confinement_of(scene.settings, {}, false, "/tmp/own").has_value());
    scene.settings.confining.is_wanted = false;
    BOOST_TEST(!confinement_of(scene.settings, {}, true, "/tmp/own").has_value());
}

BOOST_AUTO_TEST_CASE(impure_evaluation_does_not_get_at_other_files, *boost::unit_test::precondition(kernel_confines)) {
    ConfinedScene scene;
    scene.write("outside/secret", "found");
    auto secret = scene.path("outside/secret").string();
    // Neither by a link of its own, nor another process' variables or memory.
    scene.flake_with("{ nixosConfigurations.reads = " + ConfinedScene::reading(secret) +
                     "; nixosConfigurations.lists = host (drv (builtins.head (builtins.attrNames (builtins.readDir \"" +
                     scene.path("outside").string() + "\"))) { }); nixosConfigurations.links = " +
                     ConfinedScene::reading(scene.path("fleet/link").string()) + "; nixosConfigurations.spies = " +
                     ConfinedScene::reading("/proc/" + std::to_string(::getpid()) + "/environ") +
                     "; nixosConfigurations.copies = host (drv \"x\" { src = " + secret + "; }); }");
    fs::create_symlink(secret, scene.path("fleet/link"));
    const std::vector<TargetRef> all{nixos("reads"), nixos("lists"), nixos("links"), nixos("spies"), nixos("copies")};
    for (const auto& result : scene.evaluate_all(all)) {
        BOOST_REQUIRE(!result);
        BOOST_TEST(contains(result.error().cause(), "Permission denied"), result.error().one_line());
    }
    auto refused = scene.evaluate(nixos("reads"));
    BOOST_TEST(contains(refused.error().cause(), secret));
    BOOST_TEST(contains(refused.error().hint(), "evaluation is confined and may not open '" + secret + "'"));
    BOOST_TEST(contains(refused.error().hint(), "confine-evaluation"));

    scene.settings.confining.is_wanted = false;
    BOOST_TEST(scene.evaluate(nixos("reads")).has_value());
}

BOOST_AUTO_TEST_CASE(what_evaluation_needs_is_open_to_it, *boost::unit_test::precondition(kernel_confines)) {
    ConfinedScene scene;
    scene.write("netrc", "netrc", 0600);
    scene.settings.confining.readable = {scene.path("netrc")};
    scene.write("fleet/part.nix", "\"part\"");
    scene.write("input/flake.nix", "{ outputs = _: { name = builtins.readFile ./name; }; }");
    scene.write("input/name", "input");
    scene.write("home/.gitconfig", "[include]\n\tpath = ~/more\n");
    scene.write("home/more", "[core]\n\tabbrev = 9\n");
    scene.flake_with(R"nix({ nixosConfigurations = {
        file = host (drv (import ./part.nix) { });
        input = host (drv inputs.other.name { });
        built = host (drv (import (drv "outer" { args = [ "-c" "printf '\"built\"' > $out" ]; })) { });
        twice = host (drv (import (drv (import (drv "first" { args = [ "-c" "printf '\"second\"' > $out" ]; }))
                           { args = [ "-c" "printf '\"twice\"' > $out" ]; })) { });
        broken = host (drv (import (drv "broken" { args = [ "-c" "echo no luck >&2; exit 1" ]; })) { });
        netrc = )nix" + ConfinedScene::reading(scene.path("netrc").string()) +
                         "; git = host (drv (builtins.fetchGit { url = \"file://" + scene.flake().string() +
                         "\"; ref = \"main\"; }).shortRev { }); }; }",
                     "inputs.other.url = \"path:" + scene.path("input").string() + "\";\n");
    scene.shell("nix --extra-experimental-features 'nix-command flakes' --store '" + scene.settings.store_uri +
                "' flake lock ./fleet");
    scene.commit();
    const std::map<std::string, std::size_t> builds{{"built", 1}, {"twice", 2}};
    for (const char* name : {"file", "input", "built", "twice", "netrc", "git"}) {
        auto result = scene.evaluate(nixos(name));
        BOOST_TEST_CONTEXT(name << ": " << (result ? "" : result.error().one_line())) {
            BOOST_REQUIRE(result.has_value());
            auto built = builds.find(name);
            BOOST_TEST(result->built_by_evaluation.size() == (built == builds.end() ? 0U : built->second));
        }
    }
    auto broken = scene.evaluate(nixos("broken"));
    BOOST_REQUIRE(!broken);
    BOOST_TEST(contains(broken.error().cause(), "no luck"), broken.error().one_line());
}

BOOST_AUTO_TEST_SUITE_END()
