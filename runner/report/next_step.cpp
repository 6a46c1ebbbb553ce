#include "report/next_step.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace cachefill::report {

namespace {

const std::string mended = "once what failed is mended";

// The command stands alone on its line, so that the line can be pasted as far as it goes; what is said of it is below.
std::string step(const std::string& lead, const std::string& command, const std::string& remark = {}) {
    auto text = lead + ": " + command + "\n";
    return remark.empty() ? text : text + std::string(lead.size() + 2, ' ') + "(" + remark + ")\n";
}

} // namespace

std::string next_step(const RunReport& report, const Figures& sums) {
    auto pushed = sums.pushed_while_building + sums.pushed_after;
    if (report.exit_code == 0) {
        if (!report.run_command.empty()) return step("next", report.run_command);
        if (report.command != Command::run || sums.built + pushed == 0 || report.switch_command.empty()) return {};
        // Of what is only evaluated nothing is there to be fetched.
        auto trusts = [](const auto& target) { return target.trusted && !target.evaluate_only; };
        bool is_trusted = std::all_of(report.targets.begin(), report.targets.end(),
                                      [](const auto& target) { return target.trusted || target.evaluate_only; });
        // Switching to the lines alone would still compile: the Nix that does it does not know the cache.
        if (std::none_of(report.targets.begin(), report.targets.end(), trusts) && !report.use_command.empty())
            return step("next", report.use_command, "how a machine comes to fetch from the cache; none of these does") +
                   step("then", report.switch_command, "with the lines above in its configuration");
        auto remark = std::string(report.targets.size() == 1 ? "on that machine; it fetches what "
                                                             : "on any of these machines; they fetch what ") +
                      (sums.built > 0 ? "was built" : "is in the cache");
        if (is_trusted) return step("next", report.switch_command, remark);
        return step("next", "put the lines above into the hosts that lack them") +
               step("then", report.switch_command, remark);
    }
    bool is_broken = std::any_of(report.targets.begin(), report.targets.end(),
                                 [](const auto& target) { return !target.error.empty(); });
    if (report.command == Command::verify)
        return report.run_command.empty() ? "" : step("next", report.run_command, is_broken ? mended : "");
    // A command with a secret in it is not told.
    auto again = report.again.empty() ? std::string("the same command once more") : report.again;
    switch (report.exit_code) {
    case 1:
        return step("next", again,
                    mended + (sums.built == 0
                                  ? std::string()
                                  : "; " + counted(sums.built, "build") + " succeeded and will not be repeated"));
    case 3:
        return step("next", again, "pushes only what is missing");
    case 4:
    case 130:
    case 143:
        return step("next", again, "goes on from here; what is in the cache is not built again");
    default:
        return {};
    }
}

} // namespace cachefill::report
