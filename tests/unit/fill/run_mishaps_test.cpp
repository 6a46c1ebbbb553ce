// Whatever a run asks of the outside goes wrong, at each question in turn: once, and from then on. The run ends, says
// what is not in the cache, and the next one completes it without building anything that was published.
#include "options/settings.hpp"
#include "run_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <set>

using namespace cachefill;
using namespace cachefill::test;
using namespace std::chrono_literals;

namespace {

// nas needs tool, which needs lib, which needs base; desk needs app. The upstream has base; two caches are filled.
struct Fleet : RunScene {
    Fleet() {
        derivation("base");
        serve(upstream, {"base"});
        derivation("lib", {"base"});
        derivation("tool", {"lib"});
        derivation("app");
        host("nas", {"tool"});
        host("desk", {"app"});
        machine.settings.jobs = 4;
        machine.settings.also_push = {GivenUrl(further.uri().name)};
        machine.settings.upstreams = {GivenUrl(upstream.uri().name + "?trusted=1")};
        machine.settings.upstreams_count_given = true;
        further.served_elsewhere.insert(path("base"));
    }
    bool is_valid(const std::string& name) const { return machine.infos.count(path(name)) > 0; }
    bool is_complete() const {
        return std::all_of(hosts.begin(), hosts.end(),
                           [this](const auto& one) { return verdict(one.ref.name) == "complete"; });
    }
};

struct Party {
    const char* name;
    Mishaps& (*mishaps)(Fleet&);
};

const Party parties[] = {
    {"the own cache", [](Fleet& fleet) -> Mishaps& { return fleet.own.mishaps; }},
    {"a further cache", [](Fleet& fleet) -> Mishaps& { return fleet.further.mishaps; }},
    {"an upstream", [](Fleet& fleet) -> Mishaps& { return fleet.upstream.mishaps; }},
    {"the daemon", [](Fleet& fleet) -> Mishaps& { return fleet.daemon.mishaps; }},
    {"the evaluator", [](Fleet& fleet) -> Mishaps& { return fleet.evaluations; }},
};

const std::set<int> documented{0, 1, 3, 4, 5};

// What a report may say of what the cache holds.
void compare_report_and_cache(const Fleet& fleet, const std::string& when) {
    BOOST_TEST(documented.count(fleet.report.exit_code) == 1U, when << ": " << fleet.report.exit_code);
    BOOST_TEST((fleet.report.exit_code == 0) == fleet.report.causes.empty(), when << ": " << fleet.causes());
    BOOST_TEST((fleet.is_cache_sound() && fleet.further.holes.empty() && fleet.further.open_uploads == 0), when);
    for (const auto& push : fleet.report.pushes)
        if (push.outcome == event::PushOutcome::published || push.outcome == event::PushOutcome::already_there)
            BOOST_TEST(fleet.own.visible.count(nix::StorePath::parse(push.path).value()) == 1U,
                       when << ": " << push.path);
    for (const auto& name : fleet.built()) {
        if (!fleet.is_valid(name) || fleet.own.visible.count(fleet.path(name)) > 0) continue;
        BOOST_TEST(fleet.report.exit_code != 0, when << ": " << name << " is not in the cache, and it ended with 0");
        auto is_named = fleet.pushed(name) != "" || fleet.outcome(name) == "failed";
        BOOST_TEST(is_named, when << ": nothing is said of " << name << ", which was built and is not in the cache");
    }
    if (fleet.report.exit_code != 0) return;
    BOOST_TEST(fleet.is_complete(), when);
    for (const auto* name : {"lib", "tool", "nas", "app", "desk"})
        BOOST_TEST(fleet.own.visible.count(fleet.path(name)) == 1U, when << ": " << name);
}

void play(const Party& party, std::size_t question, bool for_good) {
    auto when = party.name + (": question " + std::to_string(question)) + (for_good ? " and all after it" : "");
    Fleet fleet;
    party.mishaps(fleet).first = question;
    party.mishaps(fleet).for_good = for_good;
    fleet.run();
    compare_report_and_cache(fleet, when);

    auto published = fleet.published();
    auto built_before = fleet.built().size();
    party.mishaps(fleet).first.reset();
    fleet.run();
    when += ", the next run";
    compare_report_and_cache(fleet, when);
    BOOST_TEST(fleet.report.exit_code == 0, when << ": " << fleet.causes());
    auto built = fleet.built();
    for (auto name = built.begin() + static_cast<std::ptrdiff_t>(built_before); name != built.end(); ++name)
        BOOST_TEST((std::count(published.begin(), published.end(), *name) == 0),
                   when << " builds " << *name << " again");
}

} // namespace

BOOST_AUTO_TEST_SUITE(run_mishaps)

// Each question costs two runs, some 80 ms: one in eleven is visited, all with CACHEFILL_EVERY_TURN=1 in the
// environment.
BOOST_AUTO_TEST_CASE(everywhere) {
    const std::size_t stride = std::getenv("CACHEFILL_EVERY_TURN") ? 1 : 11;
    for (const auto& party : parties) {
        Fleet whole;
        whole.run();
        compare_report_and_cache(whole, "nothing goes wrong");
        auto questions = party.mishaps(whole).asked;
        BOOST_TEST_MESSAGE(party.name << " is asked " << questions << " times");
        BOOST_TEST(questions > 0U, party.name);
        for (bool for_good : {false, true})
            for (std::size_t question = 1; question <= questions; question += stride) play(party, question, for_good);
    }
}

BOOST_AUTO_TEST_SUITE_END()
