#pragma once

#include "fill/fleet.hpp"
#include "fill/last_look.hpp"
#include "fill/planning.hpp"
#include "fill/push_side.hpp"
#include "fill/run_context.hpp"
#include "fill/vanished.hpp"

#include <string>
#include <vector>

namespace cachefill::fill {

// Design stage 10: what the consumers of each target would find, asked afresh; and what a plan needs of that to be
// right about who is complete.
class Verification {
  public:
    Verification(RunContext& run, Fleet& fleet, const Planning& planning, PushSide& pushes)
        : run_(run), fleet_(fleet), planning_(planning), pushes_(pushes) {}

    async::Task<void> verify();
    // Of a shard, which verifies no target: whether the own cache shows what it says it has of this run.
    async::Task<void> look_at_published();
    // Of a plan: targets that are complete although others that share their needs are not, and those that are complete
    // only for who is given their path.
    async::Task<void> look_at_plan();
    // Of what the own cache says it has of this run, what it did not show at the last look.
    const Vanished& vanished() const { return vanished_; }

  private:
    ArchiveLook archive_look();
    LastLook last_look(ArchiveLook& archives);
    async::Task<void> find_vanished(async::Clock::TimePoint since); // which the cache is waited for
    async::Task<void> judge(TargetRecord& record, const LastLook::Found& found);
    void describe_closure(const plan::Target& target, event::TargetVerified& verified) const;
    void compare_closure(TargetRecord& record);
    Failure why_unknown(const plan::Target& target, std::size_t paths) const;
    async::Task<bool> believes_what_it_needs(const plan::Target& target, std::size_t host);
    std::vector<std::string> outputs_without_path(const plan::Target& target) const;
    async::Task<Result<void>> find_what_all_build(TargetRecord& record);
    async::Task<void> find_complete_alone(); // of what a plan does something for
    async::Task<void> find_by_path_only();   // of what a plan finds complete

    RunContext& run_;
    Fleet& fleet_;
    const Planning& planning_;
    PushSide& pushes_;
    Vanished vanished_;
};

} // namespace cachefill::fill
