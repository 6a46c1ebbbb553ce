#include "app/report_input.hpp"

#include "base/files.hpp"
#include "base/foreign_json.hpp"
#include "base/text.hpp"
#include "report/columns.hpp"
#include "report/style.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::app {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t largest_document = 128ULL << 20;
constexpr std::size_t most_files = 10'000; // somebody named the wrong directory

std::string job_name(const fs::path& file, const fs::path& directory) {
    auto inside = directory.empty() ? file.filename() : file.lexically_relative(directory);
    auto name = std::distance(inside.begin(), inside.end()) > 1 ? inside.begin()->string() : file.stem().string();
    constexpr std::string_view prefix = "cachefill-";
    if (name.size() > prefix.size() && name.starts_with(prefix)) name.erase(0, prefix.size());
    return report::one_line(sanitize(name));
}

void take_document(std::string text, const std::string& name, report::JoinInput& input) {
    auto unreadable = [&](const Failure& failure) {
        report::JobReport job;
        job.name = name;
        job.exit_code = 1;
        job.is_readable = false;
        job.causes = {"its report cannot be read"};
        job.findings.push_back({.severity = event::Severity::error,
                                .source = name,
                                .title = job.causes.front(),
                                .text = failure.cause(),
                                .url = {}});
        input.reports.push_back(std::move(job));
    };
    if (report::kind_of_document(text) == report::DocumentKind::findings) {
        auto findings = report::parse_findings(text, name);
        if (!findings) return unreadable(findings.error());
        input.findings.insert(input.findings.end(), findings->begin(), findings->end());
        return;
    }
    auto job = report::parse_job_report(text, name);
    if (!job) return unreadable(job.error());
    job->document = std::move(text);
    input.reports.push_back(std::move(*job));
}

Result<std::vector<fs::path>> files_below(const fs::path& directory) {
    std::vector<fs::path> files;
    std::error_code error;
    auto options = fs::directory_options::skip_permission_denied; // links are not followed: no circles
    for (fs::recursive_directory_iterator it(directory, options, error), end; !error && it != end;
         it.increment(error)) {
        std::error_code ignored;
        if (it->is_regular_file(ignored) && it->path().extension() == ".json") files.push_back(it->path());
        if (files.size() > most_files)
            return Failure(FailureKind::usage,
                           "more than " + std::to_string(most_files) + " JSON files lie below " + directory.string())
                .with_hint("name the directory with the reports alone");
    }
    if (error) return Failure(FailureKind::machine, "cannot list " + directory.string() + ": " + error.message());
    std::sort(files.begin(), files.end());
    return files;
}

// Was it to be a report or findings? By the name that `ci` gives ("report.json", "report-2.json"), or by how it begins
// where the rest was lost.
bool was_to_be_ours(const fs::path& file, std::string_view text) {
    auto name = file.stem().string();
    auto number = name.find('-');
    bool is_one_of_several = number != name.npos && parse_u64(std::string_view(name).substr(number + 1));
    if (is_one_of_several) name.resize(number);
    constexpr std::size_t beginning = 256;
    return name == "report" || (text.substr(0, beginning).find("\"schema_version\"") != text.npos &&
                                parse_foreign_json(text).is_discarded());
}

// Where nobody expects a job it is the wrong file, not a job that failed.
Failure no_report(const std::string& file, std::string_view text) {
    auto why = report::parse_job_report(text, file);
    auto said = why ? std::string() : why.error().cause();
    said = said.substr(std::min(said.find(": "), said.size())); // it begins with that it is none, too
    return Failure(FailureKind::usage, sanitize(file) + " is no report of cachefill" + said)
        .with_hint("--json FILE of 'cachefill run' and its like writes one; docs/notify.md says what findings of other "
                   "tools look like");
}

Result<void> read_argument(const std::string& argument, report::JoinInput& input) {
    std::error_code error;
    fs::path path(argument);
    // Where no job left anything, nothing was downloaded: that is for --expect and --needs to tell.
    if (!fs::exists(path, error) && !(input.expected.empty() && input.needs.empty())) return {};
    if (!fs::is_directory(path, error)) {
        auto text = read_stream(path, largest_document);
        if (!text) return Failure(FailureKind::usage, text.error().cause());
        bool is_other = report::kind_of_document(*text) == report::DocumentKind::other;
        if (is_other && input.expected.empty() && input.needs.empty()) return no_report(argument, *text);
        take_document(std::move(*text), job_name(path, {}), input);
        return {};
    }
    TRY(files, files_below(path));
    for (const auto& file : files) {
        TRY(text, read_file(file, largest_document));
        // Other artifacts may lie there, too. One that was to be a report and is none is told.
        auto kind = report::kind_of_document(text);
        if (kind == report::DocumentKind::other && !was_to_be_ours(file, text)) continue;
        take_document(std::move(text), job_name(file, path), input);
    }
    return {};
}

Result<void> read_needs(const std::string& given, report::JoinInput& input) {
    if (given.empty()) return {};
    std::string text = given;
    if (!trim(given).starts_with("{")) {
        auto content = read_stream(given, largest_document);
        if (!content) return Failure(FailureKind::usage, content.error().cause());
        text = std::move(*content);
    }
    auto needs = report::parse_needs(text);
    if (!needs) return Failure(FailureKind::usage, "--needs: " + needs.error().cause());
    for (const auto& job : *needs)
        if (!job.findings.empty()) take_document(job.findings, job.name, input);
    input.needs = std::move(*needs);
    return {};
}

} // namespace

Result<report::JoinInput> read_join_input(const options::Settings& settings, const Environment& environment) {
    report::JoinInput input;
    input.expected = settings.expect;
    TRY_VOID(read_needs(settings.needs, input));
    for (const auto& argument : settings.arguments) TRY_VOID(read_argument(argument, input));
    bool expects = !input.expected.empty() || !input.needs.empty();
    if (settings.arguments.empty() && !expects)
        return Failure(FailureKind::usage, "no report was named")
            .with_hint("name files or directories, or give --needs; 'cachefill help report' explains");
    // Silence would look like success.
    if (input.reports.empty() && input.findings.empty() && !expects)
        return Failure(FailureKind::usage, "there is no report in " + report::listed(settings.arguments, 3) +
                                               ", and none was expected: nothing can be said of any job")
            .with_hint("name the jobs that must have reported with --expect, or give --needs \"${{ toJSON(needs) }}\"");
    auto& place = input.place;
    place.repository = environment.get_or("GITHUB_REPOSITORY");
    place.branch = environment.get_or("GITHUB_HEAD_REF", environment.get_or("GITHUB_REF_NAME"));
    place.commit = environment.get_or("GITHUB_SHA");
    place.workflow = environment.get_or("GITHUB_WORKFLOW");
    if (auto run = environment.get_or("GITHUB_RUN_ID"); !run.empty() && !place.repository.empty())
        place.run_url = environment.get_or("GITHUB_SERVER_URL", "https://github.com") + "/" + place.repository +
                        "/actions/runs/" + run;
    return input;
}

} // namespace cachefill::app
