#include "nix_scene.hpp"
#include "support/http_server.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

// Inputs that need credentials of the user's, and ours that no child may see.
using namespace cachefill;
using namespace cachefill::eval;
using test::nixos;
using test::NixScene;

namespace {

bool contains(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

const std::string needs_library = "{ nixosConfigurations.a = host (drv \"a\" { x = inputs.library.one; }); }";

std::string nix_of(const NixScene& scene) {
    return "nix --extra-experimental-features 'nix-command flakes' --store '" + scene.settings.store_uri + "'";
}

// Locked, committed, and then without anything of the input in store and caches.
void lock_and_forget(const NixScene& scene) {
    scene.shell("cd fleet; " + nix_of(scene) + " flake lock; git add flake.lock");
    scene.commit();
    scene.shell("chmod -R u+w root; rm -rf root home/.cache");
}

} // namespace

BOOST_AUTO_TEST_SUITE(private_input)

BOOST_AUTO_TEST_CASE(one_by_ssh_still_evaluates) {
    NixScene scene;
    scene.write("library/flake.nix", "{ outputs = _: { one = 1; }; }");
    scene.shell("cd library; git init -q -b main .; git add -A; git commit -q -m x");
    // Stands for ssh: logs that it was called with the user's agent, and serves the repository from here.
    scene.write("bin/fake-ssh",
                "#!/bin/sh\necho \"$SSH_AUTH_SOCK\" >> " + scene.path("ssh-log").string() +
                    "\nwhile [ $# -gt 1 ]; do shift; done\nexec sh -c \"$1\"\n",
                0755);
    scene.settings.environment.set("GIT_SSH_COMMAND", scene.path("bin/fake-ssh").string());
    scene.settings.environment.set("GIT_SSH_VARIANT", "ssh");
    scene.settings.environment.set("SSH_AUTH_SOCK", "/run/agent");
    scene.flake_with(needs_library, "inputs.library.url = \"git+ssh://git@private.example.org" +
                                        scene.path("library").string() + "?ref=main\";\n");
    lock_and_forget(scene);
    scene.shell("rm ssh-log");
    auto result = scene.evaluate(nixos("a"));
    BOOST_REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().one_line()));
    BOOST_TEST(contains(scene.read("ssh-log"), "/run/agent"));
}

BOOST_AUTO_TEST_CASE(one_by_access_token_still_evaluates) {
    NixScene scene;
    scene.write("library/flake.nix", "{ outputs = _: { one = 1; }; }");
    scene.shell("tar -czf library.tar.gz library");
    auto archive = scene.read("library.tar.gz");
    // netrc is how Nix 2.8 authorises a plain tarball; access-tokens go to GitHub's and GitLab's hosts only.
    auto serve = [archive](const test::HttpRequest& request) -> test::HttpReply {
        if (request.header("Authorization") != "Basic a2ltOnRva2Vu") return {401, "who are you"}; // kim:token
        return {200, archive};
    };
    test::HttpServer server(serve);
    scene.write("home/netrc", "machine 127.0.0.1 login kim password token\n", 0600);
    auto config = scene.settings.environment.get_or("NIX_CONFIG");
    scene.settings.environment.set("NIX_CONFIG", config + "netrc-file = " + scene.path("home/netrc").string() + "\n");
    scene.flake_with(needs_library, "inputs.library.url = \"" + server.url() + "/library.tar.gz\";\n");
    lock_and_forget(scene);
    auto result = scene.evaluate(nixos("a"));
    BOOST_REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().one_line()));
    for (const auto& request : server.log()) BOOST_TEST(!request.header("Authorization").empty());
}

BOOST_AUTO_TEST_CASE(no_secret_of_ours_reaches_any_child) {
    NixScene scene;
    // Evaluators get what Environment::without_our_secrets leaves; a builder and git run below them.
    auto environment = scene.settings.environment;
    for (const char* name : {"CACHIX_AUTH_TOKEN", "CACHIX_SIGNING_KEY", "CACHEFILL_SIGNING_KEY", "CACHEFILL_NOTIFY_URL",
                             "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_TOKEN"})
        environment.set(name, "hunter2-" + std::string(name));
    environment.set("NIX_CONFIG", environment.get_or("NIX_CONFIG") + "access-tokens = github.com=theirs\n");
    scene.settings.environment = environment.without_our_secrets();
    scene.write("library/flake.nix", "{ outputs = _: { one = 1; }; }");
    scene.shell("cd library; git init -q -b main .; git add -A; git commit -q -m x");
    scene.write("bin/fake-ssh",
                "#!/bin/sh\nprocess=$$\nwhile [ $process != " + std::to_string(::getpid()) +
                    " ] && [ $process -gt 1 ]; do\n  cat /proc/$process/environ >> " + scene.path("environ").string() +
                    "\n  process=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$process/status)\ndone\n"
                    "while [ $# -gt 1 ]; do shift; done\nexec sh -c \"$1\"\n",
                0755);
    scene.settings.environment.set("GIT_SSH_COMMAND", scene.path("bin/fake-ssh").string());
    scene.settings.environment.set("GIT_SSH_VARIANT", "ssh");
    scene.flake_with(needs_library, "inputs.library.url = \"git+ssh://git@private.example.org" +
                                        scene.path("library").string() + "?ref=main\";\n");
    lock_and_forget(scene);
    BOOST_TEST(scene.evaluate(nixos("a")).has_value());
    auto seen = scene.read("environ");
    BOOST_TEST(contains(seen, "access-tokens = github.com=theirs")); // nix itself is among them
    BOOST_TEST(contains(seen, "NIXPKGS_ALLOW_UNFREE=1"));
    BOOST_TEST(!contains(seen, "hunter2"));
}

BOOST_AUTO_TEST_SUITE_END()
