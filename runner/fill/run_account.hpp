#pragma once

#include "fill/announcements.hpp"
#include "fill/fleet.hpp"
#include "fill/planning.hpp"
#include "fill/push_side.hpp"
#include "fill/run_context.hpp"
#include "fill/verification.hpp"
#include "report/run_report.hpp"

namespace cachefill::fill {

// The parts of a run that know something to tell.
struct RunParts {
    const RunContext& run;
    const Fleet& fleet;
    const Planning& planning;
    const PushSide& pushes;
    const Verification& verification;
    const Announcements& announcements;
};

// What a run says of itself, from its records: at its end, however it ended, or of what it is so far.
report::RunReport account_of(const RunParts& parts);

// Its part about builds: what was built, or what a plan would build.
void add_builds(report::RunReport& report, const RunParts& parts);
// Its part about targets; what is told of builds and pushes must be there.
void add_targets(report::RunReport& report, const RunParts& parts);

} // namespace cachefill::fill
