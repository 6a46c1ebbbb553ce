// What the doctor finds out about that which would be compiled: where it could come from, and why it is not there.
#include "async/child_process.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "cache/manifest_store.hpp"
#include "doctor/doctor.hpp"
#include "doctor/lock_difference.hpp"
#include "doctor/narinfo_memory.hpp"
#include "nix/derivation_difference.hpp"
#include "plan/needs.hpp"
#include "session/expected_time.hpp"
#include "session/github_client.hpp"
#include "session/targets.hpp"

#include <algorithm>
#include <set>

namespace cachefill::doctor {

using async::Task;
using doctor::Source;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds usual_negative_lifetime{3600};
constexpr std::size_t differences_told = 8;

// What is built by whom: for each derivation of `built` the one through which a walk from the target meets it first.
std::map<plan::DerivationId, plan::DerivationId> find_parents(const plan::Graph& graph, plan::DerivationId target,
                                                              const std::set<plan::DerivationId>& built) {
    std::map<plan::DerivationId, plan::DerivationId> parents;
    std::vector<plan::DerivationId> queue{target};
    for (std::size_t i = 0; i < queue.size(); ++i)
        for (const auto& input : graph.derivation(queue[i]).inputs)
            if (built.contains(input.derivation) && input.derivation != target &&
                parents.emplace(input.derivation, queue[i]).second)
                queue.push_back(input.derivation);
    return parents;
}

} // namespace

std::vector<std::string> Doctor::cannot_ask() const {
    std::vector<std::string> all;
    if (const auto& failure = session_.cache_failure()) all.push_back(failure->one_line());
    for (const auto& unasked : presence_->unasked())
        if (unasked.cache != plan::own_cache || !session_.cache_failure())
            all.push_back(redact_url(presence_->url(unasked.cache)) + " could not be asked: " + unasked.why.one_line());
    return all;
}

bool Doctor::answers_are_whole() const {
    const auto& unasked = presence_->unasked();
    return std::none_of(unasked.begin(), unasked.end(), [this](const auto& one) { return asks(one.cache); });
}

// The cache that the cloud fills, under each address by which it is asked.
plan::CacheMask Doctor::own_caches() const {
    const auto& views = presence_->views();
    auto mask = views.all_of(plan::own_cache);
    auto substituter = cache::canonical_url(session_.cache_info().substituter_url);
    for (std::size_t number = 1; number < presence_->size(); ++number)
        if (presence_->url(number) == presence_->url(plan::own_cache) || presence_->url(number) == substituter)
            mask |= views.all_of(number);
    return mask;
}

// All caches in all eyes, but not the own one a second time if this machine asks the very same: what arrives between
// two questions would look as if only one of them had it.
plan::CacheMask Doctor::everywhere() const {
    auto all = presence_->all();
    auto own = own_caches();
    for (const auto& ask : machine_asks_)
        if ((own & plan::bit(ask.cache)) && !presence_->is_out(ask.cache))
            all &= ~presence_->views().all_of(plan::own_cache);
    return all;
}

// The caches that have it, besides those which this machine asks and believes.
void Doctor::note_helpful(std::size_t number, doctor::Evidence& evidence) const {
    auto url = number == plan::own_cache ? session_.cache_info().substituter_url : presence_->url(number);
    bool is_asked = false;
    for (const auto& ask : machine_asks_) is_asked |= presence_->url(ask.cache) == cache::canonical_url(url);
    auto& list = is_asked ? evidence.not_trusted : evidence.not_asked;
    for (const auto& known : list)
        if (known.url == url) return;
    doctor::HelpfulCache cache{.url = url, .keys = {}, .strangers = {}, .has_unsigned = false};
    for (auto& key : presence_->views().signers(number))
        if (!machine_keys_.trusts(key)) cache.keys.push_back(std::move(key));
    for (const auto& stranger : presence_->views().strangers(number)) {
        cache.has_unsigned |= stranger.signer.empty();
        if (!stranger.signer.empty()) cache.strangers.push_back(ellipsize(sanitize(stranger.signer), 80));
    }
    list.push_back(std::move(cache));
}

