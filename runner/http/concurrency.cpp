#include "http/concurrency.hpp"

#include <algorithm>

namespace cachefill::http {

using namespace std::chrono_literals;

namespace {

// Twice as many at once must bring this much more, or the server had its fill before.
constexpr double worth_it = 1.3;
constexpr double worth_it_where_closed = 1.5;
// On kept connections a wait that got longer by less than this is no sign of anything.
constexpr auto unremarkable = 2ms;
constexpr Concurrency::Duration first_hold = 2s;
constexpr Concurrency::Duration longest_hold = 60s;
constexpr unsigned most_fruitless = 4; // 16 rounds of rest
constexpr std::size_t no_small_server = 8;
constexpr std::size_t first_where_closed = 2;
constexpr std::size_t fewest = 2;              // so that one is asked while the other is answered
constexpr std::size_t fewest_where_closed = 8; // answers that make a round: two or three say nothing

std::optional<Concurrency::Duration> median(std::vector<Concurrency::Duration>& waits) {
    if (waits.empty()) return {};
    auto middle = waits.begin() + static_cast<std::ptrdiff_t>(waits.size() / 2);
    std::nth_element(waits.begin(), middle, waits.end());
    return *middle;
}

} // namespace

Concurrency::Concurrency(std::size_t most)
    : most_(std::max<std::size_t>(most, 1)), limit_(std::min(first, most_)), settled_(limit_) {}

void Concurrency::answered(const Answer& answer, TimePoint now) {
    if (answer.wait && !typical_wait_) typical_wait_ = answer.wait;
    closed_in_a_row_ = answer.keeps_open ? 0 : closed_in_a_row_ + 1;
    if (answer.round != round_) return;
    if (round_ == 0 && closes() && limit_ > first_where_closed) {
        settled_ = first_where_closed;
        allow(first_where_closed);
        return;
    }
    ++answers_;
    if (answer.wait) waits_.push_back(*answer.wait);
    if (answers_ >= (closes() ? std::max(limit_, fewest_where_closed) : limit_)) end_round(answer, now);
}

void Concurrency::end_round(const Answer& answer, TimePoint now) {
    auto wait = median(waits_);
    answers_ = 0;
    waits_.clear();
    if (wait) typical_wait_ = wait;
    bool tries_more = limit_ > settled_;
    auto slack = closes() ? Duration::zero() : Duration(unremarkable);
    auto counted = wait ? std::optional(std::max(*wait - slack, Duration::zero())) : std::nullopt;
    if (tries_more && !brings_more(counted)) {
        bold_ = false;
        fruitless_ = std::min(fruitless_ + 1, most_fruitless);
        rest_ = std::size_t(1) << fruitless_;
        // Perhaps what it settled for was too much already, and looked like more by chance.
        if (fruitless_ > 1) settled_ = std::max(settled_ / 2, std::min(fewest, settled_));
        settled_wait_.reset();
        allow(settled_);
        return;
    }
    if (tries_more) fruitless_ = 0;
    settled_ = limit_;
    settled_wait_ = wait;
    if (rest_ > 0) {
        --rest_;
        return;
    }
    bool all_are_served = closes() || answer.unserved <= limit_ / 8;
    if (!answer.wanted || !all_are_served || now < held_until_ || limit_ >= most_) return;
    // Who serves eight kept connections at once is no small server.
    bool fast = bold_ && !closes() && limit_ >= no_small_server;
    allow(std::min(most_, limit_ * (fast ? 4 : 2)));
}

// By Little's law: answers in a time are questions at once by the time each takes.
bool Concurrency::brings_more(std::optional<Duration> wait) const {
    if (!wait || !settled_wait_ || wait->count() == 0) return true;
    auto times_as_many = static_cast<double>(limit_) / static_cast<double>(settled_);
    auto times_as_long =
        static_cast<double>(wait->count()) / static_cast<double>(std::max<std::int64_t>(settled_wait_->count(), 1));
    return times_as_long <= 1 || times_as_many / times_as_long >= (closes() ? worth_it_where_closed : worth_it);
}

void Concurrency::refused(std::uint64_t round, TimePoint now) {
    if (round != round_) return; // that many are not under way any more
    hold(now);
    settled_ = std::max<std::size_t>(limit_ > settled_ ? settled_ : limit_ / 2, 1);
    allow(settled_);
}

void Concurrency::serves_only(std::size_t served, TimePoint now) {
    served = std::max<std::size_t>(served, 1);
    if (served >= limit_) return;
    hold(now);
    settled_ = served;
    allow(served);
}

void Concurrency::busy(std::uint64_t round, TimePoint now) {
    if (round != round_) return;
    hold(now);
    if (limit_ > settled_) allow(settled_);
}

void Concurrency::allow(std::size_t limit) {
    limit_ = limit;
    ++round_;
    answers_ = 0;
    waits_.clear();
}

void Concurrency::hold(TimePoint now) {
    bold_ = false;
    if (now < held_until_) return; // one trouble has many signs
    hold_ = std::clamp(hold_ * 2, first_hold, longest_hold);
    held_until_ = now + hold_;
}

} // namespace cachefill::http
