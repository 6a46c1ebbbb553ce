#include "presence/judge.hpp"

namespace cachefill::presence {

using async::Task;
using plan::CacheMask;
using plan::PathId;

namespace {

// With answers that take 20 ms this makes some 6 000 requests a second; servers see keep-alive connections, not floods.
constexpr std::uint64_t requests_at_once = 128;
constexpr std::size_t warnings_told = 5;

} // namespace

Judge::Judge(async::Executor executor, plan::Graph& graph, plan::Facts& facts, event::Sink& sink)
    : executor_(executor), graph_(graph), facts_(facts), sink_(sink), requests_(executor, requests_at_once),
      opening_(executor, 1) {}

std::size_t Judge::add(std::unique_ptr<cache::BinaryCache> backend, std::string url, std::vector<nix::PublicKey> keys,
                       std::optional<cache::CacheInfo> info) {
    Source source;
    source.any_signature = backend->uri().trusted;
    source.backend = std::move(backend);
    source.url = std::move(url);
    source.keys = std::move(keys);
    if (info) {
        source.info = std::move(*info);
        source.is_open = true;
    }
    sources_.push_back(std::move(source));
    return sources_.size() - 1;
}

CacheMask Judge::all() const {
    CacheMask mask = 0;
    for (std::size_t number = 0; number < sources_.size(); ++number) mask |= plan::bit(number);
    return mask;
}

void Judge::warn(std::string text, std::string hint) {
    if (++warnings_ > warnings_told) return;
    if (warnings_ == warnings_told) text += " (further ones of this sort are not shown)";
    event::Message message{.severity = event::Severity::warning, .text = std::move(text), .hint = std::move(hint)};
    sink_.on_event(message);
}

void Judge::put_aside(Source& source, const Failure& failure) {
    if (source.aside) return;
    source.aside = true;
    event::Message message{.severity = event::Severity::notice,
                           .text = "upstream " + source.url + " is not asked in this run: " + failure.one_line(),
                           .hint = "what only it has counts as absent"};
    sink_.on_event(message);
}

Task<bool> Judge::is_usable(std::size_t number) {
    if (sources_[number].aside) co_return false;
    if (sources_[number].is_open) co_return true;
    auto turn = co_await opening_.acquire();
    if (sources_[number].is_open || sources_[number].aside) co_return !sources_[number].aside;
    auto info = co_await sources_[number].backend->open();
    auto& source = sources_[number];
    if (!info) {
        put_aside(source, info.error());
        co_return false;
    }
    source.info = std::move(*info);
    source.is_open = true;
    for (const auto& key : source.info.public_keys) source.keys.push_back(key);
    co_return true;
}

Task<Result<std::optional<nix::NarInfo>>> Judge::look_up(std::size_t number, const nix::StorePath& path) {
    auto permit = co_await requests_.acquire();
    ++sources_[number].requests;
    auto found = co_await sources_[number].backend->get_narinfo(path);
    co_return found;
}

void Judge::record(PathId id, std::size_t cache, const nix::NarInfo& info) {
    std::vector<PathId> references;
    for (const auto& reference : info.references)
        if (reference != info.path) references.push_back(graph_.intern(reference));
    auto& facts = facts_.of(id);
    facts.present |= plan::bit(cache);
    facts.references = std::move(references);
    facts.references_known = true;
    facts.nar_size = info.nar_size;
    facts.file_size = info.file_size.value_or(0);
}

Task<void> Judge::ask_remote(PathId id, CacheMask caches, Round& round) {
    auto path = graph_.path(id);
    for (std::size_t number = 0; number < sources_.size(); ++number) {
        if (!(caches & plan::bit(number))) continue;
        if (facts_.of(id).present & plan::bit(number)) break;
        if (facts_.of(id).asked & plan::bit(number)) continue;
        bool usable = number != plan::own_cache || !facts_.of(id).claimed_missing;
        if (usable) usable = co_await is_usable(number);
        if (!usable) {
            facts_.of(id).asked |= plan::bit(number);
            continue;
        }
        auto found = co_await look_up(number, path);
        if (!found && found.error().kind() != FailureKind::protocol) {
            if (number == plan::own_cache) {
                if (!round.failure) round.failure = std::move(found).error();
                round.group.cancel();
                co_return;
            }
            put_aside(sources_[number], found.error());
        }
        facts_.of(id).asked |= plan::bit(number);
        if (!found) {
            if (found.error().kind() == FailureKind::protocol) warn(found.error().one_line(), "it counts as absent");
            continue;
        }
        if (!*found) continue;
        const auto& source = sources_[number];
        if (!source.any_signature && !(*found)->is_trusted_by(source.keys)) {
            warn(path.to_string() + " in " + source.url + " is not signed by a key that counts",
                 number == plan::own_cache
                     ? "consumers would refuse it, so it counts as absent; what a cache serves is "
                       "never replaced: remove it from the cache and run again"
                     : "consumers would refuse it, so it counts as absent");
            continue;
        }
        record(id, number, **found);
        break;
    }
    if (++asked_ % 1000 == 0) {
        event::QueryProgress progress{.asked = asked_, .requests = 0};
        sink_.on_event(progress);
    }
    if (!facts_.of(id).present) co_return;
    auto references = facts_.of(id).references;
    for (auto reference : references) {
        if ((facts_.of(reference).asked & caches) == caches || facts_.of(reference).present & caches) continue;
        if (!round.taken.insert(reference).second) continue;
        round.group.spawn(ask_remote(reference, caches, round));
    }
}

Task<Result<void>> Judge::ask_bulk(std::vector<PathId> ids) {
    auto& own = sources_.at(plan::own_cache);
    if (!own.info.has_bulk_query) co_return Result<void>();
    std::vector<nix::StorePath> paths;
    std::erase_if(ids, [this](PathId id) {
        const auto& facts = facts_.of(id);
        return facts.claimed_missing || facts.claimed_there;
    });
    if (ids.empty()) co_return Result<void>();
    for (auto id : ids) paths.push_back(graph_.path(id));
    own.requests += paths.size() / 8000 + 1;
    CO_TRY(missing, co_await own.backend->query_missing(std::move(paths)));
    std::set<PathId> is_missing;
    for (const auto& path : missing)
        if (auto id = graph_.find(path)) is_missing.insert(*id);
    for (auto id : ids) {
        if (is_missing.contains(id))
            facts_.of(id).claimed_missing = true;
        else
            facts_.of(id).claimed_there = true;
    }
    co_return Result<void>();
}

Task<Result<void>> Judge::answer(plan::Questions questions, daemon::Connection* store) {
    Round round(executor_);
    for (const auto& question : questions.remote) round.taken.insert(question.path);
    for (const auto& question : questions.remote) round.group.spawn(ask_remote(question.path, question.caches, round));
    co_await round.group.join();
    if (round.failure) co_return std::move(*round.failure);
    if (questions.local.empty()) co_return Result<void>();
    std::vector<nix::StorePath> paths;
    for (auto id : questions.local) paths.push_back(graph_.path(id));
    for (auto id : questions.local) facts_.of(id).valid_here = false;
    if (!store) co_return Result<void>();
    CO_TRY(valid, co_await store->query_valid_paths(std::move(paths)));
    for (const auto& path : valid) facts_.of(graph_.intern(path)).valid_here = true;
    co_return Result<void>();
}

std::vector<PathId> Judge::unknown_below(PathId path, CacheMask counting, bool& whole) {
    std::vector<PathId> unknown, open{path}, walked;
    std::set<PathId> seen{path};
    whole = true;
    while (!open.empty() && whole) {
        auto current = open.back();
        open.pop_back();
        auto known = complete_under_.find(current);
        if (known != complete_under_.end() && (known->second & ~counting) == 0) continue;
        const auto& facts = facts_.of(current);
        walked.push_back(current);
        bool unclaimed =
            sources_.front().info.hides_incomplete_closures && !facts.claimed_there && !facts.claimed_missing;
        if (unclaimed && !(facts.present & plan::bit(plan::own_cache))) {
            unknown.push_back(current);
            continue;
        }
        auto counting_here = counting_for(current, counting);
        if (!(facts.present & counting_here)) {
            auto open_caches = counting_here & ~facts.asked;
            if (facts.claimed_missing) open_caches &= ~plan::bit(plan::own_cache);
            if (open_caches)
                unknown.push_back(current);
            else
                whole = false;
            continue;
        }
        for (auto reference : facts.references)
            if (seen.insert(reference).second) open.push_back(reference);
    }
    if (!whole) return {};
    if (unknown.empty())
        for (auto id : walked) complete_under_[id] = counting;
    return unknown;
}

CacheMask Judge::counting_for(PathId path, CacheMask counting) const {
    const auto& facts = facts_.of(path);
    bool unknown_there = sources_.front().info.hides_incomplete_closures && !facts.claimed_there;
    return unknown_there ? counting & plan::bit(plan::own_cache) : counting;
}

bool Judge::is_hidden(const nix::StorePath& path) const {
    auto id = graph_.find(path);
    if (!id || !sources_.front().info.hides_incomplete_closures) return false;
    const auto& facts = facts_.of(*id);
    return facts.claimed_there && !(facts.present & plan::bit(plan::own_cache));
}

Task<Result<bool>> Judge::is_served_by_now(nix::StorePath path, CacheMask counting) {
    auto& facts = facts_.of(graph_.intern(path));
    facts.asked &= ~plan::bit(plan::own_cache);
    co_return co_await is_served(std::move(path), counting);
}

Task<Result<bool>> Judge::is_served(nix::StorePath path, CacheMask counting) {
    auto id = graph_.intern(path);
    counting &= all(); // a cache that does not exist is never asked, so it would stay unknown for ever
    for (;;) {
        bool whole = false;
        auto unknown = unknown_below(id, counting, whole);
        if (unknown.empty()) co_return whole;
        auto unclaimed = unknown;
        CO_TRY_VOID(co_await ask_bulk(std::move(unclaimed)));
        Round round(executor_);
        round.taken.insert(unknown.begin(), unknown.end());
        for (auto open : unknown) round.group.spawn(ask_remote(open, counting, round));
        co_await round.group.join();
        if (round.failure) co_return std::move(*round.failure);
    }
}

void Judge::forget_all() {
    facts_ = plan::Facts();
    complete_under_.clear();
}

void Judge::forget(PathId path) {
    facts_.of(path) = plan::PathFacts();
    complete_under_.clear();
}

void Judge::note_published(const nix::StorePath& path) {
    auto& facts = facts_.of(graph_.intern(path));
    facts.present |= plan::bit(plan::own_cache);
    facts.asked |= plan::bit(plan::own_cache);
    facts.claimed_missing = false;
}

void Judge::note_references(const nix::PathInfo& info) {
    std::vector<PathId> references;
    for (const auto& reference : info.references)
        if (reference != info.path) references.push_back(graph_.intern(reference));
    auto& facts = facts_.of(graph_.intern(info.path));
    if (facts.references_known) return;
    facts.references = std::move(references);
    facts.references_known = true;
    facts.nar_size = info.nar_size;
}

} // namespace cachefill::presence
