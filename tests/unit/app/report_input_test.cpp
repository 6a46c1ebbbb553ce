#include "app/report_input.hpp"
#include "base/files.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::app;

namespace {

const std::string clean = R"({"schema_version": 1, "command": "run", "exit_code": 0})";
const std::string findings =
    R"({"schema_version": 1, "findings": [{"severity": "notice", "title": "2 unused bindings"}]})";

struct Folder {
    TemporaryDirectory directory = TemporaryDirectory::make("report").value();

    std::string write(const std::string& name, const std::string& content) {
        auto path = directory.path() / name;
        BOOST_REQUIRE(cachefill::create_directories(path.parent_path()).has_value());
        BOOST_REQUIRE(write_file_atomically(path, content).has_value());
        return path.string();
    }
};

std::vector<std::string> names(const report::JoinInput& input) {
    std::vector<std::string> result;
    for (const auto& job : input.reports) result.push_back(job.name);
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(report_input)

BOOST_AUTO_TEST_CASE(artifacts_as_they_are_downloaded_are_jobs_by_their_folders) {
    Folder folder;
    folder.write("cachefill-x86_64-linux/report.json", clean);
    folder.write("cachefill-aarch64-darwin/report.json", clean);
    folder.write("cachefill-lint/findings.json", findings);
    folder.write("other/coverage.json", R"({"lines": 7})");
    folder.write("other/readme.txt", "no");
    options::Settings settings;
    settings.arguments = {folder.directory.path().string()};
    auto input = read_join_input(settings, Environment());
    BOOST_REQUIRE(input.has_value());
    std::vector<std::string> wanted{"aarch64-darwin", "x86_64-linux"};
    BOOST_TEST(names(*input) == wanted, boost::test_tools::per_element());
    BOOST_REQUIRE(input->findings.size() == 1U);
    BOOST_TEST(input->findings[0].source == "lint");
}

BOOST_AUTO_TEST_CASE(a_file_is_a_job_by_its_own_name) {
    Folder folder;
    options::Settings settings;
    settings.arguments = {folder.write("cachefill-nas.json", clean), folder.write("desktop.json", clean)};
    auto input = read_join_input(settings, Environment());
    BOOST_REQUIRE(input.has_value());
    std::vector<std::string> wanted{"nas", "desktop"};
    BOOST_TEST(names(*input) == wanted, boost::test_tools::per_element());
    for (const auto& job : input->reports) BOOST_TEST(job.document == clean); // for the page
}

BOOST_AUTO_TEST_CASE(a_report_that_cannot_be_read_is_a_job_that_failed) {
    Folder folder;
    folder.write("mac/report.json", clean.substr(0, 20));
    options::Settings settings;
    settings.arguments = {folder.directory.path().string()};
    auto input = read_join_input(settings, Environment());
    BOOST_REQUIRE(input.has_value());
    BOOST_REQUIRE(input->reports.size() == 1U);
    BOOST_TEST(input->reports[0].exit_code == 1);
    BOOST_TEST(input->reports[0].findings[0].title == "its report cannot be read");
    auto joined = report::join_reports(std::move(*input));
    BOOST_TEST(report::to_text(joined).find("mac  not readable\n") == 0U, report::to_text(joined));
    BOOST_TEST(report::to_markdown(joined).find("| mac | not readable |  | | | | | |") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_was_to_be_a_report_is_one_by_its_name_or_by_how_it_begins) {
    const std::string list = findings.substr(0, 40);
    for (const auto& [name, text] : {std::pair<std::string, std::string>("report-2.json", clean.substr(0, 30)),
                                     {"report-11.json", ""},
                                     {"report-2.json", R"({"lines": 7})"},
                                     {"nas.json", clean.substr(0, 30)},
                                     {"lint.json", list}}) {
        Folder folder;
        folder.write("mac/report.json", clean);
        folder.write("mac/" + name, text);
        options::Settings settings;
        settings.arguments = {folder.directory.path().string()};
        auto input = read_join_input(settings, Environment());
        BOOST_REQUIRE(input.has_value());
        BOOST_TEST(report::join_reports(std::move(*input)).exit_code == 1, name << ": " << text);
    }
    for (const auto* name : {"report-of-tests.json", "reports.json", "coverage.json"}) {
        Folder folder;
        folder.write("mac/report.json", clean);
        folder.write(std::string("mac/") + name, R"({"lines": )");
        options::Settings settings;
        settings.arguments = {folder.directory.path().string()};
        BOOST_TEST(read_join_input(settings, Environment()).value().reports.size() == 1U, name);
    }
}

BOOST_AUTO_TEST_CASE(nothing_to_read_is_an_error_unless_something_was_expected) {
    Folder folder;
    folder.write("reports/other/coverage.json", R"({"lines": 7})");
    options::Settings settings;
    settings.arguments = {(folder.directory.path() / "reports").string()};
    auto empty = read_join_input(settings, Environment());
    BOOST_REQUIRE(!empty);
    BOOST_TEST((empty.error().kind() == FailureKind::usage));
    BOOST_TEST(empty.error().hint().find("--expect") != std::string::npos);
    settings.needs = "{}"; // of a job without needs
    BOOST_TEST(!read_join_input(settings, Environment()));
    settings.needs = R"({"build": {"result": "skipped"}})";
    BOOST_TEST(read_join_input(settings, Environment()).has_value());
    settings.needs.clear();
    settings.expect = {"x86_64-linux"};
    BOOST_TEST(read_join_input(settings, Environment()).has_value());
    settings.expect.clear();
    folder.write("reports/cachefill-lint/findings.json", findings);
    BOOST_TEST(read_join_input(settings, Environment()).has_value());
}

BOOST_AUTO_TEST_CASE(needs_come_as_text_or_file_and_bring_findings_along) {
    Folder folder;
    const std::string needs =
        R"({"lint": {"result": "success", "outputs": {"findings": "{\"schema_version\": 1, \"findings\": [{\"severity\": \"warning\", \"title\": \"t\"}]}"}}})";
    for (const auto& given : {needs, folder.write("needs.json", needs)}) {
        options::Settings settings;
        settings.needs = given;
        auto input = read_join_input(settings, Environment());
        BOOST_REQUIRE(input.has_value());
        BOOST_TEST(input->needs.size() == 1U);
        BOOST_REQUIRE(input->findings.size() == 1U);
        BOOST_TEST(input->findings[0].source == "lint");
    }
}

