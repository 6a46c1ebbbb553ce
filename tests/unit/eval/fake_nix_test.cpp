#include "nix_scene.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>

// What a misbehaving nix does to us.
using namespace cachefill;
using namespace cachefill::eval;
using test::nixos;
using test::NixScene;

namespace {

bool contains(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

// Answers everything but `eval` of a host as nix would; that one is $1's business.
std::string nix_that(const std::string& on_evaluation) {
    return R"sh(
case "$*" in
  --version) echo "nix (Nix) ${FAKE_VERSION:-2.8.0}"; exit ;;
  *"flake metadata"*) echo '{"path":"/nix/store/21ivin9r21fi8chfp09yvbi60xfrqrzx-source","url":"x","revision":"1","resolved":{"type":"git","url":"file:///x"}}'; exit ;;
  *"flake archive"*) echo '{}'; exit ;;
  *intersectAttrs*) echo '{}'; exit ;;
esac
echo run >> "$SCENE/runs"
good() { echo '{"drvPath":"/nix/store/46kiwi8s1birmcjzjv8g3kiz1s4k43il-ok.drv","system":"x86_64-linux","outputs":["out"],"settings":null}'; }
)sh" + on_evaluation;
}

std::size_t runs(const NixScene& scene) {
    auto text = scene.read("runs");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

BOOST_AUTO_TEST_SUITE(fake_nix)

BOOST_AUTO_TEST_CASE(a_tree_that_metadata_do_not_name_is_found_where_its_inputs_were_archived) {
    NixScene scene;
    scene.fake_nix(R"sh(
case "$*" in
  --version) echo "nix (Determinate Nix 3.8.5) 2.30.2" ;;
  *"flake metadata"*) echo '{"url":"x","revision":"1","resolved":{"type":"git","url":"file:///x"}}' ;;
  *"flake archive"*) echo '{"inputs":{},"path":"/nix/store/21ivin9r21fi8chfp09yvbi60xfrqrzx-source"}' ;;
  *) echo '{}' ;;
esac)sh");
    auto info = scene.open();
    BOOST_REQUIRE_MESSAGE(info.has_value(), (info ? "" : info.error().one_line()));
    BOOST_TEST(info->nix_version == "2.30.2");
    BOOST_REQUIRE(info->source);
    BOOST_TEST(info->source->to_string() == "/nix/store/21ivin9r21fi8chfp09yvbi60xfrqrzx-source");
}

// trusted-settings.json, by which Nix believes any flake's settings that are like some that were once allowed.
BOOST_AUTO_TEST_CASE(what_a_person_allowed_to_another_flake_is_seen_only_if_this_ones_settings_count) {
    for (bool accepted : {false, true}) {
        NixScene scene;
        scene.settings.environment.set("XDG_DATA_HOME", scene.path("data").string());
        scene.settings.accept_flake_config = accepted;
        scene.write("data/nix/trusted-settings.json", "{}");
        const std::string look = "[ ! -e ${NIX_DATA_HOME:-$XDG_DATA_HOME/nix}/trusted-settings.json ] && [ ! -e "
                                 "$XDG_DATA_HOME/nix/trusted-settings.json ] || echo \"$*\" >> $SCENE/seen\n";
        scene.fake_nix(look + nix_that("good"));
        auto result = scene.evaluate(nixos("nas"));
        BOOST_REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().one_line()));
        auto seen = scene.read("seen");
        for (const auto* command : {"flake metadata", "flake archive", "eval"})
            BOOST_TEST(contains(seen, command) == accepted, command << " with " << accepted);
    }
}

BOOST_AUTO_TEST_CASE(one_killed_for_memory_is_tried_once_more) {
    NixScene scene;
    scene.fake_nix(nix_that("[ $(wc -l < $SCENE/runs) -gt 1 ] || kill -9 $$\ngood"));
    auto result = scene.evaluate(nixos("nas"));
    BOOST_REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().one_line()));
    BOOST_TEST(runs(scene) == 2U);
    BOOST_TEST(contains(scene.sink.messages(), "ran out of memory"));
    BOOST_TEST(scene.sink.evaluations_started() == 1U);
}

