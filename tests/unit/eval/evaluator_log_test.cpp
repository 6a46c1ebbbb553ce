#include "eval/evaluator_log.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::eval;

namespace {

struct Heard {
    std::vector<std::string> messages;
    EvaluatorLog log{[this](event::Severity severity, const std::string& text) {
        messages.push_back(std::string(to_string(severity)) + ": " + text);
    }};
};

const std::string drv = "/nix/store/cmnscrfs96qba8as3kyld920iyyl03aw-ifd.drv";

} // namespace

BOOST_AUTO_TEST_SUITE(evaluator_log)

BOOST_AUTO_TEST_CASE(builds_and_substitutions_are_collected_once_whatever_the_pieces) {
    std::string text = "@nix {\"action\":\"start\",\"fields\":[\"" + drv +
                       "\",\"\",1,1],\"id\":1,\"level\":3,\"text\":\"\",\"type\":105}\n";
    text += text;
    text += "@nix "
            "{\"action\":\"start\",\"fields\":[\"/nix/store/vf54zhgsz0jkimaqqv384bbkyj0ylmkq-x\",\"https://"
            "c\"],\"id\":2,\"type\":108}\n";
    for (std::size_t size = 1; size < text.size(); size += 7) {
        Heard heard;
        for (std::size_t at = 0; at < text.size(); at += size) heard.log.feed(std::string_view(text).substr(at, size));
        heard.log.finish();
        BOOST_REQUIRE(heard.log.built().size() == 1U);
        BOOST_TEST(heard.log.built()[0].to_string() == drv);
        BOOST_REQUIRE(heard.log.substituted().size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(warnings_and_traces_are_heard_and_chatter_is_not) {
    Heard heard;
    heard.log.feed("@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"trace: a line\"}\n"
                   "@nix {\"action\":\"msg\",\"level\":1,\"msg\":\"\\u001b[35;1mwarning:\\u001b[0m mind the gap\"}\n"
                   "@nix {\"action\":\"msg\",\"level\":1,\"msg\":\"evaluation warning: x is deprecated\"}\n"
                   "@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"trace: warning: old name\"}\n"
                   "@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"(use '--show-trace' to show detailed location)\"}\n"
                   "@nix {\"action\":\"msg\",\"level\":2,\"msg\":\"path '/x' does not contain a 'flake.nix'\"}\n"
                   "@nix {\"action\":\"msg\",\"level\":4,\"msg\":\"warning: chatty\"}\n");
    std::vector<std::string> expected{"info: a line", "warning: mind the gap", "warning: x is deprecated",
                                      "warning: old name"};
    BOOST_TEST(heard.messages == expected, boost::test_tools::per_element());
    BOOST_TEST(!heard.log.error());
}

BOOST_AUTO_TEST_CASE(a_real_error_wins_over_one_that_was_only_warned_of) {
    Heard heard;
    heard.log.feed("@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"\",\"raw_msg\":\"the reason\"}\n"
                   "@nix {\"action\":\"msg\",\"level\":1,\"msg\":\"\",\"raw_msg\":\"unable to download\"}\n");
    BOOST_TEST(heard.log.error()->text == "the reason");
}

BOOST_AUTO_TEST_CASE(lines_of_other_programs_and_garbage_do_no_harm) {
    Heard heard;
    heard.log.feed("fatal: not a git repository\n\n@nix {broken\n@nix []\n@nix {\"action\":7}\n@nix "
                   "{\"action\":\"start\",\"type\":105,\"fields\":[42]}\n@nix "
                   "{\"action\":\"start\",\"type\":105,\"fields\":[\"/etc/passwd\"]}\n"
                   "@nix {\"action\":\"msg\",\"level\":-1,\"raw_msg\":null,\"trace\":{},\"line\":-4}\nno newline");
    heard.log.finish();
    std::vector<std::string> expected{"fatal: not a git repository", "no newline"};
    BOOST_TEST(std::vector<std::string>(heard.log.foreign_lines().begin(), heard.log.foreign_lines().end()) == expected,
               boost::test_tools::per_element());
    BOOST_TEST(heard.log.built().empty());
}

BOOST_AUTO_TEST_CASE(what_a_failing_build_printed_is_kept) {
    for (const char* version : {"2.8", "2.26", "2.34"}) {
        Heard heard;
        heard.log.feed(test::golden(std::string("eval/") + version + "/ifdbad.log"));
        BOOST_REQUIRE(!heard.log.build_lines().empty());
        BOOST_TEST(heard.log.build_lines().back() == "going wrong");
        BOOST_TEST(heard.log.built().size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(memory_is_bounded_by_a_line_that_never_ends) {
    Heard heard;
    std::string piece(1 << 20, 'x');
    for (int i = 0; i < 70; ++i) heard.log.feed(piece);
    heard.log.feed("\nafter\n");
    BOOST_TEST(heard.log.foreign_lines().size() == 1U);
    BOOST_TEST(heard.log.foreign_lines().back() == "after");
}

BOOST_AUTO_TEST_CASE(a_long_line_is_cut_where_no_login_is_cut_in_two) {
    // The cut at 1000 characters would go through the password, and part it from its '@'.
    auto line = "error: https://kim:" + std::string(2000, 's') + "@host/x" + std::string(3000, 'a');
    Heard heard;
    heard.log.feed(line + "\n@nix {\"action\":\"result\",\"fields\":[\"" + line + "\"],\"id\":1,\"type\":101}\n");
    BOOST_TEST(heard.log.foreign_lines().back().find("ss") == std::string::npos);
    BOOST_TEST(heard.log.build_lines().back().find("ss") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
