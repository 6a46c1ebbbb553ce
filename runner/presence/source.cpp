#include "presence/source.hpp"

#include "async/beside.hpp"
#include "async/retry.hpp"
#include "async/within.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cache/cache_uri.hpp"
#include "event/event.hpp"

#include <algorithm>
#include <utility>

namespace cachefill::presence {

using async::Task;
using namespace std::chrono_literals;

namespace {

constexpr async::RetryPolicy pauses{.first_delay = 500ms, .longest_delay = 15s, .longest_server_delay = 120s};
// Shorter ones are nobody's business.
constexpr auto told_after = 3s;
// So long a cache that has never answered may take for it, however little patience is left.
constexpr std::chrono::milliseconds shortest_try = 5s;

std::chrono::milliseconds milliseconds(async::Clock::Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

// Nobody is there under that name; the network may be what is missing.
bool has_no_name(const Failure& failure) {
    return failure.kind() == FailureKind::not_found && failure.http_status() == 0;
}

bool is_limiting(const Failure& failure) { return failure.http_status() == 429 || failure.http_status() == 503; }

} // namespace

bool is_no_answer(const Failure& failure) {
    return failure.http_status() == 0 && (failure.can_heal() || failure.kind() == FailureKind::not_found);
}

Source::Source(async::Executor executor, async::Clock& clock, event::Sink& sink,
               std::unique_ptr<cache::BinaryCache> backend, std::string shown, Patience patience)
    : executor_(executor), clock_(clock), sink_(sink), backend_(std::move(backend)), shown_(std::move(shown)),
      patience_(patience), changed_(executor), random_(std::random_device{}()) {}

void Source::is_open_already(cache::CacheInfo info) {
    info_ = std::move(info);
    standing_ = Standing::open;
    has_answered_ = true;
}

void Source::is_lost_already(Failure why) {
    trouble_ = std::move(why);
    standing_ = Standing::lost;
}

bool Source::counts_as_empty() const {
    if (standing_ == Standing::unusable || patience_.build_unknown || backend_->uri().optional) return true;
    return patience_.offline && !has_answered_;
}

void Source::stop_waiting() {
    stopped_ = true;
    for (auto* sleeper : sleepers_) sleeper->wake();
    changed_.notify_all();
}

void Source::forgive() {
    if (standing_ != Standing::lost) return;
    standing_ = has_answered_ ? Standing::open : Standing::unopened;
    impatient_ = true;
}

std::chrono::milliseconds Source::budget() const {
    if (impatient_) return 0ms;
    if (has_answered_) return patience_.away;
    return patience_.offline ? 0ms : patience_.never_seen;
}

std::chrono::milliseconds Source::away_for() const { return milliseconds(clock_.now() - away_since_); }

void Source::tell(event::CacheWaiting::State state) {
    event::CacheWaiting waiting;
    waiting.cache = shown_;
    waiting.state = state;
    if (trouble_) waiting.said = trouble_->one_line();
    waiting.waited = away_for();
    waiting.patience = budget();
    sink_.on_event(waiting);
}

void Source::note_answer() {
    has_answered_ = true;
    impatient_ = false;
    last_answer_ = clock_.now();
    if (standing_ != Standing::away) return;
    if (std::exchange(wait_was_told_, false)) tell(event::CacheWaiting::State::back);
    standing_ = Standing::open;
    trouble_.reset();
    changed_.notify_all();
    if (on_change) on_change();
}

void Source::go_away(const Failure& failure, async::Clock::TimePoint since) {
    trouble_ = failure;
    if (standing_ == Standing::away) return;
    away_since_ = since;
    tries_while_away_ = 0;
    standing_ = Standing::away;
    changed_.notify_all(); // whoever waits for it to be opened waits for a cache that is away
    if (on_change) on_change();
}

void Source::lose(Failure failure) {
    if (is_out()) return;
    auto waited = milliseconds(clock_.now() - away_since_);
    bool has_waited = standing_ == Standing::away && tries_while_away_ > 0;
    if (has_waited)
        failure = std::move(failure).with_cause_suffix(
            ", and so for " + human_duration(waited) + " (" +
            counted(static_cast<std::uint64_t>(tries_while_away_) + 1, "try", "tries") + ")");
    trouble_ = std::move(failure);
    if (!has_waited) away_since_ = clock_.now();
    // Of one that is out of reach by intent it is said once what follows, by whoever plans.
    if (!patience_.offline || has_answered_) tell(event::CacheWaiting::State::over);
    standing_ = Standing::lost;
    changed_.notify_all();
    if (on_change) on_change();
}

void Source::be_unusable(Failure failure) {
    if (is_out()) return;
    if (std::exchange(wait_was_told_, false)) tell(event::CacheWaiting::State::back);
    trouble_ = std::move(failure);
    standing_ = Standing::unusable;
    event::Message message{.severity = event::Severity::notice,
                           .text = shown_ + " is no cache that anybody could use: " + trouble_->one_line(),
                           .hint = "it counts as empty"};
    sink_.on_event(message);
    changed_.notify_all();
}

Task<void> Source::nap(std::chrono::milliseconds pause) {
    async::Nap early(executor_);
    auto place = sleepers_.insert(sleepers_.end(), &early);
    struct Leave {
        std::list<async::Nap*>& all;
        std::list<async::Nap*>::iterator place;
        ~Leave() { all.erase(place); }
    } leave{sleepers_, place};
    if (!stopped_) co_await clock_.sleep_until(early, clock_.now() + pause);
}

// While it is away one asker tries again, for all; the others wait for what he finds.
Task<Source::Next> Source::find_out(Asked& asked) {
    while (standing_ == Standing::away) {
        if (stopped_) {
            lose(*trouble_);
            co_return Next::end;
        }
        if (asked.on_wait) (*asked.on_wait)();
        if (finding_out_) {
            co_await changed_.wait();
            continue;
        }
        finding_out_ = true;
        struct Done {
            Source& source;
            ~Done() {
                source.finding_out_ = false;
                source.changed_.notify_all(); // whoever waits takes over, should this one have been cancelled
            }
        } done{*this};
        ++tries_while_away_;
        auto policy = pauses;
        policy.budget = budget();
        auto pause = async::next_delay(tries_while_away_, away_for(), policy, trouble_->retry_after(), random_);
        if (!pause) {
            lose(*trouble_);
            co_return Next::end;
        }
        if (away_for() + *pause >= told_after) {
            wait_was_told_ = true;
            tell(event::CacheWaiting::State::waits);
        }
        co_await nap(*pause);
        if (stopped_ || standing_ != Standing::away) continue;
        // About something that was answered before, if there is such: then it shows whether only this path is in
        // trouble.
        if (!answered_about_) co_return Next::ask;
        if (!co_await answers_about_another()) continue;
        asked.since = std::min(asked.since.value_or(clock_.now()), clock_.now());
    }
    co_return is_out() ? Next::end : Next::ask;
}

Task<bool> Source::answers_about_another() {
    ++requests_;
    auto path = *answered_about_;
    auto found = co_await backend_->get_narinfo(std::move(path));
    bool answers = found || !found.error().can_heal();
    if (answers)
        note_answer();
    else
        trouble_ = std::move(found).error();
    co_return answers;
}

Task<Source::Next> Source::after_failure(const Failure& failure, async::Clock::TimePoint asked_at, Asked& asked) {
    if (!asked.since) asked.since = asked_at;
    ++asked.tries;
    bool others_are_answered = has_answered_ && last_answer_ > *asked.since;
    if (!others_are_answered) {
        go_away(failure, asked_at);
        co_return Next::ask; // where it waits like everybody
    }
    auto policy = pauses;
    policy.budget = is_limiting(failure) ? patience_.away : patience_.one_path;
    auto in_trouble = milliseconds(clock_.now() - *asked.since);
    auto pause = async::next_delay(asked.tries, in_trouble, policy, failure.retry_after(), random_);
    if (!pause || stopped_) co_return Next::end;
    co_await nap(*pause);
    co_return stopped_ ? Next::end : Next::ask;
}

template <class T>
Task<Result<T>> Source::persist(std::function<Task<Result<T>>()> ask, std::optional<nix::StorePath> about,
                                const OnWait* on_wait) {
    Asked asked;
    asked.on_wait = on_wait;
    for (;;) {
        auto next = co_await find_out(asked);
        if (next == Next::end || is_out()) co_return *trouble_;
        auto asked_at = clock_.now();
        ++requests_;
        auto answer = co_await ask();
        bool is_away = !answer && (answer.error().can_heal() || has_no_name(answer.error()));
        if (!is_away) {
            note_answer();
            if (answer && about) answered_about_ = about;
            if (!answer && about && answer.error().kind() == FailureKind::auth) lose(answer.error());
            co_return answer;
        }
        if (is_out()) co_return *trouble_;
        auto then = co_await after_failure(answer.error(), asked_at, asked);
        if (then == Next::ask) continue;
        if (asked.tries > 1)
            co_return std::move(answer).error().with_cause_suffix(
                ", and so for " + human_duration(milliseconds(clock_.now() - *asked.since)) +
                " while other paths were answered");
        co_return answer;
    }
}

Task<Result<void>> Source::open() {
    auto info = co_await backend_->open();
    if (!info) co_return std::move(info).error();
    info_ = std::move(*info);
    co_return Result<void>();
}

// Others need not wait until a try has failed in order to know that nothing comes.
Task<void> Source::note_silence(async::Clock::TimePoint asked_at, const OnWait* on_wait) {
    co_await clock_.sleep_for(told_after);
    if (standing_ != Standing::unopened) co_return;
    go_away(Failure(FailureKind::timeout, "it has said nothing so far"), asked_at);
    bool is_told = !patience_.offline; // as in lose()
    if (is_told) {
        wait_was_told_ = true;
        tell(event::CacheWaiting::State::waits);
    }
    if (on_wait) (*on_wait)();
}

// One that is silent takes no longer than there is patience with it, however long a request may wait elsewhere.
Task<Result<void>> Source::open_in_time(async::Clock::TimePoint asked_at, const OnWait* on_wait) {
    auto left = standing_ == Standing::away ? budget() - away_for() : budget();
    auto limit = std::max(left, shortest_try);
    auto opening = async::within(clock_, limit, open());
    auto opened = co_await async::beside(std::move(opening), note_silence(asked_at, on_wait));
    if (opened) co_return std::move(*opened);
    co_return Failure(FailureKind::timeout, shown_ + " did not begin to answer within " + human_duration(limit));
}

Task<Result<void>> Source::reach(const OnWait* on_wait) {
    while (opening_) {
        if (is_away() && on_wait) (*on_wait)();
        co_await changed_.wait();
    }
    if (standing_ == Standing::open || (standing_ == Standing::away && has_answered_)) co_return Result<void>();
    if (is_out()) co_return *trouble_;
    opening_ = true;
    struct Done {
        Source& source;
        ~Done() {
            source.opening_ = false;
            source.changed_.notify_all();
        }
    } done{*this};
    // Not by persist(): what is no cache at all is no outage.
    Asked asked;
    asked.on_wait = on_wait;
    for (;;) {
        auto next = co_await find_out(asked);
        if (next == Next::end || is_out()) co_return *trouble_;
        auto asked_at = clock_.now();
        ++requests_;
        auto opened = co_await open_in_time(asked_at, on_wait);
        if (opened) {
            if (standing_ == Standing::unopened) standing_ = Standing::open;
            note_answer();
            co_return Result<void>();
        }
        const auto& failure = opened.error();
        bool is_http = backend_->uri().scheme != cache::Scheme::file;
        if (failure.can_heal() || (is_http && has_no_name(failure))) {
            go_away(failure, asked_at);
            continue;
        }
        bool is_refused = failure.kind() == FailureKind::auth || failure.kind() == FailureKind::machine ||
                          failure.http_status() == 403;
        if (is_refused)
            lose(failure);
        else
            be_unusable(failure);
        co_return *trouble_;
    }
}

Task<Result<std::optional<nix::NarInfo>>> Source::get_narinfo(nix::StorePath path, const OnWait* on_wait) {
    CO_TRY_VOID(co_await reach(on_wait));
    using Answer = std::optional<nix::NarInfo>;
    std::function<Task<Result<Answer>>()> ask = [this, &path]() -> Task<Result<Answer>> {
        auto copy = path;
        co_return co_await backend_->get_narinfo(std::move(copy));
    };
    std::optional<nix::StorePath> about = path;
    co_return co_await persist<Answer>(std::move(ask), std::move(about), on_wait);
}

Task<Result<std::vector<nix::StorePath>>> Source::query_missing(std::vector<nix::StorePath> paths) {
    CO_TRY_VOID(co_await reach());
    using Answer = std::vector<nix::StorePath>;
    std::function<Task<Result<Answer>>()> ask = [this, &paths]() -> Task<Result<Answer>> {
        auto copy = paths;
        co_return co_await backend_->query_missing(std::move(copy));
    };
    std::optional<nix::StorePath> nothing;
    co_return co_await persist<Answer>(std::move(ask), std::move(nothing), nullptr);
}

} // namespace cachefill::presence
