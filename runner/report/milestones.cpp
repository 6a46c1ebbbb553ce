#include "report/milestones.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/style.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cachefill::report {

using namespace std::chrono_literals;

namespace {

using Clock = Progress::Clock;

std::string running(const std::string& name, Clock::time_point start, Clock::time_point now) {
    return name + " " + clock_text(std::chrono::duration_cast<std::chrono::milliseconds>(now - start));
}

std::string evaluations(const Progress& progress, Clock::time_point now) {
    std::vector<std::string> names;
    for (const auto& [target, start] : progress.evaluations) names.push_back(running(target, start, now));
    return "evaluating " + listed(names, 3);
}

std::string builds(const Progress& progress, Clock::time_point now) {
    std::vector<const Progress::Build*> oldest;
    for (const auto& [derivation, build] : progress.builds) oldest.push_back(&build);
    std::sort(oldest.begin(), oldest.end(), [](const auto* a, const auto* b) { return a->order < b->order; });
    std::vector<std::string> names;
    for (const auto* build : oldest) names.push_back(running(build->name, build->start, now));
    return "building " + listed(names, 3);
}

std::string uploads(const Progress& progress, Clock::time_point now) {
    std::vector<std::string> names;
    for (const auto& [path, upload] : progress.uploads) names.push_back(running(upload.name, upload.start, now));
    return "pushing " + listed(names, 3);
}

// What is going on in a stage that shows nothing of itself.
std::string_view doing(event::Stage stage) {
    switch (stage) {
    case event::Stage::preflight:
        return "looking at the flake, Nix and the cache";
    case event::Stage::discover:
        return "listing the flake's hosts";
    case event::Stage::query:
        return "asking the caches";
    case event::Stage::check:
        return "checking the rest of the flake";
    default:
        return event::to_string(stage);
    }
}

} // namespace

std::string targets_line(const event::TargetsFound& found) {
    auto text = counted(found.targets.size(), "target") + ": " + listed(found.targets, 20);
    if (!found.skipped.empty()) text += fmt::format(" ({} not selected)", found.skipped.size());
    return text + "\n";
}

std::string plan_line(const event::PlanChanged& plan) {
    std::string text = "plan: " + counted(plan.builds, "build");
    std::vector<std::string> kinds;
    if (plan.compiles > 0) kinds.push_back(fmt::format("{} compile", plan.compiles));
    if (plan.light > 0) kinds.push_back(fmt::format("{} light", plan.light));
    if (plan.local_by_design > 0) kinds.push_back(fmt::format("{} local by design", plan.local_by_design));
    if (plan.fixed_output > 0) kinds.push_back(fmt::format("{} fixed output", plan.fixed_output));
    if (!kinds.empty()) text += " (" + join(kinds, ", ") + ")";
    text += ", " + counted(plan.fetches, "fetch", "fetches");
    if (plan.bytes_to_fetch > 0) text += " (" + human_bytes(plan.bytes_to_fetch) + ")";
    if (plan.pushes_without_build > 0) text += ", " + counted(plan.pushes_without_build, "valid path") + " to push";
    if (plan.critical_path > 0ms) text += "; at least " + human_duration(plan.critical_path);
    return text + "\n";
}

std::string state_line(const Progress& progress, Clock::time_point now) {
    std::vector<std::string> parts;
    if (!progress.evaluations.empty()) parts.push_back(evaluations(progress, now));
    for (const auto& [cache, wait] : progress.waits) parts.push_back("waiting for " + running(cache, wait.since, now));
    if (auto planned = progress.builds_planned(); planned > 0) {
        auto text = fmt::format("{} of {} built", progress.built, planned);
        if (progress.failed > 0) text += fmt::format(", {} failed", progress.failed);
        if (progress.blocked > 0) text += fmt::format(", {} blocked", progress.blocked);
        parts.push_back(text);
    }
    if (progress.pushed > 0 || !progress.uploads.empty())
        parts.push_back(fmt::format("{} pushed, {} up", progress.pushed, human_bytes(progress.bytes_up)));
    if (!progress.builds.empty())
        parts.push_back(builds(progress, now));
    else if (!progress.uploads.empty())
        parts.push_back(uploads(progress, now));
    if (progress.is_running(event::Stage::verify))
        parts.push_back(fmt::format("verifying, {} complete", progress.verified_complete));
    if (auto left = progress.expected_left(now)) parts.push_back("about " + clock_text(*left) + " left");
    if (!parts.empty()) return join(parts, " · ") + "\n";
    for (auto stage : {event::Stage::preflight, event::Stage::discover, event::Stage::query, event::Stage::check})
        if (progress.is_running(stage)) return fmt::format("still {}\n", doing(stage));
    if (progress.paths_asked > 0) return "asking the caches: " + counted(progress.paths_asked, "path") + " so far\n";
    return "still at it\n";
}

} // namespace cachefill::report
