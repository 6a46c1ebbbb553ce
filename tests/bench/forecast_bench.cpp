// Is the end that a run foresees right? Reads corpora (tests/data/README.md), draws how long each build takes, plays
// them through on one machine, and holds what is foreseen from a third of the way on beside the end that came.
//   forecast_bench DRAWS CORPUS-FOLDER...
#include "support/forecast_replay.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

using namespace cachefill;

namespace {

struct Figures {
    std::size_t looks = 0, unknown = 0, wrong = 0;
    double least = 1e9, most = 0;
};

void add(const test::Replayed& replayed, Figures& figures) {
    figures.unknown += replayed.unknown();
    for (const double quotient : replayed.quotients()) {
        ++figures.looks;
        figures.wrong += quotient < 0.5 || quotient > 2 ? 1U : 0U;
        figures.least = std::min(figures.least, quotient);
        figures.most = std::max(figures.most, quotient);
    }
}

void add(const Figures& some, Figures& all) {
    all.looks += some.looks;
    all.unknown += some.unknown;
    all.wrong += some.wrong;
    all.least = std::min(all.least, some.least);
    all.most = std::max(all.most, some.most);
}

void rows(test::Corpus& corpus, const std::string& name, std::uint64_t draws, Figures& all) {
    for (const bool upstream_serves : {true, false}) {
        const auto missing = test::missing_of(corpus, upstream_serves);
        for (const std::size_t slots : {2U, 4U, 16U})
            for (const double known : {0.0, 0.5, 0.9, 1.0}) {
                Figures figures;
                std::size_t builds = 0;
                double hours = 0;
                for (std::uint64_t seed = 1; seed <= draws; ++seed) {
                    test::ForecastReplay how{.seed = seed, .known = known, .slots = slots};
                    const auto replayed = test::replay(corpus.graph, missing, how);
                    builds = replayed.builds;
                    hours += static_cast<double>(replayed.took.count()) / 3'600'000 / static_cast<double>(draws);
                    add(replayed, figures);
                }
                fmt::print("{:22} {:8} {:6} {:5} {:6.1f} h {:5.1f} {:6} {:8} {:6} {:6.2f} {:6.2f}\n", name,
                           upstream_serves ? "its own" : "all", builds, slots, hours, known, figures.looks,
                           figures.unknown, figures.wrong, figures.least, figures.most);
                add(figures, all);
            }
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        fmt::print(stderr, "usage: forecast_bench DRAWS CORPUS-FOLDER...\n");
        return 2;
    }
    fmt::print("{:22} {:8} {:>6} {:>5} {:>8} {:>5} {:>6} {:>8} {:>6} {:>6} {:>6}\n", "corpus", "builds", "of", "slots",
               "took", "known", "looks", "unknown", "wrong", "least", "most");
    Figures all;
    for (int i = 2; i < argc; ++i) {
        const std::filesystem::path folder(argv[i]);
        auto corpus = test::read_corpus(folder);
        if (!corpus) {
            fmt::print(stderr, "{}\n", corpus.error().one_line());
            return 1;
        }
        rows(*corpus, folder.filename().string(), std::strtoull(argv[1], nullptr, 10), all);
    }
    fmt::print(
        "{} looks, {:.2f} % of them wrong by more than a factor of two, from {:.2f} to {:.2f}; {} foresaw nothing\n",
        all.looks, 100.0 * static_cast<double>(all.wrong) / static_cast<double>(std::max<std::size_t>(all.looks, 1)),
        all.least, all.most, all.unknown);
    return 0;
}
