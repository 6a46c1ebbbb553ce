#pragma once

#include "push/pipeline.hpp"

#include <optional>
#include <string>

namespace cachefill::push {

// Which valid paths are ours to push (design stage 8). Pure.

// Why this path must stay here, as a person reads it; empty if it may go up.
std::optional<std::string> reason_to_withhold(const nix::PathInfo& info, bool built_by_this_run,
                                              const PushSettings& settings,
                                              const std::vector<nix::PublicKey>& known_keys);

// The pattern of `exclude` that the path's name matches.
std::optional<std::string> find_excluding_pattern(const nix::StorePath& path, const PushSettings& settings);

// What is said of a path that stays because of a path it references.
std::string lost_reference_reason(const nix::StorePath& reference, event::PushOutcome outcome);

// S3 takes 10 000 parts of an upload; a tenth stays in reserve.
std::uint64_t part_size_for(std::uint64_t nar_size, const PushSettings& settings);

} // namespace cachefill::push
