#include "plan/share.hpp"

#include "plan/availability.hpp"

#include <algorithm>

namespace cachefill::plan {

namespace {

constexpr std::size_t left_out = ~std::size_t{0};

bool is_in_own_cache(PathId path, const Facts& facts) {
    return path != no_path && (facts.of(path).present & bit(own_cache)) != 0;
}

class Sharing {
  public:
    Sharing(Plan whole, const Graph& graph, const Facts& facts, const Division& division)
        : all_(std::move(whole)), graph_(graph), facts_(facts), division_(division), at_(all_.builds.size(), left_out) {
    }

    Plan make() {
        auto builds = std::exchange(all_.builds, {});
        for (std::size_t i = 0; i < builds.size(); ++i) take_or_leave(builds, i);
        choose_fetches();
        count_times();
        std::erase_if(all_.pushes, [this](PathId path) { return is_pushed_by_another(path); });
        for (TargetPlan& target : all_.targets) {
            for (std::size_t& build : target.builds) build = at_[build];
            std::erase(target.builds, left_out);
            std::erase_if(target.pushes, [this](PathId path) { return is_pushed_by_another(path); });
        }
        return std::move(all_);
    }

  private:
    // Each build comes after those it needs.
    void take_or_leave(std::vector<PlannedBuild>& builds, std::size_t number) {
        PlannedBuild& build = builds[number];
        const bool is_here = is_built_here(build.derivation);
        build.failed_elsewhere = division_.failure(build.derivation);
        bool is_lost = build.failed_elsewhere.has_value();
        std::vector<std::size_t> after;
        for (const std::size_t before : build.after) {
            if (at_[before] != left_out) {
                after.push_back(at_[before]);
                is_lost |= lost_[at_[before]];
            } else if (is_here) {
                add_outputs(build, builds[before].derivation);
            }
        }
        if (!is_here && !is_lost) {
            all_.of_others.push_back(build.derivation);
            return;
        }
        build.after = std::move(after);
        at_[number] = all_.builds.size();
        lost_.push_back(is_lost);
        all_.builds.push_back(std::move(build));
    }

    bool is_built_here(DerivationId id) const {
        if (division_.is_built_here(id)) return true;
        const auto& outputs = graph_.derivation(id).outputs;
        return std::any_of(outputs.begin(), outputs.end(), [](const auto& output) { return output.path == no_path; }) ||
               std::all_of(outputs.begin(), outputs.end(),
                           [this](const auto& output) { return is_in_own_cache(output.path, facts_); });
    }

    // Those that it needs of another's.
    void add_outputs(PlannedBuild& build, DerivationId from) const {
        for (const GraphInput& input : graph_.derivation(build.derivation).inputs)
            for (const std::uint16_t output : input.outputs) {
                const PathId path = graph_.derivation(input.derivation).outputs[output].path;
                if (path == no_path || facts_.of(path).valid_here == true) continue;
                if (maker(graph_, input.derivation, path) == from) build.fetch.push_back(path);
            }
        std::sort(build.fetch.begin(), build.fetch.end());
        build.fetch.erase(std::unique(build.fetch.begin(), build.fetch.end()), build.fetch.end());
    }

    void choose_fetches() {
        all_.fetches.clear();
        for (const PlannedBuild& build : all_.builds)
            all_.fetches.insert(all_.fetches.end(), build.fetch.begin(), build.fetch.end());
        std::sort(all_.fetches.begin(), all_.fetches.end());
        all_.fetches.erase(std::unique(all_.fetches.begin(), all_.fetches.end()), all_.fetches.end());
    }

    void count_times() {
        all_.measured_total = {};
        all_.unmeasured = 0;
        for (const PlannedBuild& build : all_.builds) {
            if (build.expected.measured) all_.measured_total += build.expected.time;
            if (!build.expected.measured) ++all_.unmeasured;
        }
    }

    bool is_pushed_by_another(PathId path) const {
        const auto producer = graph_.producer(path);
        return producer && !division_.is_published_here(producer->derivation);
    }

    Plan all_;
    const Graph& graph_;
    const Facts& facts_;
    const Division& division_;
    std::vector<std::size_t> at_; // by build of the whole: where it is now
    std::vector<bool> lost_;      // by build of the share: it has failed, or is blocked, elsewhere
};

} // namespace

Plan share_of(Plan whole, const Graph& graph, const Facts& facts, const Division& division) {
    return Sharing(std::move(whole), graph, facts, division).make();
}

std::vector<PathId> awaited(const Plan& share, const Graph& graph, const Facts& facts) {
    std::vector<bool> is_others(graph.derivation_count());
    for (const DerivationId id : share.of_others) is_others[index(id)] = true;
    std::vector<PathId> paths;
    for (const PathId path : share.fetches) {
        const auto producer = graph.producer(path);
        if (producer && is_others[index(producer->derivation)] && !is_in_own_cache(path, facts)) paths.push_back(path);
    }
    return paths;
}

} // namespace cachefill::plan
