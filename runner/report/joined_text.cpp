#include "base/text.hpp"
#include "base/units.hpp"
#include "report/columns.hpp"
#include "report/joined.hpp"
#include "report/markdown.hpp"
#include "report/style.hpp"
#include "report/time_line.hpp"
#include "report/what_changed.hpp"

#include <nlohmann/json.hpp>

namespace cachefill::report {

using event::Severity;

namespace {

using Json = nlohmann::ordered_json;

Json encode(const Finding& finding) {
    return {{"severity", to_string(finding.severity)},
            {"source", finding.source},
            {"title", finding.title},
            {"text", finding.text},
            {"url", finding.url}};
}

Json encode(const JobReport& job) {
    Json json;
    json["name"] = job.name;
    json["command"] = job.command;
    json["cache"] = job.cache;
    json["exit_code"] = job.exit_code;
    json["causes"] = job.causes;
    json["targets"] = job.targets;
    json["complete"] = job.complete;
    json["built"] = job.built;
    json["failed"] = job.failed;
    json["pushed"] = job.pushed;
    json["missing"] = job.missing;
    json["took_ms"] = job.took.count();
    json["changes"] = Json::array();
    for (const auto& [host, difference] : job.changes) {
        Json of_host = {{"target", host}};
        of_host.update(changes_json(difference));
        json["changes"].push_back(std::move(of_host));
    }
    return json;
}

std::string sentence(const Finding& finding) {
    return finding.title + (finding.text.empty() ? "" : ": " + finding.text);
}

bool is_web_link(const std::string& url) {
    return (url.starts_with("https://") || url.starts_with("http://")) &&
           url.find_first_of(" \n<>()|\"`\\") == std::string::npos;
}

std::string markdown_of(const Finding& finding) {
    static constexpr std::string_view marks[]{"ℹ️", "🔵", "⚠️", "❌"};
    std::string line = "- " + std::string(marks[static_cast<std::size_t>(finding.severity)]) + " **" +
                       markdown::text(finding.source) + "**: " + markdown::text(ellipsize(finding.title, 300));
    if (!finding.text.empty()) line += ": " + markdown::text(ellipsize(finding.text, 1000));
    if (is_web_link(finding.url)) line += " ([more](" + finding.url + "))";
    return line + "\n";
}

} // namespace

std::string_view in_words(const JobReport& job) {
    if (!job.is_readable) return "not readable";
    switch (job.exit_code) {
    case 0:
        return "done";
    case 3:
        return "not all in the cache";
    case 4:
        return "stopped at the deadline";
    case 130:
    case 143:
        return "interrupted";
    default:
        return "failed";
    }
}

std::string to_json(const Joined& joined) {
    Json json;
    json["schema_version"] = Joined::schema_version;
    json["command"] = "report";
    json["exit_code"] = joined.exit_code;
    json["severity"] = to_string(joined.worst());
    json["headline"] = joined.headline();
    json["repository"] = joined.place.repository;
    json["branch"] = joined.place.branch;
    json["commit"] = joined.place.commit;
    json["workflow"] = joined.place.workflow;
    json["run_url"] = joined.place.run_url;
    json["never_reported"] = joined.never_reported;
    json["jobs"] = Json::array();
    for (const auto& job : joined.jobs) json["jobs"].push_back(encode(job));
    json["findings"] = Json::array();
    for (const auto& finding : joined.findings) json["findings"].push_back(encode(finding));
    return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string to_text(const Joined& joined) {
    using Align = Table::Align;
    Style style(false);
    std::string text;
    Table table({Align::left, Align::left, Align::right, Align::right, Align::right, Align::right});
    for (const auto& job : joined.jobs) {
        if (!job.is_readable) {
            table.add({{one_line(job.name)}, {std::string(in_words(job))}, {}, {}, {}, {}});
            continue;
        }
        table.add({{one_line(job.name)},
                   {std::string(in_words(job))},
                   {std::to_string(job.complete) + "/" + std::to_string(job.targets) + " complete"},
                   {std::to_string(job.built) + " built"},
                   {std::to_string(job.pushed) + " pushed"},
                   {human_duration(job.took)}});
    }
    text += table.render(style, 120);
    if (auto lines = changes_lines(joined.changes()); !lines.empty()) text += "\nchanges:\n" + lines;
    if (!joined.findings.empty()) text += "\n";
    for (const auto& finding : joined.findings) {
        auto line = one_line(std::string(to_string(finding.severity)) + ": " + finding.source + ": " +
                             sentence(finding) + (finding.url.empty() ? "" : " (" + finding.url + ")"));
        std::vector<std::string> words; // without the margins of several lines that became one
        for (auto word : split_words(line)) words.emplace_back(word);
        text += join(words, " ") + "\n";
    }
    return text + "\n" + joined.headline() + "\n";
}

std::string to_markdown(const Joined& joined, std::size_t limit) {
    std::string text = "## cachefill: " + markdown::text(joined.headline()) + "\n\n";
    if (!joined.jobs.empty()) {
        text += "| job | state | complete | built | failed | pushed | missing | time "
                "|\n|---|---|--:|--:|--:|--:|--:|--:|\n";
        for (const auto& job : joined.jobs) {
            text += "| " + markdown::text(job.name) + " | " + std::string(in_words(job)) + " | ";
            if (!job.is_readable) {
                text += " | | | | | |\n";
                continue;
            }
            text += std::to_string(job.complete) + " of " + std::to_string(job.targets) + " | " +
                    std::to_string(job.built) + " | " + std::to_string(job.failed) + " | " +
                    std::to_string(job.pushed) + " | " + std::to_string(job.missing) + " | " +
                    human_duration(job.took) + " |\n";
        }
        text += "\n";
    }
    std::size_t shown = 0;
    for (const auto& finding : joined.findings) {
        auto line = markdown_of(finding);
        if (text.size() + line.size() + 100 > limit) break;
        text += line;
        ++shown;
    }
    if (shown < joined.findings.size()) text += "- and " + std::to_string(joined.findings.size() - shown) + " more\n";
    auto changes = text.size() < limit ? changes_markdown(joined.changes(), limit - text.size()) : std::string();
    if (!changes.empty()) text += "\n### What changed\n\n" + changes;
    auto chart = time_line(joined.jobs);
    if (!chart.empty()) chart = "\n### Time\n\n```mermaid\n" + chart + "```\n";
    if (text.size() + chart.size() <= limit) text += chart;
    return text;
}

} // namespace cachefill::report
