#include "base/files.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "presence/realisations.hpp"
#include "presence/views.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

using namespace cachefill;
using namespace cachefill::test;
using presence::Judge;

namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

fs::path folder() { return fs::path(CACHEFILL_GOLDEN) / "nix/realisations"; }

Result<nix::Derivation> read_derivation(const nix::StorePath& path) {
    TRY(text, read_file(folder() / "drv" / path.base_name()));
    return nix::Derivation::parse(text);
}

nix::StorePath derivation(const std::string& name) {
    for (const auto& entry : fs::directory_iterator(folder() / "drv"))
        if (auto path = nix::StorePath::parse_base_name(entry.path().filename().string());
            path->name() == name + ".drv")
            return *path;
    throw std::runtime_error("no derivation " + name);
}

struct Silent final : event::Sink {
    void on_event(const event::Event&) override {}
};

// An own cache and an upstream; derivations, outputs and realisations as real Nix made them.
struct Fixture {
    HandClock clock;
    plan::Graph graph;
    plan::Facts facts;
    Silent sink;
    std::unique_ptr<Judge> judge;
    std::unique_ptr<presence::Realisations> realisations;
    FaultyCache* own = nullptr;
    FaultyCache* upstream = nullptr;
    plan::Target target;
    nix::RealisationIds ids{read_derivation};
    std::string by_design; // which everybody builds

    void start(async::Executor executor, const std::string& name) {
        judge = std::make_unique<Judge>(executor, clock, graph, facts, sink, presence::Patience());
        auto first = std::make_unique<FaultyCache>(executor, clock, "own.example");
        own = first.get();
        judge->add_own({.backend = std::move(first), .info = {}, .keys = {}});
        judge->learn(nix::TrustedKeys::everybody());
        auto second = std::make_unique<FaultyCache>(executor, clock, "up.example");
        upstream = second.get();
        judge->add_upstream(std::move(second));
        realisations = std::make_unique<presence::Realisations>(executor, graph, facts, *judge, read_derivation);
        target.name = name;
        auto read = [this](const nix::StorePath& path) -> Result<nix::Derivation> {
            TRY(made, read_derivation(path));
            if (path.name() == by_design + ".drv") made.allow_substitutes = false;
            return made;
        };
        target.derivation = graph.add_closure(derivation(name), read).value();
        target.outputs = {output(name, "out").output};
    }
    plan::Graph::Producer output(const std::string& name, const std::string& wanted) {
        auto id = graph.find_derivation(derivation(name)).value();
        const auto& outputs = graph.derivation(id).outputs;
        for (std::uint16_t i = 0; i < outputs.size(); ++i)
            if (outputs[i].name == wanted) return {id, i};
        throw std::runtime_error("no output " + wanted);
    }
    nix::Realisation kept(const std::string& name, const std::string& wanted) {
        auto id = ids.id(derivation(name), wanted).value();
        return nix::Realisation::parse(read_file(folder() / "realisations" / (id + ".doi")).value()).value();
    }
    nix::StorePath path_of(const std::string& name, const std::string& wanted = "out") {
        if (auto known = read_derivation(derivation(name)).value().find_output(wanted)->path) return *known;
        return kept(name, wanted).out_path;
    }
    void tell(FaultyCache& cache, const std::string& name, const std::string& wanted = "out") {
        auto realisation = kept(name, wanted);
        cache.told.emplace(realisation.id, realisation);
    }
    void serve_all_but(const std::string& lacking) {
        for (const std::string name : {"leaf", "plain", "fetched", "split", "floating", "deferred"})
            if (name != lacking) own->serve(path_of(name));
        if (lacking != "dev") own->serve(path_of("split", "dev"));
    }
    Judge::Counting everybody() {
        return [this] { return judge->all(); };
    }
    async::Task<std::optional<nix::StorePath>> learnt(const std::string& name) {
        auto done = co_await realisations->learn(everybody(), nullptr);
        BOOST_TEST_REQUIRE(done.has_value());
        auto [id, number] = output(name, "out");
        auto path = graph.derivation(id).outputs[number].path;
        co_return path == plan::no_path ? std::nullopt : std::optional(graph.path(path));
    }
    async::Task<Names> untold() {
        auto names = co_await realisations->untold(target, everybody());
        BOOST_TEST_REQUIRE(names.has_value());
        co_return *names;
    }
    void run(std::function<async::Task<void>(async::Executor)> body) {
        run_by_hand(clock, [&](async::Executor executor) -> async::Task<void> {
            co_await body(executor);
            realisations.reset();
            judge.reset(); // while its loop is there
        });
    }
};

const Names nothing;

} // namespace

BOOST_FIXTURE_TEST_SUITE(realisations_of_caches, Fixture)

BOOST_AUTO_TEST_CASE(what_is_told_and_served_is_found) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, "deferred");
        serve_all_but("");
        for (const std::string name : {"leaf", "split", "deferred"}) tell(*own, name);
        auto path = co_await learnt("deferred");
        BOOST_TEST((path == path_of("deferred")));
        auto names = co_await untold();
        BOOST_TEST(names == nothing, boost::test_tools::per_element());
    });
}

