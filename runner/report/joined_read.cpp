#include "base/clock_moment.hpp"
#include "base/foreign_json.hpp"
#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "report/columns.hpp"
#include "report/joined.hpp"
#include "report/report_fields.hpp"
#include "report/run_report.hpp"
#include "report/style.hpp"
#include "report/what_changed.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace cachefill::report {

using event::BuildOutcome;
using event::Severity;
using event::TargetVerdict;
using namespace fields;
using nlohmann::json;

namespace {

Result<json> parse_object(std::string_view text, std::string_view what) {
    auto parsed = parse_foreign_json(text);
    if (parsed.is_discarded() || !parsed.is_object())
        return Failure(FailureKind::protocol, "this is no " + std::string(what) + ": not a JSON object");
    return parsed;
}

Result<void> check_schema(const json& document, int known, std::string_view what) {
    auto it = document.find("schema_version");
    if (it == document.end() || !it->is_number_integer())
        return Failure(FailureKind::protocol, "this is no " + std::string(what) + ": it has no schema_version");
    if (*it == known) return {};
    return Failure(FailureKind::protocol, "a " + std::string(what) + " of schema version " + it->dump() +
                                              "; this cachefill reads version " + std::to_string(known))
        .with_hint("use the same version of cachefill in all jobs");
}

// What stands where a list should be is in no words that are read, and would count as an empty one.
Result<void> check_lists(const json& report) {
    for (const char* name : {"targets", "builds", "pushes", "causes", "messages"})
        if (auto it = report.find(name); it != report.end() && !it->is_array())
            return Failure(FailureKind::protocol, "this is no report: its " + std::string(name) + " are no list");
    return {};
}

std::optional<Severity> severity_of(std::string_view word) {
    for (auto severity : {Severity::info, Severity::notice, Severity::warning, Severity::error})
        if (to_string(severity) == word) return severity;
    return {};
}

// How bad it is that a job ended so: stopping at the deadline is planned, being interrupted is somebody's wish.
Severity severity_of_exit(int code) {
    if (code == 4) return Severity::warning;
    return code == 130 || code == 143 ? Severity::notice : Severity::error;
}

std::string position_of(const json& target) {
    auto it = target.find("position");
    if (it == target.end() || !it->is_object()) return {};
    auto file = text_at(*it, "file");
    if (auto line = number_at(*it, "line"); line > 0) file += ":" + std::to_string(line);
    return file;
}

JobResult result_of(std::string_view word) {
    if (word == "success") return JobResult::success;
    if (word == "skipped") return JobResult::skipped;
    return word == "cancelled" ? JobResult::cancelled : JobResult::failed;
}

// Others were not to be filled by this job. Whether by any, the reports of all of them say (joined_hosts.hpp).
bool counts(const json& target, TargetVerdict verdict) {
    if (!text_at(target, "error").empty()) return true;
    return verdict != TargetVerdict::elsewhere && !flag_at(target, "evaluate_only", false);
}

// Green is what is known to be.
void refuse_target(const json& target, JobReport& job) {
    auto name = target.is_object() ? text_at(target, "name") : std::string();
    job.findings.push_back({.severity = Severity::error,
                            .source = job.name,
                            .title = "how " + (name.empty() ? "a target" : name) + " ended is not known",
                            .text = "its report says so in no words that this cachefill reads",
                            .url = {}});
    if (job.exit_code == 0) job.exit_code = 1;
    job.hosts.push_back({.name = std::move(name), .state = HostState::not_filled, .system = {}});
}

HostState state_of(const json& target, TargetVerdict verdict) {
    if (counts(target, verdict)) return event::is_filled(verdict) ? HostState::filled : HostState::not_filled;
    return flag_at(target, "evaluate_only", false) ? HostState::only_evaluated : HostState::elsewhere;
}

void read_target(const json& target, Severity bad, JobReport& job) {
    bool is_known = target.is_object() && verdict_of(target);
    if (!is_known && bad < Severity::error) return refuse_target(target, job);
    if (!target.is_object()) return;
    auto name = text_at(target, "name"), error = text_at(target, "error");
    auto verdict = verdict_of(target).value_or(TargetVerdict::unknown);
    auto missing = list_at(target, "missing").size();
    bool is_incomplete = verdict == TargetVerdict::incomplete;
    job.hosts.push_back({.name = name, .state = state_of(target, verdict), .system = text_at(target, "system")});
    if (!counts(target, verdict)) return;
    ++job.targets;
    if (event::is_filled(verdict)) ++job.complete;
    if (auto changes = target.find("changes"); changes != target.end() && changes->is_object())
        job.changes.push_back({.host = name, .difference = read_changes(*changes)});
    job.missing += missing;
    Finding finding{.severity = bad, .source = job.name, .title = {}, .text = {}, .url = {}};
    if (!error.empty()) {
        finding.title = name + " does not evaluate";
        auto position = position_of(target);
        finding.text = error + (position.empty() ? "" : " (" + position + ")");
        job.findings.push_back(std::move(finding));
    } else if (is_incomplete) {
        finding.title = name + " is not complete";
        std::vector<std::string> names;
        for (const auto& path : texts_at(target, "missing")) names.push_back(path_name(path));
        if (missing > 0) finding.text = counted(missing, "path") + " missing: " + listed(names, 5);
        job.findings.push_back(std::move(finding));
    } else if (verdict == TargetVerdict::unknown && bad < Severity::error) {
        finding.title = "whether " + name + " is complete is not known";
        job.findings.push_back(std::move(finding));
    } else if (verdict == TargetVerdict::by_path) {
        finding.severity = Severity::warning;
        finding.title = name + " is complete by path only";
        auto names = texts_at(target, "built_by_all");
        finding.text = "whoever evaluates it builds " + (names.empty() ? "a part of it" : listed(names, 5));
        job.findings.push_back(std::move(finding));
    }
    if (!flag_at(target, "trusted", true))
        job.findings.push_back({.severity = Severity::info,
                                .source = job.name,
                                .title = name + " does not trust this cache",
                                .text = join(texts_at(target, "trust_advice"), " "),
                                .url = {}});
}

// No job of a workflow takes a year; with more, sums of times might not be countable.
std::chrono::milliseconds plausible_time(std::uint64_t milliseconds) {
    constexpr std::chrono::milliseconds year = std::chrono::years(1);
    return std::chrono::milliseconds(std::min(milliseconds, static_cast<std::uint64_t>(year.count())));
}

void read_build(const json& build, Severity bad, JobReport& job) {
    auto outcome = build_outcome_of(build);
    if (outcome == BuildOutcome::built) ++job.built;
    if (auto start = build.find("started_ms"); outcome && start != build.end() && start->is_number_unsigned())
        job.builds.push_back({.name = text_at(build, "name"),
                              .outcome = *outcome,
                              .start = plausible_time(start->get<std::uint64_t>()),
                              .took = plausible_time(number_at(build, "took_ms"))});
    if (!outcome || !event::is_failure(*outcome)) return;
    ++job.failed;
    std::string text = text_at(build, "error");
    if (auto targets = texts_at(build, "targets"); !targets.empty())
        text += (text.empty() ? "" : "; ") + ("needed by " + listed(targets, 5));
    auto title = text_at(build, "name") + " " + std::string(event::failure_in_words(*outcome));
    job.findings.push_back(
        {.severity = bad, .source = job.name, .title = std::move(title), .text = std::move(text), .url = {}});
}

} // namespace

