#pragma once

#include "eval/discover.hpp"

#include <string>
#include <vector>

namespace cachefill::eval {

// What can be told of a host without evaluating its derivation.
struct HostOutline {
    std::string system;              // "x86_64-linux"
    std::vector<std::string> caches; // that its own configuration makes its Nix ask, as URLs; empty if it does not say
};

// Asks for both at once, and for the system alone where the configuration does not evaluate so far.
async::Task<Result<HostOutline>> outline_of_host(const EvalSettings& settings, const OpenedFlake& flake, TargetRef host,
                                                 NixHooks hooks);

} // namespace cachefill::eval
