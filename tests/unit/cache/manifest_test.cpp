#include "cache/document.hpp"
#include "cache/manifest_store.hpp"
#include "nix/path_info.hpp"
#include "unit/cache/backends.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::Manifest;

namespace {

using Backends = boost::mpl::list<FileBackend, HttpBackend, CachixBackend>;

Manifest sample_manifest() {
    Manifest manifest;
    manifest.state = cache::ManifestState::finished;
    manifest.branch = "feature/café";
    manifest.commit = "3b1c6f0d2a";
    manifest.source_hash = "sha256:0h3p6q5r6bl2qk3i0kdj8q3xg3nq9x4c7yx3m2a1w5v9z8l6k4jf";
    manifest.system = "x86_64-linux";
    manifest.cachefill_version = "1.0.0";
    manifest.nix_version = "2.24.9";
    cache::ManifestTarget target;
    target.name = "nixos:nas";
    target.system = "x86_64-linux";
    target.derivation = "/nix/store/1a2b3c4d5f6g7h8j9k0l1m2n3p4q5r6s-nas.drv";
    target.output = "/nix/store/0rmpay4y7fdq6dg6qipqqgkja788h0p5-nas";
    target.state = cache::ManifestTargetState::incomplete;
    target.missing = {"/nix/store/9jr8mah3q50r1lakv449fb768vxqr03n-firefox"};
    manifest.targets.push_back(target);
    manifest.last_complete["nixos:nas"] = "/nix/store/1rmpay4y7fdq6dg6qipqqgkja788h0p5-nas";
    manifest.last_complete["nixos:old"] = "/nix/store/2rmpay4y7fdq6dg6qipqqgkja788h0p5-old";
    return manifest;
}

template <class Backend> void with_backend(const Body& body) {
    auto directory = TemporaryDirectory::make("cachefill-manifest").value();
    Backend backend(directory.path());
    at_desk(desk_settings(backend, directory.path()), body);
}

Task<nix::StorePath> publish_well(Desk& desk, Manifest manifest) {
    auto path = co_await cache::publish_manifest(desk.cache, desk.info.preferred_compression, std::move(manifest), 2);
    BOOST_REQUIRE_MESSAGE(path.has_value(), (path ? "" : path.error().one_line()));
    co_return *path;
}

} // namespace

BOOST_AUTO_TEST_SUITE(manifest)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
    auto manifest = sample_manifest();
    auto read = cache::parse_manifest(cache::to_json(manifest));
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST((*read == manifest));
    BOOST_TEST((read->find("nixos:nas")->state == cache::ManifestTargetState::incomplete));
    BOOST_TEST(!read->find("nixos:desktop"));
}

BOOST_AUTO_TEST_CASE(what_was_complete_last_is_told_by_older_manifests_too) {
    auto manifest = sample_manifest();
    BOOST_TEST(manifest.complete_output("nixos:nas") == "/nix/store/1rmpay4y7fdq6dg6qipqqgkja788h0p5-nas");
    BOOST_TEST(manifest.complete_output("nixos:old") == "/nix/store/2rmpay4y7fdq6dg6qipqqgkja788h0p5-old");
    BOOST_TEST(manifest.complete_output("nixos:desktop").empty());
    manifest.last_complete.clear();
    BOOST_TEST(manifest.complete_output("nixos:nas").empty());
    manifest.targets.front().state = cache::ManifestTargetState::complete;
    BOOST_TEST(manifest.complete_output("nixos:nas") == manifest.targets.front().output);
}

BOOST_AUTO_TEST_CASE(what_is_no_manifest_is_refused) {
    for (const auto* text :
         {"", "[]", "{}", "<html>", R"({"cachefill_manifest": "1"})", R"({"cachefill_manifest": 1})"}) {
        auto read = cache::parse_manifest(text);
        BOOST_TEST(!read.has_value(), text << " was accepted");
    }
    auto newer = cache::parse_manifest(R"({"cachefill_manifest": 2, "state": "finished", "targets": []})");
    BOOST_REQUIRE(!newer.has_value());
    BOOST_TEST((newer.error().kind() == FailureKind::usage));
}

