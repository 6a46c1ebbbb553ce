#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cachefill::options {

struct Settings;

// GitHub's own machine for a system; empty if it has none.
std::string runner_for(std::string_view system);

// What `runs-on` is given for a machine ("x86_64-linux", or "x86_64-linux+kvm", which is one that `runners` names with
// the features it has): what `runners` says, else GitHub's own. Empty: nobody knows one.
std::vector<std::string> runner_labels(const Settings& settings, const std::string& machine);

// All machines of which somebody knows a runner, those with features first.
std::vector<std::string> machines_with_runner(const Settings& settings);

} // namespace cachefill::options
