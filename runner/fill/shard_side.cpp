#include "fill/shard_side.hpp"

#include "async/limiter.hpp"
#include "async/together.hpp"
#include "async/within.hpp"
#include "base/elapsed.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cache/nar_look.hpp"
#include "options/settings.hpp"
#include "session/machines.hpp"

#include <algorithm>

namespace cachefill::fill {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds shortest_pause = 1s, longest_pause = 10s; // between looks
constexpr auto last_word_takes = 10s;                                         // at most
constexpr auto last_word_when_told_to_end = 2s;
constexpr int signs_of_life = 5; // within the time after which a shard counts as gone
constexpr std::uint64_t requests_at_once = 16;
// What was seen in the cache and is still not to be had, for instance for want of a signature, is looked at again then.
constexpr auto second_thoughts_after = 30s;

struct Look {
    cache::BinaryCache& cache;
    async::Limiter requests;
    std::map<nix::StorePath, nix::NarInfo> there;
    std::optional<Failure> failure;
};

Task<void> look_at(Look& look, nix::StorePath path) {
    auto permit = co_await look.requests.acquire();
    if (look.failure) co_return;
    auto found = co_await look.cache.get_narinfo(path);
    bool is_nonsense = !found && found.error().kind() == FailureKind::protocol;
    if (!found && !is_nonsense) look.failure = std::move(found).error();
    if (found && *found) look.there.insert_or_assign(std::move(path), std::move(**found));
}

Task<void> read_log(shard::ShardLog& log, std::size_t shard, shard::ShardLog::Read& into,
                    std::optional<Failure>& failure) {
    auto read = co_await log.read(shard);
    if (read)
        into = std::move(*read);
    else
        failure = std::move(read).error();
}

} // namespace

ShardSide::ShardSide(RunContext& run, std::string run_id, const report::ShardPlan& cut, std::size_t self)
    : run_(run), run_id_(std::move(run_id)), ownership_(cut, self), news_(run, ownership_), claims_(run, ownership_),
      pause_(shortest_pause), nap_(run.session.executor()) {
    run_.ownership = &ownership_;
    run_.may_get_work = [this] { return stays(); };
    for (std::size_t shard = 1; shard <= ownership_.size(); ++shard)
        if (shard != self) fellows_[shard].heard = run.start;
}

ShardSide::~ShardSide() {
    run_.may_get_work = {};
    run_.ownership = nullptr;
}

Result<void> ShardSide::begin() {
    const auto& info = run_.session.cache_info();
    if (run_.session.settings().read_only || info.permission != cache::Permission::write)
        return Failure(FailureKind::usage,
                       "a shard has to push what it builds, and this run must not push to " + info.name)
            .with_hint("give it a token that may write, or leave out --shard");
    if (!(run_.consumers->upstreams().fetchable_here() & plan::bit(plan::own_cache)))
        return Failure(FailureKind::usage, "a shard fetches what other shards build from " + info.name +
                                               ", and the Nix of this machine does not use that cache")
            .with_hint("`cachefill use` adds it; or become one of Nix's trusted-users");
    log_.emplace(run_.judge.backend(plan::own_cache), info, run_.judge.own_keys(), run_id_, ownership_.self());
    plan::Division division;
    division.is_built_here = [this](plan::DerivationId id) {
        return ownership_.is_built_here(run_.graph.derivation(id).path);
    };
    division.is_published_here = [this](plan::DerivationId id) {
        return ownership_.is_published_here(run_.graph.derivation(id).path);
    };
    division.failure = [this](plan::DerivationId id) { return why_not_built(run_.graph.derivation(id)); };
    run_.live.divide(std::move(division));
    return {};
}

// Another kind of machine than the cut was made for would never begin with it.
std::optional<plan::FailedElsewhere> ShardSide::why_not_built(const plan::GraphDerivation& derivation) const {
    const auto& machines = run_.session.machines().abilities;
    if (!ownership_.is_built_here(derivation.path) || plan::BuildAbility::fits(derivation, machines))
        return ownership_.failure(derivation.path);
    return plan::FailedElsewhere{.why = "shard " + std::to_string(ownership_.self()) +
                                        " was to build it, and its machine cannot: it takes " +
                                        plan::BuildAbility::wanted(derivation, machines),
                                 .log_tail = {}};
}

