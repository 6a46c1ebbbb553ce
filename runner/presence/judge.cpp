#include "presence/judge.hpp"

#include "async/together.hpp"
#include "base/text.hpp"
#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "cache/narinfo_record.hpp"
#include "daemon/connection.hpp"
#include "event/event.hpp"
#include "nix/realisation.hpp"
#include "plan/availability.hpp"
#include "presence/judge_round.hpp"
#include "presence/opened_cache.hpp"
#include "presence/source.hpp"
#include "presence/views.hpp"

#include <algorithm>
#include <iterator>

namespace cachefill::presence {

using async::Task;
using plan::CacheMask;
using plan::PathId;

namespace {

// With answers that take 20 ms this makes some 6 000 requests a second; servers see keep-alive connections, not floods.
constexpr std::uint64_t requests_at_once = 128;
constexpr std::size_t warnings_told = 5;

// Behind "is not signed by a key that counts".
std::string whose(const nix::NarInfo& info, const std::vector<nix::PublicKey>& keys) {
    if (info.signatures.empty()) return ", nor by any other";
    std::vector<std::string> forged, strangers;
    for (const auto& signature : info.signatures) {
        auto name = std::string(nix::signer(signature));
        bool is_known = std::any_of(keys.begin(), keys.end(), [&](const auto& key) { return key.name == name; });
        (is_known ? forged : strangers).push_back(sanitize(name));
    }
    if (strangers.empty()) return ": what it has in the name of " + join(forged, ", ") + " is no signature of that key";
    return ", but by " + join(strangers, ", ");
}

} // namespace

Judge::Judge(async::Executor executor, async::Clock& clock, plan::Graph& graph, plan::Facts& facts, event::Sink& sink,
             Patience patience)
    : executor_(executor), clock_(clock), graph_(graph), facts_(facts), sink_(sink), patience_(patience),
      requests_(executor, requests_at_once), views_(std::make_shared<Views>()) {}

Judge::~Judge() = default;

const cache::CacheInfo& Judge::info(std::size_t cache) const { return members_[cache].source->info(); }

bool Judge::is_out(std::size_t cache) const { return members_[cache].source->is_out(); }

std::uint64_t Judge::requests(std::size_t cache) const { return members_[cache].source->requests(); }

cache::BinaryCache& Judge::backend(std::size_t cache) const { return members_[cache].source->backend(); }

void Judge::ask_one_by_one() { members_[plan::own_cache].source->has_no_bulk_query(); }

bool Judge::is_outdated(const Round& round) const { return round.upstream_views != upstream_views_; }

std::size_t Judge::add(std::unique_ptr<cache::BinaryCache> backend) {
    Member member;
    member.url = backend->uri().to_string();
    member.source = std::make_unique<Source>(executor_, clock_, sink_, std::move(backend), member.url, patience_);
    member.source->on_change = [this] {
        note_offline();
        if (on_change) on_change();
    };
    members_.push_back(std::move(member));
    return members_.size() - 1;
}

// See OpenedCache::keys.
std::size_t Judge::add_own(std::unique_ptr<cache::BinaryCache> backend, std::vector<nix::PublicKey> keys) {
    bool takes_any = keys.empty() || backend->uri().trusted;
    own_keys_ = std::move(keys);
    own_trust_ = takes_any ? nix::TrustedKeys::everybody() : nix::TrustedKeys(own_keys_);
    learn(nix::TrustedKeys(own_keys_));
    return add(std::move(backend));
}

std::size_t Judge::add_own(OpenedCache cache) {
    auto number = add_own(std::move(cache.backend), std::move(cache.keys));
    members_[number].source->is_open_already(std::move(cache.info));
    return number;
}

std::size_t Judge::add_lost_own(std::unique_ptr<cache::BinaryCache> backend, std::vector<nix::PublicKey> keys,
                                Failure why) {
    auto number = add_own(std::move(backend), std::move(keys));
    members_[number].source->is_lost_already(std::move(why));
    return number;
}

std::size_t Judge::add_upstream(std::unique_ptr<cache::BinaryCache> backend) { return add(std::move(backend)); }

void Judge::learn(const nix::TrustedKeys& keys) {
    views_->learn(keys);
    for (const auto& [cache, path] : views_->take_doubtful()) facts_.of(path).asked &= ~plan::bit(cache);
}

void Judge::share_views(const Judge& other) {
    views_ = other.views_;
    has_own_views_ = false;
}

CacheMask Judge::all() const {
    CacheMask mask = 0;
    for (std::size_t number = 0; number < members_.size(); ++number) mask |= views_->all_of(number);
    return mask;
}

bool Judge::is_waiting() const {
    return std::any_of(members_.begin(), members_.end(), [](const auto& member) { return member.source->is_away(); });
}

void Judge::stop_waiting() {
    for (auto& member : members_) member.source->stop_waiting();
}

void Judge::warn(std::string text, std::string hint) {
    if (++warnings_ > warnings_told) return;
    if (warnings_ == warnings_told) text += " (further ones of this sort are not shown)";
    event::Message message{.severity = event::Severity::warning, .text = std::move(text), .hint = std::move(hint)};
    sink_.on_event(message);
}

void Judge::note_unasked(std::size_t cache, const nix::StorePath& path, const Failure& why) {
    for (auto& known : unasked_)
        if (known.cache == cache) {
            ++known.paths;
            return;
        }
    unasked_.push_back({.cache = cache,
                        .paths = 1,
                        .example = path,
                        .why = why,
                        .counts_as_empty = members_[cache].source->counts_as_empty()});
}

void Judge::record(PathId id, CacheMask present, const nix::NarInfo& info) {
    std::vector<PathId> references;
    for (const auto& reference : info.references)
        if (reference != info.path) references.push_back(graph_.intern(reference));
    auto& facts = facts_.of(id);
    facts.present |= present;
    facts.references = std::move(references);
    facts.references_known = true;
    facts.nar_size = info.nar_size;
    facts.file_size = info.file_size.value_or(0);
}

// In whose eyes it is there: nobody's, if it is 0.
CacheMask Judge::judge(PathId id, std::size_t number, const nix::NarInfo& info) {
    bool is_own = number == plan::own_cache;
    // What an upstream tells of itself is not believed for that, but who trusts it may be told.
    if (const auto& told = members_[number].source->info().public_keys; !is_own && !told.empty())
        learn(nix::TrustedKeys(told));
    CacheMask present = is_own ? plan::bit(number) : 0;
    if (!is_own || own_trust_.believes(info)) {
        auto views = views_->size();
        if (!is_own || has_own_views_) present |= views_->judge(number, id, info);
        if (!is_own && views_->size() > views) ++upstream_views_;
        if (present) {
            refused_.erase({number, id});
            return present;
        }
    }
    refuse(id, number, info);
    return 0;
}

// Told once, although it is met at every look.
void Judge::refuse(PathId id, std::size_t number, const nix::NarInfo& info) {
    bool is_own = number == plan::own_cache;
    if (is_own) facts_.of(id).refused = true;
    const auto& url = members_[number].url;
    auto why = "is not signed by a key that counts" + whose(info, is_own ? own_keys_ : views_->known_keys());
    if (!refused_.insert_or_assign({number, id}, url + " has it, and it " + why).second) return;
    auto hint = is_own ? "consumers refuse it, so it counts as absent, and no run can put it there, since what a cache "
                         "serves is never replaced: " +
                             cache::way_to_remove(backend(number).uri(), info.path) + ", then run again"
                       : std::string("consumers would refuse it, so it counts as absent");
    warn(info.path.to_string() + " in " + url + " " + why, std::move(hint));
}

std::string Judge::why_refused(const nix::StorePath& path) const {
    auto id = graph_.find(path);
    auto found = id ? refused_.find({plan::own_cache, *id}) : refused_.end();
    return found == refused_.end() ? std::string() : found->second;
}

bool Judge::is_answered_with_nonsense(const nix::StorePath& path) const {
    auto id = graph_.find(path);
    return id && own_nonsense_.contains(*id);
}

Task<Result<void>> Judge::ask_bulk(std::vector<PathId> ids) {
    auto& own = *members_.at(plan::own_cache).source;
    if (!own.info().has_bulk_query) co_return Result<void>();
    std::vector<nix::StorePath> paths;
    std::erase_if(ids, [this](PathId id) {
        const auto& facts = facts_.of(id);
        return facts.claimed_missing || facts.claimed_there || (facts.unknown & plan::bit(plan::own_cache));
    });
    if (ids.empty()) co_return Result<void>();
    for (auto id : ids) paths.push_back(graph_.path(id));
    auto missing = co_await own.query_missing(std::move(paths));
    if (!missing && own.is_out()) {
        for (auto id : ids) {
            note_unasked(plan::own_cache, graph_.path(id), missing.error());
            facts_.of(id).unknown |= plan::bit(plan::own_cache);
        }
        co_return Result<void>();
    }
    // What makes no sense to this question may make some to smaller ones.
    if (!missing && missing.error().kind() == FailureKind::protocol) {
        warn(members_[plan::own_cache].url + " cannot be asked about many paths at once: " + missing.error().one_line(),
             "it is asked about each by itself");
        ask_one_by_one();
        co_return Result<void>();
    }
    if (!missing) co_return std::move(missing).error();
    std::set<PathId> is_missing;
    for (const auto& path : *missing)
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
    if (!questions.local.empty()) {
        std::vector<nix::StorePath> paths;
        for (auto id : questions.local) paths.push_back(graph_.path(id));
        std::vector<nix::StorePath> valid;
        if (store) {
            CO_TRY(known, co_await store->query_valid_paths(std::move(paths)));
            valid = std::move(known);
        }
        for (auto id : questions.local) facts_.of(id).valid_here = false;
        for (const auto& path : valid) facts_.of(graph_.intern(path)).valid_here = true;
    }
    Round round(executor_, upstream_views_);
    for (const auto& question : questions.remote) round.taken.insert(question.path);
    auto ask_all = [&](async::TaskGroup& group) {
        for (const auto& question : questions.remote) group.spawn(ask_remote(question.path, question.caches, round));
    };
    co_await async::together(round.group, ask_all);
    co_return Result<void>();
}

Task<Result<std::optional<nix::Realisation>>> Judge::find_realisation(std::string id, CacheMask caches) {
    for (std::size_t number = 0; number < members_.size(); ++number) {
        if (!(caches & plan::bit(number))) continue;
        auto& source = *members_[number].source; // which stays where it is when further ones are added
        auto reached = co_await reach(number, caches);
        if (!reached && number == plan::own_cache) co_return std::move(reached).error();
        if (!reached) continue;
        auto permit = co_await requests_.acquire();
        auto found = co_await source.backend().get_realisation(id);
        if (found && *found) co_return std::move(*found);
        bool says_nothing = number != plan::own_cache || (!found && found.error().kind() == FailureKind::protocol);
        if (!found && !says_nothing) co_return std::move(found).error();
    }
    co_return std::optional<nix::Realisation>();
}

void Judge::forget_all() {
    facts_ = plan::Facts();
    complete_under_.clear();
    own_narinfos_.clear();
    vouched_.clear();
    ask_again();
}

void Judge::forget_what_was_lacking() {
    for (std::size_t i = 0; i < graph_.path_count(); ++i) {
        auto& facts = facts_.of(static_cast<PathId>(i));
        if (facts.present == 0) facts = plan::PathFacts();
    }
    complete_under_.clear();
    ask_again();
}

void Judge::ask_again() {
    unasked_.clear();
    for (auto& member : members_) member.source->forgive();
}

void Judge::forget(PathId path) {
    facts_.of(path) = plan::PathFacts();
    complete_under_.clear();
}

void Judge::note_unusable(PathId path, std::size_t cache) {
    facts_.of(path).present &= ~views_->all_of(cache);
    complete_under_.clear();
}

void Judge::note_published(const nix::StorePath& path) {
    auto& facts = facts_.of(graph_.intern(path));
    facts.present |= plan::bit(plan::own_cache);
    facts.asked |= plan::bit(plan::own_cache);
    facts.unknown &= ~plan::bit(plan::own_cache);
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
