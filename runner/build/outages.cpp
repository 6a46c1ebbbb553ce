#include "build/outages.hpp"

#include <algorithm>

namespace cachefill::build {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_delay = 2s, longest_delay = 30s;
// Even when nobody waits for it any longer it may come back, and one try in a while is cheap.
constexpr std::chrono::milliseconds delay_when_spent = 60s;

std::chrono::milliseconds delay_after(int failures) {
    return std::min(longest_delay, first_delay * (1 << std::min(failures - 1, 10)));
}

} // namespace

Outages::Turn Outages::turn(const std::vector<std::string>& caches, TimePoint now) const {
    bool may_wait = false;
    for (const auto& cache : caches) {
        auto found = away_.find(cache);
        if (found == away_.end()) return Turn::go;
        const auto& outage = found->second;
        if (!outage.is_tried && now >= outage.next_try) return Turn::go;
        may_wait |= !outage.is_spent;
    }
    if (caches.empty()) return Turn::go;
    return may_wait ? Turn::wait : Turn::give_up;
}

void Outages::begin(const std::vector<std::string>& caches) {
    for (const auto& cache : caches)
        if (auto found = away_.find(cache); found != away_.end()) found->second.is_tried = true;
}

void Outages::end(const std::vector<std::string>& caches) {
    for (const auto& cache : caches)
        if (auto found = away_.find(cache); found != away_.end()) found->second.is_tried = false;
}

std::chrono::milliseconds Outages::note_trouble(const std::string& cache, TimePoint now, TimePoint since) {
    auto [at, is_new] = away_.try_emplace(cache);
    if (is_new) at->second.since = at->second.next_try = since;
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - at->second.since);
}

std::chrono::milliseconds Outages::note_failure(const std::string& cache, TimePoint now, TimePoint since) {
    auto away_for = note_trouble(cache, now, since);
    auto& outage = away_.at(cache);
    ++outage.failures;
    outage.is_spent = away_for >= patience_;
    outage.next_try = now + (outage.is_spent ? delay_when_spent : delay_after(outage.failures));
    // The last try comes when patience ends, and not after that.
    if (!outage.is_spent) outage.next_try = std::min(outage.next_try, outage.since + patience_);
    return away_for;
}

std::optional<std::chrono::milliseconds> Outages::note_answer(const std::string& cache, TimePoint now) {
    auto found = away_.find(cache);
    if (found == away_.end()) return {};
    auto away_for = std::chrono::duration_cast<std::chrono::milliseconds>(now - found->second.since);
    away_.erase(found);
    return away_for;
}

bool Outages::is_given_up(const std::string& cache) const {
    auto found = away_.find(cache);
    return found != away_.end() && found->second.is_spent;
}

std::optional<Outages::TimePoint> Outages::next_moment(TimePoint now) const {
    std::optional<TimePoint> next;
    for (const auto& [cache, outage] : away_)
        if (!outage.is_tried && outage.next_try > now && (!next || outage.next_try < *next)) next = outage.next_try;
    return next;
}

} // namespace cachefill::build
