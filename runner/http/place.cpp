#include "http/place.hpp"

#include <algorithm>

namespace cachefill::http {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t first_transfers = 16; // at once, as long as nothing speaks against it
// A place that has not answered anybody for so long is not crowded but away.
constexpr auto proof_lasts = 3s;
constexpr int most_refusals = 8; // of one request: then it is the request that they do not like
constexpr int telling_refusals = 3;
constexpr int most_busy_answers = 12;
// How much longer than usual a new connection may wait for its first byte, and for how long at least.
constexpr int unusual = 8;
constexpr Place::Duration question_patience = 250ms;
constexpr Place::Duration transfer_patience = 2s; // bodies take their time
constexpr Place::Duration question_given_up = 2s; // at the first try, twice as long at each further one
constexpr int most_given_up = 5;
constexpr std::uint64_t overtaken = 16;

} // namespace

Place::Turn::Turn(Place& place, Use use)
    : place_(&place), use_(use), round_(place.concurrency_.round()), began_(Clock::now()) {}

void Place::Turn::release() {
    auto* place = std::exchange(place_, nullptr);
    if (!place) return;
    --place->line(use_).in_use;
    place->grant();
}

Place::Place(async::Executor executor, std::size_t most)
    : executor_(executor), most_(most), concurrency_(most), pace_alarm_(executor, [this] { grant(); }) {}

async::Task<Place::Turn> Place::wait_for_turn(Use use) {
    Waiter waiter{.number = ++numbers_, .granted = false, .signal = async::Signal(executor_)};
    auto& waiters = line(use).waiters;
    auto spot = waiters.insert(waiters.end(), &waiter);
    grant();
    try {
        while (!waiter.granted) co_await waiter.signal.wait();
    } catch (...) { // cancelled; passed on after leaving the line
        if (waiter.granted) {
            --called_;
            --line(use).in_use;
        } else {
            waiters.erase(spot);
        }
        grant();
        throw;
    }
    --called_;
    co_return Turn(*this, use);
}

std::size_t Place::transfer_limit() const {
    return is_tight_ ? concurrency_.limit() : std::max(first_transfers, concurrency_.limit());
}

bool Place::has_room(Use use) const {
    auto all = is_tight_ ? concurrency_.limit() : most_;
    if (in_use() >= all) return false;
    return use == Use::question ? questions_.in_use < concurrency_.limit() : transfers_.in_use < transfer_limit();
}

// The line whose first has waited longest, of those that there is room for.
Place::Line* Place::next_line() {
    Line* next = nullptr;
    for (auto use : {Use::question, Use::transfer}) {
        auto& candidate = line(use);
        if (candidate.waiters.empty() || !has_room(use)) continue;
        if (!next || candidate.waiters.front()->number < next->waiters.front()->number) next = &candidate;
    }
    return next;
}

void Place::grant() {
    while (auto* next = next_line()) {
        auto now = Clock::now();
        if (pace_.next() > now) {
            pace_alarm_.set(pace_.next());
            return;
        }
        pace_.sent(now);
        auto* waiter = next->waiters.front();
        next->waiters.pop_front();
        ++next->in_use;
        ++called_;
        waiter->granted = true;
        waiter->signal.notify_all();
    }
}

void Place::answered(const Turn& turn, Duration first_byte, bool keeps_open) {
    auto now = Clock::now();
    last_answer_ = now;
    ++answers_;
    pace_.answered(now);
    Concurrency::Answer answer;
    answer.round = turn.round_;
    if (turn.use_ == Use::question) {
        answer.wait = first_byte;
        is_silent_ = false;
    }
    answer.keeps_open = keeps_open;
    answer.unserved = fresh_;
    answer.wanted = !line(turn.use_).waiters.empty();
    concurrency_.answered(answer, now);
    grant();
}

bool Place::is_proven(TimePoint now) const {
    return answers_ > 0 && now - std::max(last_answer_, pace_.paused_until()) < proof_lasts;
}

