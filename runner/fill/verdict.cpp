#include "fill/verdict.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <csignal>

namespace cachefill::fill {

namespace {

using event::BuildOutcome;
using event::PushOutcome;
using event::TargetVerdict;
using report::Command;

options::ExitCode code_of(FailureKind kind) {
    if (kind == FailureKind::usage) return options::ExitCode::usage;
    bool is_the_flakes_fault = kind == FailureKind::eval || kind == FailureKind::build;
    return is_the_flakes_fault ? options::ExitCode::failed : options::ExitCode::machine;
}

bool is_needed_by(const report::BuildReport& build, const report::TargetReport& target) {
    return std::find(build.targets.begin(), build.targets.end(), target.name) != build.targets.end();
}

// Collects what speaks against the run, in the order in which a person wants to read it.
class Hearing {
  public:
    Hearing(const report::RunReport& report, const VerdictRules& rules, const Ending& ending)
        : report_(report), rules_(rules), ending_(ending),
          was_cut_short_(ending.signal != 0 || report.deadline_reached || !report.superseded_by.empty()) {}

    Verdict result() {
        hear_failures();
        hear_evaluation();
        hear_builds();
        hear_pushes();
        for (const auto& mirror : report_.also_pushed) hear_mirror(mirror);
        for (const auto& target : report_.targets) hear_target(target);
        hear_plan();
        hear_ending();
        for (auto code : {options::ExitCode::usage, options::ExitCode::machine, options::ExitCode::interrupted,
                          options::ExitCode::terminated, options::ExitCode::not_in_cache, options::ExitCode::deadline,
                          options::ExitCode::failed})
            if (codes_.contains(code)) {
                verdict_.code = code;
                break;
            }
        return std::move(verdict_);
    }

  private:
    void blame(options::ExitCode code, std::string cause) {
        codes_.insert(code);
        verdict_.causes.push_back(std::move(cause));
    }

    void excuse(std::string text, std::string hint) {
        verdict_.excused.push_back(
            {.severity = event::Severity::warning, .text = std::move(text), .hint = std::move(hint)});
    }

    void blame_if(options::FailureCause cause, options::ExitCode code, std::string text) {
        if (rules_.fail_on.contains(cause)) return blame(code, std::move(text));
        excuse(std::move(text), "not in fail-on");
    }

    bool is_plan() const { return report_.command == Command::plan; }
    bool is_filling() const { return report_.command == Command::run; }

    void hear_failures() {
        for (const auto& failure : ending_.failures) blame(code_of(failure.kind()), failure.one_line());
    }

    void hear_evaluation() {
        if (was_cut_short_ || !ending_.failures.empty()) return;
        for (const auto& target : report_.targets)
            if (target.verdict == TargetVerdict::not_evaluated)
                blame_if(target.is_check ? options::FailureCause::check : options::FailureCause::evaluate,
                         options::ExitCode::failed, target.name + " does not evaluate");
        const report::TargetReport* first = nullptr;
        for (const auto& target : report_.targets) {
            if (target.is_check) continue;
            if (!target.left_to_others) return;
            if (!first) first = &target;
        }
        if (first) // or a typing error would be a green run that does nothing
            blame(options::ExitCode::usage, "no host is for " + join(rules_.systems, ", ") + "; the first, " +
                                                first->name + ", is for " + first->system);
    }

    void hear_builds() {
        if (is_filling() && !ending_.nobody_builds.empty()) blame(options::ExitCode::machine, ending_.nobody_builds);
        auto failed = report::figures(report_).all_failed();
        if (failed > 0 && is_filling()) {
            auto blocked = report_.count(BuildOutcome::blocked);
            blame_if(options::FailureCause::build, options::ExitCode::failed,
                     counted(failed, "derivation") + " did not build" +
                         (blocked ? ", which blocks " + counted(blocked, "other") : std::string()));
        }
        auto found_no_room = [](const report::BuildReport& build) {
            return build.outcome == BuildOutcome::failed && build.disk_was_full;
        };
        auto build = std::find_if(report_.builds.begin(), report_.builds.end(), found_no_room);
        if (build != report_.builds.end())
            blame(options::ExitCode::machine,
                  "the disk of the Nix store was full while " + build->name +
                      " was built: free some space and run again; what was built is in the cache");
        build = std::find_if(report_.builds.begin(), report_.builds.end(),
                             [](const auto& each) { return each.builder_failed; });
        if (build != report_.builds.end())
            blame(options::ExitCode::machine, build->name + " was not built: " + build->error);
    }

