// What is gained by cutting a plan for many machines? Reads a corpus (tests/data/README.md) of which no cache has
// anything, draws how long each build takes, and plays through what shards would do, against what is done instead
// today. Times are ratios to the bound: the longest chain, or all work on all slots.
//   shards_bench CORPUS-FOLDER [DRAWS]
#include "base/text.hpp"
#include "support/corpus.hpp"
#include "support/drawn_times.hpp"
#include "support/shard_simulation.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <numeric>
#include <queue>
#include <set>

using namespace cachefill;
using namespace cachefill::plan;
using Time = std::chrono::milliseconds;
using Times = std::vector<Time>;

namespace {

constexpr std::size_t slots = 4;

struct Bench {
    test::Corpus corpus;
    Plan plan;
    Times time;

    const GraphDerivation& derivation(std::size_t build) const {
        return corpus.graph.derivation(plan.builds[build].derivation);
    }
};

void plan_everything(Bench& bench) {
    bench.corpus.world.caches[1].clear();
    Policy policy = test::corpus_policy();
    Facts facts;
    bench.corpus.world.claim(bench.corpus.graph, facts);
    for (;;) {
        bench.plan = make_plan(bench.corpus.graph, facts, bench.corpus.targets, policy);
        if (bench.plan.questions.empty()) return;
        bench.corpus.world.answer(bench.plan.questions, bench.corpus.graph, facts);
    }
}

void draw_times(Bench& bench, std::uint64_t seed) {
    test::Dice dice(seed);
    bench.time.clear();
    for (std::size_t i = 0; i < bench.plan.builds.size(); ++i) {
        bench.time.push_back(test::to_milliseconds(test::draw_seconds(bench.derivation(i).kind, dice)));
        bench.plan.builds[i].expected = {.time = bench.time.back(), .measured = true};
    }
}

void print_times(const Bench& bench) {
    using K = DerivationKind;
    for (const K kind : {K::compile, K::fixed_output, K::light, K::local_by_design}) {
        Times times;
        for (std::size_t i = 0; i < bench.time.size(); ++i)
            if (bench.derivation(i).kind == kind) times.push_back(bench.time[i]);
        if (times.empty()) continue;
        std::sort(times.begin(), times.end());
        const auto at = [&times](double part) {
            return static_cast<double>(
                       times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))].count()) /
                   1000;
        };
        const auto spread = test::spread_of(kind);
        fmt::print(
            "{:<16}{:6} builds, log-normal, median {:g} s, sigma {:g}: half below {:.1f} s, 90 % below {:.1f} s, "
            "99 % below {:.0f} s, longest {:.0f} s\n",
            to_string(kind), times.size(), spread.median, spread.sigma, at(0.5), at(0.9), at(0.99), at(1));
    }
}

Times chains(const Plan& plan, const Times& time) {
    Times longest(time.size());
    for (std::size_t i = time.size(); i-- > 0;) {
        longest[i] += time[i];
        for (const std::size_t input : plan.builds[i].after) longest[input] = std::max(longest[input], longest[i]);
    }
    return longest;
}

Time bound(const Plan& plan, const Times& time, std::size_t shards) {
    const Times longest = chains(plan, time);
    const Time work = std::accumulate(time.begin(), time.end(), Time{});
    return std::max(*std::max_element(longest.begin(), longest.end()), work / static_cast<Time::rep>(shards * slots));
}

Times handover_times(const Bench& bench, const HandoverCost& cost) {
    Times handover;
    for (std::size_t i = 0; i < bench.time.size(); ++i) {
        const double seconds = cost.bytes_per_second == 0 ? 0
                                                          : static_cast<double>(guessed_size(bench.derivation(i))) /
                                                                static_cast<double>(cost.bytes_per_second);
        handover.push_back(cost.latency + Time(static_cast<Time::rep>(seconds * 1000)));
    }
    return handover;
}

CutPolicy cut_policy(std::size_t shards, const HandoverCost& cost) {
    CutPolicy policy;
    policy.kinds = {{"x86_64-linux", test::corpus_policy().machines.front()}};
    policy.fewest_shards = policy.most_shards = shards;
    policy.slots = slots;
    policy.handover = cost;
    return policy;
}

