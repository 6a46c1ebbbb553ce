// Design stage 10: what a consumer would find, asked afresh.
#include "async/child_process.hpp"
#include "async/deadline.hpp"
#include "base/elapsed.hpp"
#include "base/text.hpp"
#include "fill/archives.hpp"
#include "fill/run.hpp"
#include "plan/availability.hpp"
#include "plan/needs.hpp"
#include "session/history.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// What the own cache has was not asked of others. Who does not believe it may still have everything from there.
Task<bool> Run::believes_what_it_needs(const plan::Target& target, std::size_t host) {
    auto closure = plan::closure(facts_, plan::needed_paths(graph_, target));
    std::vector<plan::PathId> paths(closure.begin(), closure.end());
    if (upstreams_->believes_own_cache(host, paths, facts_)) co_return true;
    auto others = upstreams_->counting(host) & ~presence_.views().all_of(plan::own_cache);
    plan::Questions questions;
    for (auto path : paths)
        if (plan::unasked(facts_.of(path), others)) questions.remote.push_back({path, others});
    if (questions.empty()) co_return false;
    auto answered = co_await presence_.answer(std::move(questions), nullptr);
    co_return answered && upstreams_->believes_own_cache(host, paths, facts_);
}

void Run::describe_closure(const plan::Target& target, event::TargetVerified& verified) const {
    std::vector<plan::PathId> outputs;
    for (auto output : target.outputs)
        if (auto path = graph_.derivation(target.derivation).outputs[output].path; path != plan::no_path)
            outputs.push_back(path);
    if (!outputs.empty()) verified.output = graph_.path(outputs.front()).to_string();
    for (auto path : plan::closure(facts_, outputs)) {
        ++verified.closure_paths;
        verified.closure_bytes += facts_.of(path).nar_size;
    }
    auto view = plan::consumer_view(graph_, facts_, target, target.trusted_caches, false);
    verified.built_by_design = view.built_by_design.size();
    verified.would_compile = view.would_compile.size();
    auto eager = plan::consumer_view(graph_, facts_, target, target.trusted_caches, true);
    verified.would_build_with_always_allow = eager.built_by_design.size() + eager.would_compile.size();
}

// Of a cache that shows no narinfo without its archive it is what this run published that is looked at, unless every
// byte is wanted.
ArchiveLook Run::archive_look() {
    ArchiveLook::Rules rules{.deep = session_.settings().deep,
                             .at_hiding_caches = session_.settings().deep && !is_filling(),
                             .nix_version = session_.nix().nix_version};
    ArchiveLook look(session_.executor(), presence_, graph_, facts_, std::move(rules),
                     [this](const event::Message& message) { session_.sink().on_event(message); });
    for (const auto& [path, record] : outlets_.ledger())
        if (record.outcome == event::PushOutcome::published) look.always_look_at(graph_.intern(path));
    look.mend_with([this](std::vector<presence::UnusableNar>& unusable) -> Task<void> {
        if (outlets_.are_open() && !interrupted_)
            co_await put_back(session_, presence_.backend(plan::own_cache), unusable, push_settings(),
                              push_environment(), session_.sink());
    });
    return look;
}

LastLook Run::last_look(ArchiveLook& archives) {
    auto was_published = [this](const nix::StorePath& path) {
        auto record = outlets_.ledger().find(path);
        return record != outlets_.ledger().end() && record->second.outcome == event::PushOutcome::published;
    };
    return LastLook({.executor = session_.executor(),
                     .clock = session_.clock(),
                     .graph = graph_,
                     .facts = facts_,
                     .judge = presence_,
                     .upstreams = *upstreams_,
                     .archives = archives,
                     .was_published = std::move(was_published),
                     .is_over = [this] { return interrupted_ != 0; }});
}

Task<void> Run::judge_target(TargetRecord& record, const LastLook::Found& found) {
    const auto& target = live_.targets()[*record.planned];
    auto& verified = record.verified;
    verified.target = target.name;
    for (const auto& path : found.missing) verified.missing.push_back(path.to_string());
    for (auto& output : outputs_without_path(target)) verified.missing.push_back(std::move(output));
    auto all_build = co_await find_what_all_build(record);
    if (!all_build) fail(std::move(all_build).error().with_context("verifying " + target.name));
    bool is_whole = verified.missing.empty();
    bool fits_here = plan::BuildAbility::fits(graph_.derivation(target.derivation), policy().machines);
    if (is_whole && found.undecided > 0) fail(why_unknown(target, found.undecided));
    if (!is_whole)
        verified.verdict = fits_here ? event::TargetVerdict::incomplete : event::TargetVerdict::elsewhere;
    else if (found.undecided > 0 || !all_build)
        verified.verdict = event::TargetVerdict::unknown;
    else
        verified.verdict = record.by_path_only ? event::TargetVerdict::by_path : event::TargetVerdict::complete;
    describe_closure(target, verified);
    record.was_verified = true;
    compare_closure(record);
    verified.trusted = co_await believes_what_it_needs(target, record.host);
    if (!verified.trusted) verified.trust_advice = upstreams_->advice_for_own_cache(record.host);
    session_.sink().on_event(verified);
}

