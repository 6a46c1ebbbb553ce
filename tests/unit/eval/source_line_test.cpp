#include "base/files.hpp"
#include "eval/source_line.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

using namespace cachefill;
using eval::source_line;

namespace {

struct Tree {
    TemporaryDirectory directory = TemporaryDirectory::make("source-line").value();

    std::filesystem::path root() const { return directory.path() / "tree"; }
    Tree() {
        std::filesystem::create_directories(root());
        write(root() / "flake.nix", "{\n  outputs = _: nothing.x;\n\n}\n");
    }
    static void write(const std::filesystem::path& file, const std::string& text) {
        BOOST_REQUIRE(write_file_atomically(file, text).has_value());
    }
    std::string line(const std::string& file, std::uint64_t number) const {
        return source_line({.file = file, .line = number, .column = 3}, root());
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(source_lines, Tree)

BOOST_AUTO_TEST_CASE(the_line_stands_there_with_its_number) {
    BOOST_TEST(line("flake.nix", 2) == "2 | outputs = _: nothing.x;");
    BOOST_TEST(line("flake.nix", 1) == "1 | {");
}

BOOST_AUTO_TEST_CASE(where_there_is_none_nothing_is_said) {
    for (std::uint64_t number : {0U, 3U, 5U, 9U}) BOOST_TEST(line("flake.nix", number).empty(), number);
    BOOST_TEST(line("other.nix", 1).empty());
    BOOST_TEST(line((root() / "flake.nix").string(), 2).empty());
    BOOST_TEST(source_line({.file = "flake.nix", .line = 2, .column = 1}, {}).empty());
}

BOOST_AUTO_TEST_CASE(what_a_link_leads_to_is_not_shown) {
    write(directory.path() / "secret", "hidden-word\n");
    std::filesystem::create_symlink(directory.path() / "secret", root() / "link.nix");
    BOOST_TEST(line("link.nix", 1).empty());
    BOOST_TEST(line("../secret", 1).empty());
}

BOOST_AUTO_TEST_CASE(a_long_line_and_one_that_steers_a_terminal_are_made_short_and_harmless) {
    write(root() / "odd.nix", std::string(500, 'x') + "here" + std::string(50, 'x') + "\n\x1b[31mred\n");
    BOOST_TEST(line("odd.nix", 1).size() < 80U);
    BOOST_TEST(line("odd.nix", 2) == "2 | red");
    // The place itself is seen.
    auto far = source_line({.file = "odd.nix", .line = 1, .column = 501}, root());
    BOOST_TEST(far.size() < 80U);
    BOOST_TEST(far.find("here") != std::string::npos, far);
}

BOOST_AUTO_TEST_SUITE_END()