struct Crossing {
    std::size_t edges = 0;     // between builds of different shards
    std::size_t handovers = 0; // the same path to the same shard counts once
};
Crossing crossing(const Plan& plan, const test::SimulatedShards& shards) {
    Crossing crossing;
    for (std::size_t shard = 0; shard < shards.orders.size(); ++shard) {
        const std::set<std::size_t> made(shards.orders[shard].begin(), shards.orders[shard].end());
        std::set<std::size_t> fetched;
        for (const std::size_t build : shards.orders[shard])
            for (const std::size_t input : plan.builds[build].after) {
                if (made.contains(input)) continue;
                ++crossing.edges;
                fetched.insert(input);
            }
        crossing.handovers += fetched.size();
    }
    return crossing;
}

// One queue for all slots of all shards, the longest remaining path first, and nobody cares where anything is.
test::SimulatedShards list_schedule(const Bench& bench, std::size_t shards, Time& makespan) {
    const Times remaining = chains(bench.plan, bench.time);
    const std::size_t count = bench.time.size();
    test::SimulatedShards made{std::vector<std::vector<std::size_t>>(shards), std::vector<std::size_t>(count), slots};
    std::vector<std::vector<std::size_t>> after(count);
    std::vector<std::size_t> lacks(count), free(shards, slots);
    std::set<std::pair<Time, std::size_t>> ready; // by remaining path, negative
    for (std::size_t i = 0; i < count; ++i) {
        lacks[i] = bench.plan.builds[i].after.size();
        for (const std::size_t input : bench.plan.builds[i].after) after[input].push_back(i);
        if (lacks[i] == 0) ready.insert({-remaining[i], i});
    }
    using Event = std::pair<Time, std::size_t>;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> running;
    makespan = {};
    for (;;) {
        for (auto idlest = std::max_element(free.begin(), free.end()); *idlest > 0 && !ready.empty();
             idlest = std::max_element(free.begin(), free.end())) {
            const std::size_t build = ready.begin()->second;
            ready.erase(ready.begin());
            --*idlest;
            made.owner[build] = static_cast<std::size_t>(idlest - free.begin());
            made.orders[made.owner[build]].push_back(build);
            running.push({makespan + bench.time[build], build});
        }
        if (running.empty()) return made;
        makespan = running.top().first;
        for (; !running.empty() && running.top().first == makespan; running.pop()) {
            const std::size_t build = running.top().second;
            ++free[made.owner[build]];
            for (const std::size_t user : after[build])
                if (--lacks[user] == 0) ready.insert({-remaining[user], user});
        }
    }
}

// One machine builds these, which have what they need among themselves or from before.
Time one_job(const Bench& bench, const std::vector<bool>& wanted) {
    const Times remaining = chains(bench.plan, bench.time);
    test::SimulatedShards job{{{}}, std::vector<std::size_t>(wanted.size(), Cut::nobody), slots};
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!wanted[i]) continue;
        job.orders[0].push_back(i);
        job.owner[i] = 0;
    }
    std::sort(job.orders[0].begin(), job.orders[0].end(), [&](std::size_t a, std::size_t b) {
        return remaining[a] != remaining[b] ? remaining[a] > remaining[b] : a < b;
    });
    return test::simulate(bench.plan, job, bench.time, bench.time).makespan;
}

// Today: a job for each host, all at once, and what hosts share is built by each.
Time job_per_host(const Bench& bench, const std::vector<bool>& there) {
    Time slowest{};
    for (std::size_t host = 0; host < bench.corpus.targets.size(); ++host) {
        std::vector<bool> wanted(bench.time.size());
        for (const std::size_t build : bench.plan.targets[host].builds) wanted[build] = !there[build];
        slowest = std::max(slowest, one_job(bench, wanted));
    }
    return slowest;
}

