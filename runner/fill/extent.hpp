#pragma once

namespace cachefill::fill {

// How far a run goes: `plan` stops after planning, `verify` evaluates and verifies, `fill` does everything.
enum class Extent { plan, verify, fill };

} // namespace cachefill::fill
