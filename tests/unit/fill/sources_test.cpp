#include "base/files.hpp"
#include "fill/source_pieces.hpp"
#include "fill/sources.hpp"
#include "nix/locked_path.hpp"
#include "presence/source.hpp"
#include "presence/upstreams.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using fill::PublicSources;
namespace fs = std::filesystem;

namespace {

const std::string nar_hash = "sha256-h4gyzSK14DjhF7cBN4VY+Km2ytc4Gg5tV6noZdNPhaY=";

// A store with the tree of one source.
class Store {
  public:
    Store() : directory_(*TemporaryDirectory::make("cachefill-sources")) {
        info.nar_hash = codec::Hash::parse(nar_hash).value();
        info.path = nix::locked_path(info.nar_hash);
        info.nar_size = 200;
        info.content_address = "fixed:r:sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s";
    }
    fs::path tree() const { return directory_.path() / info.path.to_string().substr(nix::store_dir.size() + 1); }
    void write(const std::string& file, const std::string& text = "{ }", const std::string& of = {}) const {
        auto place = (of.empty() ? tree() : directory_.path() / of) / file;
        fs::create_directories(place.parent_path());
        BOOST_REQUIRE(write_file_atomically(place, text).has_value());
    }
    std::string withheld(const std::string& lock = {}, std::size_t most_entries = 1000) const {
        PublicSources sources({}, most_entries);
        sources.add_lock(lock);
        return sources.reason_to_withhold(info, tree()).value_or("");
    }
    void sign(const nix::SecretKey& key) {
        auto fingerprint = nix::fingerprint(info.path, info.nar_hash, info.nar_size, info.references);
        info.signatures.push_back(key.sign(fingerprint).value());
    }

    nix::PathInfo info{.path = nix::StorePath::parse("/nix/store/ms37m6i4z2hfa1lm7a6lch7lw9vcr26l-source").value(),
                       .nar_hash = codec::Hash::parse(nar_hash).value(),
                       .nar_size = 0,
                       .references = {},
                       .deriver = {},
                       .registration_time = {},
                       .ultimate = false,
                       .signatures = {},
                       .content_address = {}};

  private:
    TemporaryDirectory directory_;
};

std::string lock_naming(const std::string& locked) {
    return R"({"nodes": {"x": {"locked": {"narHash": ")" + nar_hash + R"(", )" + locked + "}}}}";
}
const std::string nixpkgs = R"("type": "github", "owner": "NixOS", "repo": "nixpkgs")";

} // namespace

BOOST_AUTO_TEST_SUITE(sources)

BOOST_AUTO_TEST_CASE(a_flake_that_no_lock_names_stays_whoever_signed_it) {
    Store store;
    store.write("flake.nix");
    BOOST_TEST(store.withheld().find("no lock known here") != std::string::npos);
    BOOST_TEST(store.withheld(lock_naming(nixpkgs)) == "");
    store.sign(nix::SecretKey::generate("own-1"));
    BOOST_TEST(store.withheld().find("no lock known here") != std::string::npos);
    // Its name on a signature is not enough.
    store.info.signatures = {"cache.nixos.org-1:" + store.info.signatures[0].substr(6)};
    BOOST_TEST(store.withheld() != "");
    store.info.ultimate = true; // built: what a derivation makes is no source
    BOOST_TEST(store.withheld() == "");
}