Result<JobReport> parse_job_report(std::string_view text, const std::string& name) {
    TRY(document, parse_object(text, "report"));
    TRY_VOID(check_schema(document, RunReport::schema_version, "report"));
    auto code = document.find("exit_code");
    if (code == document.end() || !code->is_number_integer())
        return Failure(FailureKind::protocol, "this is no report: it has no exit_code");
    // What a process can end with. Anything else would be cut to fit, perhaps to 0.
    constexpr unsigned largest_exit_code = 255;
    if (!code->is_number_unsigned() || code->get<std::uint64_t>() > largest_exit_code)
        return Failure(FailureKind::protocol, "this is no report: its exit_code is " + code->dump());
    TRY_VOID(check_lists(document));
    JobReport job;
    job.name = one_line(name);
    job.command = text_at(document, "command");
    job.cache = text_at(document, "cache");
    job.exit_code = code->get<int>();
    job.causes = texts_at(document, "causes");
    job.started = parse_utc(text_at(document, "started"));
    job.took = std::chrono::milliseconds(number_at(document, "took_ms"));
    // With exit code 0 a failure is one that `fail-on` leaves out: worth a word, but no reason to fail.
    auto bad = job.exit_code == 0 ? Severity::warning : Severity::error;
    for (const auto& build : list_at(document, "builds")) read_build(build, bad, job);
    for (const auto& target : list_at(document, "targets")) read_target(target, bad, job);
    for (const auto& push : list_at(document, "pushes"))
        if (push_outcome_of(push) == event::PushOutcome::published) ++job.pushed;
    // The causes say it in sums, which is what remains when no list says it.
    auto level = severity_of_exit(job.exit_code);
    bool is_told = level == Severity::error && !job.findings.empty() &&
                   std::any_of(job.findings.begin(), job.findings.end(),
                               [](const Finding& finding) { return finding.severity == Severity::error; });
    if (job.exit_code != 0 && !is_told) {
        if (job.causes.empty()) job.causes.push_back("exit code " + std::to_string(job.exit_code));
        for (const auto& cause : job.causes)
            job.findings.push_back({.severity = level, .source = job.name, .title = cause, .text = {}, .url = {}});
    }
    if (level != Severity::error)
        for (auto& finding : job.findings) finding.severity = std::min(finding.severity, Severity::warning);
    // What this run left, the newer one does, and tells.
    if (!text_at(document, "superseded_by").empty() && job.exit_code == 0) {
        job.made_way = true;
        for (auto& finding : job.findings) finding.severity = Severity::info;
        job.findings.push_back({.severity = Severity::info,
                                .source = job.name,
                                .title = "ended early, because a newer run waited",
                                .text = {},
                                .url = page_at(document, "superseded_by")});
    }
    // A run's own warnings would otherwise cause a message each time, for as long as their reason lasts.
    for (const auto& message : list_at(document, "messages")) {
        auto severity = severity_of(text_at(message, "severity"));
        auto words = text_at(message, "text");
        bool is_cause = std::find(job.causes.begin(), job.causes.end(), words) != job.causes.end();
        if (!severity || *severity < Severity::warning || is_cause) continue;
        job.findings.push_back({.severity = Severity::info,
                                .source = job.name,
                                .title = std::move(words),
                                .text = text_at(message, "hint"),
                                .url = {}});
    }
    return job;
}

