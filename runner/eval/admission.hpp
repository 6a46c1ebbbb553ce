#pragma once

#include "async/signal.hpp"
#include "async/task.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <utility>

namespace cachefill::eval {

// Of a target never evaluated before. A NixOS host of a recent nixpkgs takes 0.6 to 1.5 GB.
inline constexpr std::uint64_t default_peak_memory = 1ULL << 30;
// Left for everything else on the machine.
inline constexpr std::uint64_t memory_reserve = 256ULL << 20;

// Memory that one running evaluator is expected to reach, and has reached.
struct MemoryUse {
    std::uint64_t expected = 0;
    std::uint64_t resident = 0;
};

// May one more start? Always when none runs, else nothing would ever. What those running will still grow by is not
// available, although the kernel says so. `available` empty: unknown, only the number decides. Pure.
bool may_start(std::uint64_t expected, const std::list<MemoryUse>& running, std::optional<std::uint64_t> available,
               std::size_t jobs);

// What one that starts now may take beyond what is expected: its share of what the running ones, and as many of those
// who wait behind it as may run beside them, leave; no more than it is expected to take. `waiting` begins with it.
// Nothing where it is not known what is available. Pure.
std::uint64_t spare_share(const std::list<std::uint64_t>& waiting, const std::list<MemoryUse>& running,
                          std::optional<std::uint64_t> available, std::size_t jobs);

// Lets evaluators in, first come, first served. Must outlive its tickets.
class Admission {
  public:
    struct Probe {
        std::function<std::optional<std::uint64_t>()> available;
        std::function<std::uint64_t(int)> resident; // of a process
    };
    Admission(async::Executor executor, std::size_t jobs, Probe probe)
        : jobs_(jobs), probe_(std::move(probe)), executor_(executor) {}
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

    // The right to run; given back when it goes away.
    class Ticket {
      public:
        Ticket(Ticket&& other) noexcept : admission_(std::exchange(other.admission_, nullptr)), entry_(other.entry_) {}
        Ticket& operator=(Ticket&&) = delete;
        ~Ticket();
        void runs_as(int pid) { entry_->pid = pid; }
        // Bytes that it may reach; counts as expected from now on.
        std::uint64_t granted() const { return entry_->expected; }

      private:
        friend class Admission;
        struct Entry {
            std::uint64_t expected = 0;
            int pid = 0;
            bool alone = false;
        };
        Ticket(Admission* admission, std::list<Entry>::iterator entry) : admission_(admission), entry_(entry) {}
        Admission* admission_;
        std::list<Entry>::iterator entry_;
    };

    // Waits for its turn. `alone`: until no other runs, and no other starts beside it. `takes_spare`: it is granted its
    // spare_share(), too.
    async::Task<Ticket> enter(std::uint64_t expected, bool alone, bool takes_spare);

  private:
    struct Waiting {
        async::SteadyTimer* timer; // cancelled when something changed
        std::uint64_t expected;
    };
    bool may_enter(std::uint64_t expected, bool alone) const;
    std::list<MemoryUse> uses() const;
    std::uint64_t spare() const; // for the first who waits, and may enter
    void wake_waiters();

    std::size_t jobs_;
    Probe probe_;
    async::Executor executor_;
    std::list<Ticket::Entry> running_;
    std::list<Waiting> waiting_; // in order of arrival
};

} // namespace cachefill::eval
