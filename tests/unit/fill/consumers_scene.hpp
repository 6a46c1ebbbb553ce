#pragma once

#include "../plan/world.hpp"
#include "event/event.hpp"
#include "fill/consumers.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace cachefill::test {

// app needs lib and dev. The given upstream has these two; the host box names other caches, the host friend names it
// and its key.
struct ConsumersScene {
    HandClock clock;
    World world;
    event::NullSink sink;
    nix::SecretKey signer = nix::SecretKey::generate("up-1");
    std::string up_address; // as it is asked, if not as it was given
    FaultyCache *ours = nullptr, *up = nullptr;
    std::unique_ptr<presence::Judge> judge;
    cache::CacheInfo own_info;
    presence::UpstreamRules rules;
    std::optional<fill::LivePlan> live;
    std::optional<fill::Consumers> consumers;

    void run(std::function<async::Task<void>(async::Executor)> body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            start(executor);
            co_await body(executor);
            consumers.reset();
            live.reset();
            judge.reset(); // while their loop is there
        });
    }
    void start(async::Executor executor) {
        world.derivation("lib").derivation("dev").derivation("app", {"lib", "dev"}).target("app");
        judge =
            std::make_unique<presence::Judge>(executor, clock, world.graph, world.facts, sink, presence::Patience());
        auto cache = std::make_unique<FaultyCache>(executor, clock, "own.example");
        ours = cache.get();
        judge->add_own({.backend = std::move(cache), .info = own_info, .keys = {}});
        rules.given = {GivenUrl("https://up.example")};
        rules.trusted_public_keys = {signer.public_key().to_string()}; // known, which is not trusted by hosts
        auto maker = [this, executor](const cache::CacheUri& uri) { return make(executor, uri.name); };
        auto made = presence::Upstreams::make(*judge, rules, maker, sink);
        BOOST_TEST_REQUIRE(made.has_value());
        live.emplace(executor, world.graph, world.facts);
        consumers.emplace(std::move(*made), world.graph, world.facts, *judge, *live);
    }
    std::unique_ptr<cache::BinaryCache> make(async::Executor executor, const std::string& url) {
        auto cache = std::make_unique<FaultyCache>(executor, clock, url.substr(url.find("//") + 2));
        if (url != "https://up.example") return cache;
        for (const auto* name : {"lib", "dev"}) {
            cache->serve(store_path(name));
            auto& info = cache->visible.at(store_path(name)).info;
            info.signatures = {signer.sign(info.fingerprint()).value()};
        }
        if (!up_address.empty()) cache->address() = cache::CacheUri::parse(up_address).value();
        up = cache.get();
        return cache;
    }
    void add_box() { add("nixos:box", "substituters = https://elsewhere.example"); }
    void add_friend() {
        add("nixos:friend",
            "substituters = https://up.example\ntrusted-public-keys = " + signer.public_key().to_string());
    }
    void add(const std::string& name, const std::string& conf) {
        nix::CacheSettings says;
        says.read(conf);
        live->add(world.targets.front(), consumers->upstreams().add_host(name, says));
    }
    // As a run plans: until nothing is open that hangs on it.
    async::Task<void> plan() {
        for (int round = 0; round < 9; ++round) {
            consumers->refresh_trust();
            consumers->refresh_counting();
            if (rules.machine_obeys) world.policy.fetchable_here = consumers->upstreams().fetchable_here();
            live->make(world.policy);
            auto questions = live->now().questions;
            auto also = consumers->uncounted().questions();
            questions.remote.insert(questions.remote.end(), also.remote.begin(), also.remote.end());
            if (questions.empty()) co_return;
            for (auto local : questions.local) world.facts.of(local).valid_here = false;
            questions.local.clear();
            auto answered = co_await judge->answer(std::move(questions), nullptr);
            BOOST_TEST_REQUIRE(answered.has_value());
        }
    }
};

} // namespace cachefill::test
