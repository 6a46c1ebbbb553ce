#include "fill/verification.hpp"

#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "cache/front_memory.hpp"
#include "cache/nar_look.hpp"
#include "fill/archives.hpp"
#include "options/settings.hpp"
#include "plan/availability.hpp"
#include "plan/needs.hpp"
#include "presence/views.hpp"
#include "session/history.hpp"

namespace cachefill::fill {

using async::Task;

// What the own cache has was not asked of others. Who does not believe it may still have everything from there.
Task<bool> Verification::believes_what_it_needs(const plan::Target& target, std::size_t host) {
    auto closure = plan::closure(run_.facts, plan::needed_paths(run_.graph, target));
    std::vector<plan::PathId> paths(closure.begin(), closure.end());
    if (run_.consumers->upstreams().believes_own_cache(host, paths, run_.facts)) co_return true;
    auto others = run_.consumers->upstreams().counting(host) & ~run_.judge.views().all_of(plan::own_cache);
    plan::Questions questions;
    for (auto path : paths)
        if (plan::unasked(run_.facts.of(path), others)) questions.remote.push_back({path, others});
    if (questions.empty()) co_return false;
    auto answered = co_await run_.judge.answer(std::move(questions), nullptr);
    co_return answered&& run_.consumers->upstreams().believes_own_cache(host, paths, run_.facts);
}

void Verification::describe_closure(const plan::Target& target, event::TargetVerified& verified) const {
    std::vector<plan::PathId> outputs;
    for (auto output : target.outputs)
        if (auto path = run_.graph.derivation(target.derivation).outputs[output].path; path != plan::no_path)
            outputs.push_back(path);
    if (!outputs.empty()) verified.output = run_.graph.path(outputs.front()).to_string();
    for (auto path : plan::closure(run_.facts, outputs)) {
        ++verified.closure_paths;
        verified.closure_bytes += run_.facts.of(path).nar_size;
    }
    auto view = plan::consumer_view(run_.graph, run_.facts, target, target.trusted_caches, false);
    verified.built_by_design = view.built_by_design.size();
    auto is_compiled = [this](plan::DerivationId id) {
        return run_.graph.derivation(id).kind == plan::DerivationKind::compile; // sources are downloaded
    };
    verified.would_compile =
        static_cast<std::uint64_t>(std::count_if(view.would_compile.begin(), view.would_compile.end(), is_compiled));
    auto eager = plan::consumer_view(run_.graph, run_.facts, target, target.trusted_caches, true);
    verified.would_build_with_always_allow = eager.built_by_design.size() + eager.would_compile.size();
}

// Of a cache that shows no narinfo without its archive it is what this run published that is looked at, unless every
// byte is wanted.
ArchiveLook Verification::archive_look() {
    ArchiveLook::Rules rules{.deep = run_.session.settings().deep,
                             .at_hiding_caches = run_.session.settings().deep,
                             .nix_version = run_.session.nix().nix_version};
    ArchiveLook look(run_.session.executor(), run_.judge, run_.graph, run_.facts, std::move(rules),
                     [this](const event::Message& message) { run_.session.sink().on_event(message); });
    for (const auto& [path, record] : run_.outlets.ledger())
        if (record.outcome == event::PushOutcome::published) look.always_look_at(run_.graph.intern(path));
    look.mend_with([this](std::vector<presence::UnusableNar>& unusable) { return pushes_.mend(unusable); });
    return look;
}

LastLook Verification::last_look(ArchiveLook& archives) {
    auto was_published = [this](const nix::StorePath& path) {
        auto record = run_.outlets.ledger().find(path);
        return record != run_.outlets.ledger().end() && record->second.outcome == event::PushOutcome::published;
    };
    return LastLook({.executor = run_.session.executor(),
                     .clock = run_.session.clock(),
                     .graph = run_.graph,
                     .facts = run_.facts,
                     .judge = run_.judge,
                     .upstreams = run_.consumers->upstreams(),
                     .archives = archives,
                     .was_published = std::move(was_published),
                     .is_over = [this] { return run_.interrupted != 0; }});
}

Task<void> Verification::judge(TargetRecord& record, const LastLook::Found& found) {
    const auto& target = run_.live.targets()[*record.planned];
    auto& verified = record.verified;
    verified.target = target.name;
    for (const auto& path : found.missing) verified.missing.push_back(path.to_string());
    for (auto& output : outputs_without_path(target)) verified.missing.push_back(std::move(output));
    auto all_build = co_await find_what_all_build(record);
    if (!all_build) run_.fail(std::move(all_build).error().with_context("verifying " + target.name));
    bool is_whole = verified.missing.empty();
    bool fits_here = plan::BuildAbility::fits(run_.graph.derivation(target.derivation), planning_.policy().machines);
    if (is_whole && found.undecided > 0) run_.fail(why_unknown(target, found.undecided));
    if (!is_whole)
        verified.verdict = fits_here ? event::TargetVerdict::incomplete : event::TargetVerdict::elsewhere;
    else if (found.undecided > 0 || !all_build)
        verified.verdict = event::TargetVerdict::unknown;
    else
        verified.verdict = record.by_path_only ? event::TargetVerdict::by_path : event::TargetVerdict::complete;
    describe_closure(target, verified);
    record.was_verified = true;
    compare_closure(record);
    verified.trusted = co_await believes_what_it_needs(target, *record.host);
    if (!verified.trusted) verified.trust_advice = run_.consumers->upstreams().advice_for_own_cache(*record.host);
    run_.session.sink().on_event(verified);
}

Task<void> Verification::verify() {
    auto start = run_.clock.now();
    run_.stage_started(event::Stage::verify);
    run_.judge.forget_all();
    run_.realisations.forget();
    run_.judge.keep_own_narinfos();
    std::vector<LastLook::Subject> subjects;
    std::vector<TargetRecord*> records;
    for (auto& record : fleet_.targets()) {
        if (!record.planned) continue;
        subjects.push_back({.target = run_.live.targets()[*record.planned], .host = *record.host});
        records.push_back(&record);
    }
    auto archives = archive_look();
    auto look = last_look(archives);
    std::vector<LastLook::Found> found;
    auto looked = co_await look.look(subjects, found);
    if (!looked) run_.fail(std::move(looked).error().with_context("looking for the archives in the cache"));
    co_await find_vanished(start);
    run_.consumers->refresh_trust();
    for (std::size_t i = 0; i < found.size(); ++i) co_await judge(*records[i], found[i]);
    if (auto front = run_.judge.backend(plan::own_cache).front_memory())
        run_.session.sink().on_event(describe_front(*front, run_.judge.backend(plan::own_cache).uri()));
    run_.stage_finished(event::Stage::verify, start);
}

Task<void> Verification::look_at_published() {
    auto start = run_.clock.now();
    run_.stage_started(event::Stage::verify);
    run_.judge.forget_all();
    co_await find_vanished(start);
    run_.stage_finished(event::Stage::verify, start);
}

// What belongs to a target has been looked at with it; the rest, which only builds needed, has not.
Task<void> Verification::find_vanished(async::Clock::TimePoint since) {
    const auto own = plan::bit(plan::own_cache);
    std::vector<nix::StorePath> not_looked_at;
    for (const auto& path : claimed(run_.outlets.ledger())) {
        const auto& facts = run_.facts.of(run_.graph.intern(path));
        if ((facts.present | facts.unknown) & own) continue;
        if ((facts.asked & own) || facts.claimed_missing)
            vanished_.emplace(path, "");
        else
            not_looked_at.push_back(path);
    }
    VanishedLook look{.executor = run_.session.executor(),
                      .clock = run_.session.clock(),
                      .cache = run_.judge.backend(plan::own_cache),
                      .info = run_.judge.info(plan::own_cache),
                      .is_over = [this] { return run_.interrupted != 0; },
                      .since = since};
    auto vanished = co_await fill::find_vanished(std::move(look), std::move(not_looked_at));
    if (vanished && run_.interrupted == 0) // else it was not looked at to the end
        vanished_.merge(*vanished);
    else if (!vanished)
        run_.fail(std::move(vanished).error().with_context("looking whether the cache shows what was published"));
}

Failure Verification::why_unknown(const plan::Target& target, std::size_t paths) const {
    std::string text = "whether " + target.name + " is complete cannot be known: " + counted(paths, "path") +
                       " could not be asked about";
    for (const auto& unasked : run_.judge.unasked())
        if (target.trusted_caches & plan::bit(unasked.cache))
            text += "; " + run_.judge.url(unasked.cache) + ": " + unasked.why.one_line();
    return Failure(FailureKind::network, std::move(text)).with_hint("verify again when it answers");
}

void Verification::compare_closure(TargetRecord& record) {
    if (!run_.history || !event::is_filled(record.verified.verdict)) return;
    const auto& environment = run_.session.environment();
    auto base = environment.get_or("GITHUB_BASE_REF"); // of a pull request; what it would merge into
    record.previous_closure_bytes =
        run_.history->closure_bytes(record.ref.display(), base.empty() ? fleet_.branch() : base);
    // A pull request's size is compared, but nobody will be compared with it.
    if (base.empty())
        run_.history->record_closure(record.ref.display(), fleet_.branch(), record.verified.closure_bytes);
}

} // namespace cachefill::fill