// Does something that one of these caches serves refer to it?
bool Doctor::is_hole_of(plan::PathId path, plan::CacheMask caches) const {
    for (std::size_t i = 0; i < graph_.path_count(); ++i) {
        const auto& facts = facts_.of(plan::PathId{static_cast<std::uint32_t>(i)});
        if (!(facts.present & caches)) continue;
        if (std::find(facts.references.begin(), facts.references.end(), path) != facts.references.end()) return true;
    }
    return false;
}

// The daemon says of every content-addressed output that it would be built (Nix 2.8), and then fetches it as the cache
// tells.
bool Doctor::is_told_by_caches(plan::DerivationId id) const {
    const auto& outputs = graph_.derivation(id).outputs;
    return std::all_of(outputs.begin(), outputs.end(), [](const auto& output) {
        bool is_addressed = output.kind == nix::OutputKind::floating || output.kind == nix::OutputKind::deferred;
        return is_addressed && output.path != plan::no_path;
    });
}

bool Doctor::takes_long(plan::DerivationId id) const {
    return session::takes_long(history_.get(), graph_.derivation(id));
}

Source Doctor::source_of(plan::DerivationId id, const plan::ConsumerView& machine, const plan::ConsumerView& wide,
                         doctor::Evidence& evidence) {
    auto contains = [](const std::vector<plan::DerivationId>& list, plan::DerivationId wanted) {
        return std::find(list.begin(), list.end(), wanted) != list.end();
    };
    if (!contains(machine.would_compile, id) && !contains(machine.built_by_design, id))
        return answers_are_whole() ? Source::here_but_daemon_no : Source::unknown;
    plan::CacheMask present = 0;
    bool is_hole = false;
    for (const auto& output : graph_.derivation(id).outputs)
        if (output.path != plan::no_path) {
            present |= facts_.of(output.path).present;
            is_hole |=
                std::find(wide.unfetchable.begin(), wide.unfetchable.end(), output.path) != wide.unfetchable.end();
        }
    if (!contains(wide.would_compile, id)) {
        // With every cache believed it would be fetched, or not be needed.
        auto before = evidence.not_trusted.size();
        bool some_cache = false;
        for (std::size_t number = 0; number < presence_->size(); ++number)
            if (auto there = present & presence_->views().all_of(number); there && !(there & seen_here())) {
                note_helpful(number, evidence);
                some_cache = true;
            }
        bool believed_none = evidence.not_trusted.size() > before || (some_cache && evidence.not_asked.empty());
        if (believed_none || (!some_cache && evidence.not_asked.empty() && !evidence.not_trusted.empty()))
            return Source::key_not_trusted;
        return Source::not_a_substituter;
    }
    if (present != 0 || is_hole) {
        // Who was not asked may have what is missing.
        for (const auto& unasked : presence_->unasked())
            if (!unasked.counts_as_empty) return Source::unknown;
        if (present != 0) return (present & own_caches()) != 0 ? Source::own_cache_holed : Source::upstream_holed;
        // Of the missing path itself: whoever refers to it tells whose hole it is.
        for (const auto& output : graph_.derivation(id).outputs)
            if (output.path != plan::no_path && is_hole_of(output.path, own_caches())) return Source::own_cache_holed;
        return Source::upstream_holed;
    }
    const auto& unasked = presence_->unasked();
    bool own_away =
        std::any_of(unasked.begin(), unasked.end(), [](const auto& one) { return one.cache == plan::own_cache; });
    return own_away || !answers_are_whole() ? Source::unknown : Source::nowhere;
}