BOOST_AUTO_TEST_CASE(one_killed_for_memory_twice_is_the_machines_fault) {
    for (const char* death :
         {"kill -9 $$", "exit 137", "echo 'error: out of memory' >&2; exit 1",
          "echo \"terminate called after throwing an instance of 'std::bad_alloc'\" >&2; kill -6 $$",
          "echo '@nix {\"action\":\"msg\",\"level\":0,\"raw_msg\":\"out of memory\"}' >&2; exit 1"}) {
        NixScene scene;
        scene.settings.past_evaluations = scene.path("memory.json");
        scene.fake_nix(nix_that(death));
        auto result = scene.evaluate(nixos("nas"));
        BOOST_REQUIRE(!result);
        BOOST_TEST((result.error().kind() == FailureKind::machine), death);
        BOOST_TEST(contains(result.error().hint(), "memory"));
        BOOST_TEST(runs(scene) == 2U);
        BOOST_TEST(contains(scene.read("memory.json"), "nixos:nas"));
    }
}

BOOST_AUTO_TEST_CASE(one_that_answers_without_an_end_is_ended) {
    for (const char* way : {"", "trap '' TERM; "}) {
        NixScene scene;
        scene.fake_nix(nix_that(way + std::string("yes '{\"x\": 1}'")));
        auto result = scene.evaluate(nixos("nas"));
        BOOST_REQUIRE(!result);
        BOOST_TEST(contains(result.error().one_line(), "more than 64 MiB"), result.error().one_line());
        BOOST_TEST(runs(scene) == 1U);
    }
}

BOOST_AUTO_TEST_CASE(an_evaluator_begins_with_the_heap_that_its_host_needed) {
    NixScene scene;
    scene.settings.past_evaluations = scene.path("memory.json");
    const std::string past = R"({"version":1,"peaks":{"nixos:nas":419430400},)"
                             R"("evaluations":{"nixos:nas":{"plain_ms":1000000,"took_ms":9}}})";
    auto heap_of = [&](const std::string& host) {
        scene.write("memory.json", past);
        BOOST_TEST(scene.evaluate(nixos(host)).has_value());
        return scene.read("heap");
    };
    scene.fake_nix(nix_that("echo $GC_INITIAL_HEAP_SIZE > $SCENE/heap; good"));
    BOOST_TEST(heap_of("nas") == "419430400\n");
    BOOST_TEST(contains(scene.read("memory.json"), "\"plain_ms\": 980000"));
    BOOST_TEST(!contains(scene.read("memory.json"), "\"with_room_ms\": 0"));
    BOOST_TEST(heap_of("unknown") == "\n");
    scene.settings.environment.set("GC_INITIAL_HEAP_SIZE", "77M");
    BOOST_TEST(heap_of("nas") == "77M\n");
    scene.settings.environment.unset("GC_INITIAL_HEAP_SIZE");
    // Whoever died with it is tried without.
    scene.fake_nix(nix_that("[ -z \"$GC_INITIAL_HEAP_SIZE\" ] || kill -9 $$; echo none > $SCENE/heap; good"));
    BOOST_TEST(heap_of("nas") == "none\n");
}

BOOST_AUTO_TEST_CASE(an_error_that_only_mentions_memory_is_not_tried_again) {
    NixScene scene;
    scene.fake_nix(nix_that("echo '@nix {\"action\":\"msg\",\"level\":0,\"raw_msg\":\"this host has run out of memory "
                            "slots\"}' >&2; exit 1"));
    auto result = scene.evaluate(nixos("nas"));
    BOOST_REQUIRE(!result);
    BOOST_TEST((result.error().kind() == FailureKind::eval));
    BOOST_TEST(runs(scene) == 1U);
}

