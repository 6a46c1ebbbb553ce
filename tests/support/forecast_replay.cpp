#include "support/forecast_replay.hpp"

#include "report/progress.hpp"
#include "session/expected_time.hpp"
#include "support/drawn_times.hpp"

#include <algorithm>
#include <cmath>
#include <queue>
#include <set>

namespace cachefill::test {

using namespace cachefill::plan;
using Time = std::chrono::milliseconds;

namespace {

// From one day to the next the same build takes so much more or less.
constexpr double sigma_of_days = 0.25;

struct Drawn {
    Time before; // when it was measured
    Time now;
    bool is_known;
};

std::vector<Drawn> draw(const Graph& graph, const ForecastReplay& how) {
    Dice dice(how.seed);
    std::vector<Drawn> all;
    for (std::size_t i = 0; i < graph.derivation_count(); ++i) {
        const double took = draw_seconds(graph.derivation(static_cast<DerivationId>(i)).kind, dice);
        const double today = took * std::exp(sigma_of_days * dice.normal());
        all.push_back({to_milliseconds(took), to_milliseconds(today), dice.even() < how.known});
    }
    return all;
}

// What a planner with this history would say of the plan's times.
void price(const Graph& graph, Plan& plan, const std::vector<Drawn>& drawn) {
    std::vector<Time> measured(plan.builds.size());
    plan.measured_total = plan.measured_chain = {};
    for (auto& build : plan.builds) build.longest_chain = {};
    for (std::size_t i = plan.builds.size(); i-- > 0;) {
        auto& build = plan.builds[i];
        const auto& time = drawn[static_cast<std::size_t>(build.derivation)];
        build.expected = time.is_known ? ExpectedTime{.time = time.before, .measured = true}
                                       : session::expected_time(nullptr, graph.derivation(build.derivation));
        build.longest_chain += build.expected.time;
        if (time.is_known) {
            measured[i] += time.before;
            plan.measured_total += time.before;
        }
        for (const auto before : build.after) {
            auto& chain = plan.builds[before].longest_chain;
            chain = std::max(chain, build.longest_chain);
            measured[before] = std::max(measured[before], measured[i]);
        }
        plan.measured_chain = std::max(plan.measured_chain, measured[i]);
    }
}

// One machine that starts the most urgent of what is ready, and tells what it does as a run tells it.
class Machine {
  public:
    Machine(const Graph& graph, const Plan& plan, const std::vector<Drawn>& drawn, std::size_t slots)
        : graph_(graph), plan_(plan), drawn_(drawn), slots_(slots), lacks_(plan.builds.size()),
          after_(plan.builds.size()) {
        for (std::size_t i = 0; i < plan.builds.size(); ++i) {
            lacks_[i] = plan.builds[i].after.size();
            for (const auto input : plan.builds[i].after) after_[input].push_back(i);
            if (lacks_[i] == 0) become_ready(i);
        }
    }

    // With a look at each of these moments.
    std::vector<Foreseen> run(const std::vector<Time>& moments) {
        std::vector<Foreseen> looks;
        tell(changed());
        start();
        for (auto look = moments.begin(); !running_.empty(); start()) {
            const auto [ends, build] = running_.top();
            for (; look != moments.end() && *look < ends; ++look)
                looks.push_back({*look, progress_.expected_left(begin_ + *look)});
            now_ = ends;
            running_.pop();
            finish(build);
        }
        return looks;
    }
    Time now() const { return now_; }

  private:
    void become_ready(std::size_t build) { ready_.insert({-plan_.builds[build].longest_chain, build}); }
    void tell(const event::Event& event) { progress_.apply(event, begin_ + now_); }
    const Drawn& of(std::size_t build) const {
        return drawn_[static_cast<std::size_t>(plan_.builds[build].derivation)];
    }
    const GraphDerivation& derivation(std::size_t build) const {
        return graph_.derivation(plan_.builds[build].derivation);
    }

    event::PlanChanged changed() const {
        event::PlanChanged changed;
        changed.builds = plan_.builds.size();
        changed.expected = plan_.measured_total;
        changed.critical_path = plan_.measured_chain;
        for (std::size_t i = 0; i < plan_.builds.size(); ++i)
            if (!plan_.builds[i].expected.measured) ++changed.unmeasured[std::string(to_string(derivation(i).kind))];
        return changed;
    }

    void start() {
        while (running_.size() < slots_ && !ready_.empty()) {
            const auto build = ready_.begin()->second;
            ready_.erase(ready_.begin());
            event::BuildStarted started;
            started.derivation = started.name = std::to_string(build);
            started.kind = to_string(derivation(build).kind);
            if (const auto& expected = plan_.builds[build].expected; expected.measured)
                started.expected = expected.time;
            tell(started);
            running_.push({now_ + of(build).now, build});
        }
    }

    void finish(std::size_t build) {
        event::BuildFinished finished;
        finished.derivation = finished.name = std::to_string(build);
        finished.kind = to_string(derivation(build).kind);
        finished.outcome = event::BuildOutcome::built;
        finished.took = of(build).now;
        tell(finished);
        for (const auto user : after_[build])
            if (--lacks_[user] == 0) become_ready(user);
    }

    const Graph& graph_;
    const Plan& plan_;
    const std::vector<Drawn>& drawn_;
    std::size_t slots_;
    std::vector<std::size_t> lacks_;
    std::vector<std::vector<std::size_t>> after_;
    std::set<std::pair<Time, std::size_t>> ready_;
    using End = std::pair<Time, std::size_t>;
    std::priority_queue<End, std::vector<End>, std::greater<>> running_;
    report::Progress progress_;
    report::Progress::Clock::time_point begin_{};
    Time now_{};
};

} // namespace

std::vector<double> Replayed::quotients() const {
    std::vector<double> all;
    for (const auto& look : looks)
        if (look.when >= took / 3 && look.left)
            all.push_back(static_cast<double>((look.when + *look.left).count()) / static_cast<double>(took.count()));
    return all;
}

std::size_t Replayed::unknown() const {
    return static_cast<std::size_t>(std::count_if(
        looks.begin(), looks.end(), [this](const auto& look) { return look.when >= took / 3 && !look.left; }));
}

Plan missing_of(Corpus& corpus, bool upstream_serves) {
    auto world = corpus.world;
    if (!upstream_serves) world.caches[1].clear();
    const auto policy = corpus_policy();
    Facts facts;
    world.claim(corpus.graph, facts);
    for (;;) {
        auto plan = make_plan(corpus.graph, facts, corpus.targets, policy);
        if (plan.questions.empty()) return plan;
        world.answer(plan.questions, corpus.graph, facts);
    }
}

Replayed replay(const Graph& graph, Plan missing, const ForecastReplay& how) {
    const auto drawn = draw(graph, how);
    price(graph, missing, drawn);
    Machine first(graph, missing, drawn, how.slots);
    first.run({});
    Replayed replayed;
    replayed.builds = missing.builds.size();
    replayed.took = first.now();
    std::vector<Time> moments;
    for (int i = 0; i < 100; ++i) moments.push_back(replayed.took * i / 100);
    replayed.looks = Machine(graph, missing, drawn, how.slots).run(moments);
    return replayed;
}

} // namespace cachefill::test