Task<Result<void>> Doctor::classify(const std::optional<daemon::Missing>& daemon, Examination& examination) {
    auto& evidence = examination.evidence;
    auto machine = plan::consumer_view_here(graph_, facts_, *target_, seen_here(), always_allow());
    std::set<plan::DerivationId> built;
    bool ours_counts = !daemon || answers_are_whole();
    if (ours_counts) {
        built.insert(machine.would_compile.begin(), machine.would_compile.end());
        built.insert(machine.built_by_design.begin(), machine.built_by_design.end());
    }
    if (daemon) {
        std::set<plan::DerivationId> said;
        for (const auto& path : daemon->to_build)
            if (auto id = graph_.find_derivation(path); id && !(ours_counts && is_told_by_caches(*id)))
                said.insert(*id);
        // Asked what it would build, Nix does not look where content-addressed outputs went, and goes on to their
        // inputs.
        if (ours_counts) said = plan::reached_from(graph_, target_->derivation, said);
        built.merge(said);
    }
    examination.derivations = graph_.derivation_count();
    std::vector<plan::DerivationId> heavy;
    for (auto id : built) {
        const auto& derivation = graph_.derivation(id);
        switch (derivation.kind) {
        case plan::DerivationKind::compile:
            if (takes_long(id))
                heavy.push_back(id);
            else
                ++examination.light;
            break;
        case plan::DerivationKind::local_by_design:
            ++evidence.local_by_design;
            break;
        case plan::DerivationKind::light:
            ++examination.light;
            break;
        case plan::DerivationKind::fixed_output:
            ++examination.downloads;
            break;
        }
    }
    for (auto path : machine.fetched) {
        ++examination.fetches;
        examination.fetched_bytes += facts_.of(path).file_size;
    }
    if (heavy.empty()) co_return Result<void>();

    CO_TRY_VOID(co_await ask(*target_, by_all()));
    auto all_caches = everywhere();
    machine = plan::consumer_view_here(graph_, facts_, *target_, seen_here(), always_allow());
    auto wide = plan::consumer_view_here(graph_, facts_, *target_, all_caches, always_allow());
    for (auto path : wide.unfetchable) {
        auto others = all_caches & ~own_caches();
        if (is_hole_of(path, own_caches())) evidence.holes.push_back(graph_.path(path).to_string());
        if (is_hole_of(path, others)) evidence.upstream_holes.push_back(graph_.path(path).to_string());
    }
    auto parents = find_parents(graph_, target_->derivation, built);
    std::map<plan::DerivationId, Source> sources;
    // From the target down, so that what is needed only because something above it is missing shares its reason.
    std::reverse(heavy.begin(), heavy.end());
    auto order = graph_.topological_order();
    std::map<plan::DerivationId, std::size_t> place;
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    std::sort(heavy.begin(), heavy.end(), [&](auto a, auto b) { return place[a] > place[b]; });
    for (auto id : heavy) {
        const auto& derivation = graph_.derivation(id);
        doctor::Heavy item;
        item.name = derivation.name();
        item.derivation = derivation.path.to_string();
        if (derivation.outputs.front().path != plan::no_path)
            item.output = graph_.path(derivation.outputs.front().path).to_string();
        item.expected = session::expected_time(history_.get(), derivation);
        item.source = source_of(id, machine, wide, evidence);
        std::optional<Source> above;
        for (auto at = parents.find(id); at != parents.end(); at = parents.find(at->second)) {
            item.needed_by.emplace_back(graph_.derivation(at->second).name());
            if (auto known = sources.find(at->second); known != sources.end() && !above) above = known->second;
        }
        bool is_holed = above == Source::own_cache_holed || above == Source::upstream_holed;
        if (item.source == Source::nowhere && above) item.source = is_holed ? Source::below_a_hole : *above;
        if (item.source == Source::own_cache_holed || item.source == Source::upstream_holed) {
            auto of = item.source == Source::own_cache_holed ? own_caches() : ~own_caches();
            for (const auto& output : derivation.outputs)
                item.is_there |= output.path != plan::no_path && (facts_.of(output.path).present & of) != 0;
        }
        sources[id] = item.source;
        examination.expected += item.expected;
        evidence.heavy.push_back(std::move(item));
    }
    std::sort(evidence.heavy.begin(), evidence.heavy.end(), [](const auto& a, const auto& b) {
        return a.expected != b.expected ? a.expected > b.expected : a.name < b.name;
    });
    co_return Result<void>();
}

Task<void> Doctor::explain(Examination& examination, std::chrono::system_clock::time_point runs_since) {
    auto& evidence = examination.evidence;
    auto any = [&](Source source) {
        return std::any_of(evidence.heavy.begin(), evidence.heavy.end(),
                           [&](const auto& heavy) { return heavy.source == source; });
    };
    if (any(Source::here_but_daemon_no)) co_await find_absence(evidence);
    if (any(Source::nowhere) || any(Source::unknown)) {
        co_await look_at_commit(evidence);
        co_await look_at_cloud(evidence, runs_since);
        co_await compare_with_cloud(evidence);
    }
    examination.reasons = doctor::diagnose(evidence);
}

