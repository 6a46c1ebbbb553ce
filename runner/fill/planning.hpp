#pragma once

#include "fill/run_context.hpp"

#include <cstddef>
#include <string>

namespace cachefill::fill {

// What the caches have, what follows from that, and again whenever more is known: keeps the live plan up to date and
// hands it on to who builds and pushes.
class Planning {
  public:
    explicit Planning(RunContext& run) : run_(run) {}

    // Until there is nothing more to plan. Questions are answered `beside` it, so that a cache that is away holds up
    // only what hangs on it.
    async::Task<void> keep_on(async::TaskGroup& beside);
    // What could not be known in the end, by whose silence, and what followed from that.
    void tell_undecided();

    plan::Policy policy() const;
    // How many outputs there were before this run pushed any: in the own cache, and only in an upstream.
    void count_present();
    std::uint64_t present() const { return present_; }
    std::uint64_t upstream() const { return upstream_; }

  private:
    bool is_over() const;
    async::Task<void> ask(plan::Questions questions);
    void forget_what_only_this_machine_has(plan::Questions& questions);
    void apply();
    void tell_unfetched();
    void tell_lacking();
    void tell_who_does_not_build();
    // Why it comes last, for a person; empty if it does not.
    std::string deferral(const plan::GraphDerivation& derivation) const;

    RunContext& run_;
    std::uint64_t present_ = 0, upstream_ = 0;
};

} // namespace cachefill::fill
