#include "report/markdown.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::report;

BOOST_AUTO_TEST_SUITE(report_markdown)

BOOST_AUTO_TEST_CASE(what_foreign_text_would_mean_to_markdown_html_or_github_is_taken_from_it) {
    struct Row {
        std::string_view foreign, expected;
    };
    for (const auto& row : {
             Row{"plain words, 1.2-3/x", "plain words, 1.2-3/x"},
             Row{"**bold** _and_ `code`", R"(\*\*bold\*\* \_and\_ \`code\`)"},
             Row{"[click](https://evil)", R"(\[click\]\(https://evil\))"},
             Row{"<script>&amp;", "&lt;script&gt;&amp;amp;"},
             Row{"ask @kim about #12", R"(ask &#64;kim about \#12)"},
             Row{"a | b", R"(a \| b)"},
             Row{"~~gone~~ $x^2$", R"(\~\~gone\~\~ \$x\^2\$)"},
             Row{"a back\\slash", R"(a back\\slash)"},
             Row{"# heading\n- item", R"(\# heading - item)"}, // where no line begins a hyphen opens no list
             Row{"", ""},
         })
        BOOST_TEST(markdown::text(row.foreign) == row.expected);
}

BOOST_AUTO_TEST_CASE(inside_of_html_nothing_ends_the_element_or_calls_anybody) {
    BOOST_TEST(markdown::html("</summary><b a=\"x\"> @kim & co") ==
               "&lt;/summary&gt;&lt;b a=&quot;x&quot;&gt; &#64;kim &amp; co");
    BOOST_TEST(markdown::html("two\nlines\tand a tab") == "two lines and a tab");
}

BOOST_AUTO_TEST_CASE(a_name_between_backticks_holds_what_backticks_it_has) {
    struct Row {
        std::string_view foreign, expected;
    };
    for (const auto& row : {
             Row{"nixos:nas", "`nixos:nas`"},
             Row{"a`b", "``a`b``"},
             Row{"a``b", "```a``b```"},
             Row{"`a", "`` `a ``"},
             Row{"a`", "`` a` ``"},
             Row{"a|b", "`a\\|b`"}, // in a table a bar ends the cell, also in code
             Row{"a\nb", "`a b`"},
             Row{"", ""},
             Row{" \n", ""},
         })
        BOOST_TEST(markdown::code(row.foreign) == row.expected);
}

BOOST_AUTO_TEST_CASE(no_line_ends_the_block_it_stands_in) {
    BOOST_TEST(markdown::code_block({"one", "two"}, 80) == "```text\none\ntwo\n```\n");
    BOOST_TEST(markdown::code_block({"```", "x"}, 80) == "````text\n```\nx\n````\n");
    BOOST_TEST(markdown::code_block({"a ````` b"}, 80) == "``````text\na ````` b\n``````\n");
    auto cut = markdown::code_block({std::string(50, 'a') + std::string(50, 'z')}, 11);
    BOOST_TEST(cut.starts_with("```text\naaaaa"));
    BOOST_TEST(cut.find("…") != std::string::npos);
    BOOST_TEST(cut.size() < 40U);
}

BOOST_AUTO_TEST_CASE(what_is_folded_away_has_a_title_and_may_stand_open) {
    BOOST_TEST(markdown::details("3 paths", "- a\n") == "<details><summary>3 paths</summary>\n\n- a\n\n</details>\n");
    BOOST_TEST(markdown::details("log", "x", true) == "<details open><summary>log</summary>\n\nx\n</details>\n");
}

BOOST_AUTO_TEST_CASE(a_table_has_a_heading_and_numbers_stay_with_their_units) {
    auto table = markdown::table({{"target", "closure size"}, {"`nas`", "8.1 GiB"}}, {false, true});
    BOOST_TEST(table == "| target | closure size |\n| --- | --: |\n| `nas` | 8.1\xC2\xA0GiB |\n");
}

BOOST_AUTO_TEST_SUITE_END()
