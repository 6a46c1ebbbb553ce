#include "build/nix_words.hpp"

#include <boost/test/unit_test.hpp>

using cachefill::build::nix_words;

namespace {

using Lines = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(words_of_nix)

BOOST_AUTO_TEST_CASE(a_reason_stands_without_the_copy_of_the_log) {
    auto words =
        nix_words("builder for '/nix/store/x-a.drv' failed with exit code 3;\nlast 2 log lines:\n> configuring\n"
                  "> error: libfoo is missing\nFor full logs, run 'nix log /nix/store/x-a.drv'.");
    BOOST_TEST(words.reason == "builder for '/nix/store/x-a.drv' failed with exit code 3");
    BOOST_TEST((words.log == Lines{"configuring", "error: libfoo is missing"}));
}

BOOST_AUTO_TEST_CASE(newer_ones_name_the_outputs_and_put_the_command_on_a_line_of_its_own) {
    auto words =
        nix_words("builder failed with exit code 1.\nOutput paths:\n  /nix/store/x-a\n  /nix/store/x-a-dev\n"
                  "Last 1 log lines:\n       > \n       > no\nFor full logs, run:\n  nix log /nix/store/x-a.drv");
    BOOST_TEST(words.reason == "builder failed with exit code 1.");
    BOOST_TEST((words.log == Lines{"", "no"}));
}

BOOST_AUTO_TEST_CASE(what_is_no_log_stays) {
    const std::string mismatch = "hash mismatch in fixed-output derivation '/nix/store/x-a.drv':\n"
                                 "  specified: sha256-wXg=\n     got:    sha256-f4s=";
    BOOST_TEST(nix_words(mismatch).reason == mismatch);
    BOOST_TEST(nix_words(mismatch + "\nlast 1 log lines:\n> x\nFor full logs, run 'nix log y'.").reason == mismatch);
    BOOST_TEST(nix_words("").reason == "");
    BOOST_TEST(nix_words("a;\nlast 1 log lines:\n> x\nnote: it was built elsewhere").reason ==
               "a;\nnote: it was built elsewhere");
}

BOOST_AUTO_TEST_SUITE_END()
