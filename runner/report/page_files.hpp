#pragma once

#include <span>
#include <string_view>

namespace cachefill::report {

// The files of page/, put into the program when it is built.
extern const std::string_view page_frame; // page.html, with %POLICY%, %STYLE%, %DATA% and %SCRIPT% in this order
extern const std::string_view page_style; // page.css
extern const std::span<const std::string_view> page_scripts; // one after the other they are the page's only script

} // namespace cachefill::report