Task<void> ShardSide::keep_in_touch() {
    for (auto& [shard, fellow] : fellows_) fellow.heard = run_.clock.now();
    for (;;) {
        co_await speak();
        bool is_last_look = is_look_wanted_;
        co_await look();
        was_last_look_ = is_last_look;
        co_await take_from_the_slowest();
        if (claims_.has_something_to_tell()) co_await speak();
        run_.wake_driver(); // it may be time to end
        if (!is_look_wanted_ || was_last_look_) co_await run_.clock.sleep_until(nap_, run_.clock.now() + pause_);
    }
}

// Asked by whoever has nothing left to do. Who hears nobody has nobody to take from.
bool ShardSide::stays() {
    if (!log_ || run_.is_ending() || run_.driver->slots().all == 0) return false;
    if (was_last_look_) return !is_out_ && claims_.may_take();
    if (!std::exchange(is_look_wanted_, true)) nap_.wake();
    return true;
}

Task<void> ShardSide::take_from_the_slowest() {
    if (run_.driver && run_.driver->slots().spare == 0) is_look_wanted_ = was_last_look_ = false;
    auto slowest = is_out_ ? std::nullopt : claims_.slowest();
    if (!slowest) co_return;
    auto left = left_by(*slowest);
    auto there = co_await find_there(std::move(left));
    if (!there) {
        note_outage(there.error());
        co_return;
    }
    claims_.claim_from(*slowest, *there);
    pause_ = shortest_pause; // the answer is on its way
}

// A sign of life when one is due, and at once what failed.
Task<void> ShardSide::speak() {
    auto since = spoke_ ? run_.clock.elapsed_since(*spoke_) : 0ms;
    bool is_due = !spoke_ || since >= run_.session.settings().shard_patience / signs_of_life;
    if (!is_due && !news_.has_failures() && !claims_.has_something_to_tell()) co_return;
    auto what = spoke_ ? shard::LogEntry::Said::alive : shard::LogEntry::Said::started;
    auto said = co_await say(what);
    if (!said) note_outage(said.error());
}

// All that is to be told, in so many entries as that takes; nothing comes after the one that says the last word.
Task<Result<void>> ShardSide::say(shard::LogEntry::Said said) {
    bool is_all_told = false;
    while (!is_all_told) {
        shard::LogEntry entry;
        is_all_told = news_.put_into(entry);
        entry.said = is_all_told ? said : shard::LogEntry::Said::alive;
        if (said == shard::LogEntry::Said::alive)
            claims_.put_into(entry); // at the ends there is nothing to take or to give
        auto telling = log_->write(entry);
        CO_TRY_VOID(co_await std::move(telling));
        claims_.told(entry);
        news_.told(entry);
        spoke_ = run_.clock.now();
    }
    co_return Result<void>();
}

Task<void> ShardSide::look() {
    auto begun = run_.clock.now();
    auto news = co_await find_news(begun);
    auto ended = run_.clock.now();
    auto since = ended - listened_.value_or(begun);
    listened_ = ended;
    if (!news) {
        for (auto& [shard, fellow] : fellows_) fellow.heard += since; // while nobody can be heard, nobody is silent
        note_outage(news.error());
        co_return;
    }
    if (is_out_) run_.say(event::Severity::notice, "the cache answers again: other shards are heard");
    is_out_ = false;
    if (*news) run_.live.become_stale();
    pause_ = *news ? shortest_pause : std::min(pause_ * 3 / 2, longest_pause);
}