BOOST_AUTO_TEST_CASE(where_no_job_left_anything_the_expected_ones_are_still_missed) {
    options::Settings settings;
    settings.arguments = {"/nonexistent/reports"};
    auto input = read_join_input(settings, Environment());
    BOOST_REQUIRE(!input);
    BOOST_TEST((input.error().kind() == FailureKind::usage));
    settings.expect = {"x86_64-linux"};
    input = read_join_input(settings, Environment());
    BOOST_REQUIRE(input.has_value());
    BOOST_TEST(report::join_reports(*input).never_reported.size() == 1U);
}

BOOST_AUTO_TEST_CASE(nothing_at_all_is_wrong_use) {
    auto input = read_join_input(options::Settings(), Environment());
    BOOST_REQUIRE(!input);
    BOOST_TEST((input.error().kind() == FailureKind::usage));
}

BOOST_AUTO_TEST_CASE(the_place_comes_from_github) {
    options::Settings settings;
    settings.expect = {"x"};
    Environment environment({{"GITHUB_REPOSITORY", "kim/nix"},
                             {"GITHUB_RUN_ID", "7"},
                             {"GITHUB_SERVER_URL", "https://git.example.org"},
                             {"GITHUB_HEAD_REF", ""},
                             {"GITHUB_REF_NAME", "develop"}});
    auto input = read_join_input(settings, environment);
    BOOST_REQUIRE(input.has_value());
    BOOST_TEST(input->place.run_url == "https://git.example.org/kim/nix/actions/runs/7");
    BOOST_TEST(input->place.branch == "develop");
}

BOOST_AUTO_TEST_SUITE_END()
