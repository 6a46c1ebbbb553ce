#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "eval/error_location.hpp"
#include "eval/evaluator.hpp"
#include "eval/nix_command.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cachefill::eval {

// What `nix flake metadata --json` printed; a protocol failure if that is something else.
Result<FlakeInfo> parse_metadata(std::string_view json);

SourceMap source_map(const FlakeInfo& info);

struct OpenedFlake {
    FlakeInfo info;
    std::string reference;           // for evaluators: the work tree as given, anything remote locked
    std::filesystem::path directory; // where they must run for it; empty: anywhere
};

// Reads the flake, but no input of it. Failures say what is wrong with the flake; `position` gets where.
async::Task<Result<OpenedFlake>> read_flake(const EvalSettings& settings, NixHooks hooks,
                                            std::optional<event::Position>& position);
// Fetches its inputs; FlakeInfo::archive says where they are. What cannot be fetched is a warning: maybe no host needs
// it.
async::Task<Result<void>> fetch_inputs(const EvalSettings& settings, OpenedFlake& flake, NixHooks hooks,
                                       std::optional<event::Position>& position);

} // namespace cachefill::eval
