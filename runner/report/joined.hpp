#pragma once

#include "base/result.hpp"
#include "event/kinds.hpp"
#include "report/host_changes.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::report {

// What several jobs found, put together. Severities: `error` fails the joined report, `warning` and `notice` are worth
// a message, `info` comes along in one but never causes it.

struct Finding {
    event::Severity severity = event::Severity::notice;
    std::string source; // the job or tool that says so
    std::string title;
    std::string text; // may be empty
    std::string url;  // may be empty
};

// What a job's report says of one host.
enum class HostState {
    filled,
    not_filled,
    only_evaluated, // as somebody asked for
    elsewhere,      // left to a job that has its system
};
struct HostOfJob {
    std::string name;
    HostState state = HostState::not_filled;
    std::string system; // may be empty
};

// A build as a job's report times it.
struct TimedBuild {
    std::string name;
    event::BuildOutcome outcome = event::BuildOutcome::built;
    std::chrono::milliseconds start{}, took{}; // since the job began
};

// What one job's JSON report (docs/report.md) says about it.
struct JobReport {
    std::string name;
    std::string command, cache;
    int exit_code = 0;
    bool is_readable = true; // false: nothing is known of what it did
    std::vector<std::string> causes;
    std::uint64_t targets = 0, complete = 0; // of those it had to care for: elsewhere and unchecked ones are left out
    std::uint64_t built = 0, failed = 0, pushed = 0, missing = 0;
    std::optional<std::chrono::system_clock::time_point> started; // if that is known
    std::chrono::milliseconds took{};
    std::vector<TimedBuild> builds;   // all that ran
    std::vector<HostOfJob> hosts;     // all that it names
    bool made_way = false;            // it ended early for a newer run, which tells what this one left
    std::vector<HostChanges> changes; // of those of its targets of which it is known
    std::vector<Finding> findings;    // of severity error only if exit_code is not 0
    std::string document;             // the JSON it was read from; empty if that could not be read
};

// A JSON report of one job; `name` is how this job is called here. A protocol failure says what is wrong with it, also
// when its schema is newer than ours.
Result<JobReport> parse_job_report(std::string_view json, const std::string& name);

// {"schema_version": 1, "source": …, "findings": [{"severity", "title", "text", "url"}]}, as docs/notify.md describes.
Result<std::vector<Finding>> parse_findings(std::string_view json, const std::string& default_source);

// Is this JSON a list of findings, a report, or something that has nothing to do with us?
enum class DocumentKind { report, findings, other };
DocumentKind kind_of_document(std::string_view json);

// One entry of GitHub's `toJSON(needs)`.
enum class JobResult { success, skipped, cancelled, failed };
struct NeededJob {
    std::string name;
    JobResult result = JobResult::failed;
    std::string result_word; // GitHub's: "failure"
    std::string findings;    // its output of that name, a document for parse_findings(); may be empty
};
Result<std::vector<NeededJob>> parse_needs(std::string_view json);

// Where the jobs ran, for the links in messages. All may be empty.
struct RunPlace {
    std::string repository, branch, commit, workflow, run_url;
};

struct JoinInput {
    std::vector<JobReport> reports;
    std::vector<Finding> findings;     // of other jobs and tools
    std::vector<std::string> expected; // names of jobs that must have reported; globs
    std::vector<NeededJob> needs;
    RunPlace place;
};

struct Joined {
    static constexpr int schema_version = 1;

    std::vector<JobReport> jobs;             // by name
    std::vector<std::string> never_reported; // of the expected
    std::vector<Finding> findings;           // the worst first, else in the order in which they came
    RunPlace place;
    int exit_code = 0; // of the jobs' the one that docs/report.md puts first; 1 if only a job is missing or failed

    event::Severity worst() const; // info if there is nothing
    std::uint64_t count(event::Severity severity) const;
    std::string headline() const; // one line: what it comes down to
    // Of each host once, by the first job that knows.
    std::vector<HostChanges> changes() const;
};

Joined join_reports(JoinInput input);

std::string_view in_words(const JobReport& job); // how it ended: "stopped at the deadline"

std::string to_json(const Joined& joined);
std::string to_text(const Joined& joined);
// GitHub's Markdown, below `limit` bytes; what does not fit is counted.
std::string to_markdown(const Joined& joined, std::size_t limit = 900'000);

} // namespace cachefill::report
