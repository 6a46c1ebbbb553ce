#include "report/time_line.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace cachefill::report {

using namespace std::chrono_literals;

namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t most_builds = 12;
constexpr std::size_t longest_name = 32;
constexpr std::size_t most_jobs = 20;
constexpr std::size_t most_builds_of_job = 4;
constexpr auto worth_a_chart = 5s;

// Of a task's name Mermaid reads ":" and ";" and "#" as its own.
std::string task_name(std::string_view name) {
    std::string clean;
    for (char c : ellipsize(name, longest_name)) {
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        std::string_view("+-._=? ()").find(c) != std::string_view::npos ||
                        static_cast<unsigned char>(c) >= 0x80;
        clean += is_plain ? c : '_';
    }
    return clean.empty() ? "unnamed" : clean;
}

// Bars of less than a hundredth of the whole cannot be seen.
std::string task(std::string_view name, std::string_view state, Milliseconds start, Milliseconds took,
                 Milliseconds whole) {
    auto shown = std::max(took, std::max(whole / 100, Milliseconds(1)));
    return fmt::format("    {} :{}{}, {}ms\n", task_name(name), state.empty() ? "" : fmt::format("{}, ", state),
                       start.count(), shown.count());
}

std::string_view state_of(event::BuildOutcome outcome) {
    switch (outcome) {
    case event::BuildOutcome::failed:
    case event::BuildOutcome::timed_out:
    case event::BuildOutcome::silent:
    case event::BuildOutcome::refused:
        return "crit";
    case event::BuildOutcome::cancelled:
        return "active";
    default:
        return "";
    }
}

std::string opening(Milliseconds whole) {
    return "gantt\n    dateFormat x\n    axisFormat " + std::string(whole >= 1h ? "%H:%M\n" : "%M:%S\n");
}

// The longest of them, by when they began.
std::vector<TimedBuild> longest(std::vector<TimedBuild> builds, std::size_t most) {
    auto is_longer = [](const auto& a, const auto& b) { return std::tie(b.took, a.name) < std::tie(a.took, b.name); };
    std::sort(builds.begin(), builds.end(), is_longer);
    if (builds.size() > most) builds.erase(builds.begin() + static_cast<std::ptrdiff_t>(most), builds.end());
    auto is_earlier = [](const auto& a, const auto& b) {
        return std::tie(a.start, a.name) < std::tie(b.start, b.name);
    };
    std::sort(builds.begin(), builds.end(), is_earlier);
    return builds;
}

} // namespace

std::string time_line(const RunReport& report) {
    if (report.took < worth_a_chart || report.stages.empty()) return {};
    auto chart = opening(report.took);
    chart += "    section Stages\n";
    auto stages = report.stages;
    auto comes_first = [](const auto& a, const auto& b) {
        return std::tie(a.start, a.stage) < std::tie(b.start, b.stage);
    };
    std::sort(stages.begin(), stages.end(), comes_first);
    for (const auto& stage : stages)
        chart += task(event::to_string(stage.stage), "done", stage.start, stage.took, report.took);

    std::vector<TimedBuild> builds;
    for (const auto& build : report.builds)
        if (build.start && build.took > 0ms)
            builds.push_back({.name = build.name, .outcome = build.outcome, .start = *build.start, .took = build.took});
    builds = longest(std::move(builds), most_builds);
    if (builds.empty()) return chart;
    chart += builds.size() == most_builds ? "    section Longest builds\n" : "    section Builds\n";
    for (const auto& build : builds)
        chart += task(build.name, state_of(build.outcome), build.start, build.took, report.took);
    return chart;
}

std::string time_line(const std::vector<JobReport>& jobs) {
    std::vector<const JobReport*> timed;
    for (const auto& job : jobs)
        if (job.started && !job.builds.empty()) timed.push_back(&job);
    if (timed.size() < 2) return {};
    auto is_earlier = [](const auto* a, const auto* b) {
        return std::tie(*a->started, a->name) < std::tie(*b->started, b->name);
    };
    std::sort(timed.begin(), timed.end(), is_earlier);
    timed.resize(std::min(timed.size(), most_jobs));
    auto since_first = [&timed](const JobReport& job) {
        return std::chrono::duration_cast<Milliseconds>(*job.started - *timed.front()->started);
    };
    Milliseconds whole{};
    for (const auto* job : timed)
        for (const auto& build : job->builds) whole = std::max(whole, since_first(*job) + build.start + build.took);
    if (whole < worth_a_chart) return {};
    auto chart = opening(whole);
    for (const auto* job : timed) {
        chart += "    section " + task_name(job->name) + "\n";
        for (const auto& build : longest(job->builds, most_builds_of_job))
            chart += task(build.name, state_of(build.outcome), since_first(*job) + build.start, build.took, whole);
    }
    return chart;
}

} // namespace cachefill::report