Task<void> Doctor::find_absence(doctor::Evidence& evidence) {
    std::vector<std::string> hashes;
    for (const auto& heavy : evidence.heavy)
        if (auto path = nix::StorePath::parse(heavy.output); path && heavy.source == Source::here_but_daemon_no)
            hashes.emplace_back(path->hash_part());
    auto lifetime = usual_negative_lifetime;
    if (auto set = nix_.by_name.find("narinfo-cache-negative-ttl"); set != nix_.by_name.end())
        if (auto seconds = parse_u64(set->second)) lifetime = std::chrono::seconds(*seconds);
    auto now = std::chrono::system_clock::now();
    for (const auto& file : doctor::narinfo_memories(session_.environment())) {
        auto remembered = doctor::remembered_absences(file, hashes, lifetime, now);
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
    auto there = co_await doctor::file_in_commit(git_->root, std::move(commit), file,
                                                 session_.environment().without_our_secrets());
    auto here = read_file(git_->root / file);
    if (!there || !here) co_return texts;
    auto compared = doctor::compare_locks(*there, *here);
    if (!compared) co_return texts;
    for (const auto& difference : *compared) {
        if (texts.size() == differences_told) break;
        auto side = [](const std::string& text) { return text.empty() ? std::string("absent") : text; };
        texts.push_back("the input " + difference.input + " is " + side(difference.first) + " " + where + " and " +
                        side(difference.second) + " here");
    }
    co_return texts;
}

std::vector<std::string> Doctor::derivation_differences(const nix::StorePath& there, std::string_view where) const {
    auto read = [this](const nix::StorePath& path) { return session::read_derivation(session_.endpoint(), path); };
    std::vector<std::string> texts;
    for (const auto& difference : nix::find_differences(there, evaluated_->derivation, read, differences_told)) {
        if (difference.kind == nix::DerivationDifference::Kind::unreadable) continue;
        auto text = difference.text(where, "here");
        if (difference.way.size() > 1) {
            auto way = difference.way;
            std::reverse(way.begin(), way.end());
            text += " (needed by " + join(std::span(way).subspan(1), " < ") + ")";
        }
        texts.push_back(std::move(text));
    }
    return texts;
}

// Uncommitted changes matter only if the committed tree gives another system.
Task<void> Doctor::look_at_commit(doctor::Evidence& evidence) {
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
    auto target = session::add_target(graph_, session_.endpoint(), *committed);
    if (!target) co_return;
    auto asked = co_await ask(*target, by_machine());
    if (!asked) co_return;
    auto view = plan::consumer_view_here(graph_, facts_, *target, seen_here(), always_allow());
    evidence.commit_is_fetchable =
        std::none_of(view.would_compile.begin(), view.would_compile.end(), [&](auto id) { return takes_long(id); });
}

Task<void> Doctor::look_at_cloud(doctor::Evidence& evidence, std::chrono::system_clock::time_point runs_since) {
    if (!git_ || git_->commit.empty()) co_return;
    auto repository = github::parse_remote(git_->remote_url);
    if (!repository) co_return;
    auto now = std::chrono::steady_clock::now();
    if (cloud_ && now < ask_cloud_again_) {
        evidence.cloud = *cloud_; // GitHub allows few looks without a token; the cache may be asked more often
        co_return;
    }
    if (!rest_) rest_ = co_await make_rest_client(session_, *client_, *repository);
    github::ActionsApi api(*rest_, *repository);
    auto since = std::max(git_->committed_at, runs_since);
    cloud_ = co_await doctor::ask_cloud(api, git_->commit, git_->branch, evidence.workflows, since);
    evidence.cloud = *cloud_;
    constexpr std::size_t calls_per_look = 2; // runs, and the jobs of one
    auto pause = rest_->polling_interval(calls_per_look);
    if (cloud_->failure && cloud_->failure->retry_after()) pause = std::max(pause, *cloud_->failure->retry_after());
    if (session_.settings().interval >= 10s) ask_cloud_again_ = now + pause;
}

Task<void> Doctor::compare_with_cloud(doctor::Evidence& evidence) {
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
