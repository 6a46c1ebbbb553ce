#include "plan/availability.hpp"
#include "plan/plan.hpp"

#include <algorithm>
#include <set>

namespace cachefill::plan {

namespace {

class Consumer {
  public:
    Consumer(const Graph& graph, const Facts& facts, CacheMask trusted, bool always_allow_substitutes, bool has_store)
        : graph_(graph), facts_(facts), trusted_(trusted), always_(always_allow_substitutes), has_store_(has_store),
          available_(graph.path_count()), fetched_(graph.path_count()), unfetchable_(graph.path_count()),
          built_(graph.derivation_count()) {
        find_available();
    }

    // Takes what nobody has been asked about for something to ask, and goes no further there.
    std::vector<PathId> questions(const Target& target) {
        asking_ = true;
        static_cast<void>(view(target));
        // What many derivations need was come upon as often.
        std::sort(questions_.begin(), questions_.end());
        questions_.erase(std::unique(questions_.begin(), questions_.end()), questions_.end());
        return std::move(questions_);
    }

    ConsumerView view(const Target& target) {
        for (const EvaluationRead& read : target.read_by_evaluation)
            for (const std::uint16_t output : read.outputs)
                need(read.derivation, graph_.derivation(read.derivation).outputs[output].path);
        for (const std::uint16_t output : target.outputs)
            need(target.derivation, graph_.derivation(target.derivation).outputs[output].path);
        while (!to_build_.empty()) {
            const DerivationId id = to_build_.back();
            to_build_.pop_back();
            // Sources are here: evaluation has put them there.
            for (const GraphInput& input : graph_.derivation(id).inputs)
                for (const std::uint16_t output : input.outputs)
                    need(input.derivation, graph_.derivation(input.derivation).outputs[output].path);
        }
        return collect();
    }

  private:
    // Nix takes a path only with its whole closure (2.30 on; before that a hole ended in an error or a build, too).
    void find_available() {
        std::vector<PathId> work;
        for (std::size_t i = 0; i < available_.size(); ++i) {
            const PathId path{static_cast<std::uint32_t>(i)};
            available_[i] = served(path) || valid(path);
            if (!available_[i]) work.push_back(path);
        }
        const Referrers referrers(facts_, graph_.path_count());
        while (!work.empty()) {
            const PathId path = work.back();
            work.pop_back();
            for (const PathId referrer : referrers.of(path)) {
                if (!available_[index(referrer)] || valid(referrer)) continue;
                available_[index(referrer)] = false;
                work.push_back(referrer);
            }
        }
    }

    bool valid(PathId path) const { return has_store_ && facts_.of(path).valid_here.value_or(false); }
    bool served(PathId path) const { return (facts_.of(path).present & trusted_) != 0; }

    void need(DerivationId id, PathId path) {
        if (path != no_path && valid(path)) return;
        const bool may_fetch = always_ || graph_.derivation(id).allow_substitutes;
        if (path != no_path && may_fetch) {
            if (available_[index(path)]) return fetch(path);
            if (asking_ && ask_about(path)) return;
            note_holes(path);
        }
        if (built_[index(id)]) return;
        built_[index(id)] = true;
        to_build_.push_back(id);
    }

    // What nobody has been asked about yet: the path itself, or what it refers to, which need not be met otherwise.
    bool ask_about(PathId path) {
        const std::size_t before = questions_.size();
        std::vector<PathId> work{path};
        std::set<PathId> seen{path};
        while (!work.empty()) {
            const PathId at = work.back();
            work.pop_back();
            if (available_[index(at)]) continue;
            if (!served(at)) {
                if (unasked(facts_.of(at), trusted_) != 0) questions_.push_back(at);
                continue;
            }
            for (const PathId reference : facts_.of(at).references)
                if (seen.insert(reference).second) work.push_back(reference);
        }
        return questions_.size() > before;
    }

    void fetch(PathId path) {
        std::vector<PathId> work{path};
        while (!work.empty()) {
            const PathId at = work.back();
            work.pop_back();
            if (fetched_[index(at)] || valid(at)) continue;
            fetched_[index(at)] = true;
            const auto& references = facts_.of(at).references;
            work.insert(work.end(), references.begin(), references.end());
        }
    }

    void note_holes(PathId path) {
        if (!served(path)) return; // missing, not holed
        std::vector<PathId> work{path};
        std::vector<bool> seen(graph_.path_count());
        while (!work.empty()) {
            const PathId at = work.back();
            work.pop_back();
            if (seen[index(at)] || available_[index(at)]) continue;
            seen[index(at)] = true;
            if (!served(at))
                unfetchable_[index(at)] = true;
            else
                work.insert(work.end(), facts_.of(at).references.begin(), facts_.of(at).references.end());
        }
    }

    ConsumerView collect() const {
        ConsumerView view;
        for (const DerivationId id : graph_.topological_order()) {
            if (!built_[index(id)]) continue;
            (graph_.derivation(id).allow_substitutes ? view.would_compile : view.built_by_design).push_back(id);
        }
        for (std::size_t i = 0; i < graph_.path_count(); ++i) {
            if (fetched_[i]) view.fetched.push_back(PathId{static_cast<std::uint32_t>(i)});
            if (unfetchable_[i]) view.unfetchable.push_back(PathId{static_cast<std::uint32_t>(i)});
        }
        return view;
    }

    const Graph& graph_;
    const Facts& facts_;
    CacheMask trusted_;
    bool always_;
    bool has_store_;
    bool asking_ = false;
    std::vector<PathId> questions_;
    std::vector<bool> available_; // by path: served, and all it references
    std::vector<bool> fetched_;
    std::vector<bool> unfetchable_;
    std::vector<bool> built_; // by derivation
    std::vector<DerivationId> to_build_;
};

} // namespace

ConsumerView consumer_view(const Graph& graph, const Facts& facts, const Target& target, CacheMask trusted,
                           bool always_allow_substitutes) {
    return Consumer(graph, facts, trusted, always_allow_substitutes, false).view(target);
}

ConsumerView consumer_view_here(const Graph& graph, const Facts& facts, const Target& target, CacheMask trusted,
                                bool always_allow_substitutes) {
    return Consumer(graph, facts, trusted, always_allow_substitutes, true).view(target);
}

std::vector<PathId> consumer_questions(const Graph& graph, const Facts& facts, const Target& target, CacheMask trusted,
                                       bool always_allow_substitutes) {
    return Consumer(graph, facts, trusted, always_allow_substitutes, true).questions(target);
}

} // namespace cachefill::plan