// Is anything different from what it was?
Task<Result<bool>> ShardSide::find_news(async::Clock::TimePoint now) {
    auto wanted = awaited();
    std::erase_if(wanted, [&](const auto& path) {
        auto noticed = noticed_.find(path);
        return noticed != noticed_.end() && now < noticed->second + second_thoughts_after;
    });
    for (const auto& [shard, fellow] : fellows_)
        if (!fellow.has_finished) wanted.insert(log_->next(shard));
    CO_TRY(there, co_await find_there(std::move(wanted)));
    CO_TRY(news, co_await listen(there));
    // What they left may be there by now, and is not built again.
    auto gone = find_gone(now);
    Paths left;
    for (auto shard : gone) left.merge(left_by(shard));
    CO_TRY(published, co_await find_there(std::move(left)));
    there.merge(published);
    for (auto shard : gone) {
        ownership_.note_gone(shard);
        claims_.note_gone(shard);
        news = true;
        if (!fellows_.at(shard).has_finished)
            run_.say(event::Severity::warning, "shard " + std::to_string(shard) + " has been silent for " +
                                                   human_duration(run_.session.settings().shard_patience) +
                                                   ": what it has not published is built by others");
    }
    bool is_there_more = co_await note_there(std::move(there));
    co_return news || is_there_more;
}

Task<Result<ShardSide::Paths>> ShardSide::find_there(Paths paths) {
    if (paths.empty()) co_return paths;
    if (run_.session.cache_info().has_bulk_query) {
        auto& cache = run_.judge.backend(plan::own_cache);
        std::vector<nix::StorePath> all(paths.begin(), paths.end());
        CO_TRY(missing, co_await cache.query_missing(std::move(all)));
        for (const auto& path : missing) paths.erase(path);
        co_return paths;
    }
    CO_TRY(infos, co_await narinfos(std::move(paths)));
    Paths there;
    for (const auto& [path, info] : infos) there.insert(path);
    co_return there;
}

Task<Result<ShardSide::Infos>> ShardSide::narinfos(Paths paths) {
    Look look{.cache = run_.judge.backend(plan::own_cache),
              .requests = async::Limiter(run_.session.executor(), requests_at_once),
              .there = {},
              .failure = {}};
    auto look_at_all = [&](async::TaskGroup& group) {
        for (const auto& path : paths) group.spawn(look_at(look, path));
    };
    co_await async::together(look_at_all);
    if (look.failure) co_return std::move(*look.failure);
    co_return std::move(look.there);
}

Task<Result<bool>> ShardSide::listen(const Paths& there) {
    std::map<std::size_t, shard::ShardLog::Read> heard;
    std::optional<Failure> failure;
    auto all = [&](async::TaskGroup& group) {
        for (const auto& [shard, fellow] : fellows_)
            if (!fellow.has_finished && there.contains(log_->next(shard)))
                group.spawn(read_log(*log_, shard, heard[shard], failure));
    };
    co_await async::together(all);
    bool is_news = false;
    for (const auto& [shard, read] : heard) is_news |= hear(shard, read);
    if (failure) co_return std::move(*failure);
    co_return is_news;
}

// Does it change anything?
bool ShardSide::hear(std::size_t shard, const shard::ShardLog::Read& read) {
    auto& fellow = fellows_.at(shard);
    bool is_news = false;
    if (read.complaint) run_.say(event::Severity::warning, read.complaint->one_line());
    for (const auto& entry : read.entries) {
        for (const auto& build : entry.failed) ownership_.note_failed(shard, build);
        is_news |= claims_.hear(shard, entry);
        fellow.has_finished = entry.said == shard::LogEntry::Said::finished;
        is_news |= !entry.failed.empty();
    }
    if (read.entries.empty()) return is_news;
    fellow.heard = run_.clock.now();
    if (fellow.has_finished || !ownership_.is_gone(shard)) return is_news;
    ownership_.note_there(shard);
    run_.say(event::Severity::notice, "shard " + std::to_string(shard) + " is heard again");
    return true;
}

// Those that were there until now.
std::vector<std::size_t> ShardSide::find_gone(async::Clock::TimePoint now) const {
    std::vector<std::size_t> gone;
    for (const auto& [shard, fellow] : fellows_) {
        bool is_silent = now - fellow.heard > run_.session.settings().shard_patience;
        if ((fellow.has_finished || is_silent) && !ownership_.is_gone(shard)) gone.push_back(shard);
    }
    return gone;
}

