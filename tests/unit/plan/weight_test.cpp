#include "plan/weight.hpp"
#include "world.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::plan;

namespace {

nix::Derivation with_environment(std::map<std::string, std::string> environment) {
    nix::Derivation derivation;
    derivation.environment = std::move(environment);
    derivation.structured_attributes = derivation.environment.contains("__json");
    return derivation;
}

// "stdenv-linux", "tool-1.0", …; "=NAME" is fetched, "@NAME" a file.
bool light(std::string_view name, const std::map<std::string, std::string>& environment,
           const std::vector<std::string>& parts) {
    std::vector<Ingredient> ingredients;
    for (const auto& part : parts) {
        bool is_fetched = part.starts_with('='), is_file = part.starts_with('@');
        auto of = std::string_view(part).substr(is_fetched || is_file ? 1 : 0);
        ingredients.push_back({of, is_fetched, is_file});
    }
    return takes_moments(name, making_of(with_environment(environment)), ingredients);
}

const std::vector<std::string> usual{"stdenv-linux", "bash-5.2p26", "@default-builder.sh"};
std::vector<std::string> usual_and(std::vector<std::string> more) {
    more.insert(more.end(), usual.begin(), usual.end());
    return more;
}

} // namespace

BOOST_AUTO_TEST_SUITE(weight)

BOOST_AUTO_TEST_CASE(texts_settings_and_wrappers_take_moments) {
    BOOST_TEST(light("registries.conf", {{"buildCommand", "…"}, {"stdenv", "/nix/store/…"}}, {"bash-5.2p26"}));
    BOOST_TEST(light("script", {{"passAsFile", "text buildCommand"}, {"text", "…"}}, usual));
    BOOST_TEST(light("hosts", {{"buildCommand", "…"}}, usual_and({"localhost-hosts", "string-hosts"})));
    BOOST_TEST(light("firefox-142.0", {{"buildCommand", "…"}, {"pname", "firefox"}, {"version", "142.0"}},
                     usual_and({"firefox-unwrapped-142.0", "hook"})));
    BOOST_TEST(light("sshd.conf-validated", {}, usual_and({"openssh-9.8p1"})));
    BOOST_TEST(light("fonts.conf", {}, usual_and({"libxslt-1.1.39", "=hack-font-3.003", "@make-fonts-conf.xsl"})));
    BOOST_TEST(light("hook", {{"stdenv", "…"}}, {"bash-5.2p26", "@setup-hook.sh"}));
    BOOST_TEST(light("text", {{"__json", R"({"buildCommand": "…", "stdenv": "…", "src": null})"}}, {}));
}

BOOST_AUTO_TEST_CASE(what_has_a_source_is_a_compilation_however_it_is_made) {
    BOOST_TEST(!light("hello-2.12.1", {{"src", "/nix/store/…"}}, usual));
    BOOST_TEST(!light("hello-2.12.1", {{"pname", "hello"}}, usual));
    BOOST_TEST(!light("hello", {{"__json", R"({"srcs": ["/nix/store/…"], "buildCommand": "…", "stdenv": "…"})"}}, {}));
    for (const char* source : {"hello-2.12.1.tar.gz", "source", "discord.tar.gz", "chromium-src", "=zoom.deb",
                               "foo-vendor", "foo-1.0-cargo-deps", "crate-serde-1.0.tar.gz", "node_modules", "x.zip"})
        BOOST_TEST(!light("anything", {{"buildCommand", "…"}}, usual_and({source})), source);
    for (const char* file : {"@main.c", "@src", "@Makefile", "@fleet-backup", "@lib.rs"})
        BOOST_TEST(!light("anything", {{"buildCommand", "…"}}, usual_and({file})), file);
    // Fetched, and no name tells of what: a program of some version may be made of it.
    BOOST_TEST(!light("rar-7.0", {}, usual_and({"=rarlinux"})));
}

BOOST_AUTO_TEST_CASE(what_brings_a_compiler_or_makes_images_is_a_compilation) {
    for (const char* tool : {"gcc-wrapper-13.2.0", "x86_64-unknown-linux-musl-gcc-wrapper-13.2.0", "clang-17.0.6",
                             "rustc-wrapper-1.80.0", "cargo-1.80.0", "go-1.22.5", "ghc-9.4.8-with-packages",
                             "openjdk-21.0.3+9", "nodejs-20.15.1", "nodejs-slim-20.15.1", "texlive-combined-full-2023",
                             "squashfs-4.6.1", "qemu-host-cpu-only-9.0.2", "nix-2.18.5", "cmake-3.29.6"})
        BOOST_TEST(!light("anything", {{"buildCommand", "…"}}, usual_and({tool})), tool);
    for (const char* harmless : {"go-md2man-2.0.4", "gcc-unwrapped-lib", "rust-analyzer-2024-07-01",
                                 "binutils-wrapper-2.42", "pkg-config-wrapper-0.29.2", "nix-info"})
        BOOST_TEST(light("anything", {{"buildCommand", "…"}}, usual_and({harmless})), harmless);
    nix::Derivation machine = with_environment({{"buildCommand", "…"}, {"stdenv", "…"}});
    machine.required_system_features = {"kvm"};
    BOOST_TEST(!takes_moments("vm-test-run", making_of(machine), {}));
}

BOOST_AUTO_TEST_CASE(what_nixpkgs_did_not_make_is_not_judged_by_its_shape) {
    BOOST_TEST(!light("dep", {{"text", "a dependency"}}, {}));
    BOOST_TEST(!light("compiler-1.0", {{"buildCommand", "sleep 1000"}}, {"tool"}));
}

BOOST_AUTO_TEST_SUITE_END()
