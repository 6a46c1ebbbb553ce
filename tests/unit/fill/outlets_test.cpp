#include "fill/outlets.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <string>

using namespace cachefill;
using event::PushOutcome;
using fill::Outlets;
using namespace std::chrono_literals;

namespace {

// Notes what it is told, and settles what a test says.
class NotedPipeline final : public push::Pipeline {
  public:
    void add(nix::StorePath path, bool built_by_this_run) override {
        added.emplace(std::string(path.name()), built_by_this_run);
    }
    async::Task<void> run() override { co_return; }
    void close() override { ++closed; }
    void stop(std::chrono::milliseconds grace) override { stopped = grace; }
    const push::Ledger& ledger() const override { return records; }
    std::size_t unsettled() const override { return added.size() - records.size(); }

    void settle(const nix::StorePath& path, PushOutcome outcome) { records[path].outcome = outcome; }

    std::map<std::string, bool> added; // by name: was it built
    int closed = 0;
    std::optional<std::chrono::milliseconds> stopped;
    push::Ledger records;
};

nix::StorePath path(const std::string& name) {
    return nix::StorePath::parse_base_name(std::string(32, '1') + "-" + name).value();
}

struct Three {
    NotedPipeline own, mirror, nas;
    Outlets outlets;
    Three() {
        for (auto* pipeline : {&own, &mirror, &nas}) outlets.add(*pipeline);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(outlets)

BOOST_AUTO_TEST_CASE(without_any_nothing_happens) {
    Outlets none;
    none.push(path("a"), true);
    none.close();
    none.stop(1s);
    BOOST_TEST(!none.are_open());
    BOOST_TEST(none.unsettled() == 0U);
    BOOST_TEST(none.ledger().empty());
    BOOST_TEST(!none.are_done_with(path("a")));
}

BOOST_AUTO_TEST_CASE(all_are_told_and_the_first_is_who_decides) {
    Three three;
    three.outlets.push(path("built"), true);
    three.outlets.push(path("there"), false);
    three.outlets.push_further(path("target"));
    const std::map<std::string, bool> both{{"built", true}, {"there", false}};
    auto all = both;
    all.emplace("target", false);
    BOOST_TEST((three.own.added == both));
    BOOST_TEST((three.mirror.added == all && three.nas.added == all));
    BOOST_TEST(three.outlets.unsettled() == 8U);
    three.nas.settle(path("built"), PushOutcome::failed);
    BOOST_TEST(three.outlets.unsettled() == 7U);
    BOOST_TEST(three.outlets.ledger().empty());
    three.own.settle(path("built"), PushOutcome::published);
    BOOST_TEST(three.outlets.ledger().size() == 1U);
    three.outlets.close();
    three.outlets.stop(3s);
    for (auto* pipeline : {&three.own, &three.mirror, &three.nas}) {
        BOOST_TEST(pipeline->closed == 1);
        BOOST_TEST((pipeline->stopped == 3s));
    }
}

BOOST_AUTO_TEST_CASE(a_path_is_done_with_when_who_decides_has_it_and_nobody_else_wants_to_read_it) {
    const auto there = path("a");
    for (auto own : {PushOutcome::published, PushOutcome::already_there, PushOutcome::withheld, PushOutcome::failed,
                     PushOutcome::not_pushed}) {
        bool has_it = own == PushOutcome::published || own == PushOutcome::already_there;
        Three three;
        three.own.settle(there, own);
        BOOST_TEST(!three.outlets.are_done_with(there));
        three.mirror.settle(there, PushOutcome::published);
        BOOST_TEST(!three.outlets.are_done_with(there));
        three.nas.settle(there, PushOutcome::failed); // it has given up
        BOOST_TEST(three.outlets.are_done_with(there) == has_it, event::to_string(own));
    }
    Three three; // the others are ahead
    three.mirror.settle(there, PushOutcome::published);
    three.nas.settle(there, PushOutcome::published);
    BOOST_TEST(!three.outlets.are_done_with(there));
}

BOOST_AUTO_TEST_SUITE_END()
