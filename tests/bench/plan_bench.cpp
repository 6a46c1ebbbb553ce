// How long does planning take on a real graph? Reads a corpus (tests/data/README.md), plays questions and answers with
// a simulated upstream, and prints the figures.
#include "support/corpus.hpp"

#include <fmt/core.h>

#include <chrono>
#include <sys/resource.h>

using namespace cachefill;
using Clock = std::chrono::steady_clock;

namespace {

double since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

long peak_mib() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: plan_bench CORPUS-FOLDER\n");
        return 2;
    }
    auto start = Clock::now();
    auto corpus = test::read_corpus(argv[1]);
    if (!corpus) {
        fmt::print(stderr, "{}\n", render(corpus.error()));
        return 5;
    }
    fmt::print("derivations        {}\n", corpus->graph.derivation_count());
    fmt::print("paths              {}\n", corpus->graph.path_count());
    fmt::print("graph              {:.0f} ms\n", since(start));

    plan::Facts facts;
    corpus->world.claim(corpus->graph, facts);
    const plan::Policy policy = test::corpus_policy();
    double slowest = 0;
    std::size_t rounds = 0;
    for (;; ++rounds) {
        start = Clock::now();
        const plan::Plan plan = plan::make_plan(corpus->graph, facts, corpus->targets, policy);
        const double took = since(start);
        slowest = std::max(slowest, took);
        fmt::print("plan {:2}            {:.1f} ms: {} remote, {} local questions, {} builds\n", rounds, took,
                   plan.questions.remote.size(), plan.questions.local.size(), plan.builds.size());
        if (plan.questions.empty()) break;
        corpus->world.answer(plan.questions, corpus->graph, facts);
    }
    fmt::print("rounds             {}, {} narinfo requests\n", rounds, corpus->world.narinfo_requests);
    fmt::print("slowest plan       {:.1f} ms\n", slowest);
    start = Clock::now();
    const auto view = plan::consumer_view(corpus->graph, facts, corpus->targets[0], 3, false);
    fmt::print("consumer view      {:.1f} ms: {} by design, {} compiled, {} fetched\n", since(start),
               view.built_by_design.size(), view.would_compile.size(), view.fetched.size());
    fmt::print("peak memory        {} MiB\n", peak_mib());
}