// Nix that starts twice at the same time with a new home, and has to fetch what it evaluates from.
BOOST_AUTO_TEST_CASE(two_that_fall_over_each_other_are_tried_again) {
    const std::string falls =
        "echo '@nix {\"action\":\"msg\",\"level\":0,\"raw_msg\":\"executing SQLite statement insert or replace into "
        "NARs: constraint failed\"}' | sed \"s/insert/'insert/\" >&2; exit 1";
    NixScene scene;
    scene.fake_nix(nix_that("if [ $(wc -l < $SCENE/runs) -le 2 ]; then " + falls + "; fi\ngood"));
    auto result = scene.evaluate(nixos("nas"));
    BOOST_REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().one_line()));
    BOOST_TEST(runs(scene) == 3U);
    NixScene always;
    always.fake_nix(nix_that(falls));
    BOOST_TEST(!always.evaluate(nixos("nas")));
    BOOST_TEST(runs(always) == 4U);
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_it_with_all_it_started) {
    NixScene scene;
    scene.settings.deadline = std::chrono::seconds(1);
    scene.fake_nix(nix_that("sleep 1000 & echo $! > $SCENE/child; sleep 1000"));
    auto start = std::chrono::steady_clock::now();
    auto result = scene.evaluate(nixos("nas"));
    BOOST_TEST((std::chrono::steady_clock::now() - start < std::chrono::seconds(20)));
    BOOST_REQUIRE(!result);
    BOOST_TEST((result.error().kind() == FailureKind::timeout));
    BOOST_TEST(contains(result.error().cause(), "nixos:nas took longer than 1.0 s"), result.error().cause());
    BOOST_TEST(
        scene.shell(
            "child=$(cat child); for i in 1 2 3 4 5 6 7 8 9; do kill -0 $child 2> /dev/null || break; sleep 0.1; done; "
            "state=$(cut -d' ' -f3 /proc/$child/stat 2> /dev/null || echo gone); [ $state = Z ] || [ $state = gone ] "
            "&& echo ended") == "ended\n");
}

BOOST_AUTO_TEST_CASE(output_that_makes_no_sense_is_a_protocol_failure) {
    for (const char* output :
         {"", "not json", "[]", "{}", "{\"drvPath\":7}",
          "{\"drvPath\":\"/nix/store/46kiwi8s1birmcjzjv8g3kiz1s4k43il-ok\",\"system\":\"x\",\"outputs\":[\"out\"]}",
          "{\"drvPath\":\"/nix/store/46kiwi8s1birmcjzjv8g3kiz1s4k43il-ok.drv\",\"system\":\"x\",\"outputs\":[]}"}) {
        NixScene scene;
        scene.write("output", output);
        scene.fake_nix(nix_that("cat $SCENE/output"));
        auto result = scene.evaluate(nixos("nas"));
        BOOST_REQUIRE(!result);
        BOOST_TEST(contains(result.error().one_line(), "nixos:nas"));
        BOOST_TEST((result.error().kind() == FailureKind::protocol), output);
    }
}

BOOST_AUTO_TEST_CASE(a_death_without_a_word_is_described) {
    NixScene scene;
    scene.fake_nix(nix_that("kill -11 $$"));
    BOOST_TEST(contains(scene.evaluate(nixos("nas")).error().cause(), "signal 11"));
    scene.fake_nix(nix_that("exit 3"));
    BOOST_TEST(contains(scene.evaluate(nixos("nas")).error().cause(), "exit code 3"));
    scene.fake_nix(nix_that("echo 'error: stack overflow (possible infinite recursion)' >&2; exit 1"));
    BOOST_TEST(scene.evaluate(nixos("nas")).error().cause() == "stack overflow (possible infinite recursion)");
}

