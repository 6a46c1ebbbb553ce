// Why what would be compiled is there and not here.
#include "async/child_process.hpp"
#include "async/clock.hpp"
#include "base/files.hpp"
#include "base/own_place.hpp"
#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "cache/manifest_store.hpp"
#include "doctor/doctor.hpp"
#include "doctor/lock_difference.hpp"
#include "doctor/narinfo_memory.hpp"
#include "nix/derivation_difference.hpp"
#include "options/settings.hpp"
#include "presence/source.hpp"
#include "presence/views.hpp"
#include "session/expected_time.hpp"
#include "session/github_client.hpp"
#include "session/lock_copy.hpp"
#include "session/targets.hpp"

#include <algorithm>
#include <set>

namespace cachefill::doctor {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds usual_negative_lifetime{3600};
constexpr std::size_t differences_told = 8;
constexpr std::uint64_t longest_lock = 16 << 20;

} // namespace

Task<void> Doctor::explain(Examination& examination, std::chrono::system_clock::time_point runs_since) {
    auto& evidence = examination.evidence;
    auto any = [&](Source source) {
        return std::any_of(evidence.heavy.begin(), evidence.heavy.end(),
                           [&](const auto& heavy) { return heavy.source == source; });
    };
    if (any(Source::here_but_daemon_no)) co_await find_absence(evidence);
    if (updated_) {
        evidence.differences = moved_inputs();
    } else if (any(Source::nowhere) || any(Source::unknown)) {
        co_await look_at_commit(evidence);
        co_await look_at_cloud(evidence, runs_since);
        co_await compare_with_cloud(evidence);
    }
    examination.reasons = diagnose(evidence);
}

std::chrono::seconds Doctor::negative_lifetime() const {
    if (auto set = nix_.by_name.find("narinfo-cache-negative-ttl"); set != nix_.by_name.end())
        if (auto seconds = parse_u64(set->second)) return std::chrono::seconds(*seconds);
    return usual_negative_lifetime;
}

bool Doctor::serves(const std::string& url, plan::PathId path) const {
    auto asked = cache::canonical_url(url);
    for (std::size_t number = 0; number < presence_->size(); ++number)
        if (presence_->url(number) == asked && (facts_.of(path).present & presence_->views().all_of(number)))
            return true;
    return false;
}

// What one cache lacks and another has is remembered of the one, too: Nix asks them in turn, and so this says nothing.
bool Doctor::remembers_none_absent(const std::vector<plan::PathId>& paths) const {
    std::map<std::string, plan::PathId> by_hash;
    std::vector<std::string> hashes;
    for (auto path : paths) {
        hashes.emplace_back(graph_.path(path).hash_part());
        by_hash.emplace(hashes.back(), path);
    }
    auto now = session_.clock().wall_time();
    auto memories = narinfo_memories(session_.environment());
    return std::all_of(memories.begin(), memories.end(), [&](const auto& file) {
        auto remembered = remembered_absences(file, hashes, negative_lifetime(), now);
        return remembered && std::none_of(remembered->begin(), remembered->end(), [&](const auto& absence) {
                   return serves(absence.cache, by_hash.at(absence.hash_part));
               });
    });
}

Task<void> Doctor::find_absence(Evidence& evidence) {
    std::vector<std::string> hashes;
    for (const auto& heavy : evidence.heavy)
        if (auto path = nix::StorePath::parse(heavy.output); path && heavy.source == Source::here_but_daemon_no)
            hashes.emplace_back(path->hash_part());
    auto lifetime = negative_lifetime();
    auto now = session_.clock().wall_time();
    for (const auto& file : narinfo_memories(session_.environment())) {
        auto remembered = remembered_absences(file, hashes, lifetime, now);
        if (!remembered) continue; // root's, and we are not
        for (const auto& absence : *remembered) {
            evidence.absence_was_seen = true;
            evidence.absence_until = std::max(evidence.absence_until.value_or(absence.until), absence.until);
        }
    }
    if (!evidence.absence_until) evidence.absence_until = now + lifetime;
    co_return;
}

Task<std::optional<eval::EvaluatedTarget>> Doctor::evaluate_commit(std::string commit) {
    auto evaluator = make_evaluator(git_->flake_at(commit));
    auto opened = co_await evaluator->open();
    if (!opened) co_return std::nullopt;
    auto evaluated = co_await evaluator->evaluate(evaluated_->target);
    if (!evaluated) co_return std::nullopt;
    std::vector<nix::StorePath> held{evaluated->derivation};
    auto rooted = co_await session_.connection().add_temp_roots(std::move(held));
    if (!rooted) co_return std::nullopt;
    co_return std::move(*evaluated);
}

Task<std::vector<std::string>> Doctor::lock_differences(std::string commit, std::string where) {
    std::vector<std::string> texts;
    auto file = git_->subdirectory.empty() ? std::string("flake.lock") : git_->subdirectory + "/flake.lock";
    auto there =
        co_await file_in_commit(git_->root, std::move(commit), file, session_.environment().without_our_secrets());
    auto here = read_work_tree_file(git_->root / file, git_->root, longest_lock);
    if (!there || !here) co_return texts;
    auto compared = compare_locks(*there, *here);
    if (!compared) co_return texts;
    for (const auto& difference : *compared) {
        if (texts.size() == differences_told) break;
        auto side = [](const std::string& text) { return text.empty() ? std::string("absent") : text; };
        texts.push_back("the input " + difference.input + " is " + side(difference.first) + " " + where + " and " +
                        side(difference.second) + " here");
    }
    co_return texts;
}

