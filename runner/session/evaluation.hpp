#pragma once

#include <memory>
#include <string>
#include <vector>

namespace cachefill::eval {
class Evaluator;
struct TargetRef;
} // namespace cachefill::eval

namespace cachefill::session {

class Session;

// An evaluator of `flake`, as the settings have it. What was evaluated before and cannot have changed
// (evaluation_memory.hpp) is not evaluated again as long as its derivation is in the store: EvaluatedTarget::
// evaluated_before. The setting `fresh` says no to that. `session` must outlive it, and have a store.
std::unique_ptr<eval::Evaluator> make_evaluator(Session& session, std::string flake);

// Which hosts the flake turned out to have, for completions.
void remember_hosts(const Session& session, const std::vector<eval::TargetRef>& found);

} // namespace cachefill::session
