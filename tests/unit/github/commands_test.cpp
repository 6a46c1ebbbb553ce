#include "github/commands.hpp"
#include "support/runner_scanner.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

using namespace cachefill;
using namespace cachefill::github;
using cachefill::test::RunnerScanner;

namespace {

Annotation annotation(Level level, std::string message) {
    Annotation result;
    result.level = level;
    result.message = std::move(message);
    return result;
}

RunnerScanner scan(const std::string& output) {
    RunnerScanner scanner;
    scanner.read(output);
    return scanner;
}

} // namespace

BOOST_AUTO_TEST_SUITE(workflow_commands)

BOOST_AUTO_TEST_CASE(an_annotation_arrives_as_it_was_meant) {
    auto wanted = annotation(Level::error, "first: 100 % wrong, really\nsecond ::error:: line\r");
    wanted.title = "a:b,c%2C";
    wanted.file = "hosts/we,ird:name.nix";
    wanted.line = 12;
    wanted.column = 5;
    auto seen = scan(to_command(wanted));
    BOOST_REQUIRE(seen.annotations.size() == 1U);
    auto& command = seen.annotations[0];
    BOOST_TEST(command.name == "error");
    BOOST_TEST(command.data == "first: 100 % wrong, really\nsecond ::error:: line");
    BOOST_TEST(command.properties["title"] == "a:b,c%2C");
    BOOST_TEST(command.properties["file"] == "hosts/we,ird:name.nix");
    BOOST_TEST(command.properties["line"] == "12");
    BOOST_TEST(command.properties["col"] == "5");
}

BOOST_AUTO_TEST_CASE(a_column_never_comes_without_its_line) {
    auto nowhere = annotation(Level::warning, "text");
    nowhere.file = "flake.nix";
    nowhere.column = 7;
    BOOST_TEST(to_command(nowhere) == "::warning file=flake.nix::text\n");
}

BOOST_AUTO_TEST_CASE(a_long_message_keeps_its_end) {
    auto seen = scan(to_command(annotation(Level::error, std::string(9000, 'x') + "the reason")));
    BOOST_REQUIRE(seen.annotations.size() == 1U);
    BOOST_TEST(seen.annotations[0].data.ends_with("the reason"));
    BOOST_TEST(seen.annotations[0].data.size() <= 4096U);
}

BOOST_AUTO_TEST_CASE(ten_annotations_of_a_level_are_all_shown) {
    AnnotationBudget budget;
    std::string output;
    for (int i = 0; i < 10; ++i) output += budget.add(annotation(Level::error, "number " + std::to_string(i)));
    output += budget.close();
    auto seen = scan(output);
    BOOST_REQUIRE(seen.annotations.size() == 10U);
    BOOST_TEST(seen.annotations.back().data == "number 9");
}

BOOST_AUTO_TEST_CASE(of_more_than_ten_the_last_shown_one_counts_the_rest) {
    AnnotationBudget budget;
    std::string output;
    for (int i = 0; i < 25; ++i) output += budget.add(annotation(Level::error, "number " + std::to_string(i)));
    output += budget.add(annotation(Level::warning, "of another level"));
    output += budget.close();
    auto seen = scan(output);
    BOOST_REQUIRE(seen.annotations.size() == 11U);
    BOOST_TEST(seen.annotations[8].data == "number 8");
    BOOST_TEST(seen.annotations.back().data.find("the 16 that are not shown") != std::string::npos);
    BOOST_TEST(budget.close() == "");
}

BOOST_AUTO_TEST_CASE(a_secret_is_masked_line_by_line) {
    auto seen = scan(mask("first\n\n  second\n"));
    BOOST_REQUIRE(seen.commands.size() == 2U);
    BOOST_TEST(seen.commands[0].name == "add-mask");
    BOOST_TEST(seen.commands[0].data == "first");
    BOOST_TEST(seen.commands[1].data == "second");
    BOOST_TEST(mask("") == "");
    BOOST_TEST(mask(" \n") == "");
}

BOOST_AUTO_TEST_CASE(no_line_of_foreign_text_is_a_command_once_it_is_harmless) {
    for (const std::string hostile :
         {"::error::x", "   ::set-output name=a::b", "\t::add-mask::a", "##[error]x", "words ##[add-mask]a",
          "###[error]x", "##[##[error]x", "\x1b[31m::error::x", "\r::error::x", "text\r##[error]x",
          "\xc2\xa0::error::x", "\xe2\x80\x83::warning::x", "a\n::error::b\n##[group]c", "\x01::error::x",
          "#\x1b[0m#[error]x"}) {
        auto seen = scan(harmless(hostile) + "\n");
        BOOST_TEST(seen.commands.empty(), harmless(hostile));
        BOOST_TEST(!seen.is_stopped());
    }
}

BOOST_AUTO_TEST_CASE(harmless_json_means_what_it_did) {
    const std::string json = R"({"line":"##[set-output name=trusted;]true","other":"# [##[##[x"})";
    auto harmless = harmless_json(json);
    BOOST_TEST(harmless.find("##[") == std::string::npos);
    BOOST_TEST((nlohmann::json::parse(harmless) == nlohmann::json::parse(json)));
}

BOOST_AUTO_TEST_CASE(a_file_of_an_annotation_is_one_line_of_text) {
    Annotation annotation;
    annotation.message = "x";
    annotation.file = "hosts/a\x1b]0;won\x07\n::notice::b.nix";
    auto command = to_command(annotation);
    BOOST_TEST(command.find('\x1b') == std::string::npos);
    BOOST_TEST(std::count(command.begin(), command.end(), '\n') == 1);
}

BOOST_AUTO_TEST_CASE(ordinary_text_stays_as_it_is) {
    for (const std::string plain : {"std::vector", "a::b::c", "## [x]", "# a", "ünï", "  | indented", "", "a\n\nb\n"})
        BOOST_TEST(harmless(plain) == plain);
}

BOOST_AUTO_TEST_CASE(a_line_of_megabytes_is_cut) {
    auto text = harmless(std::string(10 << 20, 'y') + "##[error]end");
    BOOST_TEST(text.size() < 5000U);
    BOOST_TEST(text.find("bytes left out") != std::string::npos);
    BOOST_TEST(scan(text + "\n").commands.empty());
}

BOOST_AUTO_TEST_CASE(between_stop_and_resume_nothing_is_a_command) {
    auto token = random_token();
    auto seen = scan(stop_commands(token) + "::error::x\n##[warning]y\n" + resume_commands("guess") +
                     resume_commands(token) + "::notice::z\n");
    BOOST_REQUIRE(seen.commands.size() == 1U);
    BOOST_TEST(seen.commands[0].name == "notice");
    BOOST_TEST(token.size() == 32U);
    BOOST_TEST(token != random_token());
}

BOOST_AUTO_TEST_SUITE_END()
