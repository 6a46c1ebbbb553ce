#include "async/limiter.hpp"

#include <algorithm>

namespace cachefill::async {

void Limiter::Permit::release() {
    if (limiter_) std::exchange(limiter_, nullptr)->give_back(std::exchange(units_, 0));
}

void Limiter::Permit::shrink_to(std::uint64_t units) {
    if (!limiter_ || units >= units_) return;
    limiter_->give_back(units_ - units);
    units_ = units;
}

Task<Limiter::Permit> Limiter::acquire(std::uint64_t units) {
    units = std::min(units, total_);
    if (waiters_.empty() && free_ >= units) {
        free_ -= units;
        co_return Permit(this, units);
    }
    Waiter waiter{.units = units, .granted = false, .signal = Signal(executor_)};
    auto place = waiters_.insert(waiters_.end(), &waiter);
    try {
        while (!waiter.granted) co_await waiter.signal.wait();
    } catch (...) { // cancelled; passed on after leaving the queue
        if (waiter.granted) {
            give_back(units);
        } else {
            waiters_.erase(place);
            grant(); // those behind may have waited only for this one
        }
        throw;
    }
    co_return Permit(this, units);
}

void Limiter::give_back(std::uint64_t units) {
    free_ += units;
    grant();
}

void Limiter::grant() {
    while (!waiters_.empty() && waiters_.front()->units <= free_) {
        Waiter* waiter = waiters_.front();
        waiters_.pop_front();
        free_ -= waiter->units;
        waiter->granted = true;
        waiter->signal.notify_all();
    }
}

} // namespace cachefill::async