BOOST_AUTO_TEST_CASE(what_is_told_of_a_manifest_is_what_it_says_to_be) {
    auto read = cache::parse_manifest(R"json({"cachefill_manifest": 1, "state": "finished", "commit": "\u001b[5mX0",
        "branch": "main\nrm", "targets": [{"name": "nixos:nas\u202e", "state": "complete",
        "derivation": "/nix/store/00000000000000000000000000000000-x' && true", "output": "/nix/store/x\r\u001b[2K",
        "missing": ["/nix/store/\u0007"]}], "last_complete": {"nixos:nas": "$(true)"
}
})json");
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(read->commit.empty());
    BOOST_TEST(read->branch == "main\uFFFDrm");
    const auto& target = read->targets.at(0);
    BOOST_TEST(target.name == "nixos:nas\uFFFD");
    BOOST_TEST(target.derivation.empty());
    BOOST_TEST(target.output.empty());
    BOOST_TEST(target.missing.at(0) == "/nix/store/\uFFFD");
    BOOST_TEST(read->complete_output("nixos:nas").empty());
}

BOOST_AUTO_TEST_CASE(a_branch_cannot_lead_out_of_the_cache) {
    BOOST_TEST(cache::manifest_name("main", "x86_64-linux") == "cachefill/main/x86_64-linux");
    BOOST_TEST(cache::manifest_name("feature/x", "x86_64-linux") == "cachefill/feature-x/x86_64-linux");
    BOOST_TEST(cache::manifest_name("..", "") == "cachefill/-../-");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(the_latest_of_a_branch_and_system_is_found, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto manifest = sample_manifest();
        auto none = co_await cache::find_manifest(desk.cache, manifest.branch, manifest.system, desk.info.public_keys);
        BOOST_REQUIRE_MESSAGE(none.has_value(), (none ? "" : none.error().one_line()));
        BOOST_TEST(!none->has_value());
        manifest.state = cache::ManifestState::building;
        auto first = co_await publish_well(desk, manifest);
        manifest.state = cache::ManifestState::finished;
        auto second = co_await publish_well(desk, manifest);
        BOOST_TEST((first != second));
        auto again = co_await publish_well(desk, manifest);
        BOOST_TEST((again == second)); // the same end, the same path
        auto found = co_await cache::find_manifest(desk.cache, manifest.branch, manifest.system, desk.info.public_keys);
        BOOST_REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().one_line()));
        BOOST_REQUIRE(found->has_value());
        BOOST_TEST(((*found)->path == second));
        BOOST_TEST(((*found)->manifest == manifest));
        auto other = co_await cache::find_manifest(desk.cache, "other", manifest.system, desk.info.public_keys);
        BOOST_TEST((other && !*other));
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_that_nobody_trusted_signed_is_refused, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto manifest = sample_manifest();
        co_await publish_well(desk, manifest);
        std::vector<nix::PublicKey> others{nix::SecretKey::generate("other-1").public_key()};
        auto found = co_await cache::find_manifest(desk.cache, manifest.branch, manifest.system, others);
        BOOST_REQUIRE(!found.has_value());
        BOOST_TEST(found.error().one_line().find("not signed") != std::string::npos);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_consumer_that_trusts_no_key_accepts_its_content_address, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto path = co_await publish_well(desk, sample_manifest());
        auto info = co_await desk.cache.get_narinfo(path);
        BOOST_REQUIRE((info && *info));
        BOOST_TEST((*info)->references.empty());
        if (!desk.info.server_signs) BOOST_TEST(((*info)->is_trusted_by({})));
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_document_is_found_by_its_path_alone, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto path = nix::text_path("note.txt", "a key").first; // which does not follow from what is in it
        std::string what = "the note";
        auto none = co_await cache::read_document(desk.cache, path, desk.info.public_keys, what, 1000);
        BOOST_TEST((none && !*none));
        std::string text = "what there is to say";
        auto published =
            co_await cache::publish_document(desk.cache, desk.info.preferred_compression, path, std::string(), text);
        BOOST_REQUIRE_MESSAGE(published.has_value(), (published ? "" : published.error().one_line()));
        auto read = co_await cache::read_document(desk.cache, path, desk.info.public_keys, what, 1000);
        BOOST_REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().one_line()));
        BOOST_TEST(**read == text);
        auto large = co_await cache::read_document(desk.cache, path, desk.info.public_keys, what, 100);
        BOOST_REQUIRE(!large.has_value());
        BOOST_TEST(large.error().one_line().find("the note " + path.to_string()) == 0U);
        std::vector<nix::PublicKey> others{nix::SecretKey::generate("other-1").public_key()};
        auto unsigned_one = co_await cache::read_document(desk.cache, path, others, what, 1000);
        BOOST_REQUIRE(!unsigned_one.has_value());
        BOOST_TEST(unsigned_one.error().one_line().find("not signed") != std::string::npos);
    });
}

BOOST_AUTO_TEST_SUITE_END()
