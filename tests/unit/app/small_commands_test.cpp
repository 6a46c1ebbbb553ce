// report, use, login, push --status and doctor as a person sees them.
#include "commands_scene.hpp"
#include "report/run_report.hpp"
#include "unit/desktop/desktop.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

using namespace cachefill;
using namespace cachefill::app;
using namespace cachefill::test;
using namespace std::chrono_literals;
using nlohmann::json;
using options::Command;
namespace fs = std::filesystem;

namespace {

const std::string good_report = R"({"schema_version": 1, "command": "run", "exit_code": 0, "cache": "team"})";
const std::string bad_report =
    R"({"schema_version": 1, "command": "run", "exit_code": 1, "causes": ["nixos:nas does not ##[evaluate"]})";
const std::string key = "own.example-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

struct Desk : CommandScene {
    Desk() { own.substituter_url = "https://own.example"; }
    int report(std::vector<std::string> files) {
        machine.settings.arguments.clear();
        for (const auto& file : files) machine.settings.arguments.push_back(machine.path(file).string());
        return perform(Command::report, report_command);
    }
    int use() { return perform(Command::use, use_command); }
    int login(const std::string& token) {
        input = token;
        machine.settings.token_stdin = true;
        return perform(Command::login, login_command);
    }
    int status() { return perform(Command::push, push_status); }
    std::string text_of(const std::string& file) const { return read_file(machine.path(file)).value(); }
    bool exists(const std::string& file) const { return fs::exists(machine.path(file)); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(small_commands, Desk)

BOOST_AUTO_TEST_CASE(joined_reports_end_as_the_worst_of_them) {
    machine.write("x86_64-linux.json", good_report);
    BOOST_TEST(report({"x86_64-linux.json"}) == 0);
    BOOST_TEST(complains("notification: nothing to say"));
    machine.write("mac.json", bad_report);
    BOOST_TEST(report({"x86_64-linux.json", "mac.json"}) == 1);
    BOOST_TEST(says("nixos:nas does not ##[evaluate"));
    BOOST_TEST(!complains("not configured")); // nobody meant to
    machine.environment.set("CACHEFILL_NOTIFY_URL", "");
    BOOST_TEST(report({"x86_64-linux.json", "mac.json"}) == 1);
    BOOST_TEST(complains("notification: not configured (CACHEFILL_NOTIFY_URL is empty)"));
}

BOOST_AUTO_TEST_CASE(what_is_no_report_is_the_wrong_file_and_no_job) {
    machine.write("lock.json", R"({"nodes": {}})");
    BOOST_TEST(report({"lock.json"}) == 2);
    BOOST_TEST(complains("lock.json is no report of cachefill: "));
    BOOST_TEST(complains("--json FILE"));
    BOOST_TEST(!says("complete"));
}

BOOST_AUTO_TEST_CASE(without_anything_to_join_it_is_wrong_use) {
    BOOST_TEST(report({}) == 2);
    BOOST_TEST(complains("error: "));
    BOOST_TEST(report({"missing.json"}) == 2);
    BOOST_TEST(complains("missing.json"));
}

BOOST_AUTO_TEST_CASE(in_a_step_no_report_gives_commands_to_the_runner) {
    machine.write("mac.json", bad_report);
    machine.environment.set("GITHUB_ACTIONS", "true");
    BOOST_TEST(report({"mac.json"}) == 1);
    BOOST_TEST(!says("##["));
    machine.settings.json = "-";
    BOOST_TEST(report({"mac.json"}) == 1);
    BOOST_TEST(!says("##["));
    auto causes = json::parse(output)["jobs"][0].dump();
    BOOST_TEST(causes.find("##[evaluate") != std::string::npos); // as JSON it means what it did
    BOOST_TEST(complains("nixos:nas does not"));
}

BOOST_AUTO_TEST_CASE(summaries_of_one_step_follow_each_other_and_a_dry_run_writes_none) {
    machine.write("linux.json", good_report);
    machine.write("summary.md", "# before\n");
    machine.environment.set("GITHUB_STEP_SUMMARY", machine.path("summary.md").string());
    machine.settings.dry_run = true;
    BOOST_TEST(report({"linux.json"}) == 0);
    BOOST_TEST(text_of("summary.md") == "# before\n");
    machine.settings.dry_run = false;
    BOOST_TEST(report({"linux.json"}) == 0);
    auto once = text_of("summary.md");
    BOOST_TEST(once.starts_with("# before\n"));
    BOOST_TEST(once.find("linux") != std::string::npos);
    BOOST_TEST(report({"linux.json"}) == 0);
    BOOST_TEST(text_of("summary.md").size() == 2 * once.size() - std::string("# before\n").size());
    machine.environment.set("GITHUB_STEP_SUMMARY", machine.path("no-folder/summary.md").string());
    BOOST_TEST(report({"linux.json"}) == 5);
    BOOST_TEST(complains("cannot write the summary to "));
}

BOOST_AUTO_TEST_CASE(a_page_goes_to_a_file_and_nothing_that_fails_keeps_the_others_from_being_tried) {
    machine.write("linux.json", good_report);
    machine.settings.html = machine.path("page.html").string();
    BOOST_TEST(report({"linux.json"}) == 0);
    BOOST_TEST(text_of("page.html").find("<html") != std::string::npos);
    machine.settings.html = "-";
    machine.settings.json = machine.path("no-folder/joined.json").string();
    BOOST_TEST(report({"linux.json"}) == 2); // wrong use weighs more than what could not be written
    BOOST_TEST(complains("--html writes a file for a browser"));
    BOOST_TEST(complains("No such file or directory"));
    BOOST_TEST(complains("notification: nothing to say"));
}

BOOST_AUTO_TEST_CASE(a_dry_run_shows_the_message_and_sends_it_nowhere) {
    machine.write("mac.json", bad_report);
    machine.environment.set("CACHEFILL_NOTIFY_URL", "https://discord.com/api/webhooks/1/s3cret");
    machine.settings.dry_run = true;
    BOOST_TEST(report({"mac.json"}) == 1);
    BOOST_TEST(says("notification (discord):\n{"));
    BOOST_TEST(!says("s3cret"));
    BOOST_TEST(!complains("s3cret"));
}

BOOST_AUTO_TEST_CASE(a_quiet_report_of_what_went_well_says_nothing) {
    machine.write("linux.json", good_report);
    machine.settings.quiet = true;
    BOOST_TEST(report({"linux.json"}) == 0);
    BOOST_TEST(output == "");
    BOOST_TEST(errors == "");
    machine.write("mac.json", bad_report);
    BOOST_TEST(report({"mac.json"}) == 1);
    BOOST_TEST(says("nixos:nas"));
}

BOOST_AUTO_TEST_CASE(whoever_is_to_use_a_cache_sees_the_lines_for_every_place) {
    machine.settings.trusted_public_keys = {key};
    BOOST_TEST(use() == 0, errors);
    for (const auto* part : {"NixOS", "home-manager", "nix.conf", "NIX_CONFIG"}) BOOST_TEST(says(part), part);
    BOOST_TEST(says(key));
    machine.settings.trusted_public_keys.clear();
    BOOST_TEST(use() == 0);
    BOOST_TEST(says("this cache does not tell its public key"));
}

BOOST_AUTO_TEST_CASE(no_cache_or_one_that_is_away_is_told_with_what_to_do) {
    own.fault = Fault::refused;
    BOOST_TEST(use() == 5);
    BOOST_TEST(complains("asking the cache https://own.example for its public key"));
    BOOST_TEST(complains("connection refused"));
    machine.settings.cache = GivenUrl();
    BOOST_TEST(use() == 2);
    BOOST_TEST(complains("no cache is named"));
    BOOST_TEST(complains("cachefill use NAME"));
    machine.settings.cache = GivenUrl("ftp://x");
    BOOST_TEST(use() == 2);
}

BOOST_AUTO_TEST_CASE(what_would_be_added_to_nix_conf_is_shown_as_a_difference) {
    machine.settings.trusted_public_keys = {key};
    machine.settings.apply = machine.settings.dry_run = true;
    fs::create_directories(machine.path("nix"));
    auto conf = machine.path("nix/nix.conf").string();
    machine.environment.set("NIX_CONF_DIR", machine.path("nix").string()); // of root
    machine.environment.set("NIX_USER_CONF_FILES", conf + ":/elsewhere");  // of others
    for (const auto& [before, place] :
         std::vector<std::pair<std::string, std::string>>{{"", "@@ -0,0 +1,2 @@\n"},
                                                          {"max-jobs = 2\n", "@@ -1,0 +2,2 @@\n"},
                                                          {"a = b\nc = d", "@@ -2,0 +3,2 @@\n"}}) {
        machine.write("nix/nix.conf", before);
        BOOST_TEST(use() == 0, errors);
        BOOST_TEST(says("--- " + conf + "\n+++ " + conf + "\n" + place), output);
        BOOST_TEST(says("\n+extra-trusted-public-keys = " + key + "\n"), output);
        BOOST_TEST(text_of("nix/nix.conf") == before);
    }
}

BOOST_AUTO_TEST_CASE(a_nix_conf_that_has_it_all_or_that_others_write_stays_as_it_is) {
    machine.settings.apply = machine.settings.dry_run = true;
    fs::create_directories(machine.path("nix"));
    auto conf = machine.path("nix/nix.conf");
    machine.environment.set("NIX_CONF_DIR", machine.path("nix").string());
    machine.environment.set("NIX_USER_CONF_FILES", conf.string());
    BOOST_TEST(use() == 2); // without a key Nix would take nothing
    BOOST_TEST(complains("does not tell its public key"));
    machine.settings.trusted_public_keys = {key};
    machine.write("nix/nix.conf", "substituters = https://own.example\ntrusted-public-keys = " + key + "\n");
    own.fault = Fault::refused;
    BOOST_TEST(use() == 5);
    own.fault.reset();
    fs::rename(conf, machine.path("theirs"));
    fs::create_symlink(machine.path("theirs"), conf);
    BOOST_TEST(use() == 5);
    BOOST_TEST(complains("is a link: NixOS, home-manager or their like write it"));
    fs::remove(conf);
    machine.write("nix/nix.conf", std::string((4 << 20) + 1, '#'));
    BOOST_TEST(use() == 5);
    BOOST_TEST(complains("is larger than 4.0 MiB"));
}

BOOST_AUTO_TEST_CASE(a_token_is_tried_and_stored_for_its_owner_alone) {
    BOOST_TEST(login("t0ken-of-kim\n") == 0, errors);
    BOOST_TEST(says("stored in "));
    BOOST_TEST(says("can be read with it; whether it may write shows when something is pushed"));
    auto file = output.substr(10, output.find('\n') - 10);
    BOOST_TEST(fs::path(file).parent_path() == machine.path("home/.config/cachefill/tokens"));
    BOOST_TEST(read_file(file).value().find("t0ken-of-kim") != std::string::npos);
    struct stat info {};
    BOOST_REQUIRE(::stat(file.c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 0777U) == 0600U);
    BOOST_TEST(output.find("t0ken") == std::string::npos);
    machine.settings.forget = true;
    BOOST_TEST(login("") == 0);
    BOOST_TEST(says("is forgotten"));
    BOOST_TEST(!fs::exists(file));
    BOOST_TEST(login("") == 0);
    BOOST_TEST(says("no token was stored for https://own.example; nothing was done"));
}

BOOST_AUTO_TEST_CASE(a_token_that_is_refused_is_not_stored_and_one_that_cannot_be_tried_is) {
    own.fault = Fault::unauthorized;
    BOOST_TEST(login("t0ken\n") == 5);
    BOOST_TEST(complains("trying the token, which is not stored"));
    BOOST_TEST(!complains("t0ken"));
    BOOST_TEST(!exists("home/.config/cachefill/tokens"));
    own.fault = Fault::refused;
    BOOST_TEST(login("t0ken\n") == 0);
    BOOST_TEST(says("it could not be tried: "));
    BOOST_TEST(exists("home/.config/cachefill/tokens"));
}

BOOST_AUTO_TEST_CASE(what_is_no_token_is_refused_without_being_repeated) {
    for (const auto& text : {std::string(), std::string("\n"), std::string("two words\n"), std::string("s3cret\x01\n"),
                             std::string(20'000, 's')}) {
        BOOST_TEST(login(text) == 2, text.size());
        BOOST_TEST(errors.find("s3cret") == std::string::npos);
        BOOST_TEST(errors.find("two words") == std::string::npos);
        BOOST_TEST(!exists("home/.config/cachefill/tokens"));
    }
    machine.settings.cache = GivenUrl();
    BOOST_TEST(login("t0ken\n") == 2);
    BOOST_TEST(complains("cachefill login NAME"));
}

BOOST_AUTO_TEST_CASE(a_variable_that_wins_over_the_stored_token_is_named) {
    machine.environment.set("CACHEFILL_BEARER_TOKEN", "other");
    BOOST_TEST(login("t0ken\n") == 0, errors);
    BOOST_TEST(says("note: CACHEFILL_BEARER_TOKEN is set, and wins over what is stored"));
    BOOST_TEST(!says("other"));
}

BOOST_AUTO_TEST_CASE(without_a_service_there_is_no_status_but_what_would_make_one) {
    machine.settings.state_directory = machine.path("home");
    BOOST_TEST(status() == 5);
    BOOST_TEST(complains("no service has run here: there is no queue in " + machine.path("home").string()));
    BOOST_TEST(complains("'cachefill push --watch' is the service"));
}

BOOST_AUTO_TEST_CASE(the_status_tells_what_waits_for_each_cache_and_why) {
    auto now = std::chrono::floor<std::chrono::milliseconds>(clock.wall_time());
    fs::create_directories(machine.settings.state_directory);
    {
        auto queue = desktop::Queue::open(machine.settings.state_directory, now - 3h).value();
        BOOST_REQUIRE(queue.set_caches({{"home", "https://home.example", true}, {"team", "cachix://team", false}}));
        BOOST_REQUIRE(queue.add({queued("a", 1 << 20), queued("b", 1 << 20)}, {}, {}, now - 2h).has_value());
        BOOST_REQUIRE(queue.settle(
            "team", {{.path = test::path("a"), .how = desktop::Settled::pushed, .bytes = 600 << 10}}, now - 1min));
        BOOST_REQUIRE(queue.note_trouble("home", "connection\x1b[31m refused", now - 5min, now + 1h));
        BOOST_TEST(status() == 0);
        BOOST_TEST(says("the service is running; queue in " + machine.settings.state_directory.string() + "\n"),
                   output);
    }
    BOOST_TEST(status() == 0);
    BOOST_TEST(says("the service is not running; "));
    BOOST_TEST(says("home (optional)\n  2 paths wait, 2.0 MiB, the oldest for 2 h 00 min\n"), output);
    BOOST_TEST(says("team\n  1 path waits, 1.0 MiB, the oldest for 2 h 00 min\n"), output);
    BOOST_TEST(says("1 path pushed, 600.0 KiB, the last 1 min 00 s ago, 1.0 KiB/s in the last ten minutes\n"), output);
    BOOST_TEST(says("last error, 5 min 00 s ago: connection refused\n  next try in 1 h 00 min\n"), output);
    machine.settings.json = "-";
    BOOST_TEST(status() == 0);
    auto told = json::parse(output);
    BOOST_TEST(told["running"] == false);
    BOOST_REQUIRE(told["caches"].size() == 2U);
    BOOST_TEST(told["caches"][0]["waiting"] == 2);
    BOOST_TEST(told["caches"][0]["last_push"].is_null());
    BOOST_TEST(told["caches"][1]["pushed_bytes"] == 600 << 10);
    BOOST_TEST(told["caches"][1]["bytes_per_second"] == 1024);
    BOOST_TEST(told["caches"][1]["last_push"] == "2025-12-31T23:59:00Z");
}

BOOST_AUTO_TEST_CASE(a_status_may_go_to_a_file_and_one_that_cannot_is_a_failure) {
    fs::create_directories(machine.settings.state_directory);
    { BOOST_REQUIRE(desktop::Queue::open(machine.settings.state_directory, {}).has_value()); }
    machine.settings.json = machine.path("status.json").string();
    BOOST_TEST(status() == 0);
    BOOST_TEST(json::parse(text_of("status.json"))["caches"].empty());
    machine.settings.json = machine.path("no-folder/status.json").string();
    BOOST_TEST(status() == 5);
    BOOST_TEST(complains("No such file or directory"));
}

BOOST_AUTO_TEST_CASE(doctor_looks_at_one_host) {
    machine.settings.arguments = {"nas", "desk"};
    BOOST_TEST(perform(Command::doctor, doctor_command) == 2);
    BOOST_TEST(complains("doctor looks at one host"));
    BOOST_TEST(complains("without a name it is the host of this machine's name"));
}

BOOST_AUTO_TEST_SUITE_END()
