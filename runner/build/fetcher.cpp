#include "build/fetcher.hpp"

#include "async/together.hpp"
#include "build/roots.hpp"
#include "build/slot_connection.hpp"
#include "event/event.hpp"

#include <algorithm>

namespace cachefill::build {

using async::Task;
using daemon::FetchReason;
using daemon::FetchTrouble;
using event::CacheWaiting;
using namespace std::chrono_literals;

namespace {

constexpr int tries_with_a_daemon_that_dies = 4;
constexpr auto pause_after_daemon = 1s;
// About one cache. What Nix gets over by itself within that time is nobody's business.
constexpr auto worth_telling = 5s, between_messages = 5s;
// Without a word of trouble: servers think, and archives are unpacked.
constexpr auto silence_worth_telling = 30s;

} // namespace

// One request to the daemon, beside which somebody looks at the clock.
struct Fetcher::Try {
    Try(async::Executor executor, daemon::Connection& of, const nix::StorePath& wanted, FetchWatch watching)
        : connection(of), path(wanted), watch(std::move(watching)), nap(executor), both(executor) {}

    daemon::Connection& connection;
    const nix::StorePath& path;
    FetchWatch watch;
    async::Nap nap;
    async::TaskGroup both;
    std::optional<Result<void>> ensured; // empty: cut off
    Outages::TimePoint next_word{};      // on silence, at the earliest
    bool trouble_is_told = false;
    // Daemons that meet new substituters at the same time delete each other's rows from Nix's own list of them
    // ("FOREIGN KEY constraint failed"), so the first fetch of all goes alone until it has opened them.
    std::optional<async::Limiter::Permit> alone;
};

Fetcher::Fetcher(const Surroundings& at, std::chrono::milliseconds patience, Wiring wiring)
    : executor_(at.executor), endpoint_(at.endpoint), roots_(at.roots), clock_(at.clock), patience_(patience),
      wiring_(std::move(wiring)), sink_(at.sink), outages_(patience), first_fetch_(at.executor, 1) {
    limits_.silence = std::min(limits_.silence, patience);
    limits_.after_trouble = std::min(limits_.after_trouble, patience);
}

// Those that a plan knows of, else the one that was in the way the last time.
std::vector<std::string> Fetcher::caches_of(const nix::StorePath& path) const {
    std::vector<std::string> caches;
    if (wiring_.caches_of) caches = wiring_.caches_of(path);
    auto blamed = blamed_.find(path);
    // What is blamed may be a cache of something that the path refers to.
    if (blamed != blamed_.end() && std::find(caches.begin(), caches.end(), blamed->second.cache) == caches.end())
        caches = {blamed->second.cache};
    return caches;
}

Outages::Turn Fetcher::turn(const nix::StorePath& path) const { return outages_.turn(caches_of(path), clock_.now()); }

FetchReason Fetcher::reason_of_giving_up(const nix::StorePath& path) const {
    for (const auto& cache : caches_of(path))
        if (auto said = said_.find(cache); said != said_.end()) return {FetchTrouble::network, cache, said->second};
    auto blamed = blamed_.find(path);
    return blamed == blamed_.end() ? FetchReason{FetchTrouble::network, {}, "it is away"} : blamed->second;
}

Task<Fetcher::Outcome> Fetcher::fetch(Line& line, nix::StorePath path) {
    auto caches = caches_of(path);
    outages_.begin(caches);
    struct Ending {
        Outages& outages;
        const std::vector<std::string>& caches;
        ~Ending() { outages.end(caches); }
    } ending{outages_, caches};
    auto outcome = co_await ask_in_order(line, path);
    if (outcome.how == Outcome::How::fetched)
        blamed_.erase(path);
    else
        blamed_.insert_or_assign(path, outcome.reason);
    co_return outcome;
}

Task<Fetcher::Outcome> Fetcher::ask_in_order(Line& line, const nix::StorePath& path) {
    std::vector<nix::StorePath> before;
    if (wiring_.before) before = wiring_.before(path);
    for (const auto& first : before) {
        auto outcome = co_await ask_again(line, first);
        if (outcome.how != Outcome::How::fetched) co_return outcome;
    }
    co_return co_await ask_again(line, path);
}

// What went wrong may lie in that daemon process alone: it leaves out substituters that did not answer it once.
Task<Fetcher::Outcome> Fetcher::ask_again(Line& line, const nix::StorePath& path) {
    for (int tries = 1;; ++tries) {
        bool was_fresh = !line.connection || line.connection->is_broken();
        auto outcome = co_await try_once(line, path);
        if (outcome.how == Outcome::How::fetched) co_return outcome;
        line.connection.reset();
        auto trouble = outcome.reason.trouble;
        if (trouble == FetchTrouble::network && !outages_.is_given_up(outcome.reason.cache)) {
            outcome.how = Outcome::How::later;
            co_return outcome;
        }
        if (trouble == FetchTrouble::daemon_gone && tries < tries_with_a_daemon_that_dies) {
            async::Nap nap(executor_);
            co_await clock_.sleep_until(nap, clock_.now() + tries * pause_after_daemon);
            continue;
        }
        if (trouble == FetchTrouble::network || trouble == FetchTrouble::daemon_gone || was_fresh || tries > 1)
            co_return outcome;
    }
}

Task<Result<void>> Fetcher::prepare(Line& line, const nix::StorePath& path) {
    daemon::Options options;
    options.max_build_jobs = 0;
    options.use_substitutes = true;
    if (wiring_.overrides) options.overrides = wiring_.overrides(path);
    if (line.overrides != options.overrides) line = {.connection = {}, .overrides = options.overrides};
    CO_TRY_VOID(co_await ensure_connected(line.connection, endpoint_, std::move(options)));
    std::vector<nix::StorePath> held{path};
    co_return co_await roots_.hold(std::move(held));
}

Task<Fetcher::Outcome> Fetcher::try_once(Line& line, const nix::StorePath& path) {
    auto ready = co_await prepare(line, path);
    if (!ready) {
        FetchReason gone{FetchTrouble::daemon_gone, {}, ready.error().one_line()};
        co_return Outcome{Outcome::How::failed, std::move(gone)};
    }
    std::optional<async::Limiter::Permit> alone;
    if (!substituters_are_known_) alone.emplace(co_await first_fetch_.acquire());
    FetchWatch watch(limits_, clock_.now());
    auto& connection = line.connection;
    Try attempt(executor_, *connection, path, std::move(watch));
    if (!substituters_are_known_) attempt.alone = std::move(alone);
    alone.reset();
    auto listen = [this, &attempt](const daemon::LogEvent& log) { on_log(attempt, log); };
    connection->set_log_sink(std::move(listen));
    auto both = [&](async::TaskGroup& group) {
        group.spawn(ensure(attempt));
        group.spawn(keep_watch(attempt));
    };
    co_await async::together(attempt.both, both);
    connection->set_log_sink({});
    substituters_are_known_ = true;
    Outcome outcome;
    if (!attempt.ensured)
        outcome = {Outcome::How::failed, attempt.watch.reason_of_cut()};
    else if (!*attempt.ensured && connection->is_broken())
        outcome = {Outcome::How::failed, {FetchTrouble::daemon_gone, {}, attempt.ensured->error().cause()}};
    else if (!*attempt.ensured)
        outcome = {Outcome::How::failed,
                   daemon::reason_of_failed_fetch(attempt.watch.messages(), attempt.ensured->error().cause())};
    settle(attempt, outcome);
    co_return outcome;
}

Task<void> Fetcher::ensure(Try& attempt) {
    attempt.ensured.emplace(co_await attempt.connection.ensure_path(attempt.path));
    attempt.nap.wake();
}

Task<void> Fetcher::keep_watch(Try& attempt) {
    while (!attempt.ensured) {
        auto moment = attempt.watch.deadline();
        if (clock_.now() >= moment) {
            attempt.both.cancel();
            co_return;
        }
        if (auto since = attempt.watch.trouble_since(); since && !attempt.trouble_is_told) {
            attempt.trouble_is_told = clock_.now() >= *since + worth_telling;
            if (attempt.trouble_is_told) tell_trouble(attempt.watch.reason_of_cut());
            if (!attempt.trouble_is_told) moment = std::min(moment, *since + worth_telling);
        }
        moment = std::min(moment, tell_silence(attempt));
        co_await clock_.sleep_until(attempt.nap, moment);
    }
}

// Returns when to look again.
Outages::TimePoint Fetcher::tell_silence(Try& attempt) {
    auto worth = std::min<std::chrono::milliseconds>(silence_worth_telling, limits_.silence / 2);
    auto last = attempt.watch.last_life();
    auto due = std::max(last + worth, attempt.next_word);
    if (clock_.now() < due) return due;
    attempt.next_word = clock_.now() + worth;
    auto reason = attempt.watch.reason_of_waiting(clock_.now());
    if (attempt.watch.trouble_since() || reason.cache.empty()) return attempt.next_word;
    // It may be at work all the same, and others go on asking it.
    tell(reason, CacheWaiting::State::waits,
         std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - last));
    return attempt.next_word;
}

