#include "eval/admission.hpp"

#include <algorithm>
#include <chrono>

namespace cachefill::eval {

namespace {

// Memory may also become free because something else ended.
constexpr auto look_again_after = std::chrono::milliseconds(500);

// What the running ones will still take, and what is left to others.
std::uint64_t spoken_for(const std::list<MemoryUse>& running) {
    std::uint64_t sum = memory_reserve;
    for (const auto& use : running) sum += use.expected - std::min(use.expected, use.resident);
    return sum;
}

} // namespace

bool may_start(std::uint64_t expected, const std::list<MemoryUse>& running, std::optional<std::uint64_t> available,
               std::size_t jobs) {
    if (running.empty()) return true;
    if (running.size() >= jobs) return false;
    if (!available) return true;
    auto taken = spoken_for(running);
    return *available >= taken && *available - taken >= expected;
}

std::uint64_t spare_share(const std::list<std::uint64_t>& waiting, const std::list<MemoryUse>& running,
                          std::optional<std::uint64_t> available, std::size_t jobs) {
    if (!available || waiting.empty() || running.size() >= jobs) return 0;
    auto taken = spoken_for(running);
    auto sharing = std::min(waiting.size(), jobs - running.size());
    std::for_each_n(waiting.begin(), sharing, [&taken](std::uint64_t expected) { taken += expected; });
    return std::min(waiting.front(), (*available - std::min(*available, taken)) / sharing);
}

Admission::Ticket::~Ticket() {
    if (!admission_) return;
    admission_->running_.erase(entry_);
    admission_->wake_waiters();
}

void Admission::wake_waiters() {
    for (const auto& waiting : waiting_) waiting.timer->cancel();
}

bool Admission::may_enter(std::uint64_t expected, bool alone) const {
    if (alone) return running_.empty();
    auto is_alone = [](const Ticket::Entry& entry) { return entry.alone; };
    if (std::any_of(running_.begin(), running_.end(), is_alone)) return false;
    return may_start(expected, uses(), probe_.available(), jobs_);
}

std::list<MemoryUse> Admission::uses() const {
    std::list<MemoryUse> uses;
    for (const auto& entry : running_)
        uses.push_back({.expected = entry.expected, .resident = entry.pid ? probe_.resident(entry.pid) : 0});
    return uses;
}

std::uint64_t Admission::spare() const {
    std::list<std::uint64_t> expected;
    for (const auto& waiting : waiting_) expected.push_back(waiting.expected);
    return spare_share(expected, uses(), probe_.available(), jobs_);
}

async::Task<Admission::Ticket> Admission::enter(std::uint64_t expected, bool alone, bool takes_spare) {
    async::SteadyTimer timer(executor_);
    struct Place { // leaves the queue however this ends, and lets the next one look
        Admission& admission;
        std::list<Waiting>::iterator self;
        ~Place() {
            admission.waiting_.erase(self);
            admission.wake_waiters();
        }
    };
    Place place{.admission = *this, .self = waiting_.insert(waiting_.end(), {&timer, expected})};
    // Those who were spawned together stand in the queue before the first of them gets a share of what is free.
    co_await async::sleep_for(std::chrono::steady_clock::duration::zero());
    while (waiting_.front().timer != &timer || !may_enter(expected, alone)) {
        timer.expires_after(look_again_after);
        co_await timer.async_wait(async::use_task_tuple);
        co_await async::sleep_for(std::chrono::steady_clock::duration::zero()); // throws when cancelled
    }
    auto granted = expected + (takes_spare ? spare() : 0);
    auto entry = running_.insert(running_.end(), Ticket::Entry{.expected = granted, .pid = 0, .alone = alone});
    co_return Ticket(this, entry);
}

} // namespace cachefill::eval
