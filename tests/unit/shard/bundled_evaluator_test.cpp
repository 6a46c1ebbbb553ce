#include "event/event.hpp"
#include "shard/bundled_evaluator.hpp"
#include "support/run_task.hpp"
#include "unit/shard/scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::shard;
using namespace cachefill::test;

namespace {

Result<eval::EvaluatedTarget> evaluate(eval::Evaluator& evaluator, const eval::TargetRef& target) {
    auto work = [&](async::Executor) { return evaluator.evaluate(target); };
    return run_task<Result<eval::EvaluatedTarget>>(work);
}

} // namespace

BOOST_AUTO_TEST_SUITE(bundled_evaluator)

BOOST_AUTO_TEST_CASE(it_answers_as_it_was_evaluated) {
    auto bundle = some_bundle();
    event::NullSink nobody;
    auto evaluator = make_bundled_evaluator(bundle, nobody);
    auto discover = [&](async::Executor) { return evaluator->discover({}); };
    BOOST_TEST((run_task<Result<std::vector<eval::TargetRef>>>(discover).value().size()) == 2U);
    auto nas = evaluate(*evaluator, bundle.hosts[0]);
    BOOST_REQUIRE(nas);
    BOOST_TEST(nas->derivation.to_string() == some_derivation);
    BOOST_TEST(nas->evaluated_before);
    BOOST_TEST(nas->took.count() == 0); // here
}

BOOST_AUTO_TEST_CASE(what_failed_fails_again_at_its_place) {
    auto bundle = some_bundle();
    event::NullSink nobody;
    auto evaluator = make_bundled_evaluator(bundle, nobody);
    auto kim = evaluate(*evaluator, bundle.hosts[1]);
    BOOST_REQUIRE(!kim);
    BOOST_TEST(kim.error().one_line() == bundle.targets[1].failure->one_line());
    BOOST_TEST(kim.error().hint() == "look there");
    BOOST_TEST(evaluator->position_of_failure(bundle.hosts[1])->file == "home.nix");
    BOOST_TEST(evaluator->system_needed_for(bundle.hosts[1]) == "aarch64-darwin");
}

BOOST_AUTO_TEST_CASE(what_is_not_in_it_is_said) {
    auto bundle = some_bundle();
    event::NullSink nobody;
    auto evaluator = make_bundled_evaluator(bundle, nobody);
    auto other = bundle.hosts[0];
    other.name = "desk";
    auto found = evaluate(*evaluator, other);
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().cause().find("nixos:desk") != std::string::npos);
    BOOST_TEST(!evaluator->position_of_failure(other).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
