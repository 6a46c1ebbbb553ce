#include "report/columns.hpp"
#include "report/prose.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using report::wrap_prose;

BOOST_AUTO_TEST_SUITE(prose)

BOOST_AUTO_TEST_CASE(prose_goes_on_below_its_first_word) {
    BOOST_TEST(wrap_prose("error: the flake has no host of that name\n  hint: give one of those that it has\n", 30) ==
               "error: the flake has no host\n       of that name\n  hint: give one of those that\n        it has\n");
    BOOST_TEST(wrap_prose("error: short\n", 30) == "error: short\n");
    BOOST_TEST(wrap_prose("\x1b[31merror:\x1b[0m the flake has no host of that name", 30) ==
               "\x1b[31merror:\x1b[0m the flake has no host\n       of that name");
}

BOOST_AUTO_TEST_CASE(what_is_to_be_pasted_stays_whole) {
    BOOST_TEST(wrap_prose("next: cachefill run . --hosts box --cache demo (goes on from here)", 30) ==
               "next: cachefill run . --hosts box --cache demo\n      (goes on from here)");
    BOOST_TEST(wrap_prose("  hint: git add -f hosts/box.nix, or mend the rule that ignores it", 30) ==
               "  hint: git add -f hosts/box.nix,\n        or mend the rule that\n        ignores it");
    BOOST_TEST(wrap_prose("  hint: name the flake as 'path:/home/kim/my fleet of machines', then go on", 30) ==
               "  hint: name the flake as\n        'path:/home/kim/my fleet of machines',\n        then go on");
    BOOST_TEST(wrap_prose("next: mend what failed, then: /opt/cachefill run . --cache demo", 30) ==
               "next: mend what failed, then:\n      /opt/cachefill run . --cache demo");
}

BOOST_AUTO_TEST_CASE(an_apostrophe_opens_no_quotation) {
    BOOST_TEST(wrap_prose("error: the flake's own file says what doesn't count", 30) ==
               "error: the flake's own file\n       says what doesn't count");
}

BOOST_AUTO_TEST_CASE(what_others_say_and_what_is_said_of_hosts_is_prose_too) {
    BOOST_TEST(wrap_prose("  | error: of another program, as it is\n", 30) ==
               "  | error: of another program,\n  | as it is\n");
    BOOST_TEST(wrap_prose("nixos:box would compile 2 derivations here", 30) ==
               "nixos:box would compile 2\n  derivations here");
    BOOST_TEST(wrap_prose("\x1b[32mok\x1b[0m: 2 of 2 targets complete in demo, in 3 s", 30).find('\n') !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_item_of_a_list_goes_on_below_its_first_word) {
    BOOST_TEST(wrap_prose("  - put a token into the repository's secrets: gh secret set TOKEN", 30) ==
               "  - put a token into the\n    repository's secrets:\n    gh secret set TOKEN");
    BOOST_TEST(wrap_prose("1. the run 'Fill' #3 of 1a2b3c4 is running", 30) ==
               "1. the run 'Fill' #3 of\n   1a2b3c4 is running");
    BOOST_TEST(wrap_prose("   a detail that goes on and on and on", 30) ==
               "   a detail that goes on and\n   on and on");
    BOOST_TEST(wrap_prose("      needed by gtk < firefox < system", 30) ==
               "      needed by gtk < firefox\n             < system");
    BOOST_TEST(wrap_prose("error: git finds no tag v1 at all, here or there", 30) ==
               "error: git finds no tag v1 at\n       all, here or there");
}

BOOST_AUTO_TEST_CASE(where_each_line_is_a_sentence_each_is_broken) {
    using report::wrap_sentences;
    BOOST_TEST(wrap_sentences("firefox-119.0 is built: no cache has it\n\n  and so on\n", 30) ==
               "firefox-119.0 is built: no\n  cache has it\n\n  and so on\n");
    BOOST_TEST(wrap_sentences("Which branches are built when something is pushed [main]: ", 30) ==
               "Which branches are built when\n  something is pushed [main]: ");
    BOOST_TEST(wrap_sentences("firefox-119.0 is built: no cache has it", 0).find('\n') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(everything_else_stays_as_it_is) {
    for (const std::string text :
         {"nixos:box  incomplete  4  0.1 s  and so on and on",
          "    nix.settings.substituters = [ \"https://a.example\" ];", "   trusted-public-keys = a b c d e f g h i j",
          "-      - uses: some/action@v1 # and so on", "", "\n\n", "error:"})
        BOOST_TEST(wrap_prose(text, 30) == text);
    const std::string lengthy = "error: the flake has no host of that name";
    BOOST_TEST(wrap_prose(lengthy, 0) == lengthy); // no terminal
    BOOST_TEST(wrap_prose("error: " + std::string(100, 'x'), 30) == "error: " + std::string(100, 'x'));
}

BOOST_AUTO_TEST_SUITE_END()
