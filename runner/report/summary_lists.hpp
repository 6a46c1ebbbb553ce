#pragma once

#include "report/run_report.hpp"

#include <cstddef>
#include <string>
#include <string_view>

// Sections of a summary that list things; each is empty if there is nothing to list.
namespace cachefill::report::lists {

std::string titled(std::string_view title, std::string_view text);
// To be opened by a click.
std::string folded(std::string_view title, std::size_t count, const std::string& text);

std::string what_did_not_go_up(const RunReport& report);
std::string missing(const RunReport& report);  // what a consumer could not fetch
std::string lacking(const RunReport& report);  // in a cache, and not fetchable by this machine
std::string waiting(const RunReport& report);  // for an upstream
std::string trust(const RunReport& report);    // lines for hosts that do not believe the cache
std::string left_out(const RunReport& report); // by selectors

} // namespace cachefill::report::lists
