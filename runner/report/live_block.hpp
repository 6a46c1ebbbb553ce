#pragma once

#include "report/progress.hpp"
#include "report/style.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace cachefill::report {

// The lines of the live block for this moment: what is being evaluated, asked, built, pushed and verified. Each fits
// `width` columns; however narrow the terminal is, no line is left out, only cut in the middle. At most about a dozen
// lines, so that the block fits any screen.
std::vector<std::string> live_block(const Progress& progress, Progress::Clock::time_point now, std::size_t width,
                                    const Style& style);

} // namespace cachefill::report
