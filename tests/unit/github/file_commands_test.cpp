#include "base/files.hpp"
#include "base/text.hpp"
#include "github/file_commands.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace cachefill;

namespace {

// As the runner reads the file of outputs; throws where the runner would fail the step.
std::map<std::string, std::string> outputs_in(const std::filesystem::path& file) {
    auto text = read_file(file).value();
    std::map<std::string, std::string> values;
    for (std::size_t at = 0; at < text.size();) {
        auto end = text.find('\n', at);
        auto line = text.substr(at, end - at);
        at = end + 1;
        auto equals = line.find('='), heredoc = line.find("<<");
        if (equals < heredoc) {
            values[line.substr(0, equals)] = line.substr(equals + 1);
            continue;
        }
        if (heredoc == std::string::npos) throw std::runtime_error("invalid format: " + line);
        auto close = text.find("\n" + line.substr(heredoc + 2) + "\n", at - 1);
        if (close == std::string::npos) throw std::runtime_error("no end of " + line);
        values[line.substr(0, heredoc)] = close < at ? "" : text.substr(at, close - at);
        at = close + line.size() - heredoc;
    }
    return values;
}

struct Files {
    TemporaryDirectory directory = *TemporaryDirectory::make("cachefill-files");
    std::filesystem::path file = directory.path() / "file";
};

} // namespace

BOOST_AUTO_TEST_SUITE(file_commands)

BOOST_AUTO_TEST_CASE(any_value_arrives_and_adds_no_other_output) {
    Files files;
    const std::string hostile = "a=b\nEOF\nghadelimiter_\nadmin<<X\nyes\nX\n100% ünï";
    BOOST_REQUIRE(github::set_output(files.file, "first", hostile).has_value());
    BOOST_REQUIRE(github::set_output(files.file, "second", "").has_value());
    BOOST_REQUIRE(github::set_output(files.file, "third", "3").has_value());
    auto values = outputs_in(files.file);
    BOOST_TEST(values.size() == 3U);
    BOOST_TEST(values["first"] == hostile);
    BOOST_TEST(values["second"] == "");
    BOOST_TEST(values["third"] == "3");
}

BOOST_AUTO_TEST_CASE(a_summary_is_added_to_what_is_there) {
    Files files;
    BOOST_REQUIRE(github::append_summary(files.file, "one\n").has_value());
    BOOST_REQUIRE(github::append_summary(files.file, "two\n").has_value());
    BOOST_TEST(read_file(files.file).value() == "one\ntwo\n");
}

BOOST_AUTO_TEST_CASE(a_summary_never_reaches_the_limit_and_says_that_it_was_cut) {
    Files files;
    std::string sections;
    for (int i = 0; sections.size() < 900'000; ++i)
        sections += "\n### Section " + std::to_string(i) + "\n\n" + std::string(9000, 'x') + "\n";
    for (int i = 0; i < 3; ++i) BOOST_REQUIRE(github::append_summary(files.file, sections).has_value());
    auto text = read_file(files.file).value();
    BOOST_TEST(text.size() < github::longest_summary);
    BOOST_TEST(text.size() > 900'000U);
    BOOST_TEST(text.find("_Cut here") != std::string::npos);
    BOOST_TEST(text.ends_with("_\n"));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_is_a_failure_with_its_name) {
    auto written = github::set_output("/nonexistent/output", "a", "b");
    BOOST_REQUIRE(!written.has_value());
    BOOST_TEST(written.error().one_line().find("/nonexistent/output") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
