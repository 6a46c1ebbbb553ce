#pragma once

#include "eval/discover.hpp"

#include <string>

namespace cachefill::eval {

// The system a host is made for ("x86_64-linux"), asked for alone: far less is evaluated than for its derivation.
async::Task<Result<std::string>> system_of_host(const EvalSettings& settings, const OpenedFlake& flake, TargetRef host,
                                                NixHooks hooks);

} // namespace cachefill::eval
