#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "eval/evaluator.hpp"
#include "eval/flake.hpp"
#include "eval/nix_command.hpp"

#include <optional>
#include <string>
#include <vector>

namespace cachefill::eval {

// What listing one kind gave.
struct Listing {
    TargetKind kind;
    std::vector<TargetRef> targets;
    std::optional<Failure> failure;
    std::optional<event::Position> position;
};

// The kinds asked for beside hosts, by their flake output names; a usage failure for an unknown one.
Result<std::vector<TargetKind>> parse_extra_kinds(const std::vector<std::string>& names);

// Lists the names of each kind, one cheap process each, side by side, purely. A kind that the flake does not have is an
// empty list.
async::Task<Result<std::vector<Listing>>> list_targets(const EvalSettings& settings, const OpenedFlake& flake,
                                                       std::vector<TargetKind> kinds, NixHooks hooks);

// Reads what listing_expression() yields.
Result<std::vector<TargetRef>> parse_listing(TargetKind kind, std::string_view json);

} // namespace cachefill::eval