Result<std::vector<Finding>> parse_findings(std::string_view text, const std::string& default_source) {
    TRY(document, parse_object(text, "list of findings"));
    TRY_VOID(check_schema(document, Joined::schema_version, "list of findings"));
    auto source = text_at(document, "source");
    auto list = document.find("findings");
    if (list == document.end() || !list->is_array())
        return Failure(FailureKind::protocol, "this is no list of findings: it has no 'findings'");
    std::vector<Finding> findings;
    for (const auto& entry : *list) {
        auto word = entry.is_object() ? text_at(entry, "severity") : std::string();
        auto severity = severity_of(word);
        if (!severity)
            return Failure(FailureKind::protocol, "finding " + std::to_string(findings.size() + 1) + " has severity '" +
                                                      word + "'; expected info, notice, warning or error");
        Finding finding{.severity = *severity,
                        .source = source.empty() ? one_line(default_source) : source,
                        .title = text_at(entry, "title"),
                        .text = text_at(entry, "text"),
                        .url = page_at(entry, "url")};
        if (finding.title.empty())
            return Failure(FailureKind::protocol, "finding " + std::to_string(findings.size() + 1) + " has no title");
        findings.push_back(std::move(finding));
    }
    return findings;
}

DocumentKind kind_of_document(std::string_view text) {
    auto parsed = parse_foreign_json(text);
    if (!parsed.is_object() || !parsed.contains("schema_version")) return DocumentKind::other;
    if (parsed.contains("exit_code") && parsed.contains("command")) return DocumentKind::report;
    return parsed.contains("findings") && !parsed.contains("jobs") ? DocumentKind::findings : DocumentKind::other;
}

Result<std::vector<NeededJob>> parse_needs(std::string_view text) {
    TRY(document, parse_object(text, "list of needed jobs (toJSON(needs))"));
    std::vector<NeededJob> jobs;
    for (const auto& [name, entry] : document.items()) {
        NeededJob job;
        job.name = one_line(clean_foreign(name));
        job.result_word = entry.is_object() ? text_at(entry, "result") : std::string();
        job.result = result_of(job.result_word);
        if (job.result_word.empty())
            return Failure(FailureKind::protocol, "the needed job '" + job.name + "' has no result");
        auto outputs = entry.find("outputs");
        if (outputs != entry.end() && outputs->is_object()) {
            auto findings = outputs->find("findings");
            if (findings != outputs->end() && findings->is_string()) job.findings = findings->get<std::string>();
        }
        jobs.push_back(std::move(job));
    }
    return jobs;
}

} // namespace cachefill::report
