// Whatever a command asks of the outside goes wrong, at each question in turn: once, and from then on. It ends with a
// documented exit code and says why, never that all is well where it is not; and the next one is none the worse for it.
#include "command_cases.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <set>

using namespace cachefill::test;

namespace {

struct Party {
    const char* name;
    Mishaps& (*mishaps)(OneMissing&);
};

const Party parties[] = {
    {"the cache", [](OneMissing& scene) -> Mishaps& { return scene.own.mishaps; }},
    {"the daemon", [](OneMissing& scene) -> Mishaps& { return scene.daemon.mishaps; }},
    {"the evaluator", [](OneMissing& scene) -> Mishaps& { return scene.evaluations; }},
};

const std::set<int> documented{0, 1, 3, 4, 5};

struct Play {
    const CommandCase& command;
    const Party& party;
    int usual; // exit code where nothing goes wrong

    void at(std::size_t question, bool for_good) const {
        auto when = std::string(command.name) + ": " + party.name + ", question " + std::to_string(question) +
                    (for_good ? " and all after it" : "");
        OneMissing scene;
        command.prepare(scene);
        auto& mishaps = party.mishaps(scene);
        mishaps.first = question;
        mishaps.for_good = for_good;
        scene.perform(command.command, command.function);
        auto said = scene.output + scene.errors;
        BOOST_TEST(documented.count(scene.code) == 1U, when << ": " << scene.code);
        BOOST_TEST((usual == 0 || scene.code != 0), when << ", and it says that all is well: " << said);
        BOOST_TEST((scene.code == usual || said.find("reset") != std::string::npos ||
                    said.find("daemon") != std::string::npos || said.find("killed") != std::string::npos),
                   when << ": " << scene.code << " instead of " << usual << ", and not why: " << said);
        BOOST_TEST((scene.own.holes.empty() && scene.own.open_uploads == 0), when);
        if (command.command == cachefill::options::Command::push && scene.code == 0)
            BOOST_TEST(scene.own.visible.count(Twins::path("tool")) == 1U, when << ": it is not in the cache");

        mishaps.first.reset();
        scene.perform(command.command, command.function);
        BOOST_TEST(scene.code == usual,
                   when << ", the next one: " << scene.code << ": " << scene.output + scene.errors);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(commands_mishaps)

// Each question costs two commands, some 80 ms: one in seven is visited, all with CACHEFILL_EVERY_TURN=1 in the
// environment.
BOOST_AUTO_TEST_CASE(everywhere) {
    const std::size_t stride = std::getenv("CACHEFILL_EVERY_TURN") ? 1 : 7;
    for (const auto& command : command_cases) {
        OneMissing whole;
        command.prepare(whole);
        whole.perform(command.command, command.function);
        for (const auto& party : parties) {
            auto questions = party.mishaps(whole).asked;
            BOOST_TEST_MESSAGE(command.name << " asks " << party.name << " " << questions << " times");
            Play play{.command = command, .party = party, .usual = whole.code};
            for (bool for_good : {false, true})
                for (std::size_t question = 1; question <= questions; question += stride) play.at(question, for_good);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
