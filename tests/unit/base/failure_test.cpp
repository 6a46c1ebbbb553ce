#include "base/failure.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;

BOOST_AUTO_TEST_SUITE(failure)

BOOST_AUTO_TEST_CASE(a_failure_can_be_assigned_what_was_made_of_it) {
    Failure failure(FailureKind::store, "no such path");
    failure = std::move(failure).with_context("asking");
    failure = std::move(failure).with_hint("ask again");
    failure = std::move(failure).with_cause_suffix(", twice");
    BOOST_TEST(failure.one_line() == "asking: no such path, twice");
    BOOST_TEST(failure.hint() == "ask again");
}

BOOST_AUTO_TEST_CASE(what_is_shown_of_a_failure_steers_nothing) {
    auto failure = Failure(FailureKind::usage, "no \x1b[31mfile\u202e")
                       .with_context("reading \u009bx")
                       .with_hint("mend \x1b]0;it\a\nnow");
    BOOST_TEST(failure.one_line() == "reading x: no file");
    BOOST_TEST(render(failure) == "error: no file\n  while: reading x\n  hint:  mend \nnow");
}

BOOST_AUTO_TEST_SUITE_END()
