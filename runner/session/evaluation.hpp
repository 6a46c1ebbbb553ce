#pragma once

#include <memory>
#include <string>
#include <vector>

namespace cachefill::eval {
class Evaluator;
struct EvaluatedTarget;
struct TargetRef;
} // namespace cachefill::eval

namespace cachefill::session {

class Session;

// An evaluator of `flake`, as the settings have it. What was evaluated before and cannot have changed
// (evaluation_memory.hpp) is not evaluated again as long as its derivation is in the store: EvaluatedTarget::
// evaluated_before. The setting `fresh` says no to that. `session` must outlive it, and have a store.
std::unique_ptr<eval::Evaluator> make_evaluator(Session& session, std::string flake);

// What its key says all of: nothing that was built, or fetched from whom one host trusts, had a part in it.
bool is_by_key_alone(const eval::EvaluatedTarget& evaluated);

// Which hosts the flake turned out to have, for completions.
void remember_hosts(const Session& session, const std::vector<eval::TargetRef>& found);

} // namespace cachefill::session
