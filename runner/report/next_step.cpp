#include "report/next_step.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

std::string next_step(const RunReport& report, const Figures& sums) {
    auto pushed = sums.pushed_while_building + sums.pushed_after;
    if (report.exit_code == 0) {
        if (!report.run_command.empty()) return "next: " + report.run_command + "\n";
        if (report.command != Command::run || sums.built + pushed == 0 || report.switch_command.empty()) return {};
        auto trusts = [](const auto& target) { return target.trusted; };
        bool is_trusted = std::all_of(report.targets.begin(), report.targets.end(), trusts);
        // Switching to the lines alone would still compile: the Nix that does it does not know the cache.
        if (std::none_of(report.targets.begin(), report.targets.end(), trusts) && !report.use_command.empty())
            return "next: " + report.use_command +
                   " (how a machine comes to fetch from the cache; none of these does)\n" +
                   "then: " + report.switch_command + " (with the lines above in its configuration)\n";
        return "next: " + (is_trusted ? "" : std::string("put the lines above into the hosts that lack them, then: ")) +
               report.switch_command + " (on any of these machines; they fetch what was built)\n";
    }
    if (report.command == Command::verify)
        return report.run_command.empty() ? "" : "next: " + report.run_command + "\n";
    // A command with a secret in it is not told.
    auto again = report.again.empty() ? std::string("the same command once more") : report.again;
    switch (report.exit_code) {
    case 1:
        if (sums.built == 0) return "next: mend what failed, then: " + again + "\n";
        return fmt::format("next: mend what failed, then: {} ({} succeeded and will not be repeated)\n", again,
                           counted(sums.built, "build"));
    case 3:
        return "next: " + again + " (pushes only what is missing)\n";
    case 4:
    case 130:
    case 143:
        return "next: " + again + " (goes on from here; what is in the cache is not built again)\n";
    default:
        return {};
    }
}

} // namespace cachefill::report