// Outputs of what it was to build and is missing, as far as this shard knows.
ShardSide::Paths ShardSide::left_by(std::size_t fellow) const {
    Paths left;
    for (auto id : run_.live.now().of_others) {
        const auto& derivation = run_.graph.derivation(id);
        if (ownership_.owner(derivation.path) != fellow) continue;
        for (const auto& output : derivation.outputs)
            if (output.path != plan::no_path) left.insert(run_.graph.path(output.path));
    }
    return left;
}

ShardSide::Paths ShardSide::awaited() const {
    Paths paths;
    for (auto path : plan::awaited(run_.live.now(), run_.graph, run_.facts))
        if (run_.driver && run_.driver->is_needed(path)) paths.insert(run_.graph.path(path));
    return paths;
}

// The judge asks about them afresh, as it does about everything; and about what they refer to, which may not have been
// there when it was asked about last, and is now. True: some are news.
Task<bool> ShardSide::note_there(Paths there) {
    std::erase_if(there, [this](const auto& path) { return !is_output(path); });
    bool is_news = !there.empty();
    while (!there.empty()) {
        for (const auto& path : there) noticed_[path] = run_.clock.now();
        auto infos = co_await narinfos(there);
        Paths below;
        if (infos)
            for (const auto& [path, info] : *infos)
                for (const auto& reference : info.references)
                    if (is_output(reference) && !is_known_there(reference) && !noticed_.contains(reference))
                        below.insert(reference);
        for (const auto& path : there) run_.judge.forget(*run_.graph.find(path));
        there = std::move(below);
    }
    co_return is_news;
}

bool ShardSide::is_output(const nix::StorePath& path) const {
    auto id = run_.graph.find(path);
    return id && run_.graph.producer(*id);
}

bool ShardSide::is_known_there(const nix::StorePath& path) const {
    return (run_.facts.of(*run_.graph.find(path)).present & plan::bit(plan::own_cache)) != 0;
}

void ShardSide::note_outage(const Failure& why) {
    pause_ = longest_pause;
    if (is_out_) return;
    is_out_ = true;
    run_.say(event::Severity::warning,
             "the other shards cannot be heard, as the cache does not answer: " + why.one_line(),
             "what needs nothing of theirs is built meanwhile");
}

Task<void> ShardSide::finish() {
    if (!log_) co_return;
    auto limit = run_.interrupted != 0 ? async::Clock::Duration(last_word_when_told_to_end) : last_word_takes;
    auto saying = say(shard::LogEntry::Said::finished);
    auto said = co_await async::within(run_.clock, limit, std::move(saying));
    if (said && *said) co_return;
    run_.say(event::Severity::warning,
             "the other shards could not be told that this one has ended" +
                 (said ? ": " + said->error().one_line() : std::string()),
             "they wait for it for " + human_duration(run_.session.settings().shard_patience));
}

report::ShardReport ShardSide::report() const {
    report::ShardReport report;
    report.run = run_id_;
    report.number = ownership_.self();
    report.shards = ownership_.size();
    for (const auto& [path, when] : noticed_) report.awaited.push_back(path.to_string());
    for (const auto& [shard, fellow] : fellows_)
        if (!fellow.has_finished && ownership_.is_gone(shard)) report.silent.push_back(shard);
    std::map<std::pair<std::size_t, std::size_t>, std::vector<std::string>> given; // by from and to
    for (const auto& [by_and_what, to] : ownership_.given())
        given[{by_and_what.first, to}].push_back(by_and_what.second.to_string());
    for (auto& [from_and_to, derivations] : given)
        report.given.push_back({from_and_to.first, from_and_to.second, std::move(derivations)});
    if (!run_.driver) return report;
    for (const auto& [id, record] : run_.driver->records()) {
        const auto& path = run_.graph.derivation(id).path;
        bool was_left = ownership_.is_by_cut_anothers(path) && !ownership_.is_given(path);
        if (record.start && was_left) report.taken_over.push_back(path.to_string());
    }
    return report;
}

} // namespace cachefill::fill