void want_with_inputs(const Plan& plan, std::size_t build, std::vector<bool>& wanted) {
    if (wanted[build]) return;
    wanted[build] = true;
    for (const std::size_t input : plan.builds[build].after) want_with_inputs(plan, input, wanted);
}

// Also today: the heaviest packages, dealt to so many jobs of a first wave, each of which builds what it needs for
// itself; then a job for each host. The best of several lengths of the list of packages counts.
Time wave_then_hosts(const Bench& bench, std::size_t jobs) {
    std::vector<std::size_t> heaviest(bench.time.size());
    std::iota(heaviest.begin(), heaviest.end(), std::size_t{0});
    std::sort(heaviest.begin(), heaviest.end(), [&](std::size_t a, std::size_t b) {
        return bench.time[a] != bench.time[b] ? bench.time[a] > bench.time[b] : a < b;
    });
    Time best = Time::max();
    for (const std::size_t each : {1U, 2U, 4U, 8U, 16U}) {
        std::vector<std::vector<bool>> wanted(jobs, std::vector<bool>(bench.time.size()));
        std::vector<bool> there(bench.time.size());
        for (std::size_t i = 0; i < std::min(heaviest.size(), jobs * each); ++i)
            want_with_inputs(bench.plan, heaviest[i], wanted[i / jobs % 2 == 0 ? i % jobs : jobs - 1 - i % jobs]);
        Time wave{};
        for (const auto& job : wanted) {
            wave = std::max(wave, one_job(bench, job));
            for (std::size_t i = 0; i < job.size(); ++i) there[i] = there[i] || job[i];
        }
        best = std::min(best, wave + job_per_host(bench, there));
    }
    return best;
}

// Each time three times as long, or a third, as the toss of a coin decides.
Times wrong_times(const Bench& bench, std::uint64_t seed) {
    test::Dice dice(seed);
    Times wrong;
    for (const Time time : bench.time) wrong.push_back(std::max(Time(1), dice.even() < 0.5 ? time * 3 : time / 3));
    return wrong;
}

// Of one draw of times.
struct Figures {
    double free = 0, handed = 0, wrong = 0; // the worst for at least four shards
    double fewer = 0, fewer_edges = 0; // handovers at eight, of those and of the edges that a plain list scheduler cuts
    double against_hosts = 0, against_wave = 0; // at eight
    double cutting = 0;                         // ms, 64 shards, the best of three
};

double ratio(Time a, Time b) { return static_cast<double>(a.count()) / static_cast<double>(b.count()); }
double ratio(std::size_t a, std::size_t b) { return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b); }

// The makespan and how it was cut. `took`: ms of processor time, so that it does not matter what else the machine does.
std::pair<test::SimulatedRun, Cut> play(const Bench& bench, std::size_t shards, const HandoverCost& cost,
                                        const Times& time, double* took = nullptr) {
    const auto start = std::clock();
    Cut made = cut(bench.corpus.graph, bench.plan, cut_policy(shards, cost));
    if (took) *took = 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    auto run = test::simulate(bench.plan, test::shards_of(made, slots), time, handover_times(bench, cost));
    if (run.never_started > 0) fmt::print("{} builds were never started\n", run.never_started);
    return {run, std::move(made)};
}