BOOST_AUTO_TEST_CASE(a_flake_is_found_however_deep_it_lies) {
    Store store;
    store.write("secret.txt");
    BOOST_TEST(store.withheld() == "");
    store.write("a/b/c/d/e/f/flake.nix");
    BOOST_TEST(store.withheld().find("no lock known here") != std::string::npos);
    store.write("a/b/c/d/e/f/g/flake.nix", "{ nixosConfigurations = { }; }");
    BOOST_TEST(store.withheld().find("with machines") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tree_that_is_too_large_to_look_through_stays) {
    Store store;
    for (int i = 0; i < 10; ++i) store.write("folder/" + std::to_string(i));
    BOOST_TEST(store.withheld({}, 11) == "");
    BOOST_TEST(store.withheld({}, 10).find("cannot be told") != std::string::npos);
    BOOST_TEST(store.withheld(lock_naming(nixpkgs), 10) == ""); // a public input needs no look
}

BOOST_AUTO_TEST_CASE(a_piece_of_a_tree_that_stays_is_known_by_its_flake) {
    Store store;
    const std::string own = "{ outputs = _: { }; }", everybodys = "{ description = \"everybody's\"; }";
    store.write("flake.nix", own);
    store.write("sub/flake.nix", own, "fleet");
    store.write("vendored/flake.nix", everybodys, "fleet");
    store.write("flake.nix", everybodys, "input");
    auto folder = [&](const char* name) { return store.tree().parent_path() / name; };
    auto why = [&] {
        fill::SourcePieces pieces({{.folder = folder("fleet"), .why = "it is the flake's own source"}},
                                  {folder("input"), folder("missing")});
        return pieces.reason_to_withhold(store.info, store.tree()).value_or("");
    };
    BOOST_TEST(why() == "a flake in it is one of a source that stays here: it is the flake's own source");
    fs::rename(store.tree() / "flake.nix", store.tree() / "other.nix");
    BOOST_TEST(why() == ""); // what a build refers to by itself
    store.write("flake.nix", "{ outputs = _: { x = 1; }; }");
    BOOST_TEST(why() == ""); // fetched by an expression, perhaps
    store.write("flake.nix", everybodys);
    BOOST_TEST(why() == "");
    store.write("deep/er/flake.nix", own);
    BOOST_TEST(why() != "");
    store.info.ultimate = true;
    BOOST_TEST(why() == "");
}

BOOST_AUTO_TEST_CASE(a_source_that_is_a_file_or_a_link_holds_no_flake) {
    Store store;
    store.write("folder/flake.nix", "{ }", "elsewhere");
    fs::create_symlink(store.tree().parent_path() / "elsewhere", store.tree());
    BOOST_TEST(store.withheld() == "");
    fs::remove(store.tree());
    BOOST_REQUIRE(write_file_atomically(store.tree(), "text").has_value());
    BOOST_TEST(store.withheld() == "");
}

BOOST_AUTO_TEST_CASE(what_looks_like_nixpkgs_is_it_only_if_a_lock_in_the_store_says_so) {
    Store store;
    store.write("flake.nix");
    store.write("nixos/lib/eval-config.nix");
    BOOST_TEST(store.withheld() != "");
    store.write("flake.lock", lock_naming(R"("type": "github", "owner": "kim", "repo": "nixpkgs")"), "1-source");
    store.write("flake.lock", lock_naming(R"("type": "git", "url": "ssh://git@github.com/NixOS/nixpkgs")"), "2-source");
    store.write("flake.lock",
                lock_naming(R"("type": "github", "host": "ghe.example.org", "owner": "NixOS", "repo": "nixpkgs")"),
                "3-source");
    store.write("flake.lock", lock_naming(nixpkgs), "4-other");
    BOOST_TEST(store.withheld() != "");
    store.write("flake.lock", lock_naming(nixpkgs), "5-source");
    BOOST_TEST(store.withheld() == "");
    fs::remove(store.tree() / "nixos/lib/eval-config.nix"); // of others the store is not asked
    BOOST_TEST(store.withheld() != "");
}

BOOST_AUTO_TEST_CASE(a_private_input_stays_under_another_name_too) {
    Store store;
    store.write("file");
    auto lock = lock_naming(R"("type": "git", "url": "ssh://git@github.com/kim/x")");
    BOOST_TEST(store.withheld() == "");
    BOOST_TEST(store.withheld(lock) != "");
    store.info.path = nix::StorePath::parse("/nix/store/ms37m6i4z2hfa1lm7a6lch7lw9vcr26l-copy").value();
    BOOST_TEST(store.withheld(lock) != "");
}

BOOST_AUTO_TEST_SUITE_END()
