#include "base/text.hpp"
#include "eval/error_location.hpp"
#include "eval/evaluator_log.hpp"
#include "support/golden.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::eval;

namespace {

// What nix of that version said about a host of tests/golden/eval/broken.
struct Captured {
    SourceMap sources;
    EvaluatorError error;
};

Captured captured(const std::string& version, const std::string& host) {
    EvaluatorLog log([](event::Severity, const std::string&) {});
    log.feed(test::golden("eval/" + version + "/" + host + ".log"));
    log.finish();
    auto source = std::string(trim(test::golden("eval/" + version + "/source")));
    return {.sources = {.source = nix::StorePath::parse(source).value(),
                        .directory = "/home/kim/fleet",
                        .url = "git+file:///home/kim/fleet?ref=main&rev=0"},
            .error = log.error().value()};
}

std::string place(const std::optional<event::Position>& position) {
    if (!position) return "unknown";
    return position->file + ":" + std::to_string(position->line) + ":" + std::to_string(position->column);
}

struct Expected {
    const char* host;
    const char* old_place; // 2.8
    const char* new_place; // 2.26 and 2.34
    const char* headline;  // how the message starts, in every version
};

// 2.8 gives throw and abort no frame of their own; the attribute that was being evaluated is the best there is.
const std::vector<Expected> expectations{
    {"throws", "flake.nix:6:32", "flake.nix:11:24", "this host\nthrows on two lines"},
    {"aborts", "flake.nix:6:32", "flake.nix:12:24", "evaluation aborted with the following error message: 'this host"},
    {"asserts", "flake.nix:13:25", "flake.nix:13:25", "a"},
    {"missing", "flake.nix:14:24", "flake.nix:14:24", "attribute 'nope' missing"},
    {"type", "flake.nix:15:40", "flake.nix:15:40", "cannot add a string to an integer"},
    {"undefvar", "hosts/undefined.nix:2:34", "hosts/undefined.nix:2:34", "undefined variable 'notDefinedAnywhere'"},
    {"infinite", "flake.nix:17:34", "flake.nix:17:34", "infinite recursion encountered"},
    {"syntax", "hosts/syntax.nix:1:14", "hosts/syntax.nix:1:14", "syntax error, unexpected ';'"},
    {"deep", "hosts/deep.nix:3:7", "hosts/deep.nix:5:10", "deep down"},
    {"notdrv", "flake.nix:6:32", "flake.nix:6:32", ""},
    {"noconfig", "unknown", "unknown", "attribute 'config' missing"},
    {"fn", "flake.nix:24:20", "flake.nix:24:21", ""},
    {"module", "hosts/module.nix:0:0", "hosts/module.nix:0:0",
     "The option `services.nope' does not exist. Definition values:\n- In `hosts/module.nix': true"},
    {"nosuch", "unknown", "unknown", "flake 'git+file:///home/kim/fleet' does not provide attribute"},
};

} // namespace

BOOST_AUTO_TEST_SUITE(error_location)

BOOST_DATA_TEST_CASE(every_version_leads_to_the_place_in_the_work_tree,
                     boost::unit_test::data::make(std::vector<std::string>{"2.8", "2.26", "2.34"}), version) {
    for (const auto& expected : expectations) {
        BOOST_TEST_CONTEXT(version << " " << expected.host) {
            auto [sources, error] = captured(version, expected.host);
            BOOST_TEST(place(locate(error, sources)) == (version == "2.8" ? expected.old_place : expected.new_place));
            auto message = clean_message(error, sources);
            BOOST_TEST(message.starts_with(expected.headline), message);
            BOOST_TEST(message.find('\x1b') == std::string::npos);
            BOOST_TEST(message.find("-source/") == std::string::npos, message);
        }
    }
}

BOOST_DATA_TEST_CASE(a_file_that_is_missing_is_placed_where_it_is_asked_for,
                     boost::unit_test::data::make(std::vector<std::string>{"2.8", "2.26", "2.34"}), version) {
    auto [sources, error] = captured(version, "nofile");
    BOOST_TEST(place(locate(error, sources)) == "flake.nix:18:18");
    BOOST_TEST(clean_message(error, sources).find("hosts/nofile.nix") != std::string::npos);
}

BOOST_DATA_TEST_CASE(an_unfree_refusal_is_told_from_other_errors,
                     boost::unit_test::data::make(std::vector<std::string>{"2.8", "2.26", "2.34"}), version) {
    BOOST_TEST(refusal_variable(captured(version, "unfree").error.text) == "NIXPKGS_ALLOW_UNFREE");
    BOOST_TEST(refusal_variable(captured(version, "throws").error.text) == "");
}

