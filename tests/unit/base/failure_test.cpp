#include "base/failure.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

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

BOOST_AUTO_TEST_CASE(only_a_connection_that_broke_or_was_late_may_heal_by_itself) {
    std::set<std::string_view> names;
    for (auto kind : {FailureKind::usage, FailureKind::auth, FailureKind::not_found, FailureKind::network,
                      FailureKind::timeout, FailureKind::protocol, FailureKind::store, FailureKind::eval,
                      FailureKind::build, FailureKind::machine, FailureKind::internal}) {
        bool can_heal = kind == FailureKind::network || kind == FailureKind::timeout;
        BOOST_TEST(Failure(kind, "x").can_heal() == can_heal, to_string(kind));
        names.insert(to_string(kind));
    }
    BOOST_TEST(names.size() == 11U);
}

BOOST_AUTO_TEST_CASE(the_first_hint_is_the_nearest_to_the_cause_and_stays) {
    auto failure =
        Failure(FailureKind::auth, "401").with_hint("set a token").with_hint("run again").with_context("asking");
    BOOST_TEST(failure.hint() == "set a token");
    BOOST_TEST(!failure.retry_after().has_value());
    BOOST_TEST(failure.http_status() == 0);
    auto later = std::move(failure).with_retry_after(std::chrono::seconds(7)).with_http_status(429);
    BOOST_TEST((later.retry_after() == std::chrono::seconds(7)));
    BOOST_TEST(later.http_status() == 429);
    BOOST_TEST(later.hint() == "set a token");
    BOOST_TEST(later.one_line() == "asking: 401"); // the numbers are for the program
}

BOOST_AUTO_TEST_CASE(without_a_headline_the_cause_is_told_once) {
    BOOST_TEST(render(Failure(FailureKind::usage, "no such host")) == "error: no such host");
    BOOST_TEST(render(Failure(FailureKind::usage, "no such host"), "cannot plan") ==
               "error: cannot plan\n  cause: no such host");
    BOOST_TEST(Failure(FailureKind::usage, "a").with_context("inner").with_context("outer").one_line() ==
               "outer: inner: a");
}

BOOST_AUTO_TEST_SUITE_END()
