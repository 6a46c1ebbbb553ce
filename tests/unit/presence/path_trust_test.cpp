// What of one host's caches may become part of another host's closure, and of what is signed for all: nothing.
#include "../plan/world.hpp"
#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "presence/path_trust.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace cachefill::presence;
using nix::SecretKey;

namespace {

constexpr plan::CacheMask own = 0b001, everybodys = 0b010, alphas = 0b100;
using Names = std::vector<std::string>;

// Host alpha needs its own tool and what it shares with beta; only alpha trusts the key alpha-1.
struct Fleet {
    HandClock clock;
    World world;
    event::NullSink sink;
    SecretKey own_key = SecretKey::generate("own-1"), shared_key = SecretKey::generate("shared-1"),
              alpha_key = SecretKey::generate("alpha-1"), stranger = SecretKey::generate("stranger-1");
    std::vector<plan::CacheMask> counting;
    bool all_known = true;

    Fleet() {
        world.derivation("libc").derivation("shared", {"libc"}).derivation("tool", {"libc"});
        world.derivation("alpha", {"shared", "tool"}).derivation("beta", {"shared"});
        for (const auto* name : {"shared", "tool"}) world.facts_of(name).references = {world.path("libc")};
        world.target("alpha", own | everybodys | alphas).target("beta", own | everybodys);
        counting = plan::counting_caches(world.graph, world.facts, world.targets);
    }
    void run(const std::string& of_beta, const std::function<void(const PathTrust&)>& body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            Judge judge(executor, clock, world.graph, world.facts, sink, Patience());
            auto cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
            judge.add_own({.backend = std::move(cache), .info = {}, .keys = {own_key.public_key()}});
            auto maker = [&](const cache::CacheUri&) -> std::unique_ptr<cache::BinaryCache> {
                return std::make_unique<FaultyCache>(executor, clock, "up.example");
            };
            auto upstreams = Upstreams::make(judge, {}, maker, sink);
            BOOST_TEST_REQUIRE(upstreams.has_value());
            auto add = [&](const std::string& conf) {
                nix::CacheSettings says;
                says.read("substituters = https://up.example\n" + conf);
                return upstreams->add_host("nixos:x", says);
            };
            auto alpha = add("trusted-public-keys = " + text(shared_key) + " " + text(alpha_key));
            auto beta = add(of_beta);
            PathTrust trust(world.graph, world.facts, judge, *upstreams);
            trust.update(world.targets, {alpha, beta}, all_known);
            body(trust);
            co_return;
        });
    }
    static std::string text(const SecretKey& key) { return key.public_key().to_string(); }
    std::string trusts_shared() const { return "trusted-public-keys = " + text(shared_key); }
    Names keys(const PathTrust& trust, const std::string& name) const {
        Names names;
        for (const auto& key : trust.keys(store_path(name))) names.push_back(key.name);
        return names;
    }
    Names before(const PathTrust& trust, const std::string& name) const {
        Names names;
        for (const auto& path : trust.to_fetch_before(store_path(name), counting)) names.emplace_back(path.name());
        return names;
    }
    static nix::PathInfo signed_path(const std::string& name, const std::vector<const SecretKey*>& signers) {
        nix::PathInfo info{.path = store_path(name),
                           .nar_hash = codec::Hash(codec::HashAlgorithm::sha256, std::string(32, name.front())),
                           .nar_size = 100,
                           .references = {},
                           .deriver = {},
                           .signatures = {},
                           .content_address = {}};
        auto bytes = nix::fingerprint(info.path, info.nar_hash, info.nar_size, info.references);
        for (const auto* key : signers) info.signatures.push_back(key->sign(bytes).value());
        return info;
    }
};

} // namespace

BOOST_TEST_SPECIALIZED_COLLECTION_COMPARE(Names)

BOOST_FIXTURE_TEST_SUITE(path_trust, Fleet)