    // A plan is no failure, whatever it says.
    void hear_pushes() {
        if (is_plan()) return;
        auto lost = report_.count(PushOutcome::failed) + report_.count(PushOutcome::withheld);
        if (ending_.signal == 0) lost += report_.count(PushOutcome::not_pushed);
        if (lost > 0)
            blame_if(options::FailureCause::push, options::ExitCode::not_in_cache,
                     counted(lost, "path") + " could not be put into the cache");
    }

    void hear_mirror(const report::MirrorReport& mirror) {
        auto lost = mirror.failed + (ending_.signal == 0 ? mirror.not_pushed : 0);
        if (lost == 0) return;
        auto text = counted(lost, "path") + " could not be put into the further cache " + mirror.name;
        if (mirror.optional)
            excuse(std::move(text), "it is optional");
        else
            blame_if(options::FailureCause::push, options::ExitCode::not_in_cache, std::move(text));
    }

    void hear_target(const report::TargetReport& target) {
        if (target.verified && target.verdict == TargetVerdict::incomplete && target.failed == 0 && !was_cut_short_)
            hear_incomplete(target);
        bool was_asked_for = rules_.require_all || (target.named_exactly && !target.left_to_others && !is_plan());
        if (target.verdict == TargetVerdict::elsewhere && was_asked_for)
            blame_if(options::FailureCause::incomplete, options::ExitCode::failed,
                     target.name + " needs a " + target.system + " machine, which is not here");
        if (!target.trusted && rules_.strict_trust)
            blame(options::ExitCode::failed, target.name + " does not trust the cache by its own configuration");
    }

    void hear_incomplete(const report::TargetReport& target) {
        auto foreign = std::find_if(report_.builds.begin(), report_.builds.end(), [&](const auto& build) {
            return build.outcome == BuildOutcome::elsewhere && is_needed_by(build, target);
        });
        auto is_not = target.name + " is not complete: ";
        if (foreign != report_.builds.end())
            blame_if(options::FailureCause::incomplete, options::ExitCode::failed,
                     is_not + foreign->name + " cannot be built here, " + foreign->error);
        else
            blame_if(options::FailureCause::incomplete, options::ExitCode::not_in_cache,
                     is_not + counted(target.missing.size(), "path") + " missing" + refused_of(target));
    }

    std::string refused_of(const report::TargetReport& target) const {
        auto refused = std::count_if(target.missing.begin(), target.missing.end(),
                                     [&](const auto& path) { return ending_.refused.contains(path); });
        if (refused == 0) return {};
        auto all = static_cast<std::size_t>(refused) == target.missing.size();
        return (all ? ", which" : ", of which " + std::to_string(refused)) +
               " the cache has without a signature that counts: to be removed there before a run can put it there";
    }

    void hear_plan() {
        if (!is_plan() || !rules_.plan_with_work_fails) return;
        auto pushes = report::figures(report_).not_pushed;
        if (!report_.builds.empty() || pushes > 0)
            blame(options::ExitCode::failed, counted(report_.builds.size(), "derivation") + " would be built and " +
                                                 counted(pushes, "path") + " pushed, which --exit-code asks about");
    }

    void hear_ending() {
        if (report_.deadline_reached)
            blame_if(options::FailureCause::deadline, options::ExitCode::deadline,
                     "stopped at the deadline; the next run goes on from here");
        if (ending_.signal != 0)
            blame(ending_.signal == SIGTERM ? options::ExitCode::terminated : options::ExitCode::interrupted,
                  "interrupted before it was done");
    }

    const report::RunReport& report_;
    const VerdictRules& rules_;
    const Ending& ending_;
    const bool was_cut_short_;
    std::set<options::ExitCode> codes_;
    Verdict verdict_;
};

} // namespace

Verdict verdict(const report::RunReport& report, const VerdictRules& rules, const Ending& ending) {
    return Hearing(report, rules, ending).result();
}

} // namespace cachefill::fill
