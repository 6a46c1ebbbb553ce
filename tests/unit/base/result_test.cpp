#include "base/elapsed.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <type_traits>

using namespace cachefill;

namespace {

Failure broken() { return Failure(FailureKind::store, "it broke"); }

Result<int> half(int number) {
    if (number % 2 != 0) return Failure(FailureKind::usage, std::to_string(number) + " is odd");
    return number / 2;
}
Result<int> quarter(int number) {
    TRY(once, half(number));
    TRY(twice, with_context(half(once), "halving again"));
    return twice;
}
Result<void> check(int number) {
    TRY_VOID(number > 0 ? Result<void>() : Result<void>(broken()));
    return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(result)

BOOST_AUTO_TEST_CASE(it_holds_a_value_or_the_failure_that_kept_us_from_it) {
    Result<std::string> value(std::string("x"));
    BOOST_TEST(value.has_value());
    BOOST_TEST(bool(value));
    BOOST_TEST(*value == "x");
    BOOST_TEST(value->size() == 1U);
    Result<std::string> failure(broken());
    BOOST_TEST(!failure.has_value());
    BOOST_TEST(failure.error().cause() == "it broke");
    BOOST_TEST(std::move(failure).value_or("other") == "other");
    BOOST_TEST(std::move(value).value_or("other") == "x");
    Result<void> done, undone(broken());
    BOOST_TEST(done.has_value());
    BOOST_TEST(!undone);
    BOOST_TEST((undone.error().kind() == FailureKind::store));
}

BOOST_AUTO_TEST_CASE(what_can_only_be_moved_can_be_taken_out) {
    Result<std::unique_ptr<int>> held(std::make_unique<int>(7));
    std::unique_ptr<int> taken = *std::move(held);
    BOOST_TEST(*taken == 7);
}

BOOST_AUTO_TEST_CASE(a_failure_ends_what_tries_and_a_value_is_its_name) {
    BOOST_TEST(quarter(8).value() == 2);
    BOOST_TEST(quarter(7).error().one_line() == "7 is odd");
    BOOST_TEST(quarter(6).error().one_line() == "halving again: 3 is odd");
    BOOST_TEST(check(1).has_value());
    BOOST_TEST(!check(0).has_value());
}

BOOST_AUTO_TEST_CASE(context_is_added_to_failures_alone) {
    BOOST_TEST(with_context(Result<int>(3), "counting").value() == 3);
    auto failure = with_context(Result<int>(broken()), "counting");
    BOOST_REQUIRE(failure.error().context().size() == 1U);
    BOOST_TEST(failure.error().context()[0] == "counting");
}

BOOST_AUTO_TEST_CASE(a_secret_gets_nowhere_by_accident) {
    static_assert(!std::is_convertible_v<Secret, std::string>);
    static_assert(!std::is_convertible_v<Secret, std::string_view>);
    static_assert(!std::is_convertible_v<std::string, Secret>);
    Secret secret("s3cret"), none;
    BOOST_TEST(secret.reveal() == "s3cret");
    BOOST_TEST(!secret.empty());
    BOOST_TEST(none.empty());
}

BOOST_AUTO_TEST_CASE(the_memory_of_a_secret_is_wiped_when_it_goes) {
    // Long enough to be on the heap; destroyed in place, so that the storage may still be looked at.
    alignas(Secret) unsigned char place[sizeof(Secret)];
    auto* secret = new (place) Secret(std::string("short"));
    auto shown = secret->reveal();
    bool is_inside = static_cast<const void*>(shown.data()) >= place &&
                     static_cast<const void*>(shown.data()) < place + sizeof place;
    BOOST_REQUIRE(is_inside); // short strings are kept in the object itself
    auto offset = static_cast<std::size_t>(reinterpret_cast<const unsigned char*>(shown.data()) - place);
    secret->~Secret();
    for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(static_cast<int>(place[offset + i]) == 0);
}

BOOST_AUTO_TEST_CASE(what_has_passed_is_counted_in_whole_milliseconds) {
    auto now = std::chrono::steady_clock::now();
    BOOST_TEST((elapsed_since(now - std::chrono::hours(1)) >= std::chrono::hours(1)));
    BOOST_TEST((elapsed_since(now + std::chrono::hours(1)) < std::chrono::milliseconds(0)));
}

BOOST_AUTO_TEST_SUITE_END()
