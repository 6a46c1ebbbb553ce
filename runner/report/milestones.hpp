#pragma once

#include "event/event.hpp"
#include "report/progress.hpp"

#include <string>

// Lines, each with a newline, for a log in which nothing is ever redrawn.
namespace cachefill::report {

std::string targets_line(const event::TargetsFound& found);
std::string plan_line(const event::PlanChanged& plan);
// Where the run stands: what is done, what is going on and for how long, what is left.
std::string state_line(const Progress& progress, Progress::Clock::time_point now);

} // namespace cachefill::report
