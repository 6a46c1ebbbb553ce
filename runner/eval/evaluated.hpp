#pragma once

#include "base/result.hpp"
#include "eval/evaluator.hpp"

#include <string_view>

namespace cachefill::eval {

// Reads what target_expression() yields: derivation, outputs, system and settings of `target`.
Result<EvaluatedTarget> parse_evaluated(const TargetRef& target, std::string_view json);

} // namespace cachefill::eval
