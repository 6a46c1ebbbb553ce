#include "http/pace.hpp"

#include <algorithm>
#include <numeric>

namespace cachefill::http {

using namespace std::chrono_literals;

namespace {

constexpr auto bucket_width = 100ms;
constexpr double first_guess = 500; // a second, at least: being wrong costs a few refusals, being slow costs seconds
constexpr double slowest = 1;
constexpr double unlimited = 5'000;  // a pace beyond that is none
constexpr double faster = 1.005;     // with each answer
constexpr double slower = 0.95;      // with each refusal, so about one question in ten is refused
constexpr double much_slower = 0.85; // with each further one in a row
constexpr double much_faster = 1.05; // with each answer, when there has been no refusal for long
constexpr auto long_ago = 3s;

} // namespace

void Pace::sent(TimePoint now) {
    if (rate_ > 0) next_ = std::max(next_, now) + gap();
}

Pace::Duration Pace::gap() const {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / rate_));
}

void Pace::answered(TimePoint now) {
    turn_to(now);
    ++counts_[static_cast<std::size_t>(bucket_) % buckets];
    if (first_answer_ == TimePoint()) first_answer_ = now;
    answered_since_ = true;
    if (rate_ <= 0) return;
    rate_ *= now - last_cut_ > long_ago ? much_faster : faster;
    if (rate_ > unlimited) rate_ = 0;
}

void Pace::refused(TimePoint began, Duration pause, TimePoint now) {
    turn_to(now);
    bool knew = rate_ <= 0 || began >= last_cut_; // what was sent before knew nothing of the last cut
    if (knew) {
        auto through = answers_per_second(now);
        auto cut = answered_since_ ? slower : much_slower;
        rate_ = rate_ > 0 ? std::max({rate_ * cut, through * cut, slowest}) : std::max(through, first_guess);
        last_cut_ = now;
        answered_since_ = false;
        // It came too early, perhaps by very little: a whole gap more would be a place left empty.
        next_ = std::min(next_, now + gap() / 4);
    }
    paused_until_ = std::max(paused_until_, now + pause);
}

void Pace::turn_to(TimePoint now) {
    auto newest = now.time_since_epoch() / bucket_width;
    auto passed = std::min<std::int64_t>(newest - bucket_, static_cast<std::int64_t>(buckets));
    for (std::int64_t i = 0; i < passed; ++i) counts_[static_cast<std::size_t>(newest - i) % buckets] = 0;
    bucket_ = std::max<std::int64_t>(newest, bucket_);
}

double Pace::answers_per_second(TimePoint now) const {
    auto seen = std::clamp<Duration>(now - first_answer_, bucket_width, 1s);
    auto count = std::accumulate(counts_.begin(), counts_.end(), 0U);
    return count / std::chrono::duration<double>(seen).count();
}

} // namespace cachefill::http
