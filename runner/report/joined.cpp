#include "report/joined.hpp"

#include "base/text.hpp"
#include "report/joined_hosts.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

namespace cachefill::report {

using event::Severity;

namespace {

// The order of docs/report.md: if several apply, the first of these.
int worse_exit_code(int a, int b) {
    constexpr std::array order{2, 5, 130, 143, 3, 4, 1, 0};
    auto rank = [&](int code) { return std::find(order.begin(), order.end(), code) - order.begin(); };
    return rank(a) <= rank(b) ? a : b;
}

void judge_needs(const JoinInput& input, Joined& joined) {
    auto has_failed = [](const NeededJob& job) {
        return job.result != JobResult::success && job.result != JobResult::skipped;
    };
    bool is_only_one = std::count_if(input.needs.begin(), input.needs.end(), has_failed) == 1;
    for (const auto& job : input.needs) {
        Finding finding{.severity = Severity::error, .source = job.name, .title = {}, .text = {}, .url = {}};
        auto explains = [&](const JobReport& report) {
            // The legs of a matrix are one job here, and their reports are called after the legs.
            bool is_its_own = report.name == job.name || report.name.starts_with(job.name + "-");
            return report.exit_code != 0 && (is_its_own || is_only_one);
        };
        bool is_explained = std::any_of(input.reports.begin(), input.reports.end(), explains);
        if (job.result == JobResult::success || (job.result != JobResult::skipped && is_explained)) continue;
        if (job.result == JobResult::skipped) {
            // GitHub skips a job also because one before it failed, which this one may not have among its needs.
            finding.severity = Severity::notice;
            finding.title = "the job '" + job.name + "' was skipped";
        } else if (job.result == JobResult::cancelled) {
            // Somebody stopped it, or the job's own time limit did: not to be taken for success.
            finding.severity = Severity::warning;
            finding.title = "the job '" + job.name + "' was cancelled";
            joined.exit_code = worse_exit_code(joined.exit_code, 1);
        } else {
            finding.title = "the job '" + job.name + "' ended with " + job.result_word;
            joined.exit_code = worse_exit_code(joined.exit_code, 1);
        }
        joined.findings.push_back(std::move(finding));
    }
}

} // namespace

Joined join_reports(JoinInput input) {
    Joined joined;
    for (const auto& pattern : input.expected) {
        auto is_it = [&](const JobReport& job) { return glob_match(pattern, job.name); };
        if (std::any_of(input.reports.begin(), input.reports.end(), is_it)) continue;
        joined.never_reported.push_back(pattern);
        joined.findings.push_back({.severity = Severity::error,
                                   .source = pattern,
                                   .title = "the job '" + pattern + "' never reported",
                                   .text = "it was lost, stopped from outside, or never started",
                                   .url = {}});
        joined.exit_code = worse_exit_code(joined.exit_code, 1);
    }
    judge_needs(input, joined);
    for (auto& finding : hosts_of_nobody(input.reports)) joined.findings.push_back(std::move(finding));
    for (const auto& job : input.reports) {
        joined.exit_code = worse_exit_code(joined.exit_code, job.exit_code);
        joined.findings.insert(joined.findings.end(), job.findings.begin(), job.findings.end());
    }
    joined.findings.insert(joined.findings.end(), input.findings.begin(), input.findings.end());
    // Two jobs that fail for the same reason say it twice; twice the same from one source is once.
    std::set<std::tuple<std::string, std::string, std::string>> seen;
    std::erase_if(joined.findings, [&](const Finding& finding) {
        return !seen.insert({finding.source, finding.title, finding.text}).second;
    });
    std::vector<Finding> sorted;
    for (auto severity : {Severity::error, Severity::warning, Severity::notice, Severity::info})
        for (auto& finding : joined.findings)
            if (finding.severity == severity) sorted.push_back(std::move(finding));
    joined.findings = std::move(sorted);
    joined.jobs = std::move(input.reports);
    std::sort(joined.jobs.begin(), joined.jobs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    joined.place = std::move(input.place);
    return joined;
}

Severity Joined::worst() const { return findings.empty() ? Severity::info : findings.front().severity; }

std::uint64_t Joined::count(Severity severity) const {
    auto is_it = [severity](const Finding& finding) { return finding.severity == severity; };
    return static_cast<std::uint64_t>(std::count_if(findings.begin(), findings.end(), is_it));
}

std::vector<HostChanges> Joined::changes() const {
    std::vector<HostChanges> hosts;
    std::set<std::string> seen;
    for (const auto& job : jobs)
        for (const auto& of_host : job.changes)
            if (seen.insert(of_host.host).second) hosts.push_back(of_host);
    return hosts;
}

std::string Joined::headline() const {
    auto [targets, complete] = count_hosts(jobs);
    std::vector<std::string> parts;
    if (targets > 0)
        parts.push_back(complete == targets
                            ? "all " + counted(targets, "target") + " complete"
                            : std::to_string(complete) + " of " + counted(targets, "target") + " complete");
    if (!never_reported.empty()) parts.push_back(counted(never_reported.size(), "job") + " never reported");
    for (auto severity : {Severity::error, Severity::warning, Severity::notice})
        if (auto number = count(severity); number > 0) parts.push_back(counted(number, to_string(severity)));
    if (parts.empty()) parts.push_back(counted(jobs.size(), "job") + " reported, nothing to say");
    return join(parts, ", ");
}

} // namespace cachefill::report