// Nix has the inputs from whoever has them, resolves, and fetches what that gives.
BOOST_AUTO_TEST_CASE(what_nobody_tells_is_found_by_resolving_it) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, "deferred");
        serve_all_but("");
        tell(*own, "leaf");
        tell(*upstream, "split");
        auto path = co_await learnt("deferred");
        BOOST_TEST((path == path_of("deferred")));
        auto names = co_await untold();
        BOOST_TEST(names == nothing, boost::test_tools::per_element());
    });
}

// The machine that builds it resolves it as well, and so finds what needs it.
BOOST_AUTO_TEST_CASE(where_one_that_everybody_builds_lies_is_found) {
    run([&](async::Executor executor) -> async::Task<void> {
        by_design = "deferred";
        start(executor, "deferred");
        serve_all_but("");
        for (const std::string told : {"leaf", "split"}) tell(*own, told);
        auto path = co_await learnt("deferred");
        BOOST_TEST((path == path_of("deferred")));
    });
}

// Nix fetches all inputs before it resolves, also one of which nothing that is served speaks.
BOOST_AUTO_TEST_CASE(without_an_input_nothing_is_resolved) {
    for (const std::string lacking : {"leaf", "split"}) {
        Fixture fixture;
        fixture.run([&](async::Executor executor) -> async::Task<void> {
            fixture.start(executor, "deferred");
            fixture.serve_all_but(lacking);
            for (const std::string name : {"leaf", "split"}) fixture.tell(*fixture.own, name);
            auto path = co_await fixture.learnt("deferred");
            BOOST_TEST(!path.has_value(), lacking);
            auto names = co_await fixture.untold();
            BOOST_TEST(names == Names{"deferred"}, boost::test_tools::per_element());
        });
    }
}

BOOST_AUTO_TEST_CASE(what_nobody_serves_is_nowhere_though_it_can_be_resolved) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, "deferred");
        serve_all_but("deferred");
        for (const std::string name : {"leaf", "split"}) tell(*own, name);
        auto path = co_await learnt("deferred");
        BOOST_TEST(!path.has_value());
        auto names = co_await untold();
        BOOST_TEST(names == Names{"deferred"}, boost::test_tools::per_element());
    });
}

// A floating output that is resolved has another realisation, which somebody must tell.
BOOST_AUTO_TEST_CASE(a_floating_one_is_found_by_the_realisation_of_the_resolved) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, "floating");
        serve_all_but("");
        tell(*own, "leaf");
        tell(*own, "split");
        tell(*own, "split", "dev");
        auto path = co_await learnt("floating");
        BOOST_TEST(!path.has_value());
        auto names = co_await untold();
        BOOST_TEST(names == Names{"floating"}, boost::test_tools::per_element());

        auto text = read_file(folder() / "resolved/floating.drv").value();
        auto realisation = kept("floating", "out");
        realisation.id = nix::RealisationIds::id_of_resolved(nix::Derivation::parse(text).value(), "out");
        realisation.dependents.clear();
        own->told.emplace(realisation.id, realisation);
        realisations->forget();
        path = co_await learnt("floating");
        BOOST_TEST((path == path_of("floating")));
        names = co_await untold();
        BOOST_TEST(names == nothing, boost::test_tools::per_element());
    });
}

// Nix takes a realisation only with those of what its output refers to. It knows these also of what it has.
BOOST_AUTO_TEST_CASE(what_an_output_refers_to_need_not_be_told_if_it_is_an_input_that_can_be_had) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, "floating");
        serve_all_but("");
        tell(*own, "floating");
        tell(*own, "leaf");
        tell(*own, "split");
        tell(*own, "split", "dev");
        auto names = co_await untold(); // plain, an ordinary input of split and of floating, is told by nobody
        BOOST_TEST(names == nothing, boost::test_tools::per_element());
    });
    Fixture fixture;
    fixture.run([&](async::Executor executor) -> async::Task<void> {
        fixture.start(executor, "floating");
        fixture.serve_all_but("plain");
        for (const std::string name : {"floating", "leaf", "split"}) fixture.tell(*fixture.own, name);
        fixture.tell(*fixture.own, "split", "dev");
        auto names = co_await fixture.untold();
        BOOST_TEST(names == Names{"floating"}, boost::test_tools::per_element());
    });
}

// What one machine's caches tell is no answer for another's.
BOOST_AUTO_TEST_CASE(each_machine_is_told_by_its_own_caches) {
    run([&](async::Executor executor) -> async::Task<void> {
        start(executor, "deferred");
        serve_all_but("");
        tell(*upstream, "leaf");
        tell(*upstream, "split");
        auto path = co_await learnt("deferred");
        BOOST_TEST(path.has_value());
        auto names = co_await untold();
        BOOST_TEST(names == nothing, boost::test_tools::per_element());
        auto own_alone = judge->views().all_of(plan::own_cache);
        Judge::Counting counts = [own_alone] { return own_alone; };
        auto alone = co_await realisations->untold(target, std::move(counts));
        BOOST_TEST_REQUIRE(alone.has_value());
        BOOST_TEST(*alone == Names{"deferred"}, boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_SUITE_END()