void Fetcher::on_log(Try& attempt, const daemon::LogEvent& log) {
    if (!log.cache.empty()) {
        substituters_are_known_ = true;
        attempt.alone.reset();
    }
    auto before = attempt.watch.deadline();
    auto told = attempt.watch.on_event(log, clock_.now());
    if (attempt.watch.deadline() < before) attempt.nap.wake();
    if (told && told->trouble == FetchTrouble::network) outages_.note_trouble(told->cache, clock_.now(), clock_.now());
}

void Fetcher::tell_trouble(const FetchReason& reason) {
    if (reason.trouble != FetchTrouble::network) return;
    auto waited = outages_.note_trouble(reason.cache, clock_.now(), clock_.now());
    tell(reason, CacheWaiting::State::waits, waited);
}

// What this try says about caches.
void Fetcher::settle(const Try& attempt, const Outcome& outcome) {
    bool failed = outcome.how != Outcome::How::fetched && outcome.reason.trouble == FetchTrouble::network;
    for (const auto& cache : attempt.watch.gave()) {
        // Answers about what it has, and then nothing: with those it would never be at an end for anybody.
        if (failed && cache == outcome.reason.cache && !attempt.watch.has_brought()) continue;
        auto away_for = outages_.note_answer(cache, clock_.now());
        auto silent = told_.find(cache); // and no more than that
        if (!away_for && silent != told_.end())
            away_for = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - silent->second);
        if (away_for) tell({FetchTrouble::network, cache, {}}, CacheWaiting::State::back, *away_for);
    }
    const auto& reason = outcome.reason;
    if (!failed) return;
    bool was_given_up = outages_.is_given_up(reason.cache);
    auto waited = outages_.note_failure(reason.cache, clock_.now(), attempt.watch.last_life());
    bool is_over = outages_.is_given_up(reason.cache) && !was_given_up;
    if (is_over || !was_given_up)
        tell(reason, is_over ? CacheWaiting::State::over : CacheWaiting::State::waits, waited);
}

void Fetcher::tell(const FetchReason& reason, CacheWaiting::State state, std::chrono::milliseconds waited) {
    if (state == CacheWaiting::State::back)
        said_.erase(reason.cache);
    else
        said_.insert_or_assign(reason.cache, reason.said);
    auto now = clock_.now();
    auto last = told_.find(reason.cache);
    bool is_known = last != told_.end();
    if (state == CacheWaiting::State::back && !is_known) return;
    if (state == CacheWaiting::State::waits &&
        (waited < worth_telling || (is_known && now < last->second + between_messages)))
        return;
    if (state == CacheWaiting::State::back)
        told_.erase(last);
    else
        told_.insert_or_assign(reason.cache, now);
    CacheWaiting event{
        .cache = reason.cache, .state = state, .said = reason.said, .waited = waited, .patience = patience_};
    sink_.on_event(event);
}

} // namespace cachefill::build
