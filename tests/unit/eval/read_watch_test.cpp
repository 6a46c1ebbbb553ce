#include "eval/evaluator_log.hpp"
#include "eval/read_watch.hpp"
#include "support/golden.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::eval;

namespace {

EvaluatorLog log_of(const std::string& text) {
    EvaluatorLog log([](event::Severity, const std::string&) {});
    log.feed(text);
    log.finish();
    return log;
}

// "text.drv out", … in the order they were read.
std::vector<std::string> reads_of(const EvaluatorLog& log) {
    std::vector<std::string> reads;
    for (const auto& read : log.reads().reads()) {
        std::string text(read.derivation.name());
        for (const auto& output : read.outputs) text += " " + output;
        reads.push_back(std::move(text));
    }
    return reads;
}

std::string message(const std::string& text) { return R"(@nix {"action":"msg","level":6,"msg":")" + text + "\"}\n"; }
std::string start(int id, int type, const std::string& text = {}) {
    return R"(@nix {"action":"start","id":)" + std::to_string(id) + R"(,"level":0,"text":")" + text + R"(","type":)" +
           std::to_string(type) + "}\n";
}
std::string stop(int id) { return R"(@nix {"action":"stop","id":)" + std::to_string(id) + "}\n"; }

constexpr int realise = 102;
const std::string looks = "querying info about missing paths";
const std::string drv = "/nix/store/cmnscrfs96qba8as3kyld920iyyl03aw-x.drv";
const std::string other = "/nix/store/2g4ipmdjv9kf9slzn0c7h969fr5dazjl-y.drv";

} // namespace

BOOST_AUTO_TEST_SUITE(read_watch)

BOOST_AUTO_TEST_CASE(what_every_nix_reads_is_known_whether_it_was_built_or_valid_before) {
    const std::vector<std::string> expected{"text.drv out",  "first.nix.drv out", "second.nix.drv out",
                                            "split.drv dev", "left.drv out",      "right.drv out"};
    for (const std::string version : {"2.8", "2.26", "2.34"})
        for (const std::string how : {"built", "valid", "daemon-built", "daemon-valid"}) {
            BOOST_TEST_CONTEXT(version << " " << how) {
                auto log = log_of(test::golden("eval/reads/" + version + "-" + how + ".log"));
                BOOST_TEST(reads_of(log) == expected, boost::test_tools::per_element());
                BOOST_TEST(log.reads().unnamed() == 0U);
                // What they are made with is built, too, and not read.
                BOOST_TEST(log.built().size() == (how.ends_with("built") ? 7U : 0U));
            }
        }
}

BOOST_AUTO_TEST_CASE(all_outputs_are_read_where_none_is_named) {
    for (const std::string& words :
         {"building of '" + drv + "^*' from .drv file: created", "building of '" + drv + "!*' from .drv file: created",
          "obtaining derivation from '" + drv + "' and then building outputs * (all of them): created outer",
          "some goal of a later Nix for '" + drv + "'"}) {
        auto log = log_of(start(1, realise) + message(words) + stop(1));
        BOOST_TEST(reads_of(log) == std::vector<std::string>{"x.drv"}, boost::test_tools::per_element());
    }
    for (const std::string& words :
         {"building of '" + drv + "!out,dev' from .drv file: created",
          "obtaining derivation from '" + drv + "' and then building outputs 'out', 'dev': created outer"}) {
        auto log = log_of(start(1, realise) + message(words) + stop(1));
        BOOST_TEST(reads_of(log) == std::vector<std::string>{"x.drv dev out"}, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(outputs_read_at_different_times_are_put_together) {
    auto one = [](const std::string& outputs) {
        return start(1, realise) + message("building of '" + drv + "^" + outputs + "' from .drv file: created") +
               stop(1);
    };
    BOOST_TEST(reads_of(log_of(one("dev") + one("bin,out") + one("dev"))) ==
                   std::vector<std::string>{"x.drv bin dev out"},
               boost::test_tools::per_element());
    BOOST_TEST(reads_of(log_of(one("dev") + one("*") + one("out"))) == std::vector<std::string>{"x.drv"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_said_outside_of_a_realisation_is_no_read) {
    auto said = message("building of '" + drv + "^out' from .drv file: created");
    auto log = log_of(said + start(1, realise) + message("building of '" + other + "^out' from .drv file: created") +
                      start(2, 0, looks) + said + stop(2) + stop(1) + said);
    BOOST_TEST(reads_of(log) == std::vector<std::string>{"y.drv out"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(realisations_side_by_side_lose_nothing) {
    auto log = log_of(start(1, realise) + message("building of '" + drv + "^out' from .drv file: created") +
                      start(2, realise) + start(3, 0, looks) +
                      message("building of '" + other + "^out' from .drv file: created") + start(4, 0, looks) +
                      stop(1) + stop(2));
    const std::vector<std::string> expected{"x.drv out", "y.drv out"};
    BOOST_TEST(reads_of(log) == expected, boost::test_tools::per_element());
    BOOST_TEST(log.reads().unnamed() == 0U);
}

BOOST_AUTO_TEST_CASE(a_realisation_that_names_nothing_is_counted_as_unknown) {
    auto log = log_of(start(1, realise) + message("entered goal loop") + stop(1) + start(2, realise) +
                      message("substitution of '/nix/store/vf54zhgsz0jkimaqqv384bbkyj0ylmkq-x': created") + stop(2));
    BOOST_TEST(log.reads().reads().empty());
    BOOST_TEST(log.reads().unnamed() == 1U); // the other only had to fetch a path
}

BOOST_AUTO_TEST_SUITE_END()
