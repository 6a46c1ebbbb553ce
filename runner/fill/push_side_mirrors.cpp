// Further caches, filled beside the one that decides (design section 3.8, end), and what all of them are told of
// content-addressed outputs.
#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "fill/push_side.hpp"
#include "options/settings.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;

Task<bool> PushSide::open_mirrors() {
    const auto& settings = run_.session.settings();
    if (!run_.is_filling() || settings.read_only) co_return true;
    for (const auto& given : settings.also_push) {
        auto opened = co_await Mirror::open(run_.session, given);
        if (opened) {
            mirrors_.push_back(std::move(*opened));
            continue;
        }
        if (!Mirror::is_optional(given)) {
            run_.fail(std::move(opened).error());
            continue;
        }
        run_.say(event::Severity::notice, opened.error().one_line(), "it is optional: the run goes on without it");
        report::MirrorReport away;
        auto uri = cache::CacheUri::parse(given.reveal());
        away.name = away.url = uri ? uri->to_string() : given.shown();
        if (uri) away.name = uri->name;
        away.optional = true;
        away.error = opened.error().one_line();
        unreachable_mirrors_.push_back(std::move(away));
    }
    co_return run_.failures.empty();
}

// What needs no build for the cache that decides may be missing in the others.
Task<void> PushSide::give_targets_to_mirrors() {
    if (mirrors_.empty() || run_.interrupted) co_return;
    std::vector<nix::StorePath> wanted;
    for (const auto& target : run_.live.targets())
        for (auto output : target.outputs)
            if (auto path = run_.graph.derivation(target.derivation).outputs[output].path; path != plan::no_path)
                wanted.push_back(run_.graph.path(path));
    auto valid = co_await run_.session.connection().query_valid_paths(std::move(wanted));
    if (!valid) {
        run_.say(event::Severity::warning, valid.error().one_line(), valid.error().hint());
        co_return;
    }
    for (const auto& path : *valid) run_.outlets.push_further(path);
}

Task<void> PushSide::look_at_mirrors() {
    for (const auto& mirror : mirrors_) {
        if (run_.interrupted) co_return;
        std::function<bool()> is_over = [this] { return run_.interrupted != 0; };
        auto looked = co_await mirror->look(std::move(is_over));
        if (looked) continue;
        run_.say(event::Severity::warning,
                 "whether the further cache " + mirror->name() +
                     " shows what it took cannot be known: " + looked.error().one_line(),
                 looked.error().hint());
    }
}

std::vector<report::MirrorReport> PushSide::mirror_reports() const {
    auto reports = unreachable_mirrors_;
    for (const auto& mirror : mirrors_) reports.push_back(mirror->report());
    return reports;
}

Task<void> PushSide::keep_realisations() {
    if (!run_.outlets.are_open() || run_.interrupted) co_return;
    auto what_all_trust = [this] {
        run_.consumers->refresh_trust();
        auto counting = run_.judge.all();
        for (const auto& target : run_.live.targets()) counting &= target.trusted_caches;
        return counting;
    };
    presence::Judge::Counting counts = what_all_trust;
    auto learnt = co_await run_.realisations.learn(std::move(counts), &run_.session.connection());
    if (!learnt)
        co_return run_.fail(std::move(learnt).error().with_context("asking where content-addressed outputs went"));
    auto warn_if = [this](const auto& kept, const std::string& cache) {
        if (kept) return;
        run_.say(event::Severity::warning,
                 cache + " cannot be told where content-addressed outputs went: " + kept.error().one_line(),
                 kept.error().hint());
    };
    auto kept = co_await run_.realisations.publish(run_.judge, what_all_trust(), run_.session.connection());
    warn_if(kept, "the cache");
    for (const auto& mirror : mirrors_) {
        auto mirrored = co_await mirror->keep_realisations(run_.realisations, run_.judge, what_all_trust(),
                                                           run_.session.connection());
        warn_if(mirrored, "the further cache " + mirror->name());
    }
}

} // namespace cachefill::fill