void row(const Bench& bench, std::size_t shards, const Times& wrong, Figures& figures) {
    const HandoverCost nothing{Time{}, 0}, usual;
    const std::vector<bool> none(bench.time.size());
    const Time least = bound(bench.plan, bench.time, shards);
    Time listed{};
    const test::SimulatedShards list = list_schedule(bench, shards, listed);
    const Crossing of_list = crossing(bench.plan, list);
    const double free = ratio(play(bench, shards, nothing, bench.time).first.makespan, least);
    double took = 0;
    const auto [run, made] = play(bench, shards, usual, bench.time, &took);
    const Crossing of_cut = crossing(bench.plan, test::shards_of(made, slots));
    const double handed = ratio(run.makespan, least);
    const double misjudged = ratio(play(bench, shards, usual, wrong).first.makespan, bound(bench.plan, wrong, shards));
    const Time hosts = job_per_host(bench, none), wave = wave_then_hosts(bench, shards);
    fmt::print("{:6} {:8.0f}  {:5.2f} {:6}/{:6} {:6.2f} {:6.2f} {:5} {:6}/{:6} {:6} {:6.2f} {:6.2f} {:6.2f} {:7.0f}\n",
               shards, static_cast<double>(least.count()) / 1000, ratio(listed, least), of_list.handovers,
               of_list.edges, free, handed, made.shards.size(), run.handovers, of_cut.edges, made.copies, misjudged,
               ratio(hosts, least), ratio(wave, least), took);
    if (shards >= 4) {
        figures.free = std::max(figures.free, free);
        figures.handed = std::max(figures.handed, handed);
        figures.wrong = std::max(figures.wrong, misjudged);
    }
    if (shards == 8) {
        figures.fewer = ratio(run.handovers, of_list.handovers);
        figures.fewer_edges = ratio(run.handovers, of_list.edges);
        figures.against_hosts = ratio(run.makespan, hosts);
        figures.against_wave = ratio(run.makespan, wave);
    }
    if (shards != 64) return;
    figures.cutting = took;
    for (int again = 0; again < 2; ++again) {
        play(bench, shards, usual, bench.time, &took);
        figures.cutting = std::min(figures.cutting, took);
    }
}

Figures table(Bench& bench, std::uint64_t seed) {
    draw_times(bench, seed);
    fmt::print("\nseed {}\n", seed);
    print_times(bench);
    const Times wrong = wrong_times(bench, seed + 1000);
    fmt::print(
        "                   plain list            free    2 s and 50 MB/s                      wrong   jobs   wave\n"
        "shards  bound, s  ratio handed/ edges  ratio  ratio  used handed/ edges copies  ratio  ratio  ratio  cut, "
        "ms\n");
    Figures figures;
    for (const std::size_t shards : {1U, 2U, 4U, 8U, 16U, 32U, 64U, 128U, 256U}) row(bench, shards, wrong, figures);
    return figures;
}

void print(const char* name, const std::vector<Figures>& draws, double Figures::*figure) {
    std::vector<double> values;
    for (const Figures& draw : draws) values.push_back(draw.*figure);
    std::sort(values.begin(), values.end());
    fmt::print("{:<34} {:.2f} to {:.2f}, median {:.2f}\n", name, values.front(), values.back(),
               values[(values.size() - 1) / 2]);
}

void print_all(const std::vector<Figures>& draws) {
    fmt::print("\n");
    print("free handover, 4 shards and more", draws, &Figures::free);
    print("2 s and 50 MB/s, the same", draws, &Figures::handed);
    print("times wrong by three, the same", draws, &Figures::wrong);
    print("handovers of the list's, at 8", draws, &Figures::fewer);
    print("handovers of the list's edges", draws, &Figures::fewer_edges);
    print("of one job per host, at 8", draws, &Figures::against_hosts);
    print("of a wave and hosts, at 8", draws, &Figures::against_wave);
    print("cutting for 64 shards, ms", draws, &Figures::cutting);
}

} // namespace

int main(int argc, char** argv) {
    const auto draws = argc == 3 ? parse_u64(argv[2]) : std::optional<std::uint64_t>(1);
    if (argc < 2 || argc > 3 || !draws || *draws == 0) {
        fmt::print(stderr, "usage: shards_bench CORPUS-FOLDER [DRAWS]\n");
        return 2;
    }
    auto corpus = test::read_corpus(argv[1]);
    if (!corpus) {
        fmt::print(stderr, "{}\n", render(corpus.error()));
        return 5;
    }
    Bench bench{std::move(*corpus), {}, {}};
    plan_everything(bench);
    fmt::print("derivations {}, to be built {}, hosts {}\n", bench.corpus.graph.derivation_count(),
               bench.plan.builds.size(), bench.corpus.targets.size());
    std::vector<Figures> figures;
    for (std::uint64_t seed = 1; seed <= *draws; ++seed) figures.push_back(table(bench, seed));
    print_all(figures);
}
