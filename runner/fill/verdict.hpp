#pragma once

#include "base/failure.hpp"
#include "options/exit_code.hpp"
#include "options/settings.hpp"
#include "report/run_report.hpp"

#include <set>
#include <string>
#include <vector>

namespace cachefill::fill {

// What the user decided about it.
struct VerdictRules {
    std::set<options::FailureCause> fail_on;
    std::vector<std::string> systems; // globs; hosts of others are left to other machines; empty: all
    bool require_all = false;         // also what needs another machine
    bool strict_trust = false;
    bool plan_with_work_fails = false; // `plan --exit-code`
};

// How the run came to its end, beside what its report tells.
struct Ending {
    std::vector<Failure> failures; // of the run as a whole
    int signal = 0;                // SIGINT or SIGTERM
    std::set<std::string> refused; // missing paths that the cache shows so that nobody believes them, and keeps
    std::string nobody_builds;     // why no machine builds what is missing; or empty
};

struct Verdict {
    options::ExitCode code = options::ExitCode::complete;
    std::vector<std::string> causes;     // why it is not `complete`; each a sentence, of every code that applies
    std::vector<event::Message> excused; // what would be a cause, had the rules or its owner not called it optional
};

// What docs/report.md promises about exit codes. `report` is complete but for its exit code and its causes.
Verdict verdict(const report::RunReport& report, const VerdictRules& rules, const Ending& ending);

} // namespace cachefill::fill
