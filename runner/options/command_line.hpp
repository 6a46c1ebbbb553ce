#pragma once

#include "base/environment.hpp"
#include "base/result.hpp"
#include "event/message.hpp"
#include "options/options.hpp"
#include "options/settings.hpp"

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace cachefill::options {

struct Invocation {
    Command command;
    Settings settings; // flags over inputs of the action over environment over configuration over defaults
    std::vector<event::Message> remarks; // on what was read, to be said first
};

// Text that answers `--help`, `help`, `--version`: goes to stdout. Where nothing was asked (no command): to stderr.
struct Answer {
    std::string text;
    bool was_asked = true;
};

// Reads arguments (without the program's name), the environment and the configuration file. Failures are of kind usage.
Result<std::variant<Invocation, Answer>> parse_command_line(std::span<const std::string> arguments,
                                                            const Environment& environment);

// The flake of a command that names none: $NH_FLAKE, $NH_OS_FLAKE, else ".".
std::string default_flake(const Environment& environment);

} // namespace cachefill::options
