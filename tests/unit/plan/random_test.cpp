// Random graphs, caches and stores: whatever they are, carrying the plan out must leave nothing to do.
#include "world.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <set>

using namespace cachefill;
using namespace cachefill::plan;
using namespace cachefill::test;

namespace {

class Dice {
  public:
    explicit Dice(unsigned seed) : random_(seed) {}
    std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
    bool percent(std::size_t chance) { return below(100) < chance; }

  private:
    std::mt19937 random_;
};

struct RandomWorld {
    World world;
    Dice dice;
    std::map<std::string, std::set<std::string>> closures; // of outputs, themselves included
    Names paths;

    explicit RandomWorld(unsigned seed) : dice(seed) {
        const std::size_t count = 3 + dice.below(40);
        for (std::size_t i = 0; i < count; ++i) add("n" + std::to_string(i), i);
        fill_caches();
        world.policy.fetchable_here = 1 | (dice.below(8));
        if (dice.percent(20)) world.policy.fetchable_here &= ~CacheMask{1};
        world.simulated.answers_transitively = dice.percent(50);
        world.target("n" + std::to_string(count - 1), trust());
        for (std::size_t i = dice.percent(10) ? 70 : dice.below(3); i > 0; --i)
            world.target("n" + std::to_string(dice.below(count)), trust());
        if (dice.percent(50)) world.simulated.claim(world.graph, world.facts);
    }

    CacheMask trust() { return 1 | (dice.below(4) << 1); }

    void add(const std::string& name, std::size_t before) {
        DerivationOptions options;
        options.local = dice.percent(30);
        options.fixed = dice.percent(10);
        if (!options.fixed && dice.percent(30)) options.outputs = {"dev", "out"};
        if (dice.percent(30)) options.sources = {name + ".sh"};
        if (dice.percent(4)) options.platform = "riscv64-linux";
        if (dice.percent(4)) options.features = {"nixos-test"};
        Names inputs;
        std::set<std::string> reachable;
        for (std::size_t i = before ? dice.below(5) : 0; i > 0; --i) {
            std::string input = "n" + std::to_string(dice.below(before));
            if (closures.contains(input + ":dev") && dice.percent(50)) input += ":dev";
            if (std::find(inputs.begin(), inputs.end(), input) != inputs.end()) continue;
            inputs.push_back(input);
            reachable.insert(closures[input].begin(), closures[input].end());
        }
        reachable.insert(options.sources.begin(), options.sources.end());
        for (const std::string& output : options.outputs) {
            const std::string path = output == "out" ? name : name + ":" + output;
            auto& closure = closures[path];
            Names references;
            for (const std::string& candidate : reachable)
                if (!options.fixed && dice.percent(40)) references.push_back(candidate);
            for (const std::string& reference : references) {
                const auto& more = closures[reference];
                closure.insert(more.begin(), more.end());
            }
            closure.insert(path);
            world.references(path, references);
            paths.push_back(path);
        }
        for (const std::string& source : options.sources) closures[source] = {source};
        world.derivation(name, inputs, options);
    }

    // Caches with holes, a store without.
    void fill_caches() {
        for (std::size_t cache = 0; cache < 3; ++cache) {
            const std::size_t chance = dice.below(101);
            for (const std::string& path : paths)
                if (dice.percent(chance)) world.served(cache, {path});
        }
        const std::size_t chance = dice.percent(50) ? 0 : dice.below(40);
        for (const std::string& path : paths)
            if (dice.percent(chance)) world.valid(Names(closures[path].begin(), closures[path].end()));
    }
};

bool is_complete(const World& world, const std::vector<CacheMask>& counting, DerivationId id) {
    const auto& outputs = world.graph.derivation(id).outputs;
    return std::all_of(outputs.begin(), outputs.end(), [&](const GraphOutput& output) {
        return completeness(output.path, world.facts, counting) == Completeness::complete;
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(random_worlds)

BOOST_AUTO_TEST_CASE(a_plan_carried_out_leaves_every_target_complete_and_nothing_to_plan) {
    std::size_t built = 0;
    std::size_t filled = 0;
    for (unsigned seed = 0; seed < 500; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            RandomWorld random(seed);
            World& world = random.world;
            world.settle();
            const Plan first = world.plan;
            built += first.builds.size();
            const auto counting = counting_caches(world.graph, world.facts, world.targets);
            std::set<PathId> not_fetchable;
            for (const auto& input : first.not_fetchable_here) not_fetchable.insert(input.path);
            for (const PlannedBuild& build : first.builds) {
                const auto& outputs = world.graph.derivation(build.derivation).outputs;
                const bool excused = std::any_of(outputs.begin(), outputs.end(), [&](const GraphOutput& output) {
                    return not_fetchable.contains(output.path);
                });
                BOOST_TEST((excused || !is_complete(world, counting, build.derivation)));
            }
            BOOST_TEST(first.unfillable_holes.empty());

            world.execute();
            world.settle();
            // A mended hole can make an input fetchable that only a machine elsewhere could have built anew.
            if (!first.elsewhere.empty()) {
                world.execute();
                world.settle();
            }
            BOOST_TEST(world.plan.builds.empty());
            BOOST_TEST(world.plan.pushes.empty());
            for (std::size_t i = 0; i < world.targets.size(); ++i) {
                BOOST_TEST((first.targets[i].state == TargetState::complete) ==
                           (first.targets[i].builds.empty() && first.targets[i].pushes.empty() &&
                            first.targets[i].elsewhere.empty()));
                if (!world.plan.targets[i].elsewhere.empty()) {
                    BOOST_TEST(!first.targets[i].elsewhere.empty());
                    BOOST_TEST((world.plan.targets[i].state == TargetState::elsewhere));
                    continue;
                }
                ++filled;
                BOOST_TEST((world.plan.targets[i].state == TargetState::complete));
                const Target& target = world.targets[i];
                const auto by_path = consumer_view(world.graph, world.facts, target, target.trusted_caches, true);
                BOOST_TEST(by_path.built_by_design.empty());
                BOOST_TEST(by_path.would_compile.empty());
                const auto evaluating = consumer_view(world.graph, world.facts, target, target.trusted_caches, false);
                BOOST_TEST(evaluating.would_compile.empty());
                BOOST_TEST(evaluating.unfetchable.empty());
            }
        }
    }
    BOOST_TEST(built > 800U); // the worlds are not trivial
    BOOST_TEST(filled > 300U);
}

BOOST_AUTO_TEST_SUITE_END()