BOOST_AUTO_TEST_CASE(the_keys_that_count_are_those_of_all_who_need_the_path) {
    run(trusts_shared(), [this](const PathTrust& trust) {
        BOOST_TEST(keys(trust, "tool") == (Names{"own-1", "shared-1", "alpha-1"}));
        BOOST_TEST(keys(trust, "shared") == (Names{"own-1", "shared-1"}));
        BOOST_TEST(keys(trust, "libc") == (Names{"own-1", "shared-1"}));
        BOOST_TEST(keys(trust, "never-heard-of") == (Names{"own-1", "shared-1"}));
    });
}

BOOST_AUTO_TEST_CASE(what_others_need_as_well_is_fetched_before_and_by_itself) {
    run(trusts_shared(), [this](const PathTrust& trust) {
        BOOST_TEST(before(trust, "tool") == Names{"libc"});
        BOOST_TEST(before(trust, "shared") == Names{});
        world.facts_of("libc").valid_here = true;
        BOOST_TEST(before(trust, "tool") == Names{});
    });
}

BOOST_AUTO_TEST_CASE(where_all_trust_the_same_nothing_is_fetched_by_itself) {
    counting.assign(counting.size(), own | everybodys | alphas);
    run(trusts_shared() + " " + text(alpha_key), [this](const PathTrust& trust) {
        BOOST_TEST(before(trust, "tool") == Names{});
        BOOST_TEST(keys(trust, "libc") == (Names{"own-1", "shared-1", "alpha-1"}));
    });
}

BOOST_AUTO_TEST_CASE(what_only_one_host_believes_is_doubtful_where_others_need_it) {
    run(trusts_shared(), [this](const PathTrust& trust) {
        BOOST_TEST(trust.doubt(signed_path("libc", {&shared_key})).empty());
        BOOST_TEST(trust.doubt(signed_path("libc", {&own_key})).empty());
        BOOST_TEST(trust.doubt(signed_path("libc", {&alpha_key, &shared_key})).empty());
        BOOST_TEST(trust.doubt(signed_path("tool", {&alpha_key})).empty());
        BOOST_TEST(trust.doubt(signed_path("libc", {&alpha_key})) ==
                   "it is valid on this machine only by the word of alpha-1, whom not everybody who needs it trusts");
        BOOST_TEST(!trust.doubt(signed_path("tool", {&stranger})).empty());
        // A signature of something else under a good name.
        auto changed = signed_path("libc", {&shared_key});
        changed.nar_size = 101;
        BOOST_TEST(!trust.doubt(changed).empty());
    });
}

BOOST_AUTO_TEST_CASE(what_was_built_here_is_the_machines_own_affair_and_what_has_no_signature_is_doubtful) {
    run(trusts_shared(), [](const PathTrust& trust) {
        auto built = signed_path("libc", {});
        BOOST_TEST(trust.doubt(built) == "it is valid on this machine without a signature, and was not built here");
        built.ultimate = true;
        BOOST_TEST(trust.doubt(built).empty());
        built.signatures = {"alpha-1:AAAA"};
        BOOST_TEST(trust.doubt(built).empty());
    });
}

BOOST_AUTO_TEST_CASE(a_host_that_checks_nothing_does_not_loosen_what_counts_for_the_others) {
    run("require-sigs = false", [this](const PathTrust& trust) {
        BOOST_TEST(trust.doubt(signed_path("libc", {&alpha_key})).empty());
        BOOST_TEST(!trust.doubt(signed_path("libc", {&stranger})).empty());
        // Perhaps what beta fetched, and alpha needs it, too.
        BOOST_TEST(!trust.doubt(signed_path("libc", {})).empty());
        BOOST_TEST(!trust.doubt(signed_path("tool", {&stranger})).empty());
    });
}

BOOST_AUTO_TEST_CASE(until_all_hosts_are_known_only_the_usual_keys_count) {
    all_known = false;
    run(trusts_shared(), [this](const PathTrust& trust) {
        BOOST_TEST(keys(trust, "tool") == Names{"own-1"});
        BOOST_TEST(!trust.doubt(signed_path("tool", {&alpha_key})).empty());
        BOOST_TEST(trust.doubt(signed_path("tool", {&own_key})).empty());
    });
}

BOOST_AUTO_TEST_SUITE_END()
