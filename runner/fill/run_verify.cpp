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

namespace {

// A cache may take a while to show what it has just accepted.
constexpr auto patience_with_new_paths = 60s;
constexpr auto pause_between_looks = 2s;

} // namespace

Task<Result<Run::LastLook>> Run::find_missing(const plan::Target& target, std::size_t host) {
    auto needed = plan::needed_paths(graph_, target);
    auto alone = target;
    auto give_up = Clock::now() + patience_with_new_paths;
    for (;;) {
        auto asked = needed;
        presence::Judge::Counting counts = [this, host] { return upstreams_->counting(host); };
        co_await presence_.ask_whole(std::move(asked), std::move(counts));
        alone.trusted_caches = upstreams_->counting(host);
        auto lacking = plan::lacking_alone(graph_, facts_, alone);
        std::vector<plan::PathId> just_published;
        for (auto path : lacking.missing)
            if (auto it = outlets_.ledger().find(graph_.path(path)); it != outlets_.ledger().end())
                if (it->second.outcome == event::PushOutcome::published) just_published.push_back(path);
        if (just_published.empty() || Clock::now() > give_up || interrupted_) {
            LastLook look;
            for (auto path : lacking.missing) look.missing.push_back(graph_.path(path));
            look.undecided = lacking.undecided.size();
            co_return look;
        }
        co_await async::sleep_for(pause_between_looks);
        for (auto path : just_published) presence_.forget(path);
    }
}

std::set<plan::PathId> Run::closure_of(const plan::Target& target) const {
    std::set<plan::PathId> closure;
    auto open = plan::needed_paths(graph_, target);
    while (!open.empty()) {
        auto path = open.back();
        open.pop_back();
        if (!closure.insert(path).second) continue;
        const auto& references = facts_.of(path).references;
        open.insert(open.end(), references.begin(), references.end());
    }
    return closure;
}

// What the own cache has was not asked of others. Who does not believe it may still have everything from there.
Task<bool> Run::believes_what_it_needs(const plan::Target& target, std::size_t host) {
    auto closure = closure_of(target);
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
    std::set<plan::PathId> seen;
    std::vector<plan::PathId> open;
    for (auto output : target.outputs)
        if (auto path = graph_.derivation(target.derivation).outputs[output].path; path != plan::no_path)
            open.push_back(path);
    if (!open.empty()) verified.output = graph_.path(open.front()).to_string();
    while (!open.empty()) {
        auto path = open.back();
        open.pop_back();
        if (!seen.insert(path).second) continue;
        const auto& facts = facts_.of(path);
        ++verified.closure_paths;
        verified.closure_bytes += facts.nar_size;
        for (auto reference : facts.references) open.push_back(reference);
    }
    auto view = plan::consumer_view(graph_, facts_, target, target.trusted_caches, false);
    verified.built_by_design = view.built_by_design.size();
    verified.would_compile = view.would_compile.size();
    auto eager = plan::consumer_view(graph_, facts_, target, target.trusted_caches, true);
    verified.would_build_with_always_allow = eager.built_by_design.size() + eager.would_compile.size();
}

Task<void> Run::verify() {
    auto start = Clock::now();
    stage_started(event::Stage::verify);
    presence_.forget_all();
    realisations_.forget();
    presence_.keep_own_narinfos();
    std::map<std::size_t, Result<LastLook>> missing_of;
    for (const auto& record : targets_) {
        if (!record.planned || interrupted_) continue;
        auto target = plan_targets_[*record.planned];
        missing_of.emplace(*record.planned, co_await find_missing(target, record.host));
    }
    auto unusable = co_await find_unusable();
    UnusableByCache unusable_upstream;
    co_await find_unusable_upstream(unusable_upstream);
    refresh_trust();
    for (auto& record : targets_) {
        if (!record.planned || !missing_of.contains(*record.planned)) continue;
        const auto& target = plan_targets_[*record.planned];
        auto& missing = missing_of.at(*record.planned);
        auto& verified = record.verified;
        verified.target = target.name;
        if (!missing) {
            fail(std::move(missing).error().with_context("verifying " + target.name));
            verified.trusted = upstreams_->trusts_own_cache(record.host);
        } else {
            for (const auto& path : missing->missing) verified.missing.push_back(path.to_string());
            auto without_archive = co_await missing_for(target, unusable, plan::own_cache);
            for (const auto& [upstream, nars] : unusable_upstream) {
                auto also = co_await missing_for(target, nars, upstream);
                without_archive.insert(without_archive.end(), also.begin(), also.end());
            }
            for (const auto& path : without_archive) verified.missing.push_back(path.to_string());
            bool here = plan::BuildAbility::fits(graph_.derivation(target.derivation), policy().machines);
            for (auto& output : outputs_without_path(target)) verified.missing.push_back(std::move(output));
            auto all_build = co_await find_what_all_build(record);
            if (!all_build) fail(std::move(all_build).error().with_context("verifying " + target.name));
            verified.verdict = verified.missing.empty() && missing->undecided > 0 ? event::TargetVerdict::unknown
                               : verified.missing.empty()                         ? event::TargetVerdict::complete
                               : here                                             ? event::TargetVerdict::incomplete
                                                                                  : event::TargetVerdict::elsewhere;
            if (verified.verdict == event::TargetVerdict::unknown) fail(why_unknown(target, missing->undecided));
            if (verified.verdict == event::TargetVerdict::complete && !all_build)
                verified.verdict = event::TargetVerdict::unknown;
            if (verified.verdict == event::TargetVerdict::complete && record.by_path_only)
                verified.verdict = event::TargetVerdict::by_path;
            describe_closure(target, verified);
            record.was_verified = true;
            compare_closure(record);
            verified.trusted = co_await believes_what_it_needs(target, record.host);
        }
        if (!verified.trusted) verified.trust_advice = upstreams_->advice_for_own_cache(record.host);
        session_.sink().on_event(verified);
    }
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