std::vector<std::string> Doctor::moved_inputs() const {
    std::vector<std::string> texts;
    auto before = read_file(updated_->original(), longest_lock);
    auto after = read_file(std::filesystem::path(updated_->flake()) / "flake.lock", longest_lock);
    auto compared = before && after ? compare_locks(*before, *after) : Result<std::vector<LockDifference>>({});
    if (!compared) return texts;
    for (const auto& difference : *compared)
        if (texts.size() < differences_told)
            texts.push_back(difference.input + ": " + (difference.first.empty() ? "absent" : difference.first) + " → " +
                            (difference.second.empty() ? "absent" : difference.second));
    return texts;
}

std::vector<std::string> Doctor::derivation_differences(const nix::StorePath& there, std::string_view where) const {
    auto read = [this](const nix::StorePath& path) { return session::read_derivation(session_.endpoint(), path); };
    std::vector<std::string> texts;
    std::vector<std::string> told_way; // of what differs in several attributes it is told once
    for (const auto& difference : nix::find_differences(there, evaluated_->derivation, read, differences_told)) {
        if (difference.kind == nix::DerivationDifference::Kind::unreadable) continue;
        auto text = difference.text(where, "here");
        if (difference.way.size() > 1 && difference.way != std::exchange(told_way, difference.way)) {
            auto way = difference.way;
            std::reverse(way.begin(), way.end());
            text += " (needed by " + join(std::span(way).subspan(1), " < ") + ")";
        }
        texts.push_back(std::move(text));
    }
    return texts;
}

// Uncommitted changes matter only if the committed tree gives another system.
Task<void> Doctor::look_at_commit(Evidence& evidence) {
    if (!git_ || git_->is_clean() || git_->commit.empty()) co_return;
    evidence.commit_gives_the_same = commit_gives_the_same_;
    if (commit_gives_the_same_.value_or(false)) co_return;
    auto committed = co_await evaluate_commit(git_->commit);
    if (!committed) co_return;
    commit_gives_the_same_ = committed->derivation == evaluated_->derivation;
    evidence.commit_gives_the_same = commit_gives_the_same_;
    if (*commit_gives_the_same_) co_return;
    auto there = "in the commit " + git_->short_commit();
    if (git_->lock_changed) evidence.differences = co_await lock_differences(git_->commit, there);
    for (auto& text : derivation_differences(committed->derivation, there))
        evidence.differences.push_back(std::move(text));
    auto target = session::add_target(graph_, *committed, session::derivations_of(session_.endpoint()));
    if (!target) co_return;
    auto asked = co_await ask(*target, by_machine());
    if (!asked) co_return;
    auto view = plan::consumer_view_here(graph_, facts_, *target, seen_here(), always_allow());
    evidence.commit_is_fetchable =
        std::none_of(view.would_compile.begin(), view.would_compile.end(), [&](auto id) { return takes_long(id); });
}

Task<void> Doctor::look_at_cloud(Evidence& evidence, std::chrono::system_clock::time_point runs_since) {
    if (!git_ || git_->commit.empty()) co_return;
    auto repository = github::parse_remote(git_->remote_url);
    if (!repository) co_return;
    auto now = session_.clock().now();
    if (cloud_ && now < ask_cloud_again_) {
        evidence.cloud = *cloud_; // GitHub allows few looks without a token; the cache may be asked more often
        co_return;
    }
    if (!rest_) rest_ = co_await make_rest_client(session_, *client_, *repository);
    github::ActionsApi api(*rest_, *repository);
    auto expected_for = session_.clock().wall_time() - std::max(git_->committed_at, runs_since);
    cloud_ = co_await ask_cloud(api, git_->commit, git_->branch, evidence.workflows, expected_for);
    evidence.cloud = *cloud_;
    constexpr std::size_t calls_per_look = 2; // runs, and the jobs of one
    auto pause = rest_->polling_interval(calls_per_look);
    if (cloud_->failure && cloud_->failure->retry_after()) pause = std::max(pause, *cloud_->failure->retry_after());
    if (session_.settings().interval >= 10s) ask_cloud_again_ = now + pause;
}

Task<void> Doctor::compare_with_cloud(Evidence& evidence) {
    if (presence_->is_out(plan::own_cache)) co_return;
    auto branch = git_ && !git_->branch.empty() ? git_->branch : std::string("main");
    auto found = co_await cache::find_manifest(presence_->backend(plan::own_cache), branch, evaluated_->system,
                                               session_.cache_keys());
    if (!found || !*found) co_return;
    evidence.manifest = std::move((*found)->manifest);
    const auto* built = evidence.manifest->find(evidence.target);
    if (!built || built->derivation.empty() || built->derivation == evidence.derivation || !git_) co_return;
    if (!git_->is_clean() && evidence.commit_gives_the_same == false) co_return; // told as such
    auto theirs = nix::StorePath::parse(built->derivation);
    if (!theirs) co_return;
    const auto& commit = evidence.manifest->commit;
    std::vector<std::string> differences;
    if (!commit.empty() && commit != git_->commit) differences = co_await lock_differences(commit, "in the cloud");
    std::error_code error;
    bool is_here = std::filesystem::exists(session_.endpoint().physical(*theirs), error);
    if (!is_here && !commit.empty()) {
        auto evaluated = co_await evaluate_commit(commit);
        is_here = evaluated && evaluated->derivation == *theirs;
        if (evaluated && !is_here)
            differences.push_back(
                "evaluated here, even the cloud's own commit gives another derivation: it was evaluated "
                "with another Nix, other settings or --impure");
    }
    if (is_here)
        for (auto& text : derivation_differences(*theirs, "in the cloud")) differences.push_back(std::move(text));
    evidence.differences = std::move(differences);
}

} // namespace cachefill::doctor
