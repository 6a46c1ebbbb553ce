#include "base/files.hpp"
#include "base/shell.hpp"
#include "codec/encoding.hpp"
#include "eval/evaluator.hpp"
#include "options/command_line.hpp"
#include "options/typed.hpp"
#include "support/http_server.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>

using namespace cachefill;
using namespace cachefill::options;

namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

// Whatever a stranger would like to decide.
const std::string greedy =
    "accept-flake-config: true\nimpure: always\nfail-on: none\nalso-push: [\"https://s.example\"]\n"
    "push-foreign: true\nallow-source: true\nretroactive: true\nstate-directory: /tmp/theirs\n"
    "upstream: \"https://s.example\"\nupstreams: {count-given: true}\n"
    "trusted-public-keys: \"k-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=\"\n"
    "push: {scope: all, users: [alex], caches: {s: \"https://s.example\"}}\non-deadline: rerun\nmax-reruns: 50\n"
    "notify: {from: error}\ncache: \"https://s.example\"\nuploads: 4\nconfine-evaluation: false\n";

bool is_tight(const Settings& settings) {
    return !settings.accept_flake_config && settings.confine_evaluation && settings.impure == eval::Impure::automatic &&
           settings.fail_on.size() == 6U && settings.also_push.empty() && !settings.push_foreign &&
           !settings.allow_source && !settings.retroactive && settings.state_directory.empty() &&
           settings.upstreams.empty() && !settings.upstreams_count_given && settings.trusted_public_keys.empty() &&
           settings.push_scope == PushScope::system && settings.push_caches.empty() && settings.push_users.empty() &&
           settings.on_deadline == OnDeadline::stop && settings.max_reruns == 3U &&
           settings.notify_from == event::Severity::notice;
}

// A flake's folder, a home, and what is typed there.
class Desk {
  public:
    Desk() : directory_(*TemporaryDirectory::make("cachefill-where")) {
        fs::create_directories(flake());
        variables = {{"HOME", (directory_.path() / "home").string()}, {"NH_FLAKE", flake().string()}};
        if (const char* path = std::getenv("PATH")) variables["PATH"] = path;
    }
    fs::path flake() const { return directory_.path() / "flake"; }
    fs::path home() const { return directory_.path() / "home"; }
    static void write(const fs::path& file, const std::string& text) {
        fs::create_directories(file.parent_path());
        BOOST_REQUIRE(write_file_atomically(file, text).has_value());
    }
    Invocation invocation(const Words& words) const {
        auto parsed = parse_command_line(words, Environment(variables));
        if (!parsed) BOOST_FAIL(parsed.error().one_line());
        return std::get<Invocation>(*parsed);
    }
    Settings settings(const Words& words) const { return invocation(words).settings; }
    // git, in the flake's folder; the last line it prints.
    std::string git(const std::string& arguments) const {
        auto out = directory_.path() / "out";
        auto command = "cd " + shell_word(flake().string()) +
                       " && git -c user.name=kim -c user.email=kim@example -c init.defaultBranch=main " + arguments +
                       " > " + shell_word(out.string()) + " 2> /dev/null";
        BOOST_REQUIRE_MESSAGE(std::system(command.c_str()) == 0, command);
        auto text = read_file(out, 1 << 20).value();
        return text.substr(0, text.find('\n'));
    }
    // Commits all there is.
    std::string commit() const {
        if (!fs::exists(flake() / ".git")) git("init -q");
        git("add -A");
        git("commit -q --allow-empty -m change");
        return git("rev-parse HEAD");
    }
    void step(const std::string& event, const std::string& sha, const std::string& payload = "{}") {
        write(directory_.path() / "event.json", payload);
        variables["GITHUB_ACTIONS"] = "true";
        variables["GITHUB_EVENT_NAME"] = event;
        variables["GITHUB_EVENT_PATH"] = (directory_.path() / "event.json").string();
        variables["GITHUB_SHA"] = sha;
        variables["GITHUB_REPOSITORY"] = "owner/fleet";
        variables["GITHUB_WORKSPACE"] = flake().string();
        variables["RUNNER_TEMP"] = directory_.path().string();
        variables["CACHEFILL_INPUT_DEADLINE"] = "1h";
        variables["CACHIX_AUTH_TOKEN"] = "secret";
    }
    void pull_request(const std::string& base) {
        step("pull_request", std::string(40, 'f'),
             R"({"pull_request": {"base": {"ref": "main", "sha": ")" + base +
                 R"("}, "head": {"repo": {"full_name": "owner/fleet"}}}})");
    }

    Variables variables;

  private:
    TemporaryDirectory directory_;
};

