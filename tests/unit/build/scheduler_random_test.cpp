// Random plans, carried out in random order with random mishaps: what the scheduler promises holds at every step.
#include "build/scheduler.hpp"
#include "codec/hash.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>

using namespace cachefill;
using namespace cachefill::build;
using plan::DerivationId;
using plan::PathId;
using namespace std::chrono_literals;

namespace {

nix::StorePath path_of(const std::string& name) {
    auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, name).to_nix32();
    return nix::StorePath::parse_base_name(digest.substr(0, nix::hash_part_length) + "-" + name).value();
}

struct Chances { // percent
    int of_failure = 0, of_return = 0, of_lost_fetch = 0, of_last = 0;
};

class Site {
  public:
    Site(unsigned seed, Chances chances) : random_(seed), chances_(chances) {
        const std::size_t count = 2 + below(30);
        for (std::size_t i = 0; i < count; ++i) add("n" + std::to_string(i), i);
        auto read = [this](const nix::StorePath& path) -> Result<nix::Derivation> { return all_.at(path.to_string()); };
        for (std::size_t i = 0; i < count; ++i) {
            auto id = graph_.add_closure(path_of("n" + std::to_string(i) + ".drv"), read).value();
            plan_.builds[i].derivation = id;
            place_[id] = i;
        }
        scheduler_.update(plan_, machines_);
    }

    // Until nothing runs and nothing can start.
    void run() {
        for (int step = 0; step < 5000 && !scheduler_.is_idle(); ++step) {
            start();
            BOOST_REQUIRE_MESSAGE(!running_.empty() || !fetching_.empty(), "nothing runs, and it is not idle");
            end_something();
            if (below(10) == 0) { // a newer plan, which says the same
                auto ended = scheduler_.update(plan_, machines_);
                BOOST_TEST(ended.empty());
            }
        }
        BOOST_REQUIRE(scheduler_.is_idle());
        BOOST_TEST(scheduler_.running() == 0U);
        check_end();
    }

    std::size_t built() const { return built_.size(); }
    std::size_t count() const { return plan_.builds.size(); }

  private:
    std::size_t below(std::size_t limit) { return random_() % limit; }
    bool happens(int percent) { return below(100) < static_cast<std::size_t>(percent); }

    void add(const std::string& name, std::size_t before) {
        nix::Derivation derivation;
        derivation.platform = below(5) == 0 ? "aarch64-linux" : "x86_64-linux"; // some are for a remote builder
        derivation.prefer_local_build = below(3) == 0;
        nix::DerivationOutput out;
        out.name = "out";
        out.path = path_of(name);
        derivation.outputs.push_back(std::move(out));
        plan::PlannedBuild build{
            .derivation = {}, .after = {}, .fetch = {}, .longest_chain = 1s * (1 + below(9)), .targets = {}};
        build.expected.time = derivation.prefer_local_build ? 100ms : 10s;
        std::set<std::size_t> inputs;
        for (auto i = before == 0 ? 0 : below(4); i > 0; --i) inputs.insert(below(before));
        for (auto input : inputs) {
            nix::DerivationInput needed{
                .derivation = path_of("n" + std::to_string(input) + ".drv"), .outputs = {"out"}, .dynamic = false};
            derivation.input_derivations.push_back(std::move(needed));
            build.after.push_back(input);
        }
        for (auto i = below(3); i > 0; --i)
            build.fetch.push_back(graph_.intern(path_of("source" + std::to_string(below(9)))));
        build.last = happens(chances_.of_last);
        for (auto input : inputs) build.last = build.last || plan_.builds[input].last;
        all_[path_of(name + ".drv").to_string()] = std::move(derivation);
        plan_.builds.push_back(std::move(build));
    }

    // Whatever may start.
    void start() {
        for (bool is_more = true; is_more;) {
            is_more = false;
            for (auto machine : {this_machine, this_machine + 1}) {
                auto taken = scheduler_.take_builds(machine, 1 + below(4), 1 + below(3));
                for (auto id : taken) begin(id, machine, taken.size());
                is_more = is_more || !taken.empty();
            }
            while (auto path = scheduler_.take_fetch()) {
                BOOST_TEST(fetching_.insert(*path).second);
                is_more = true;
            }
        }
        auto is_last = [this](DerivationId id) { return plan_.builds[place_.at(id)].last; };
        bool is_last_phase = fetching_.empty() && std::all_of(running_.begin(), running_.end(), is_last);
        if (is_last_phase) BOOST_TEST(!scheduler_.has_ready()); // those that come last run beside each other
    }