Task<void> Run::verify() {
    auto start = Clock::now();
    stage_started(event::Stage::verify);
    presence_.forget_all();
    realisations_.forget();
    presence_.keep_own_narinfos();
    std::vector<LastLook::Subject> subjects;
    std::vector<TargetRecord*> records;
    for (auto& record : targets_) {
        if (!record.planned) continue;
        subjects.push_back({.target = live_.targets()[*record.planned], .host = record.host});
        records.push_back(&record);
    }
    auto archives = archive_look();
    auto look = last_look(archives);
    std::vector<LastLook::Found> found;
    auto looked = co_await look.look(subjects, found);
    if (!looked) fail(std::move(looked).error().with_context("looking for the archives in the cache"));
    refresh_trust();
    for (std::size_t i = 0; i < found.size(); ++i) co_await judge_target(*records[i], found[i]);
    if (auto front = presence_.backend(plan::own_cache).front_memory())
        session_.sink().on_event(describe_front(*front, presence_.backend(plan::own_cache).uri()));
    stage_finished(event::Stage::verify, start);
}

Failure Run::why_unknown(const plan::Target& target, std::size_t paths) const {
    std::string text = "whether " + target.name + " is complete cannot be known: " + counted(paths, "path") +
                       " could not be asked about";
    for (const auto& unasked : presence_.unasked())
        if (target.trusted_caches & plan::bit(unasked.cache))
            text += "; " + presence_.url(unasked.cache) + ": " + unasked.why.one_line();
    return Failure(FailureKind::network, std::move(text)).with_hint("verify again when it answers");
}

// Said where hosts that do not evaluate are said, since to whoever reads it this is the same.
Task<void> Run::check_flake() {
    auto start = Clock::now();
    stage_started(event::Stage::check);
    evaluations_.spawn(check_outputs()); // among them, so that a signal ends it as it ends them
    co_await evaluations_.join();
    for (const auto& finding : check_findings_) {
        event::EvaluationFinished finished;
        finished.target = "flake:" + finding.output;
        finished.position = finding.position;
        finished.error = finding.failure.cause();
        session_.sink().on_event(finished);
    }
    stage_finished(event::Stage::check, start);
}

// All of it together takes no longer than one host may, nor than the run.
Task<void> Run::check_outputs() {
    auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(session_.settings().eval_timeout);
    if (const auto& deadline = session_.settings().deadline)
        limit = std::min<std::chrono::milliseconds>(limit, *deadline - elapsed_since(start_));
    auto look = [](eval::Evaluator& evaluator, std::vector<eval::CheckFinding>& findings) -> Task<Result<void>> {
        co_await evaluator.check(findings);
        co_return Result<void>();
    };
    auto work = look(*evaluator_, check_findings_);
    auto checked = co_await async::with_deadline(std::move(work), std::max(limit, 0ms), "checking the flake");
    if (checked) co_return;
    eval::CheckFinding unfinished{.output = "the rest", .failure = std::move(checked).error(), .position = {}};
    check_findings_.push_back(std::move(unfinished));
}

void Run::compare_closure(TargetRecord& record) {
    if (!history_ || !event::is_filled(record.verified.verdict)) return;
    const auto& environment = session_.environment();
    auto base = environment.get_or("GITHUB_BASE_REF"); // of a pull request; what it would merge into
    record.previous_closure_bytes = history_->closure_bytes(record.ref.display(), base.empty() ? branch_ : base);
    // A pull request's size is compared, but nobody will be compared with it.
    if (base.empty()) history_->record_closure(record.ref.display(), branch_, record.verified.closure_bytes);
}

Task<void> Run::find_branch() {
    branch_ = session_.environment().get_or("GITHUB_REF_NAME");
    if (!branch_.empty() || flake_->directory.empty()) co_return;
    async::ProcessSpec git;
    git.arguments = {"git", "-C", flake_->directory.string(), "rev-parse", "--abbrev-ref", "HEAD"};
    git.environment = session_.environment().without_our_secrets();
    auto answer = co_await async::run_process(std::move(git), 10s);
    if (answer && answer->status.success()) branch_ = std::string(trim(answer->output));
}

Task<void> Run::pin() {
    const auto& settings = session_.settings();
    if (!settings.pins || !session_.cache_info().has_pins ||
        session_.cache_info().permission != cache::Permission::write)
        co_return;
    if (!is_pinned_branch(branch_)) co_return;
    for (const auto& record : targets_) {
        if (!record.was_verified || !event::is_filled(record.verified.verdict)) continue;
        auto path = nix::StorePath::parse(record.verified.output);
        if (!path) continue;
        auto pinned = co_await presence_.backend(plan::own_cache)
                          .pin(branch_ + "-" + record.ref.name, std::move(*path), settings.pin_keep);
        if (!pinned)
            say(event::Severity::warning, "cannot pin " + record.ref.display() + ": " + pinned.error().one_line());
    }
}

} // namespace cachefill::fill
