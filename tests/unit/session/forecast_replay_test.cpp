// What a run foresees of its end, on real derivation graphs (tests/data/README.md) with times that are drawn.
// tests/bench/forecast_bench shows the figures.
#include "support/forecast_replay.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::test;

namespace {

Corpus open_corpus(const std::string& name) {
    auto corpus = read_corpus(std::filesystem::path(CACHEFILL_CORPORA) / name);
    BOOST_REQUIRE_MESSAGE(corpus.has_value(), (corpus ? "" : corpus.error().one_line()));
    return std::move(corpus).value();
}

// Of all looks from a third of the way on.
void require_good_foresight(const plan::Graph& graph, const plan::Plan& missing, std::size_t slots,
                            std::uint64_t draws) {
    for (const double known : {0.0, 0.5, 0.9, 1.0}) {
        std::size_t looks = 0, wrong = 0, unknown = 0;
        double least = 1, most = 1;
        for (std::uint64_t seed = 1; seed <= draws; ++seed) {
            const auto replayed = replay(graph, missing, {.seed = seed, .known = known, .slots = slots});
            unknown += replayed.unknown();
            for (const double quotient : replayed.quotients()) {
                ++looks;
                wrong += quotient < 0.5 || quotient > 2 ? 1U : 0U;
                least = std::min(least, quotient);
                most = std::max(most, quotient);
            }
        }
        BOOST_TEST_CONTEXT(missing.builds.size() << " builds, " << slots << " at once, measured before: " << known
                                                 << ": from " << least << " to " << most) {
            BOOST_TEST(looks > 60U * draws);
            BOOST_TEST(unknown == 0U);
            // That the longest of all comes last can only be foreseen by who measured it.
            BOOST_TEST(wrong * 50 <= (known == 1.0 ? 0U : looks));
        }
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(forecast_replay)

BOOST_AUTO_TEST_CASE(a_fleets_own_builds_end_when_that_was_foreseen_within_a_factor_of_two) {
    auto corpus = open_corpus("nixos-fleet-5k");
    require_good_foresight(corpus.graph, missing_of(corpus, true), 4, 4);
}

// Of a whole distribution few can go on at once at first, and many later.
BOOST_AUTO_TEST_CASE(and_so_do_a_hosts_and_a_whole_distribution) {
    auto corpus = open_corpus("nixos-desktop-3k");
    for (const std::size_t slots : {2U, 16U}) require_good_foresight(corpus.graph, missing_of(corpus, true), slots, 4);
    require_good_foresight(corpus.graph, missing_of(corpus, false), 4, 1);
}

BOOST_AUTO_TEST_SUITE_END()