    void begin(DerivationId id, std::size_t machine, std::size_t together) {
        const auto& build = plan_.builds[place_.at(id)];
        bool is_foreign = graph_.derivation(id).platform != "x86_64-linux";
        BOOST_TEST((machine != this_machine) == is_foreign);
        BOOST_TEST(running_.insert(id).second);
        BOOST_TEST(!built_.contains(id));
        if (together > 1) BOOST_TEST((build.expected.time <= 1500ms)); // only what is cheap shares a request
        for (auto before : build.after) BOOST_TEST(built_.contains(plan_.builds[before].derivation));
        for (auto path : build.fetch) BOOST_TEST(fetched_.contains(path));
        if (!build.last) return;
        // What comes last runs beside nothing else.
        for (auto other : running_) BOOST_TEST(plan_.builds[place_.at(other)].last);
    }

    void end_something() {
        bool is_fetch = running_.empty() || (!fetching_.empty() && below(2) == 0);
        if (is_fetch) return end_fetch();
        auto id = *std::next(running_.begin(), static_cast<std::ptrdiff_t>(below(running_.size())));
        running_.erase(id);
        if (happens(chances_.of_return)) return scheduler_.build_returned(id, below(2) == 0);
        if (!happens(chances_.of_failure)) {
            built_.insert(id);
            return scheduler_.build_succeeded(id);
        }
        failed_.insert(id);
        for (auto blocked : scheduler_.build_failed(id)) {
            BOOST_TEST(blocked_.insert(blocked).second); // told once
            BOOST_TEST((scheduler_.blocker(blocked) == id));
        }
    }

    void end_fetch() {
        auto path = *std::next(fetching_.begin(), static_cast<std::ptrdiff_t>(below(fetching_.size())));
        fetching_.erase(path);
        if (happens(chances_.of_return)) return scheduler_.fetch_returned(path);
        if (happens(chances_.of_lost_fetch)) {
            lost_.insert(path);
            return scheduler_.fetch_failed(path);
        }
        fetched_.insert(path);
        scheduler_.fetch_succeeded(path);
    }

    // What cannot be built any more, by the plan alone.
    void check_end() {
        using State = Scheduler::State;
        for (const auto& build : plan_.builds) {
            auto id = build.derivation;
            bool needs_failed = false, needs_lost = false;
            for (auto before : build.after) {
                auto other = plan_.builds[before].derivation;
                needs_failed = needs_failed || failed_.contains(other) || blocked_.contains(other);
                needs_lost = needs_lost || (!built_.contains(other) && !failed_.contains(other));
            }
            for (auto path : build.fetch) needs_lost = needs_lost || lost_.contains(path);
            auto state = scheduler_.state(id).value();
            if (failed_.contains(id)) {
                BOOST_TEST((state == State::failed));
            } else if (needs_failed) {
                BOOST_TEST((state == State::blocked));
                BOOST_TEST(failed_.contains(scheduler_.blocker(id).value()));
            } else if (needs_lost) {
                BOOST_TEST((state == State::waiting));
                BOOST_TEST(scheduler_.failed_fetch_before(id).has_value());
            } else {
                BOOST_TEST((state == State::built));
            }
            BOOST_TEST((state == State::built) == built_.contains(id));
        }
    }

    std::mt19937 random_;
    Chances chances_;
    plan::Graph graph_;
    std::map<std::string, nix::Derivation> all_;
    plan::Plan plan_;
    std::vector<plan::BuildAbility> machines_{{.platforms = {"x86_64-linux"}, .features = {}},
                                              {.platforms = {"aarch64-linux"}, .features = {}}};
    Scheduler scheduler_{graph_};
    std::map<DerivationId, std::size_t> place_;
    std::set<DerivationId> running_, built_, failed_, blocked_;
    std::set<PathId> fetching_, fetched_, lost_;
};

void run_sites(unsigned first_seed, Chances chances) {
    for (unsigned seed = first_seed; seed < first_seed + 60; ++seed)
        BOOST_TEST_CONTEXT("seed " << seed) Site(seed, chances).run();
}

} // namespace

BOOST_AUTO_TEST_SUITE(scheduler_random)

BOOST_AUTO_TEST_CASE(where_nothing_goes_wrong_everything_is_built_after_what_it_needs) {
    for (unsigned seed = 0; seed < 60; ++seed) {
        Site site(seed, {});
        site.run();
        BOOST_TEST(site.built() == site.count(), "seed " << seed);
    }
}

BOOST_AUTO_TEST_CASE(what_comes_last_comes_last) { run_sites(100, {.of_last = 30}); }

BOOST_AUTO_TEST_CASE(a_failure_takes_with_it_what_needs_it_and_nothing_else) {
    run_sites(200, {.of_failure = 15, .of_last = 20});
}

BOOST_AUTO_TEST_CASE(what_is_returned_is_offered_again_until_it_ends) { run_sites(300, {.of_return = 40}); }

BOOST_AUTO_TEST_CASE(a_lost_fetch_holds_up_what_needs_it_and_nothing_else) {
    run_sites(400, {.of_lost_fetch = 25, .of_last = 20});
}

BOOST_AUTO_TEST_CASE(all_of_it_at_once) {
    run_sites(500, {.of_failure = 10, .of_return = 20, .of_lost_fetch = 10, .of_last = 25});
}

BOOST_AUTO_TEST_SUITE_END()
