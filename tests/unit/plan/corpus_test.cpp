// Real derivation graphs (tests/data/README.md), with the distribution's cache answering and an empty cache of ours.
#include "support/corpus.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <set>

using namespace cachefill;
using namespace cachefill::plan;
using namespace cachefill::test;

namespace {

std::filesystem::path folder(const std::string& name) { return std::filesystem::path(CACHEFILL_CORPORA) / name; }

Corpus open_corpus(const std::string& name) {
    auto corpus = read_corpus(folder(name));
    BOOST_REQUIRE_MESSAGE(corpus.has_value(), (corpus ? "" : corpus.error().one_line()));
    return std::move(corpus).value();
}

std::set<std::string> base_names(const Graph& graph, const std::vector<PlannedBuild>& builds) {
    std::set<std::string> names;
    for (const PlannedBuild& build : builds) names.emplace(graph.derivation(build.derivation).path.base_name());
    return names;
}

void require_no_complaints(const std::vector<std::string>& complaints) {
    for (const std::string& complaint : complaints) BOOST_ERROR(complaint);
}

} // namespace

BOOST_AUTO_TEST_SUITE(real_graphs)

// Of the derivations that four NixOS hosts have for themselves, measured: none of those left out here took a second.
BOOST_AUTO_TEST_CASE(of_what_a_fleet_has_for_itself_only_packages_with_sources_are_compilations) {
    Corpus corpus = open_corpus("nixos-fleet-5k");
    std::multiset<std::string> compilations;
    std::ifstream lines(folder("nixos-fleet-5k") / "own.txt");
    for (std::string line; std::getline(lines, line);) {
        const auto id = corpus.graph.find_derivation(nix::StorePath::parse_base_name(line).value());
        BOOST_REQUIRE(id.has_value());
        const GraphDerivation& derivation = corpus.graph.derivation(*id);
        if (derivation.kind == DerivationKind::compile) compilations.emplace(derivation.name());
    }
    const std::multiset<std::string> expected{"discord-0.0.10",
                                              "dpkg-1.20.5",
                                              "faac-1.29.9.2",
                                              "fleet-backup-1.4",
                                              "libgnome-keyring-3.12.0",
                                              "mp4v2-4.1.3",
                                              "qtimageformats-5.12.7",
                                              "skypeforlinux-8.62.0.85",
                                              "slack-4.4.3",
                                              "spotify-1.1.26.501.gbe11e53b-15",
                                              "squashfs-4.4",
                                              "unrar-5.9.2",
                                              "vscode-1.46.1",
                                              "zoom-us-5.1.422789.0705"};
    BOOST_TEST(compilations == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_really_compiles_stays_a_compilation) {
    for (const std::string name : {"nixos-fleet-5k", "nixos-desktop-3k"}) {
        Corpus corpus = open_corpus(name);
        std::size_t compilations = 0, kernels = 0;
        for (const DerivationId id : corpus.graph.topological_order()) {
            const GraphDerivation& derivation = corpus.graph.derivation(id);
            const bool brings_sources =
                std::any_of(derivation.inputs.begin(), derivation.inputs.end(), [&](const GraphInput& input) {
                    const auto& made = corpus.graph.derivation(input.derivation);
                    return made.kind == DerivationKind::fixed_output && made.name().find(".tar.") != std::string::npos;
                });
            if (derivation.kind == DerivationKind::compile) {
                ++compilations;
                kernels += derivation.name().starts_with("linux-5") ? 1U : 0U;
            } else if (brings_sources && derivation.kind == DerivationKind::light && derivation.allow_substitutes) {
                // Only what says so itself.
                BOOST_TEST(derivation.name().find("-bin") != std::string::npos, derivation.name());
            }
        }
        BOOST_TEST(compilations > 900U);
        BOOST_TEST(kernels > 0U);
    }
}

BOOST_AUTO_TEST_CASE(a_fleet_with_an_empty_cache_builds_exactly_what_no_upstream_has) {
    Corpus corpus = open_corpus("nixos-fleet-5k");
    BOOST_TEST(corpus.graph.derivation_count() == 5'490U);
    Facts facts;
    corpus.world.claim(corpus.graph, facts);
    const Policy policy = corpus_policy();
    const Settled settled = settle(corpus.world, corpus.graph, facts, corpus.targets, policy);
    require_no_complaints(settled.complaints);
    BOOST_TEST(settled.rounds <= 6U);

    std::set<std::string> own;
    std::ifstream lines(folder("nixos-fleet-5k") / "own.txt");
    for (std::string line; std::getline(lines, line);) own.insert(line);
    BOOST_TEST(base_names(corpus.graph, settled.plan.builds) == own, boost::test_tools::per_element());
    for (const TargetPlan& target : settled.plan.targets) BOOST_TEST((target.state == TargetState::incomplete));
    // Sources that distribution's paths reference and its cache lacks: valid here, so they go up.
    BOOST_TEST(settled.plan.unfillable_holes.empty());
    BOOST_TEST(settled.plan.elsewhere.empty());

    const auto counting = counting_caches(corpus.graph, facts, corpus.targets);
    require_no_complaints(corpus.world.execute(settled.plan, corpus.graph, counting, policy.fetchable_here));
    Facts after;
    corpus.world.claim(corpus.graph, after);
    const Settled second = settle(corpus.world, corpus.graph, after, corpus.targets, policy);
    require_no_complaints(second.complaints);
    BOOST_TEST(second.plan.builds.empty());
    BOOST_TEST(second.plan.pushes.empty());
    for (std::size_t i = 0; i < corpus.targets.size(); ++i) {
        BOOST_TEST((second.plan.targets[i].state == TargetState::complete));
        const auto view = consumer_view(corpus.graph, after, corpus.targets[i], 0b11, false);
        BOOST_TEST(view.would_compile.empty());
        BOOST_TEST(view.unfetchable.empty());
        BOOST_TEST(consumer_view(corpus.graph, after, corpus.targets[i], 0b11, true).built_by_design.empty());
        if (corpus.targets[i].name == "nixos:nixos-laptop") BOOST_TEST(view.built_by_design.size() == 243U);
    }
}

BOOST_AUTO_TEST_CASE(a_desktop_with_an_empty_cache_is_planned_in_a_few_rounds) {
    Corpus corpus = open_corpus("nixos-desktop-3k");
    BOOST_TEST(corpus.graph.derivation_count() == 3'119U);
    Facts facts;
    corpus.world.claim(corpus.graph, facts);
    const Settled settled = settle(corpus.world, corpus.graph, facts, corpus.targets, corpus_policy());
    require_no_complaints(settled.complaints);
    BOOST_TEST(settled.rounds <= 6U);
    BOOST_TEST(!settled.plan.builds.empty());
    for (const PlannedBuild& build : settled.plan.builds) {
        const auto& outputs = corpus.graph.derivation(build.derivation).outputs;
        BOOST_TEST(std::any_of(outputs.begin(), outputs.end(), [&](const GraphOutput& output) {
            return !corpus.world.caches[1].contains(corpus.graph.path(output.path));
        }));
    }
}

BOOST_AUTO_TEST_SUITE_END()
