#include "report/comment.hpp"

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/markdown.hpp"
#include "report/what_changed.hpp"

#include <algorithm>
#include <array>

namespace cachefill::report {

using event::Severity;

namespace {

// Bytes, of which a character has one at least.
constexpr std::size_t most_bytes = 60'000, most_of_jobs = 15'000, most_of_findings = 20'000;
constexpr std::size_t longest_name = 80, longest_sentence = 500; // letters

std::string in_code(const std::string& foreign, std::size_t width) {
    auto line = markdown::code_in_text(ellipsize(foreign, width));
    return line.empty() ? "?" : line;
}

std::string in_cell(const std::string& foreign) {
    auto cell = markdown::code(ellipsize(foreign, longest_name));
    return cell.empty() ? "?" : cell;
}

// As many lines as there is room for; how many others there are.
std::string within(const std::vector<std::string>& lines, std::size_t room, std::string_view noun) {
    std::string text;
    std::size_t shown = 0;
    for (const auto& line : lines) {
        if (text.size() + line.size() > room) break;
        text += line;
        ++shown;
    }
    if (auto more = lines.size() - shown; more > 0)
        text += "\nand " + counted(more, "more " + std::string(noun)) + "\n";
    return text;
}

std::string jobs_table(const Joined& joined) {
    if (joined.jobs.empty()) return {};
    std::vector<std::string> rows;
    for (const auto& job : joined.jobs)
        rows.push_back("| " + in_cell(job.name) + " | " + std::string(in_words(job)) + " | " +
                       std::to_string(job.complete) + " of " + std::to_string(job.targets) + " | " +
                       std::to_string(job.built) + " | " + std::to_string(job.failed) + " | " +
                       std::to_string(job.pushed) + " | " + std::to_string(job.missing) + " | " +
                       human_duration(job.took) + " |\n");
    return "| job | state | complete | built | failed | pushed | missing | time |\n"
           "| --- | --- | --: | --: | --: | --: | --: | --: |\n" +
           within(rows, most_of_jobs, "job") + "\n";
}

std::string finding_list(const Joined& joined) {
    static constexpr std::array<std::string_view, 4> marks{"ℹ️", "🔵", "⚠️", "❌"};
    std::vector<std::string> lines;
    for (const auto& finding : joined.findings) {
        if (finding.severity < Severity::notice) continue;
        auto sentence = finding.title + (finding.text.empty() ? "" : ": " + finding.text);
        lines.push_back("- " + std::string(marks.at(static_cast<std::size_t>(finding.severity))) + " " +
                        in_code(finding.source, longest_name) + ": " + in_code(sentence, longest_sentence) + "\n");
    }
    return lines.empty() ? std::string() : within(lines, most_of_findings, "finding") + "\n";
}

std::string closing(const CommentPlace& place) {
    std::vector<std::string> facts;
    if (!place.commit.empty()) facts.push_back("commit " + in_code(place.commit.substr(0, 12), 12));
    if (!place.run_url.empty()) facts.push_back("[the run](" + place.run_url + ")");
    if (place.is_foreign) facts.push_back("in the words of jobs that ran this pull request's own code");
    return facts.empty() ? std::string() : "<sub>" + join(facts, " · ") + "</sub>\n";
}

std::string symbol(const Joined& joined) {
    if (joined.worst() == Severity::error) return "❌";
    return joined.worst() == Severity::warning ? "⚠️" : "✅";
}

} // namespace

bool is_worth_a_comment(const Joined& joined) {
    auto hosts = joined.changes();
    auto has_changed = [](const HostChanges& host) { return !host.difference.is_nothing(); };
    return joined.worst() >= Severity::warning || std::any_of(hosts.begin(), hosts.end(), has_changed);
}

std::string to_comment(const Joined& joined, const CommentPlace& place) {
    auto end = closing(place);
    auto text = std::string(comment_mark) + "\n### " + symbol(joined) + " cachefill: " + joined.headline() + "\n\n" +
                jobs_table(joined) + finding_list(joined);
    auto hosts = joined.changes();
    constexpr std::size_t room_for_words = 200;
    auto changes =
        changes_markdown(hosts, most_bytes - std::min(most_bytes, text.size() + end.size() + room_for_words));
    if (!changes.empty())
        text += "#### What changed\n\nIn each host's closure since it was complete last.\n\n" +
                std::string(trim(changes)) + "\n\n";
    else if (!hosts.empty())
        text += "No package changed since these hosts were complete last.\n\n";
    text += end;
    while (text.ends_with('\n')) text.pop_back(); // GitHub keeps none at the end
    return text;
}

} // namespace cachefill::report
