#include "report/outputs.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace cachefill::report {

namespace {

using Json = nlohmann::ordered_json;

// A job's outputs together may have 1 MB; the report's file has whatever is longer.
constexpr std::size_t most_names = 1000;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool is_complete(const RunReport& report) {
    std::size_t counting = 0;
    for (const auto& target : report.targets) {
        if (!target.counts()) continue;
        if (target.verdict != event::TargetVerdict::complete) return false;
        ++counting;
    }
    return counting > 0;
}

std::set<std::string> missing_paths(const RunReport& report) {
    std::set<std::string> paths;
    for (const auto& target : report.targets)
        if (target.counts()) paths.insert(target.missing.begin(), target.missing.end());
    return paths;
}

std::string array(const std::set<std::string>& names) {
    auto json = Json::array();
    for (const auto& name : names) {
        if (json.size() == most_names) break;
        json.push_back(name);
    }
    return dump(json);
}

std::string verdicts(const RunReport& report) {
    auto json = Json::object();
    for (const auto& target : report.targets) {
        if (json.size() == most_names) break;
        json[target.name] = target.evaluate_only && target.error.empty() ? "evaluated" : to_string(target.verdict);
    }
    return dump(json);
}

// What there was to do, whether or not it was done.
std::string plan(const RunReport& report) {
    std::uint64_t pushes = 0;
    std::chrono::milliseconds expected{};
    std::uint64_t unmeasured = 0;
    std::map<std::string, std::uint64_t> kinds;
    for (const auto& build : report.builds) {
        ++kinds[build.kind];
        expected += build.expected.value_or(std::chrono::milliseconds());
        unmeasured += build.expected ? 0U : 1U;
    }
    for (const auto& push : report.pushes) pushes += push.built_by_this_run ? 0U : 1U;
    Json json;
    json["builds"] = report.builds.size();
    json["compile"] = kinds["compile"];
    json["light"] = kinds["light"];
    json["local_by_design"] = kinds["local by design"];
    json["fixed_output"] = kinds["fixed-output"];
    json["pushes_without_build"] = pushes;
    if (report.command == Command::plan) {
        json["expected_seconds"] = expected.count() / 1000;
        json["unmeasured"] = unmeasured;
    }
    return dump(json);
}

} // namespace

std::vector<std::pair<std::string, std::string>> step_outputs(const RunReport& report) {
    auto sums = figures(report);
    std::set<std::string> failed;
    std::uint64_t not_evaluated = 0;
    for (const auto& build : report.builds)
        if (event::is_failure(build.outcome)) failed.insert(build.name);
    for (const auto& target : report.targets) not_evaluated += target.error.empty() ? 0U : 1U;
    bool verified = std::any_of(report.targets.begin(), report.targets.end(), [](const auto& t) { return t.verified; });
    auto missing = missing_paths(report);
    auto yes_or_no = [](bool value) { return std::string(value ? "true" : "false"); };
    auto number = [](std::uint64_t value) { return std::to_string(value); };
    return {
        {"complete", yes_or_no(is_complete(report))},
        {"exit-code", std::to_string(report.exit_code)},
        {"built", number(sums.built)},
        {"pushed", number(sums.pushed_while_building + sums.pushed_after)},
        {"present", number(report.present)},
        {"upstream", number(report.upstream)},
        {"failed", number(sums.all_failed())},
        {"failed-names", array(failed)},
        {"not-evaluated", number(not_evaluated)},
        {"not-pushed",
         number(report.command == Command::plan ? 0 : sums.failed_to_push + sums.withheld + sums.not_pushed)},
        {"missing", verified ? number(missing.size()) : ""},
        {"missing-paths", verified ? array(missing) : ""},
        {"hosts", verdicts(report)},
        {"plan", plan(report)},
        {"read-only", yes_or_no(report.read_only)},
        {"deadline-reached", yes_or_no(report.deadline_reached)},
        {"superseded", yes_or_no(!report.superseded_by.empty())},
    };
}

} // namespace cachefill::report
