#include "report/read_back.hpp"

#include "base/foreign_json.hpp"
#include "report/report_fields.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::report {

using namespace fields;
using nlohmann::json;
using std::chrono::milliseconds;

namespace {

// Times are added up; those of a run stay far below this.
constexpr std::uint64_t longest = std::uint64_t{1} << 40;

milliseconds time_at(const json& object, const char* key) {
    return milliseconds(std::min(number_at(object, key), longest));
}

TargetReport target_of(const json& entry) {
    TargetReport target;
    target.name = text_at(entry, "name");
    target.verdict = verdict_of(entry).value_or(event::TargetVerdict::unknown);
    target.evaluation = time_at(entry, "evaluation_ms");
    target.error = prose_at(entry, "error");
    target.hint = prose_at(entry, "hint");
    target.evaluate_only = flag_at(entry, "evaluate_only", false);
    target.is_check = flag_at(entry, "is_check", false);
    target.missing = texts_at(entry, "missing");
    return target;
}

BuildReport build_of(const json& entry) {
    BuildReport build;
    build.derivation = text_at(entry, "derivation");
    build.name = text_at(entry, "name");
    build.kind = text_at(entry, "kind");
    build.outcome = build_outcome_of(entry).value_or(event::BuildOutcome::not_started);
    build.took = time_at(entry, "took_ms");
    build.error = prose_at(entry, "error");
    build.log_tail = lines_at(entry, "log_tail");
    build.blocked_by = text_at(entry, "blocked_by");
    return build;
}

PushReport push_of(const json& entry) {
    PushReport push;
    push.path = text_at(entry, "path");
    push.outcome = push_outcome_of(entry).value_or(event::PushOutcome::not_pushed);
    push.reason = prose_at(entry, "reason");
    return push;
}

} // namespace

RunReport read_back(std::string_view text) {
    RunReport report;
    auto document = parse_foreign_json(text);
    for (const auto& entry : list_at(document, "targets")) report.targets.push_back(target_of(entry));
    for (const auto& entry : list_at(document, "builds")) report.builds.push_back(build_of(entry));
    for (const auto& entry : list_at(document, "pushes")) report.pushes.push_back(push_of(entry));
    return report;
}

} // namespace cachefill::report
