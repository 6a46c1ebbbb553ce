#pragma once

#include "async/task.hpp"
#include "base/environment.hpp"

#include <string>

namespace cachefill::app {

// "wait has ended: complete": what an exit code of a command comes to, for somebody who looks elsewhere.
std::string ended_in_words(std::string_view command, int exit_code);

// The bell of the terminal on standard error, if it is one, and a notice of the desktop where a program for that is on
// PATH (notify-send; macOS: osascript). Takes five seconds at most; that it cannot be shown is no failure.
async::Task<void> ring(Environment environment, std::string text);

} // namespace cachefill::app