bool says(const Invocation& invocation, event::Severity severity, const std::string& part) {
    for (const auto& message : invocation.remarks)
        if (message.severity == severity && (message.text + "\n" + message.hint).find(part) != std::string::npos)
            return true;
    return false;
}
constexpr auto warning = event::Severity::warning;

} // namespace

BOOST_AUTO_TEST_SUITE(config_files)

BOOST_AUTO_TEST_CASE(the_flakes_own_file_loosens_nothing_and_what_does_not_count_is_named_with_where_it_may_stand) {
    for (const std::string place : {"cachefill.yml", ".github/cachefill.yml"}) {
        Desk desk;
        Desk::write(desk.flake() / place, greedy);
        for (const std::string command : {"run", "plan", "push", "doctor", "verify", "wait", "report"}) {
            auto invocation = desk.invocation({command});
            BOOST_TEST(is_tight(invocation.settings), command);
            BOOST_TEST(invocation.settings.uploads == 4U);
            for (const auto& option : option_table()) {
                bool concerns = (option.where == Where::outside || option.key == "cache") &&
                                !option.may_stand_in_checkout(invocation.command, {"x"}) &&
                                (option.commands & bit(invocation.command));
                bool is_named = says(invocation, warning, place + ":") && says(invocation, warning, "'" + option.key);
                if (option.key == "cache" && concerns) { // with the error that no cache is named
                    BOOST_TEST(invocation.settings.uncounted_cache.has_value(), command);
                    continue;
                }
                if (option.key != "push.caches") is_named &= says(invocation, warning, "'" + option.key + ": ");
                BOOST_TEST(is_named == concerns, command << ", " << option.key);
                if (concerns) BOOST_TEST(says(invocation, warning, option.flag() + ", " + option.variable()));
            }
        }
        BOOST_TEST(says(desk.invocation({"plan"}), warning, "'impure: always'"));
        BOOST_TEST(says(desk.invocation({"plan"}), warning, "cachefill.yml:2:9"));
        BOOST_TEST(says(desk.invocation({"plan"}), warning, "~/.config/cachefill/cachefill.yml"));
    }
}

BOOST_AUTO_TEST_CASE(values_that_loosen_nothing_may_stand_there) {
    Desk desk;
    Desk::write(desk.flake() / "cachefill.yml", "impure: never\naccept-flake-config: false\npush: {scope: system}\n"
                                                "offline: true\nhosts: [nas]\nallow-source: false\n");
    for (const std::string command : {"run", "push", "plan"}) {
        auto invocation = desk.invocation({command});
        BOOST_TEST(invocation.remarks.empty());
        BOOST_TEST((invocation.settings.impure == eval::Impure::never));
        BOOST_TEST(invocation.settings.offline);
    }
}

