#pragma once

#include "async/signal.hpp"

#include <cstdint>
#include <list>

namespace cachefill::async {

// So many units (requests, uploads, bytes) may be in use at once. First come, first served: a large request is not
// starved by small ones. Must outlive its permits.
class Limiter {
  public:
    Limiter(Executor executor, std::uint64_t units) : executor_(executor), total_(units), free_(units) {}
    Limiter(const Limiter&) = delete;
    Limiter& operator=(const Limiter&) = delete;

    // Gives its units back when it goes away.
    class Permit {
      public:
        Permit() = default;
        Permit(Permit&& other) noexcept
            : limiter_(std::exchange(other.limiter_, nullptr)), units_(std::exchange(other.units_, 0)) {}
        Permit& operator=(Permit&& other) noexcept {
            if (this != &other) {
                release();
                limiter_ = std::exchange(other.limiter_, nullptr);
                units_ = std::exchange(other.units_, 0);
            }
            return *this;
        }
        ~Permit() { release(); }

        std::uint64_t units() const { return units_; }
        // More than half of all units are in use: a holder that can do with less should.
        bool is_scarce() const { return limiter_ && limiter_->in_use() > limiter_->total() / 2; }
        void release();
        // Gives back all but `units`, for instance when a chunk turned out smaller than reserved.
        void shrink_to(std::uint64_t units);

      private:
        friend class Limiter;
        Permit(Limiter* limiter, std::uint64_t units) : limiter_(limiter), units_(units) {}
        Limiter* limiter_ = nullptr;
        std::uint64_t units_ = 0;
    };

    // More units than there are in all are cut to all of them, so that nothing waits for ever.
    Task<Permit> acquire(std::uint64_t units = 1);

    std::uint64_t total() const { return total_; }
    std::uint64_t in_use() const { return total_ - free_; }

  private:
    struct Waiter {
        std::uint64_t units;
        bool granted = false;
        Signal signal;
    };

    void give_back(std::uint64_t units);
    void grant();

    Executor executor_;
    std::uint64_t total_;
    std::uint64_t free_;
    std::list<Waiter*> waiters_;
};

} // namespace cachefill::async
