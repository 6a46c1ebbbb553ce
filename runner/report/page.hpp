#pragma once

#include "report/joined.hpp"

#include <string>

namespace cachefill::report {

// What jobs found as one HTML file for people: it needs no network and nothing beside it. All that is not of the page
// itself is data in it, never markup, and no script but its own can run. It shows JobReport::document of each job.
std::string to_html(const Joined& joined);

} // namespace cachefill::report