BOOST_AUTO_TEST_CASE(a_cache_that_the_flake_names_is_looked_at_and_never_pushed_to) {
    Desk desk;
    Desk::write(desk.flake() / "cachefill.yml", "cache: {read: \"https://a.example\", push: /upload}\n");
    for (const std::string command : {"plan", "verify", "doctor", "wait", "init"})
        BOOST_TEST(desk.settings({command}).cache.reveal().starts_with("https://a.example"), command);
    BOOST_TEST(desk.settings({"guard", "--", "true"}).cache.reveal().starts_with("https://a.example"));
    for (const Words& words : {Words{"run"}, Words{"push"}, Words{"push", "--watch"}, Words{"run", "--read-only"},
                               Words{"login"}, Words{"use"}})
        BOOST_TEST(desk.settings(words).cache.empty(), words.back());
    Desk::write(desk.flake() / "cachefill.yml", "cache: \"https://kim:hidden-word@a.example?trusted=1\"\n");
    auto invocation = desk.invocation({"plan"});
    BOOST_TEST(invocation.settings.cache.empty());
    BOOST_REQUIRE(invocation.settings.uncounted_cache);
    BOOST_TEST(invocation.settings.uncounted_cache->why.find("'cache: https://a.example") != std::string::npos);
    BOOST_TEST(invocation.settings.uncounted_cache->why.find("hidden-word") == std::string::npos);
    BOOST_TEST(invocation.settings.uncounted_cache->hint.find("hidden-word") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_cache_that_does_not_count_is_told_with_the_lack_of_one_or_by_a_warning) {
    Desk desk;
    Desk::write(desk.flake() / "cachefill.yml", "cache: demo\n");
    for (const Words& words : {Words{"run"}, Words{"push"}}) {
        auto invocation = desk.invocation(words);
        BOOST_TEST(invocation.remarks.empty(), words.back());
        auto failure = no_cache_named(invocation.settings, "name one");
        BOOST_TEST(failure.cause().find("no cache is named: ") == 0U, failure.cause());
        BOOST_TEST(failure.cause().find("cachefill.yml:1:8: 'cache: demo' does not count, because") !=
                   std::string::npos);
        BOOST_TEST(failure.hint().find("--cache demo, ") != std::string::npos, failure.hint());
    }
    BOOST_TEST(says(desk.invocation({"push", "--watch"}), warning, "'cache: demo' does not count"));
    BOOST_TEST(desk.invocation({"run", "--cache", "other"}).remarks.empty());
    BOOST_TEST(no_cache_named(Settings(), "name one").hint() == "name one");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_a_file_is_wrong_even_if_it_does_not_count) {
    Desk desk;
    Desk::write(desk.flake() / "cachefill.yml", "impure: sometimes\n");
    auto parsed = parse_command_line(Words{"plan"}, Environment(desk.variables));
    BOOST_REQUIRE(!parsed);
    BOOST_TEST(parsed.error().cause().find("cachefill.yml:1:9") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_users_own_file_may_say_all_and_wins_over_the_flakes) {
    for (const std::string name : {"cachefill.yml", "config.yml"}) {
        Desk desk;
        Desk::write(desk.flake() / "cachefill.yml", "uploads: 2\nmemory: 64M\nimpure: auto\n");
        Desk::write(desk.home() / ".config/cachefill" / name,
                    "cache: mine\nuploads: 3\nimpure: never\nallow-source: true\n");
        auto invocation = desk.invocation({"run"});
        BOOST_TEST(invocation.remarks.empty());
        BOOST_TEST(invocation.settings.cache.reveal() == "mine");
        BOOST_TEST(invocation.settings.uploads == 3U);
        BOOST_TEST(invocation.settings.memory == 64ULL << 20);
        BOOST_TEST((invocation.settings.impure == eval::Impure::never));
        BOOST_TEST(invocation.settings.allow_source);
        desk.variables["CACHEFILL_UPLOADS"] = "4";
        BOOST_TEST(desk.settings({"run"}).uploads == 4U);
        desk.variables["XDG_CONFIG_HOME"] = "relative"; // as if it were not set
        BOOST_TEST(desk.settings({"run"}).cache.reveal() == "mine");
        desk.variables["XDG_CONFIG_HOME"] = (desk.home() / "elsewhere").string();
        BOOST_TEST(desk.settings({"run"}).cache.reveal() == "");
    }
}

BOOST_AUTO_TEST_CASE(a_file_of_ones_own_that_others_may_write_to_counts_as_one_of_a_checkout) {
    Desk desk;
    auto file = desk.home() / ".config/cachefill/cachefill.yml";
    Desk::write(file, greedy);
    BOOST_TEST(!is_tight(desk.settings({"plan"})));
    auto is_refused = [&](const Words& words, const std::string& why) {
        auto invocation = desk.invocation(words);
        return is_tight(invocation.settings) && invocation.settings.uploads == 4U &&
               says(invocation, warning, "'accept-flake-config: true' does not count, because " + why) &&
               says(invocation, warning, "where only you and root may write");
    };
    fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
    BOOST_TEST(is_refused({"plan"}, "everybody may write to " + file.string()));
    BOOST_TEST(is_refused({"plan", "--config", file.string()}, "everybody may write to " + file.string()));
    fs::permissions(file, fs::perms::others_write, fs::perm_options::remove);
    fs::permissions(file.parent_path(), fs::perms::all);
    BOOST_TEST(is_refused({"plan"}, "everybody may write to " + file.parent_path().string()));
    desk.step("push", std::string(40, 'f')); // whose machine it is
    BOOST_TEST(!is_tight(desk.settings({"ci"})));
}

BOOST_AUTO_TEST_CASE(a_file_named_by_hand_is_vouched_for_and_one_that_a_relative_variable_names_is_not) {
    Desk desk;
    auto file = desk.flake() / "cachefill.yml";
    Desk::write(file, greedy);
    Desk::write(desk.home() / ".config/cachefill/cachefill.yml", "uploads: 9\n"); // is not read beside it
    auto given = desk.settings({"run", "--config", file.string()});
    BOOST_TEST(given.accept_flake_config);
    BOOST_TEST(given.cache.reveal() == "https://s.example");
    BOOST_TEST(given.uploads == 4U);
    desk.variables["CACHEFILL_CONFIG"] = file.string();
    BOOST_TEST(desk.settings({"run"}).allow_source);
    desk.variables["CACHEFILL_CONFIG"] = fs::relative(file).string();
    BOOST_TEST(is_tight(desk.settings({"run"})));
}

BOOST_AUTO_TEST_CASE(a_step_that_does_not_know_its_workspace_vouches_for_no_file_of_a_repository) {
    Desk desk;
    auto base = desk.commit();
    auto file = desk.flake() / "other.yml";
    Desk::write(file, greedy);
    desk.pull_request(base);
    desk.variables["CACHEFILL_CONFIG"] = file.string();
    for (const auto& workspace : {desk.flake().string(), std::string()}) {
        desk.variables["GITHUB_WORKSPACE"] = workspace;
        BOOST_TEST(is_tight(desk.settings({"run"})), "workspace '" << workspace << "'");
    }
    desk.variables.erase("GITHUB_WORKSPACE");
    BOOST_TEST(is_tight(desk.settings({"run"})));
    // By a link in the checkout, and by one that leads there.
    auto outside = desk.home() / "outside";
    Desk::write(outside / "other.yml", greedy);
    fs::create_directory_symlink(outside, desk.flake() / "link");
    desk.variables["CACHEFILL_CONFIG"] = (desk.flake() / "link/other.yml").string();
    BOOST_TEST(!parse_command_line(Words{"run"}, Environment(desk.variables)).has_value());
    fs::create_directory_symlink(desk.flake(), desk.home() / "way");
    desk.variables["CACHEFILL_CONFIG"] = (desk.home() / "way/other.yml").string();
    BOOST_TEST(is_tight(desk.settings({"run"})));
    desk.variables["CACHEFILL_CONFIG"] = (outside / "other.yml").string(); // in no repository
    BOOST_TEST(desk.settings({"run"}).allow_source);
}

BOOST_AUTO_TEST_CASE(in_a_step_the_repository_vouches_for_its_file_as_it_is_in_the_commit_of_the_run) {
    Desk desk;
    auto file = desk.flake() / "cachefill.yml";
    Desk::write(file, "cache: team\nalso-push: [nas]\nuploads: 2\n");
    auto sha = desk.commit();
    for (const std::string event : {"push", "schedule", "workflow_dispatch", "repository_dispatch"}) {
        desk.step(event, sha);
        auto invocation = desk.invocation({"ci"});
        BOOST_TEST(invocation.settings.cache.reveal() == "team", event);
        BOOST_TEST((invocation.settings.also_push == std::vector{GivenUrl("nas")}));
        BOOST_TEST(invocation.remarks.empty());
        BOOST_TEST(desk.settings({"run"}).cache.reveal() == "team"); // whatever the command
    }
    // Changed by an earlier step.
    Desk::write(file, "cache: team\nalso-push: [stranger]\nuploads: 3\nfail-on: none\n");
    auto invocation = desk.invocation({"ci"});
    BOOST_TEST((invocation.settings.also_push == std::vector{GivenUrl("nas")}));
    BOOST_TEST(invocation.settings.fail_on.size() == 6U);
    BOOST_TEST(says(invocation, warning, "not what the file says in the commit of this run"));
    BOOST_TEST(says(invocation, warning, "the input 'fail-on'"));
    // Nobody vouches on an event that strangers can cause.
    desk.step("fork", sha);
    BOOST_TEST(is_tight(desk.settings({"run"})));
    BOOST_TEST(says(desk.invocation({"run"}), warning, "nobody vouches for it on the event 'fork'"));
    // Nor for code of another repository.
    desk.step("push", std::string(40, '1'));
    BOOST_TEST(is_tight(desk.settings({"run"})));
    BOOST_TEST(says(desk.invocation({"run"}), warning, "does not reach to 111111111111"));
    BOOST_TEST(says(desk.invocation({"run"}), warning, "fetch-depth"));
}

BOOST_AUTO_TEST_CASE(a_change_does_not_choose_beside_which_flake_the_file_of_the_base_lies) {
    for (bool moves_up : {true, false}) {
        Desk desk;
        auto sub = desk.flake() / "sub", there = moves_up ? sub : desk.flake();
        Desk::write(there / "flake.nix", "{ outputs = _: { }; }");
        Desk::write(there / "cachefill.yml", "read-only: true\n");
        Desk::write(sub / "kept", "");
        auto base = desk.commit();
        if (moves_up) fs::remove(sub / "flake.nix");
        auto here = moves_up ? desk.flake() : sub;
        Desk::write(here / "flake.nix", "{ outputs = _: { }; }");
        Desk::write(here / "cachefill.yml", "uploads: 3\n");
        desk.commit();
        desk.pull_request(base);
        auto invocation = desk.invocation({"ci", sub.string()});
        BOOST_TEST(invocation.settings.read_only, moves_up);
        BOOST_TEST(invocation.settings.uploads != 3U);
    }
}

BOOST_AUTO_TEST_CASE(of_a_pull_request_the_file_counts_as_it_is_on_the_base_branch) {
    Desk desk;
    auto file = desk.flake() / "cachefill.yml";
    Desk::write(file, "cache: team\nhosts: [nas]\nstrict-trust: true\n");
    auto base = desk.commit();
    Desk::write(file, greedy + "hosts: [none]\nevaluate-only: [\"*\"]\n");
    desk.commit();
    desk.pull_request(base);
    for (const std::string command : {"ci", "run"}) {
        auto invocation = desk.invocation({command});
        BOOST_TEST(is_tight(invocation.settings), command);
        BOOST_TEST(invocation.settings.cache.reveal() == "team");
        BOOST_TEST(invocation.settings.hosts == Words{"nas"}, boost::test_tools::per_element());
        BOOST_TEST(invocation.settings.evaluate_only.empty());
        BOOST_TEST(invocation.settings.strict_trust);
        BOOST_TEST(says(invocation, event::Severity::notice, "differs from what it is on 'main'"));
    }
    fs::remove(file); // as little as what it says, its absence counts
    BOOST_TEST(desk.settings({"ci"}).strict_trust);
    Desk::write(file, "cache: team\nhosts: [nas]\nstrict-trust: true\n");
    BOOST_TEST(desk.invocation({"ci"}).remarks.empty());
    // An input that names a file of the workspace is not worth more.
    Desk::write(desk.flake() / "other.yml", greedy);
    desk.variables["CACHEFILL_INPUT_CONFIG"] = (desk.flake() / "other.yml").string();
    BOOST_TEST(is_tight(desk.settings({"ci"})));
    BOOST_TEST(is_tight(desk.settings({"run", "--config", (desk.flake() / "other.yml").string()})));
    // Nor is what lies where the user's own file would, if that leads into the checkout.
    desk.variables.erase("CACHEFILL_INPUT_CONFIG");
    Desk::write(desk.flake() / ".config/cachefill/cachefill.yml", greedy);
    desk.variables["XDG_CONFIG_HOME"] = (desk.flake() / ".config").string();
    auto invocation = desk.invocation({"ci"});
    BOOST_TEST(is_tight(invocation.settings));
    BOOST_TEST(invocation.settings.cache.reveal() == "team");
}

BOOST_AUTO_TEST_CASE(where_the_history_is_too_short_github_is_asked_and_without_it_nobody_vouches) {
    Desk desk;
    Desk::write(desk.flake() / "cachefill.yml", greedy);
    desk.commit();
    auto base = std::string(40, '2');
    desk.pull_request(base);
    auto alone = desk.invocation({"run"});
    BOOST_TEST(is_tight(alone.settings));
    BOOST_TEST(alone.settings.uploads == 4U);
    BOOST_TEST(says(alone, warning, "this step has no token"));
    std::vector<std::string> asked;
    test::HttpServer server([&](const test::HttpRequest& request) {
        asked.push_back(request.target + " " + request.header("Authorization"));
        if (request.path() != "/repos/owner/fleet/contents/.github/cachefill.yml")
            return test::HttpReply(404, R"({"message": "Not Found"})");
        auto text = codec::to_base64("also-push: [nas]\nuploads: 7\n");
        return test::HttpReply(200, R"({"encoding": "base64", "content": ")" + text.insert(8, "\\n") + R"("})");
    });
    desk.variables["CACHEFILL_GITHUB_TOKEN"] = "a-token";
    desk.variables["GITHUB_API_URL"] = server.url();
    auto settings = desk.settings({"run"});
    server.stop();
    BOOST_TEST((settings.also_push == std::vector{GivenUrl("nas")}));
    BOOST_TEST(settings.uploads == 7U);
    BOOST_REQUIRE(asked.size() == 3U); // first: is the flake there?
    BOOST_TEST(asked[0] == "/repos/owner/fleet/contents/flake.nix?ref=" + base + " Bearer a-token");
    BOOST_TEST(asked[1] == "/repos/owner/fleet/contents/cachefill.yml?ref=" + base + " Bearer a-token");
}

BOOST_AUTO_TEST_CASE(a_change_whose_base_nobody_knows_makes_no_less_of_the_run) {
    Desk desk;
    Desk::write(desk.flake() / "cachefill.yml",
                "hosts: [easy]\nevaluate-only: [\"*\"]\nsystems: [x86_64-linux]\nread-only: true\n"
                "exclude-push: [\"*\"]\nsize-budget: 1\nuploads: 4\n");
    auto sha = desk.commit();
    auto counts = [](const Settings& settings) {
        return !settings.hosts.empty() && !settings.evaluate_only.empty() && !settings.systems.empty() &&
               settings.read_only && !settings.exclude_push.empty() && settings.size_budget == 1U;
    };
    auto counts_in_part = [](const Settings& settings) {
        return !settings.hosts.empty() || !settings.evaluate_only.empty() || !settings.systems.empty() ||
               settings.read_only || !settings.exclude_push.empty() || settings.size_budget != 0U;
    };
    BOOST_TEST(counts(desk.settings({"run"})));
    desk.step("push", sha);
    BOOST_TEST(counts(desk.settings({"ci"})));
    desk.pull_request(std::string(40, '2'));
    desk.variables["CACHEFILL_CACHE"] = "team";
    for (const std::string command : {"ci", "run"}) {
        auto invocation = desk.invocation({command});
        BOOST_TEST(!counts_in_part(invocation.settings), command);
        BOOST_TEST(invocation.settings.uploads == 4U);
        for (const std::string key : {"hosts", "evaluate-only", "systems", "read-only", "exclude-push", "size-budget"})
            BOOST_TEST(says(invocation, warning, "'" + key + ": "), key);
        BOOST_TEST(says(invocation, warning, "nobody knows whether it is the repository's own"));
        BOOST_TEST(says(invocation, warning, "the input 'hosts', --hosts or CACHEFILL_HOSTS"));
        BOOST_TEST(says(invocation, warning, "fetch-depth: 0"));
    }
    BOOST_TEST(desk.settings({"ci", "--hosts", "nas"}).hosts == Words{"nas"}, boost::test_tools::per_element());
    desk.step("fork", sha);
    BOOST_TEST(!counts_in_part(desk.settings({"run"})));
    desk.pull_request(sha);
    BOOST_TEST(counts(desk.settings({"run"})));
}

BOOST_AUTO_TEST_CASE(github_is_asked_about_a_checkout_below_the_workspace_if_it_is_of_this_repository) {
    Desk desk;
    Desk::write(desk.flake() / "cachefill.yml", greedy);
    desk.commit();
    desk.pull_request(std::string(40, '2'));
    test::HttpServer server([&](const test::HttpRequest&) {
        return test::HttpReply(200,
                               R"({"encoding": "base64", "content": ")" + codec::to_base64("uploads: 7\n") + R"("})");
    });
    desk.variables["CACHEFILL_GITHUB_TOKEN"] = "a-token";
    desk.variables["GITHUB_API_URL"] = server.url();
    desk.variables["GITHUB_WORKSPACE"] = desk.flake().parent_path().string();
    BOOST_TEST(desk.settings({"run"}).uploads == 4U); // nobody knows whose it is
    desk.git("remote add origin https://github.com/owner/other");
    BOOST_TEST(desk.settings({"run"}).uploads == 4U);
    BOOST_TEST(is_tight(desk.settings({"run"})));
    desk.git("remote set-url origin https://github.com/Owner/fleet.git");
    BOOST_TEST(desk.settings({"run"}).uploads == 7U);
    desk.variables["GITHUB_SERVER_URL"] = "https://ghe.example";
    BOOST_TEST(desk.settings({"run"}).uploads == 4U);
    desk.git("remote set-url origin git@ghe.example:owner/fleet");
    BOOST_TEST(desk.settings({"run"}).uploads == 7U);
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_link_out_of_the_checkout_shows_nothing_of_where_it_leads) {
    for (bool in_step : {false, true})
        for (const std::string place : {"cachefill.yml", ".github/cachefill.yml"}) {
            Desk desk;
            auto outside = desk.flake().parent_path() / "outside";
            Desk::write(outside / "cachefill.yml", "s3cret-key: 1\n");
            Desk::write(desk.flake() / "ci/settings.yml", "uploads: 7\n");
            auto base = desk.commit();
            Desk::write(desk.flake() / ".git/s3cret", "s3cret-key: 1\n");
            auto refused = [&] {
                if (in_step) desk.pull_request(base);
                auto parsed = parse_command_line(Words{in_step ? "ci" : "plan"}, Environment(desk.variables));
                if (parsed) return std::string("taken");
                BOOST_TEST(render(parsed.error()).find("s3cret") == std::string::npos);
                return parsed.error().cause();
            };
            fs::create_directories((desk.flake() / place).parent_path());
            for (const auto& target : {outside / "cachefill.yml", desk.flake() / ".git/s3cret"}) {
                fs::create_symlink(target, desk.flake() / place);
                BOOST_TEST(refused().find("is a link to what is no file of the flake's repository") !=
                           std::string::npos);
                fs::remove(desk.flake() / place);
            }
            fs::create_symlink(desk.flake() / "ci/settings.yml", desk.flake() / place);
            BOOST_TEST(refused() == "taken");
            fs::remove(desk.flake() / place);
            if (place == "cachefill.yml") continue;
            fs::remove(desk.flake() / ".github");
            fs::create_directory_symlink(outside, desk.flake() / ".github");
            BOOST_TEST(refused().find("is a link to") != std::string::npos);
        }
}

BOOST_AUTO_TEST_CASE(a_link_on_the_base_branch_is_followed_within_the_repository) {
    Desk desk;
    auto file = desk.flake() / ".github/cachefill.yml";
    Desk::write(desk.flake() / "ci/settings.yml", "uploads: 7\nalso-push: [nas]\n");
    fs::create_directories(file.parent_path());
    fs::create_symlink("../ci/linked.yml", file);
    fs::create_symlink("settings.yml", desk.flake() / "ci/linked.yml");
    auto base = desk.commit();
    Desk::write(desk.flake() / "ci/settings.yml", greedy);
    desk.commit();
    desk.pull_request(base);
    auto settings = desk.settings({"run"});
    BOOST_TEST(settings.uploads == 7U);
    BOOST_TEST((settings.also_push == std::vector{GivenUrl("nas")}));
    for (const std::string target : {"/etc/hostname", "../../elsewhere.yml", "../ci", "cachefill.yml"}) {
        fs::remove(file);
        fs::create_symlink(target, file);
        base = desk.commit();
        fs::remove(file);
        Desk::write(file, greedy);
        desk.commit();
        desk.pull_request(base);
        auto invocation = desk.invocation({"run"});
        BOOST_TEST(is_tight(invocation.settings), target);
        BOOST_TEST(says(invocation, warning, "cachefill.yml is a link there, to '"), target);
    }
    // As GitHub says it of one that leads out.
    desk.pull_request(std::string(40, '2'));
    test::HttpServer server([&](const test::HttpRequest&) {
        return test::HttpReply(200, R"({"type": "symlink", "target": "/etc/hostname", "size": 13})");
    });
    desk.variables["CACHEFILL_GITHUB_TOKEN"] = "a-token";
    desk.variables["GITHUB_API_URL"] = server.url();
    auto invocation = desk.invocation({"run"});
    server.stop();
    BOOST_TEST(is_tight(invocation.settings));
    BOOST_TEST(says(invocation, warning, "is a link there, to '/etc/hostname'"));
}

BOOST_AUTO_TEST_CASE(what_a_change_makes_of_the_flakes_folder_hides_no_repository_around_it) {
    Desk desk;
    auto folder = desk.flake() / "fleet";
    auto elsewhere = desk.flake().parent_path();
    Desk::write(desk.flake() / "cachefill.yml", "uploads: 9\n");
    Desk::write(folder / "cachefill.yml", "strict-trust: true\nhosts: [nas]\n");
    auto base = desk.commit();
    auto module = shell_word((elsewhere / "module").string());
    auto clone = [&](const std::string& how) { desk.git("clone -q . " + how); };
    auto is_of_base = [&](const std::string& how) {
        desk.pull_request(base);
        desk.variables["NH_FLAKE"] = folder.string();
        auto settings = desk.settings({"ci", "--cache", "team"});
        BOOST_TEST(settings.strict_trust, how);
        BOOST_TEST(settings.hosts == Words{"nas"}, boost::test_tools::per_element());
        BOOST_TEST(settings.uploads != 9U, how);
    };
    is_of_base("as it is");
    clone(module);
    desk.git("rm -rqf fleet");
    desk.git("-c protocol.file.allow=always submodule add -q --force " + module + " fleet");
    BOOST_REQUIRE(fs::is_regular_file(folder / ".git"));
    is_of_base("a submodule");
    fs::rename(folder, desk.flake() / "other");
    fs::create_directory_symlink("other", folder);
    is_of_base("a link to a submodule");
    for (const std::string target : {".", "../module"}) {
        fs::remove(folder);
        fs::create_directory_symlink(target, folder);
        is_of_base("a link to " + target);
    }
    // A workflow makes checkouts and work trees of its own in the workspace.
    fs::remove(folder);
    fs::remove_all(desk.flake() / ".git/modules");
    for (const std::string how : {"clone -q . fleet", "worktree add -q --detach fleet"}) {
        desk.git(how);
        Desk::write(folder / "cachefill.yml", greedy);
        desk.pull_request(base);
        desk.variables["NH_FLAKE"] = folder.string();
        BOOST_TEST(desk.settings({"ci"}).uploads == 9U, how);
        fs::remove_all(folder);
    }
}

BOOST_AUTO_TEST_CASE(of_a_submodule_of_the_base_branch_nobody_here_vouches) {
    Desk desk;
    Desk::write(desk.flake() / "cachefill.yml", "uploads: 9\n");
    desk.commit();
    auto module = shell_word((desk.flake().parent_path() / "module").string());
    desk.git("clone -q . " + module);
    desk.git("-c protocol.file.allow=always submodule add -q " + module + " fleet");
    auto base = desk.commit();
    Desk::write(desk.flake() / "fleet/cachefill.yml", greedy);
    desk.variables["NH_FLAKE"] = (desk.flake() / "fleet").string();
    desk.pull_request(base);
    auto invocation = desk.invocation({"run"});
    BOOST_TEST(is_tight(invocation.settings));
    BOOST_TEST(says(invocation, warning, "fleet is a submodule there"));
}

BOOST_AUTO_TEST_SUITE_END()
