#include "codec/hash.hpp"
#include "report/columns.hpp"
#include "report/page.hpp"
#include "report/page_files.hpp"
#include "reports.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::test;
using Json = nlohmann::ordered_json;

namespace {

report::JobReport job_of(const std::string& name, const report::RunReport& report) {
    auto document = report::to_json(report);
    auto job = report::parse_job_report(document, name).value();
    job.document = document;
    return job;
}

report::Joined joined_of(std::vector<report::JobReport> jobs) {
    report::JoinInput input;
    input.reports = std::move(jobs);
    return report::join_reports(std::move(input));
}

std::string between(const std::string& text, const std::string& start, const std::string& end) {
    auto at = text.find(start);
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, "no " << start);
    at += start.size();
    return text.substr(at, text.find(end, at) - at);
}

std::string data_of(const std::string& page) {
    return between(page, "<script type=\"application/json\" id=\"data\">", "</script>");
}

std::size_t times(const std::string& text, std::string_view part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

const std::string hostile = "</script><script>alert(1)</script><!--<script> &amp; \u2028 \u2029 ]]> %SCRIPT%";

report::RunReport hostile_report() {
    auto report = filled_report();
    report.branch = report.cache = hostile;
    report.targets[0].name = report.targets[0].error = report.targets[0].hint = hostile;
    report.builds[0].name = report.builds[0].error = hostile;
    report.builds[0].log_tail = {hostile};
    report.pushes[0].reason = hostile;
    report.fetches = {{.path = store_path(hostile), .error = hostile}};
    report.caches = {{.name = hostile, .url = hostile}};
    report.messages = {{event::Severity::warning, hostile, hostile}};
    return report;
}

} // namespace

BOOST_AUTO_TEST_SUITE(page)

BOOST_AUTO_TEST_CASE(it_holds_all_of_every_report_and_what_they_come_to) {
    auto joined = joined_of({job_of("x86_64-linux", filled_report()), job_of("aarch64-linux", warm_report())});
    joined.never_reported = {"aarch64-darwin"};
    auto data = Json::parse(data_of(report::to_html(joined)));
    auto told = Json::parse(report::to_json(joined));
    for (auto& job : told["jobs"]) job.erase("changes"); // which stand in the reports, too
    BOOST_TEST(data["joined"].dump() == told.dump());
    BOOST_REQUIRE_EQUAL(data["reports"].size(), 2U);
    BOOST_TEST(data["reports"][0]["name"].get<std::string>() == "aarch64-linux");
    BOOST_TEST(data["reports"][0]["report"].dump() == Json::parse(report::to_json(warm_report())).dump());
    BOOST_TEST(data["reports"][1]["report"].dump() == Json::parse(report::to_json(filled_report())).dump());
}

BOOST_AUTO_TEST_CASE(the_same_reports_make_the_same_page) {
    auto joined = joined_of({job_of("nas", filled_report())});
    BOOST_TEST(report::to_html(joined) == report::to_html(joined));
}

BOOST_AUTO_TEST_CASE(no_text_of_a_report_becomes_markup) {
    auto plain = report::to_html(joined_of({job_of("nas", filled_report())}));
    auto page = report::to_html(joined_of({job_of(hostile, hostile_report())}));
    for (const std::string_view mark : {"</script", "<script", "<!--", "<"})
        BOOST_TEST(times(page, mark) == times(plain, mark), mark);
    auto data = data_of(page);
    for (const std::string_view character : {"<", ">", "&", "\u2028", "\u2029"})
        BOOST_TEST(data.find(character) == std::string::npos, character);
    auto read = Json::parse(data)["reports"][0];
    BOOST_TEST(read["name"].get<std::string>() == report::one_line(hostile));
    BOOST_TEST(read["report"]["builds"][0]["log_tail"][0].get<std::string>() == hostile);
}

BOOST_AUTO_TEST_CASE(only_its_own_script_and_style_may_act_and_nothing_is_loaded) {
    auto page = report::to_html(joined_of({job_of("nas", hostile_report())}));
    auto policy = between(page, "Content-Security-Policy\" content=\"", "\"");
    auto source = [](const std::string& content) {
        return "'" + codec::hash_bytes(codec::HashAlgorithm::sha256, content).to_sri() + "'";
    };
    auto script = between(page, "<script type=\"module\">", "</script>"), style = between(page, "<style>", "</style>");
    BOOST_TEST(script.size() > 1000U);
    BOOST_TEST(policy == "default-src 'none'; script-src " + source(script) + "; style-src " + source(style) +
                             "; base-uri 'none'; form-action 'none'");
    std::vector<std::string_view> parts{report::page_frame, report::page_style};
    parts.insert(parts.end(), report::page_scripts.begin(), report::page_scripts.end());
    for (const auto part : parts)
        for (const std::string_view loads :
             {"src=", "url(", "@import", "http://", "https://", "<link", "fetch(", "import("})
            BOOST_TEST(part.find(loads) == std::string_view::npos, loads);
}

BOOST_AUTO_TEST_CASE(what_would_steer_a_terminal_is_left_out) {
    auto report = filled_report();
    report.builds[0].log_tail = {"\x1b[31mred\x1b[0m \x07"};
    auto data = Json::parse(data_of(report::to_html(joined_of({job_of("nas", report)}))));
    BOOST_TEST(data["reports"][0]["report"]["builds"][0]["log_tail"][0].get<std::string>() == "red ");
}

BOOST_AUTO_TEST_CASE(no_login_of_an_address_is_in_the_page) {
    report::JobReport job;
    job.name = "a";
    job.document = R"({"https://kim:s3cret@e.example": {"flake": ["https://kim:s3cret@e.example/?token=s3cret"]}})";
    BOOST_TEST(report::to_html(joined_of({job})).find("s3cret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_report_that_is_nested_without_end_costs_only_that_part) {
    report::JobReport deep;
    deep.name = "deep";
    deep.document = R"({"version": "1.0", "builds": )" + std::string(300'000, '[') + std::string(300'000, ']') + "}";
    auto data = Json::parse(data_of(report::to_html(joined_of({deep}))));
    BOOST_TEST(data["reports"][0]["report"]["version"].get<std::string>() == "1.0");
}

BOOST_AUTO_TEST_CASE(a_job_whose_report_cannot_be_read_is_named_without_one) {
    report::JobReport lost;
    lost.name = "lost";
    lost.exit_code = 1;
    lost.causes = {"its report cannot be read"};
    auto data = Json::parse(data_of(report::to_html(joined_of({lost, job_of("nas", filled_report())}))));
    BOOST_TEST(data["joined"]["jobs"].size() == 2U);
    BOOST_REQUIRE_EQUAL(data["reports"].size(), 1U);
    BOOST_TEST(data["reports"][0]["name"].get<std::string>() == "nas");
}

BOOST_AUTO_TEST_SUITE_END()