BOOST_AUTO_TEST_CASE(a_flood_on_both_streams_does_not_block) {
    NixScene scene;
    scene.fake_nix(nix_that("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo '@nix "
                            "{\"action\":\"result\",\"id\":1,\"type\":105,\"fields\":[1,2,3,4]}' >&2; "
                            "echo \"                                        \"; done; good"));
    BOOST_TEST(scene.evaluate(nixos("nas")).has_value());
}

BOOST_AUTO_TEST_CASE(as_many_run_at_once_as_jobs_allow) {
    NixScene scene;
    scene.settings.jobs = 2;
    // Each waits until a second one is there; with one at a time this would never end.
    scene.fake_nix(nix_that("while [ $(wc -l < $SCENE/runs) -lt 2 ]; do sleep 0.01; done; good"));
    auto results = scene.evaluate_all({nixos("a"), nixos("b")});
    BOOST_TEST(results[0].has_value());
    BOOST_TEST(results[1].has_value());
    scene.settings.jobs = 1;
    scene.fake_nix(nix_that("mkdir $SCENE/inside || exit 1; sleep 0.05; rmdir $SCENE/inside; good"));
    for (const auto& result : scene.evaluate_all({nixos("a"), nixos("b"), nixos("c")})) BOOST_TEST(result.has_value());
}

BOOST_AUTO_TEST_CASE(a_nix_that_is_too_old_is_told_so) {
    NixScene scene;
    scene.fake_nix(nix_that("good"));
    scene.settings.environment.set("FAKE_VERSION", "2.3.16");
    auto opened = scene.open();
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::machine));
    BOOST_TEST(contains(opened.error().cause(), "2.3.16"));
}

BOOST_AUTO_TEST_CASE(the_command_line_keeps_the_lock_file_and_asks_nobody) {
    NixScene scene;
    scene.settings.nix_options = {{"substituters", "https://a https://b"}};
    scene.settings.accept_flake_config = true;
    scene.fake_nix(nix_that("printf '%s\\n' \"$@\" > $SCENE/arguments; env > $SCENE/environment; "
                            "if [ -t 0 ] || read x; then echo stdin > $SCENE/asked; fi; (: < /dev/tty) 2> /dev/null && "
                            "echo tty > $SCENE/asked; good"));
    BOOST_TEST(scene.evaluate(nixos("a.b")).has_value());
    auto arguments = scene.read("arguments");
    for (const char* word : {"--no-update-lock-file\n", "--accept-flake-config\n",
                             "substituters\nhttps://a https://b\n", "eval-cache\nfalse\n", "warn-dirty\nfalse\n",
                             "--store\nlocal?root=", "#%22nixosConfigurations%22.%22a.b%22\n"})
        BOOST_TEST(contains(arguments, word), word);
    BOOST_TEST(!contains(arguments, "--impure"));
    auto environment = scene.read("environment");
    BOOST_TEST(contains(environment, "GIT_TERMINAL_PROMPT=0\n"));
    BOOST_TEST(contains(environment, "SSH_ASKPASS_REQUIRE=never\n"));
    BOOST_TEST(contains(environment, "NIXPKGS_ALLOW_UNFREE=1\n"));
    BOOST_TEST(scene.read("asked") == "");
}

// nix.conf or NIX_CONFIG may say yes; we do not.
BOOST_AUTO_TEST_CASE(that_the_flakes_own_settings_do_not_count_is_said_on_the_command_line) {
    NixScene scene;
    scene.settings.environment.set("NIX_CONFIG", "accept-flake-config = true");
    scene.fake_nix(nix_that("printf '%s\\n' \"$@\" > $SCENE/arguments; good"));
    BOOST_TEST(scene.evaluate(nixos("a")).has_value());
    auto arguments = scene.read("arguments");
    BOOST_TEST(contains(arguments, "--option\naccept-flake-config\nfalse\n"), arguments);
    BOOST_TEST(!contains(arguments, "--accept-flake-config"));
}

BOOST_AUTO_TEST_SUITE_END()
