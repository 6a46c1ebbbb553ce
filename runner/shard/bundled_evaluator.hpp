#pragma once

#include "eval/evaluator.hpp"
#include "shard/bundle.hpp"

#include <memory>

namespace cachefill::shard {

// Answers what it is asked from the bundle, which outlives it, without a word to Nix: what did not evaluate there has
// not here. Each target was "evaluated before". Of the rest of the flake it finds nothing.
std::unique_ptr<eval::Evaluator> make_bundled_evaluator(const Bundle& bundle, event::Sink& sink);

} // namespace cachefill::shard
