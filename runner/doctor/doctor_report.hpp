#pragma once

#include "doctor/doctor.hpp"

#include <string>

namespace cachefill::doctor {

// One line of verdict, one reason, one command; with `verbose` everything behind them.
// What would be compiled, heaviest first, with times and what needs it; empty if nothing.
std::string compiled_table(const Examination& examination);
std::string to_text(const Examination& examination, bool verbose);
// The same as data; docs/laptop.md describes it.
std::string to_json(const Examination& examination);
// 0 healthy, 1 something would be compiled, 2 and 5 as elsewhere when it could not be looked at.
int exit_code_of(const Examination& examination);

} // namespace cachefill::doctor
