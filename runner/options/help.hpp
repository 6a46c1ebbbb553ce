#pragma once

#include "options/options.hpp"

#include <string>
#include <string_view>

namespace cachefill::options {

// What a command is and how it is called: of this, help, man page and completions are made.
struct CommandHelp {
    std::string_view usage;       // a line for each form
    std::string_view description; // prose, in one line
};
const CommandHelp& help_of(Command command);

// The overview, or one command's page; `full` adds the details of each option. No line is wider than 80 columns.
std::string help_text();
std::string help_text(Command command, bool full);

} // namespace cachefill::options
