#pragma once

#include "init/workflow_facts.hpp"

namespace cachefill::init {

// The commands of a shell script, one a line: lines that go on are joined, comments left out.
std::vector<std::string> script_lines(std::string_view script);

// By what a step uses ("cachix/cachix-action@v15") and by the commands that it runs.
StepRole role_of(std::string_view uses, const std::vector<std::string>& commands);

// What stands behind this on a command line, options skipped: of "cachix push -j4 team" and "cachix push", "team".
std::optional<std::string> word_after(const std::vector<std::string>& commands, const std::string& pattern);

} // namespace cachefill::init
