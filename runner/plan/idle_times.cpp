#include "plan/idle_times.hpp"

#include <algorithm>

namespace cachefill::plan {

namespace {

// Further away than anything that is added to it.
constexpr IdleTimes::Time never{IdleTimes::Time::max() / 4};

} // namespace

IdleTimes::IdleTimes(std::size_t slots) : gaps_(std::max<std::size_t>(slots, 1), {Time::zero(), never}) {}

std::size_t IdleTimes::gap_for(Time earliest, Time length) const {
    std::size_t best = 0;
    Time start = Time::max();
    for (std::size_t i = 0; i < gaps_.size() && gaps_[i].from < start; ++i) {
        const Time here = std::max(gaps_[i].from, earliest);
        if (here + length > gaps_[i].to || here >= start) continue;
        best = i;
        start = here;
    }
    return best;
}

IdleTimes::Time IdleTimes::first_fit(Time earliest, Time length) const {
    return std::max(gaps_[gap_for(earliest, length)].from, earliest);
}

IdleTimes::Time IdleTimes::take(Time earliest, Time length) {
    const std::size_t at = gap_for(earliest, length);
    const Gap gap = gaps_[at];
    const Time start = std::max(gap.from, earliest);
    gaps_.erase(gaps_.begin() + static_cast<std::ptrdiff_t>(at));
    const auto keep = [this](Time from, Time to) {
        if (from >= to) return;
        const auto is_before = [](const Gap& other, Time moment) { return other.from < moment; };
        gaps_.insert(std::lower_bound(gaps_.begin(), gaps_.end(), from, is_before), {from, to});
    };
    keep(gap.from, start);
    keep(start + length, gap.to);
    return start;
}

} // namespace cachefill::plan
