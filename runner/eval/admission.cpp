#include "eval/admission.hpp"

#include <algorithm>
#include <chrono>

namespace cachefill::eval {

namespace {

// Memory may also become free because something else ended.
constexpr auto look_again_after = std::chrono::milliseconds(500);

} // namespace

bool may_start(std::uint64_t expected, const std::list<MemoryUse>& running, std::optional<std::uint64_t> available,
               std::size_t jobs) {
    if (running.empty()) return true;
    if (running.size() >= jobs) return false;
    if (!available) return true;
    std::uint64_t spoken_for = memory_reserve;
    for (const auto& use : running) spoken_for += use.expected - std::min(use.expected, use.resident);
    return *available >= spoken_for && *available - spoken_for >= expected;
}

Admission::Ticket::~Ticket() {
    if (!admission_) return;
    admission_->running_.erase(entry_);
    admission_->wake_waiters();
}

void Admission::wake_waiters() {
    for (auto* timer : waiting_) timer->cancel();
}

bool Admission::may_enter(std::uint64_t expected, bool alone) const {
    if (alone) return running_.empty();
    auto is_alone = [](const Ticket::Entry& entry) { return entry.alone; };
    if (std::any_of(running_.begin(), running_.end(), is_alone)) return false;
    std::list<MemoryUse> uses;
    for (const auto& entry : running_)
        uses.push_back({.expected = entry.expected, .resident = entry.pid ? probe_.resident(entry.pid) : 0});
    return may_start(expected, uses, probe_.available(), jobs_);
}

async::Task<Admission::Ticket> Admission::enter(std::uint64_t expected, bool alone) {
    async::SteadyTimer timer(executor_);
    struct Place { // leaves the queue however this ends, and lets the next one look
        Admission& admission;
        std::list<async::SteadyTimer*>::iterator self;
        ~Place() {
            admission.waiting_.erase(self);
            admission.wake_waiters();
        }
    };
    Place place{.admission = *this, .self = waiting_.insert(waiting_.end(), &timer)};
    while (waiting_.front() != &timer || !may_enter(expected, alone)) {
        timer.expires_after(look_again_after);
        co_await timer.async_wait(async::use_task_tuple);
        co_await async::sleep_for(std::chrono::steady_clock::duration::zero()); // throws when cancelled
    }
    auto entry = running_.insert(running_.end(), Ticket::Entry{.expected = expected, .pid = 0, .alone = alone});
    co_return Ticket(this, entry);
}

} // namespace cachefill::eval