BOOST_AUTO_TEST_CASE(other_refusals_are_named_by_their_variable) {
    BOOST_TEST(
        refusal_variable("Package ‘openssl-1.1.1w’ in /nix/store/x is marked as insecure, refusing to evaluate.") ==
        "NIXPKGS_ALLOW_INSECURE");
    BOOST_TEST(refusal_variable("Package ‘x’ in y:1 is marked as broken, refusing to evaluate.") ==
               "NIXPKGS_ALLOW_BROKEN");
    BOOST_TEST(refusal_variable("Package ‘x’ in y is not available on the requested hostPlatform:\n…\nrefusing to "
                                "evaluate.") == "NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM");
    BOOST_TEST(refusal_variable("Refusing to evaluate package 'x' in y because of something new, see "
                                "NIXPKGS_ALLOW_NONSOURCE") == "NIXPKGS_ALLOW_NONSOURCE");
    BOOST_TEST(refusal_variable("do not set NIXPKGS_ALLOW_UNFREE") == "");
}

BOOST_AUTO_TEST_CASE(an_evaluation_that_builds_for_another_system_tells_which) {
    BOOST_TEST(
        needed_system("a 'x86_64-linux' with features {} is required to build '/nix/store/x-facts.drv', but I am "
                      "a 'aarch64-darwin' with features {benchmark}") == "x86_64-linux");
    BOOST_TEST(
        needed_system("Cannot build '/nix/store/x-facts.drv'.\nReason: required system or feature not available\n"
                      "Required system: 'aarch64-darwin' with features {}\nCurrent system: 'x86_64-linux' with "
                      "features {kvm}") == "aarch64-darwin");
    for (const auto* other : {"builder for '/nix/store/x.drv' failed with exit code 1", "a 'thing' is missing",
                              "a 'string with blanks-' is required to build '/nix/store/x.drv'", "a 'x86_64-linux"})
        BOOST_TEST(needed_system(other) == "");
}

BOOST_AUTO_TEST_CASE(a_virtual_path_of_the_flake_is_mapped_and_that_of_an_input_is_not) {
    SourceMap sources{.source = {}, .directory = "/home/kim/fleet", .url = "github:kim/fleet/0123?narHash=x"};
    BOOST_TEST(sources.relative("«github:kim/fleet/0123»/hosts/a.nix").value_or("none") == "hosts/a.nix");
    BOOST_TEST(sources.relative("«git+file:///home/kim/fleet?ref=x&rev=y»/a.nix").value_or("none") == "a.nix");
    BOOST_TEST(!sources.relative("«github:NixOS/nixpkgs/4567»/lib/modules.nix"));
    BOOST_TEST(!sources.relative("/home/kim/fleet-other/a.nix"));
}

BOOST_AUTO_TEST_CASE(an_error_in_an_input_leads_to_the_line_of_ours_that_caused_it) {
    SourceMap sources{.source = {}, .directory = "/home/kim/fleet", .url = {}};
    EvaluatorError error{
        .text = "no",
        .own = {.file = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-source/lib/x.nix:7:8", .line = 7, .column = 8},
        .trace = {{.file = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-source/lib/y.nix", .line = 1, .column = 1},
                  {.file = "/home/kim/fleet/hosts/nas.nix:12:3", .line = 12, .column = 3}}};
    BOOST_TEST(place(locate(error, sources)) == "hosts/nas.nix:12:3");
    error.trace.clear();
    BOOST_TEST(place(locate(error, sources)) == "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-source/lib/x.nix:7:8");
}

BOOST_AUTO_TEST_CASE(a_file_is_named_in_one_line_of_text) {
    SourceMap sources{.source = {}, .directory = "/home/kim/fleet", .url = {}};
    EvaluatorError error;
    error.own = {.file = "/home/kim/fleet/a\x1b]0;won\x07\u202ec\nb.nix", .line = 3, .column = 1};
    BOOST_TEST(place(locate(error, sources)) == "a\uFFFD]0;won\uFFFD\uFFFDc\uFFFDb.nix:3:1");
}

BOOST_AUTO_TEST_CASE(a_message_without_end_is_cut) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "line\n";
    EvaluatorError error{.text = "\n\n" + text, .own = {}, .trace = {}};
    auto message = clean_message(error, {});
    BOOST_TEST(split(message, '\n').size() == 31U);
    BOOST_TEST(message.starts_with("line\n"));
    error.text = std::string(1 << 20, 'x');
    BOOST_TEST(clean_message(error, {}).size() < 4000U);
}

BOOST_AUTO_TEST_SUITE_END()
