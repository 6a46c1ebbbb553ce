#pragma once

#include "report/joined.hpp"
#include "report/run_report.hpp"

#include <string>

namespace cachefill::report {

// The report as JUnit's XML, for viewers that know that: suites "hosts", "builds" and "pushes", and "run" with one case
// for the exit code, so that a run which fails for another reason than those is red there, too. Builds that were not
// begun and what is left to other machines are skipped cases; paths that went up are none, but those that did not.
// As the Jenkins plugin's schema (jenkins-junit.xsd) has it; times are seconds.
std::string to_junit(const RunReport& report);
// Of several jobs: the suites of each, behind its name; "jobs" with a case for each, also for one that never reported;
// and "report" with one case for the exit code of all.
std::string to_junit(const Joined& joined);

} // namespace cachefill::report