bool Place::refused(const Turn& turn, int tries) {
    auto now = Clock::now();
    // The first answer may just be on its way to another.
    if (answers_ == 0) return in_use() > 1 && tries <= telling_refusals;
    if (!is_proven(now)) return false;
    if (tries <= telling_refusals) {
        concurrency_.refused(turn.round_, now);
        tighten();
    }
    return tries < most_refusals;
}

bool Place::given_up(const Turn& turn, int tries) {
    if (tries <= telling_refusals) {
        concurrency_.refused(turn.round_, Clock::now());
        tighten();
    }
    return tries <= most_given_up;
}

bool Place::busy(const Turn& turn, int tries, Duration pause) {
    auto now = Clock::now();
    if (!is_proven(now)) {
        pace_.forget();
        grant();
        return false;
    }
    pace_.refused(turn.began_, pause, now);
    concurrency_.busy(turn.round_, now);
    return tries < most_busy_answers;
}

std::unique_ptr<Connection> Place::take() {
    auto now = Clock::now();
    while (!idle_.empty()) {
        auto last = std::move(idle_.back());
        idle_.pop_back();
        if (now < last.until && last.connection->looks_alive()) return std::move(last.connection);
    }
    return nullptr;
}

void Place::give_back(std::unique_ptr<Connection> connection, TimePoint until) {
    if (owed_ > 0) {
        --owed_;
        return;
    }
    auto connections = in_use() - called_ + idle_.size();
    if (connections > std::min(most_, transfer_limit())) return;
    idle_.push_back({std::move(connection), until});
}

std::optional<Place::TimePoint> Place::close_old(TimePoint now) {
    auto first_young = std::find_if(idle_.begin(), idle_.end(), [&](const auto& idle) { return now < idle.until; });
    idle_.erase(idle_.begin(), first_young);
    if (idle_.empty()) return {};
    return idle_.front().until;
}

void Place::begin_fresh(Use use) {
    if (use == Use::question) ++fresh_;
}

void Place::end_fresh(Use use, bool was_unserved) {
    if (use == Use::question) --fresh_;
    if (was_unserved) --unserved_;
    owed_ = std::min(owed_, unserved_);
}

void Place::is_unserved(bool for_the_first_time, std::uint64_t answers) {
    if (for_the_first_time) ++unserved_;
    if (!idle_.empty())
        idle_.erase(idle_.begin());
    else if (owed_ < unserved_)
        ++owed_;
    if (answers < overtaken) return;
    concurrency_.serves_only(in_use() - unserved_, Clock::now());
    tighten();
}

void Place::tighten() {
    is_tight_ = true;
    while (!idle_.empty() && in_use() - called_ + idle_.size() > concurrency_.limit()) idle_.erase(idle_.begin());
}

Vigil::Vigil(async::Executor executor, Place& place, Use use, Watch& watch, int tries)
    : place_(place), use_(use), watch_(watch), began_(Clock::now()),
      end_(began_ + question_given_up * (1 << std::min(tries - 1, 10))), answers_before_(place.answers_),
      patience_(use == Use::question ? question_patience : transfer_patience), alarm_(executor, [this] { look(); }) {
    place_.begin_fresh(use_);
    alarm_.set(began_ + patience_);
}

Vigil::~Vigil() { place_.end_fresh(use_, is_unserved_); }

void Vigil::look() {
    auto phase = watch_.phase();
    if (phase == Phase::receive) return;
    auto now = Clock::now();
    bool connected = phase == Phase::first_byte || phase == Phase::tls;
    if (use_ == Use::question && place_.is_tight_ && connected && now >= end_) {
        has_given_up_ = true;
        watch_.give_up();
        return;
    }
    auto typical = place_.concurrency_.typical_wait();
    if (typical && now - began_ >= *typical * unusual) {
        auto answers = use_ == Use::question ? place_.answers_ - answers_before_ : 0;
        place_.is_unserved(!std::exchange(is_unserved_, true), answers);
        patience_ *= 2;
    }
    auto next = now + patience_;
    alarm_.set(now < end_ ? std::min(next, end_) : next);
}

} // namespace cachefill::http
