#pragma once

#include <memory>
#include <string>

namespace cachefill::eval {
class Evaluator;
}

namespace cachefill::session {

class Session;

// An evaluator of `flake`, as the settings have it. What was evaluated before and cannot have changed
// (evaluation_memory.hpp) is not evaluated again as long as its derivation is in the store: EvaluatedTarget::
// evaluated_before. The setting `fresh` says no to that. `session` must outlive it, and have a store.
std::unique_ptr<eval::Evaluator> make_evaluator(Session& session, std::string flake);

} // namespace cachefill::session
