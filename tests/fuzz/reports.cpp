// Reports, findings and needed jobs (JSON), which come as artifacts of other jobs, perhaps of a pull request's.
//
// What is none fails as protocol. What can be read is joined: as JSON that can be read, as a text that steers no
// terminal, as Markdown below its limit, and as XML in which no foreign byte is markup.
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "report/junit.hpp"
#include "report/read_back.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::fuzz {

namespace {

constexpr std::size_t markdown_limit = 2000;

void check_xml(const std::string& xml) {
    auto is_allowed = [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t'; };
    require(std::all_of(xml.begin(), xml.end(), is_allowed), "XML holds no control characters");
    require(std::count(xml.begin(), xml.end(), '<') == std::count(xml.begin(), xml.end(), '>'), "tags are closed");
}

void check_joined(report::JoinInput input) {
    auto joined = report::join_reports(std::move(input));
    require(!nlohmann::json::parse(report::to_json(joined), nullptr, false).is_discarded(), "JSON can be read");
    require_harmless(report::to_text(joined));
    require_harmless(joined.headline());
    require(report::to_markdown(joined, markdown_limit).size() <= markdown_limit, "Markdown keeps its limit");
    check_xml(report::to_junit(joined));
}

} // namespace

void reports(std::string_view input) {
    report::JoinInput all;
    if (auto job = report::parse_job_report(input, "a job"))
        all.reports.push_back(std::move(*job));
    else
        require_told(job.error(), {FailureKind::protocol});
    if (auto findings = report::parse_findings(input, "a tool"))
        all.findings = std::move(*findings);
    else
        require_told(findings.error(), {FailureKind::protocol});
    if (auto needs = report::parse_needs(input))
        all.needs = std::move(*needs);
    else
        require_told(needs.error(), {FailureKind::protocol});
    report::kind_of_document(input);
    check_xml(report::to_junit(report::read_back(input)));
    check_joined(std::move(all));
}

} // namespace cachefill::fuzz
