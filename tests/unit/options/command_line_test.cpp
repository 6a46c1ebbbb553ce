#include "eval/target.hpp"
#include "options/command_line.hpp"
#include "options/flake_around.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <set>

using namespace cachefill;
using namespace cachefill::options;

namespace {

using Words = std::vector<std::string>;

Result<std::variant<Invocation, Answer>> parse(const Words& words, std::map<std::string, std::string> variables = {}) {
    // Nothing of the directory the tests run in may matter.
    variables.try_emplace("NH_FLAKE", "github:someone/fleet");
    return parse_command_line(words, Environment(std::move(variables)));
}

Settings settings_of(const Words& words, std::map<std::string, std::string> variables = {}) {
    auto parsed = parse(words, std::move(variables));
    if (!parsed) BOOST_FAIL(parsed.error().one_line());
    BOOST_REQUIRE(std::holds_alternative<Invocation>(*parsed));
    return std::get<Invocation>(*parsed).settings;
}

Failure refused(const Words& words, std::map<std::string, std::string> variables = {}) {
    auto parsed = parse(words, std::move(variables));
    BOOST_REQUIRE_MESSAGE(!parsed.has_value(), "was accepted");
    BOOST_TEST((parsed.error().kind() == FailureKind::usage));
    return parsed.error();
}

std::string answer_to(const Words& words) {
    auto parsed = parse(words);
    if (!parsed) BOOST_FAIL(parsed.error().one_line());
    BOOST_REQUIRE(std::holds_alternative<Answer>(*parsed));
    return std::get<Answer>(*parsed).text;
}

// A flake's directory with a configuration.
class Flake {
  public:
    explicit Flake(const std::string& yaml)
        : directory_(std::filesystem::temp_directory_path() / ("cachefill-flake-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(directory_);
        std::ofstream(directory_ / "cachefill.yml") << yaml;
    }
    ~Flake() { std::filesystem::remove_all(directory_); }
    Flake(const Flake&) = delete;
    Flake& operator=(const Flake&) = delete;
    std::string path() const { return directory_.string(); }

  private:
    std::filesystem::path directory_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(command_line)

BOOST_AUTO_TEST_CASE(flags_reach_the_settings) {
    auto settings = settings_of({"run", "--cache", "team", "--hosts", "nixos:*", "--hosts", "!template-*",
                                 "--uploads=4", "--read-only", "--no-upstreams-from-hosts", "--pins-keep", "5", "."});
    BOOST_TEST(settings.flake == flake_around("."));
    BOOST_TEST(settings.cache.reveal() == "team");
    BOOST_TEST(settings.hosts == (Words{"nixos:*", "!template-*"}), boost::test_tools::per_element());
    BOOST_TEST(settings.uploads == 4U);
    BOOST_TEST(settings.read_only);
    BOOST_TEST(!settings.upstreams_from_hosts);
    BOOST_TEST(settings.pin_keep == 5);
}

BOOST_AUTO_TEST_CASE(a_flag_wins_over_environment_over_configuration_over_default) {
    Flake flake("cache: from-config\nuploads: 2\nmemory: 64M\n");
    Words words{"plan", flake.path()};
    BOOST_TEST(settings_of(words).cache.reveal() == "from-config");
    words[0] = "run"; // the flake does not say where something is pushed to
    BOOST_TEST(settings_of(words).cache.reveal() == "");
    words.insert(words.end(), {"--config", flake.path() + "/cachefill.yml"});
    BOOST_TEST(settings_of(words).cache.reveal() == "from-config");
    BOOST_TEST(settings_of(words).uploads == 2U);
    BOOST_TEST(settings_of(words).compression_level == 3);
    std::map<std::string, std::string> environment{{"CACHEFILL_CACHE", "from-environment"}, {"CACHEFILL_UPLOADS", "5"}};
    BOOST_TEST(settings_of(words, environment).cache.reveal() == "from-environment");
    words.insert(words.end(), {"--cache", "from-flag"});
    auto settings = settings_of(words, environment);
    BOOST_TEST(settings.cache.reveal() == "from-flag");
    BOOST_TEST(settings.uploads == 5U);
    BOOST_TEST(settings.memory == 64ULL << 20);
}

BOOST_AUTO_TEST_CASE(lists_replace_each_other_and_never_add_up) {
    Flake flake("hosts: [a, b]\n");
    BOOST_TEST(settings_of({"run", flake.path()}, {{"CACHEFILL_HOSTS", "c d"}}).hosts == (Words{"c", "d"}),
               boost::test_tools::per_element());
    BOOST_TEST(settings_of({"run", flake.path(), "--hosts", "e"}, {{"CACHEFILL_HOSTS", "c d"}}).hosts == Words{"e"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(empty_variables_count_as_unset) {
    BOOST_TEST(settings_of({"run", "--cache", "team"}, {{"CACHEFILL_UPLOADS", ""}}).uploads == 16U);
}

BOOST_AUTO_TEST_CASE(a_bad_variable_is_named) {
    auto failure = refused({"run"}, {{"CACHEFILL_UPLOADS", "many"}});
    BOOST_TEST(failure.one_line().find("CACHEFILL_UPLOADS") != std::string::npos);
    BOOST_TEST(failure.one_line().find("'many'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_unknown_flag_gets_the_one_that_was_meant) {
    auto failure = refused({"run", "--hots", "nas"});
    BOOST_TEST(failure.cause() == "'--hots' is no option of 'cachefill run'");
    BOOST_TEST(failure.hint() == "did you mean '--hosts'?");
    BOOST_TEST(refused({"run", "--cahce=team"}).hint() == "did you mean '--cache'?");
    BOOST_TEST(refused({"run", "--frobnicate-everything"}).hint() == "'cachefill run --help' lists them");
    // What another command knows is said to be its.
    BOOST_TEST(refused({"run", "--forget"}).hint() == "it is one of 'cachefill login'");
    BOOST_TEST(refused({"run", "--no-forget"}).hint() == "it is one of 'cachefill login'");
    BOOST_TEST(refused({"plan", "-n"}).hint().find("it is one of 'cachefill run', ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_flag_of_another_command_is_refused) {
    BOOST_TEST(refused({"verify", "--uploads", "3"}).cause() == "'--uploads' is no option of 'cachefill verify'");
}

BOOST_AUTO_TEST_CASE(an_unknown_command_gets_the_one_that_was_meant) {
    BOOST_TEST(refused({"plna"}).hint() == "did you mean 'cachefill plan'?");
    BOOST_TEST(refused({"completely-else"}).hint() == "'cachefill help' shows what there is");
    BOOST_TEST(refused({"help", "verfy"}).hint() == "did you mean 'cachefill verify'?");
}

BOOST_AUTO_TEST_CASE(what_was_meant_for_an_address_with_a_password_is_repeated_by_nothing) {
    using Words = std::vector<std::string>;
    for (const auto& words : {Words{"push", "kim:s3cret-word@host"}, Words{"doctor", "kim:s3cret-word@host"},
                              Words{"wait", "kim:s3cret-word@host"}, Words{"run", "--hosts", "kim:s3cret-word@host"},
                              Words{"report", "kim:s3cret-word@host"}, Words{"plan", "--https://kim:s3cret-word@host/"},
                              Words{"plan", "http://kim:abc#s3cret-word@127.0.0.1"}, Words{"kim:s3cret-word%40host"}}) {
        auto text = refused(words).one_line();
        BOOST_TEST(text.find("s3cret-word") == std::string::npos, text);
    }
}

// A toggle takes none, so whoever gives it an address meant something else.
BOOST_AUTO_TEST_CASE(a_value_given_to_a_flag_that_takes_none_is_not_repeated) {
    for (const std::string value : {"https://kim:s3cret@host/x", "s3cret", ""})
        for (const auto& option : option_table()) {
            if (option.type != OptionType::toggle || !(option.commands & bit(Command::run))) continue;
            for (const auto& name : {option.flag(), "--no-" + option.flag().substr(2), option.short_flag()}) {
                if (name.empty()) continue;
                auto parsed = parse({"run", name + "=" + value});
                if (value.empty() && parsed) continue;
                BOOST_REQUIRE_MESSAGE(!parsed.has_value(), name << "=" << value);
                auto text = render(parsed.error());
                BOOST_TEST(text.find("s3cret") == std::string::npos, text);
                BOOST_TEST((text.find(name) != std::string::npos || name.size() == 2), text);
            }
        }
    BOOST_TEST(refused({"run", "--verbose=true", "--quiet=s3cret"}).cause() == "'--quiet' takes no value");
}

BOOST_AUTO_TEST_CASE(impossible_values_and_missing_ones_are_refused) {
    BOOST_TEST(refused({"run", "--uploads", "0"}).cause() ==
               "--uploads: '0' is not usable here; expected a number from 1 to 256");
    BOOST_TEST(refused({"run", "--cache"}).cause().find("--cache") != std::string::npos);
    BOOST_TEST(refused({"run", "--deadline", "tomorrow"}).cause().starts_with("--deadline: 'tomorrow'"));
}

BOOST_AUTO_TEST_CASE(two_flakes_and_an_output_of_a_flake_are_refused_with_what_to_do) {
    BOOST_TEST(refused({"run", "./a", "./b"}).hint() == "hosts are named as the flake has them, or with --hosts");
    BOOST_TEST(refused({"run", ".#nas"}).hint() == "choose hosts with --hosts nas");
}

BOOST_AUTO_TEST_CASE(without_a_flake_it_is_that_of_nh_and_else_the_current_directory) {
    BOOST_TEST(settings_of({"run"}, {{"NH_FLAKE", "/etc/nixos#nas"}}).flake == "/etc/nixos");
    BOOST_TEST(settings_of({"run"}, {{"NH_FLAKE", ""}, {"NH_OS_FLAKE", "/etc/os"}}).flake == "/etc/os");
    BOOST_TEST(settings_of({"run"}, {{"NH_FLAKE", ""}, {"CACHEFILL_CONFIG", "/dev/null"}}).flake == flake_around("."));
}

BOOST_AUTO_TEST_CASE(a_flake_that_others_may_change_is_found_by_its_name_only) {
    namespace fs = std::filesystem;
    Flake flake("jobs: 3\n");
    std::ofstream(flake.path() + "/flake.nix") << "{ }";
    fs::create_directories(flake.path() + "/mine");
    fs::permissions(flake.path(), fs::perms::others_write, fs::perm_options::add);
    const auto mine = flake.path() + "/mine";
    for (const char* command : {"run", "plan", "init"})
        BOOST_TEST(refused({command, mine}).cause().find("everybody may write to " + flake.path()) !=
                   std::string::npos);
    BOOST_TEST(!refused({"verify", "nas", "--flake", mine}).hint().empty());
    BOOST_TEST(settings_of({"push"}, {{"NH_FLAKE", mine}}).flake == mine); // it evaluates nothing
    BOOST_TEST(settings_of({"run", mine}, {{"GITHUB_ACTIONS", "true"}}).flake == flake.path());
    BOOST_TEST(settings_of({"run", flake.path()}).flake == flake.path());
}

BOOST_AUTO_TEST_CASE(push_and_verify_take_paths_and_hosts) {
    BOOST_TEST(settings_of({"push", "/nix/store/a", "/nix/store/b"}).arguments ==
                   (Words{"/nix/store/a", "/nix/store/b"}),
               boost::test_tools::per_element());
    BOOST_TEST(settings_of({"verify", "nas"}).arguments == Words{"nas"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_configuration_that_was_named_must_exist_and_its_errors_keep_their_place) {
    BOOST_TEST(
        refused({"run", "--config", "/nonexistent/cachefill.yml"}).one_line().find("/nonexistent/cachefill.yml") !=
        std::string::npos);
    Flake flake("cache: team\nhots: a\n");
    BOOST_TEST(refused({"run", flake.path()}).cause() == flake.path() + "/cachefill.yml:2:1: unknown key 'hots'");
}

BOOST_AUTO_TEST_CASE(help_names_every_option_of_a_command_and_no_other) {
    for (auto command : {Command::run, Command::plan, Command::push, Command::verify, Command::ci}) {
        auto text = answer_to({std::string(to_string(command)), "--help"});
        BOOST_TEST(text == answer_to({"help", std::string(to_string(command))}));
        for (const auto& option : option_table()) {
            auto short_form = option.short_flag().empty() ? std::string() : option.short_flag() + ", ";
            auto form = option.type == OptionType::maybe_value ? option.form() : option.flag();
            bool is_there = text.find("\n  " + short_form + form + " ") != std::string::npos ||
                            text.find("\n  " + short_form + form + "\n") != std::string::npos;
            BOOST_TEST(is_there == ((option.commands & bit(command)) != 0), option.flag());
        }
    }
}

BOOST_AUTO_TEST_CASE(what_people_type_often_has_a_letter) {
    auto settings = settings_of({"run", "-nqv", "-H", "nas", "-H", "desk", "-o", "-"});
    BOOST_TEST((settings.dry_run && settings.quiet && settings.verbose));
    BOOST_TEST(settings.hosts == (Words{"nas", "desk"}), boost::test_tools::per_element());
    BOOST_TEST(settings.json == "-");
    BOOST_TEST(settings_of({"run", "-Hnas"}).hosts == Words{"nas"}, boost::test_tools::per_element());
    BOOST_TEST(refused({"plan", "-n"}).cause() == "'-n' is no option of 'cachefill plan'");
    BOOST_TEST((refused({"run", "-H"}).kind() == FailureKind::usage));
    // What is repeated in other commands is spelt out.
    BOOST_TEST(settings_of({"run", "-q"}).typed.flags.contains("quiet"));
}

BOOST_AUTO_TEST_CASE(hosts_may_stand_beside_the_flake_or_in_its_place) {
    auto settings = settings_of({"plan", "nas", "home:kim@nas.example", "!template-*", "--hosts", "desk"});
    BOOST_TEST(settings.flake == "github:someone/fleet"); // $NH_FLAKE
    BOOST_TEST(settings.hosts == (Words{"desk", "nas", "home:kim@nas.example", "!template-*"}),
               boost::test_tools::per_element());
    settings = settings_of({"run", "github:o/r", "nas"});
    BOOST_TEST(settings.flake == "github:o/r");
    BOOST_TEST(settings.hosts == Words{"nas"}, boost::test_tools::per_element());
    Flake flake("");
    settings = settings_of({"run", flake.path(), "--", "nas"});
    BOOST_TEST(settings.flake == flake.path());
    BOOST_TEST(settings.hosts == Words{"nas"}, boost::test_tools::per_element());
    std::filesystem::create_directory("fleet-of-a-test"); // where the test runs
    BOOST_TEST(settings_of({"run", "fleet-of-a-test"}).hosts.empty());
    std::filesystem::remove("fleet-of-a-test");
    for (std::string word : {".", "..", "./nas", "flake:nas", "path:.", "~/nas"})
        BOOST_TEST(settings_of({"run", word}).hosts.empty(), word);

    BOOST_TEST(settings_of({"verify", "nas"}).arguments == Words{"nas"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_command_has_one_letter_for_two_options) {
    for (auto command : command_list()) {
        std::set<std::string> seen{"-h"};
        for (const auto& option : option_table())
            if ((option.commands & bit(command)) && !option.short_flag().empty())
                BOOST_TEST(seen.insert(option.short_flag()).second, to_string(command) << " " << option.key);
    }
}

BOOST_AUTO_TEST_CASE(short_help_leaves_the_details_out) {
    auto brief = answer_to({"run", "-h"}), full = answer_to({"run", "--help"});
    BOOST_TEST(brief.size() < full.size());
    BOOST_TEST(full.find("CACHIX_AUTH_TOKEN") != std::string::npos);
    BOOST_TEST(brief.find("CACHIX_AUTH_TOKEN") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_overview_names_every_command_and_the_exit_codes) {
    auto text = answer_to({"help"});
    BOOST_TEST(text == answer_to({"--help"}));
    for (auto command : {Command::run, Command::plan, Command::push, Command::verify, Command::ci})
        BOOST_TEST(text.find("cachefill " + std::string(to_string(command))) != std::string::npos);
    BOOST_TEST(text.find("Exit codes: 0 complete") != std::string::npos);
    BOOST_TEST(answer_to({"--version"}).starts_with("cachefill "));
}

BOOST_AUTO_TEST_CASE(what_follows_two_dashes_is_the_command_to_guard) {
    auto settings = settings_of({"guard", "--max-minutes", "5", "--", "nh", "os", "switch", "-H", "desk", "--", "-v"});
    BOOST_TEST(settings.arguments == (Words{"nh", "os", "switch", "-H", "desk", "--", "-v"}),
               boost::test_tools::per_element());
    BOOST_TEST(settings.max_minutes == 5U);
    BOOST_TEST(settings.switches->host == "desk");
    BOOST_TEST((settings.switches->kind == eval::TargetKind::nixos));
    BOOST_TEST(settings.flake == "github:someone/fleet");
    BOOST_TEST(settings_of({"guard", "--", "nh", "os", "switch", "."}).flake == flake_around("."));
}

BOOST_AUTO_TEST_CASE(doctor_and_wait_take_a_command_that_tells_which_host) {
    for (const auto* command : {"doctor", "wait"}) {
        auto settings = settings_of({command, "--", "sudo", "nixos-rebuild", "switch", "--flake", "/etc/nixos#nas"});
        BOOST_TEST(settings.flake == "/etc/nixos");
        BOOST_TEST(settings.switches->host == "nas");
        BOOST_TEST(!settings_of({command, "nas"}).switches);
        BOOST_TEST(refused({command, "nas", "laptop"}).cause().find("one host") != std::string::npos);
        BOOST_TEST(!settings_of({command}).kind);
        BOOST_TEST((settings_of({command, "--kind", "home"}).kind == eval::TargetKind::home));
        BOOST_TEST((settings_of({command}, {{"CACHEFILL_KIND", "darwin"}}).kind == eval::TargetKind::darwin));
    }
    // It is set for whatever of this program the module installed, and nothing of it to other commands.
    settings_of({"run"}, {{"CACHEFILL_KIND", "darwin"}});
}

BOOST_AUTO_TEST_CASE(the_flake_of_nh_follows_its_own_variables) {
    auto settings =
        settings_of({"guard", "--", "nh", "home", "switch"}, {{"NH_HOME_FLAKE", "/homes#homeConfigurations.kim"}});
    BOOST_TEST(settings.flake == "/homes");
    BOOST_TEST(settings.switches->host == "kim");
    BOOST_TEST(settings_of({"guard", "--", "nh", "os", "switch"}, {{"NH_HOME_FLAKE", "/homes"}}).flake ==
               "github:someone/fleet");
    BOOST_TEST(settings_of({"guard", "--", "env", "-C", "/usr", "nh", "os", "switch", "share"}).flake == "/usr/share");
}

BOOST_AUTO_TEST_CASE(guard_refuses_two_hosts) {
    refused({"guard", "--host", "nas", "--", "nh", "os", "switch", "-H", "desk"});
    settings_of({"guard", "--host", "nixos:desk", "--", "nh", "os", "switch", "-H", "desk"});
}

BOOST_AUTO_TEST_CASE(guard_refuses_two_flakes_and_an_update_in_the_command) {
    refused({"guard", "--flake", "/a", "--", "nh", "os", "switch", "/b"});
    BOOST_TEST(refused({"guard", "--", "nh", "os", "switch", "-u"}).hint().find("guard --update") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_address_with_a_login_where_none_is_expected_is_not_repeated) {
    const std::string address = "https://kim:s3cret@host/a";
    auto check = [](const Failure& failure) {
        BOOST_TEST(failure.one_line().find("s3cret") == std::string::npos, failure.one_line());
    };
    check(refused({address}));
    for (const auto* command : {"push", "verify", "report", "wait", "doctor"})
        check(refused({command, address, "--cache", "team"}));
    for (const auto& option : option_table()) {
        // Of the addresses that these take others hide the login; JSON and names of toggles are no addresses.
        if (option.login == Login::taken || option.type == OptionType::toggle) continue;
        for (auto command : command_list()) {
            if (!(option.commands & bit(command)) || command == Command::ci) continue;
            BOOST_TEST_CONTEXT(option.key) {
                Words words{std::string(to_string(command)), option.flag(), address};
                if (option.type == OptionType::maybe_value) words = {words[0], option.flag() + "=" + address};
                check(refused(words));
                if (option.in_environment())
                    check(refused({std::string(to_string(command))}, {{option.variable(), address}}));
            }
        }
    }
    check(refused({"plan", "--config", address}));
    check(refused({"plan"}, {{"CACHEFILL_CONFIG", address}}));
    BOOST_TEST(settings_of({"push", "ssh://git@host"}).arguments.size() == 1U); // an account is no login
    BOOST_TEST(settings_of({"guard", "nixos-rebuild", "switch", "--flake", "git+" + address}).switches.has_value());
}

BOOST_AUTO_TEST_CASE(a_value_that_may_be_left_out_never_takes_the_next_word) {
    BOOST_TEST(settings_of({"plan"}).shards == 0U);
    BOOST_TEST(!settings_of({"plan"}).is_for_shards());
    auto bare = settings_of({"plan", "--shards", "github:kim/fleet"});
    BOOST_TEST(bare.shards == usual_shards);
    BOOST_TEST(bare.flake == "github:kim/fleet");
    auto eight = settings_of({"plan", "--shards=8", "github:kim/fleet"});
    BOOST_TEST(eight.shards == 8U);
    BOOST_TEST(settings_of({"plan", "--matrix"}).is_for_shards());
    BOOST_TEST(settings_of({"plan", "--shards=0"}).shards == 0U);
    BOOST_TEST(settings_of({"ci"}, {{"CACHEFILL_INPUT_SHARDS", "4"}}).shards == 4U);
    BOOST_TEST(settings_of({"ci"}, {{"CACHEFILL_INPUT_SHARDS", "true"}}).shards == usual_shards);
    BOOST_TEST(settings_of({"ci"}, {{"CACHEFILL_INPUT_SHARDS", "0"}}).shards == 0U);
    BOOST_TEST(refused({"plan", "--shards=many"}).cause().find("1 to 256") != std::string::npos);
    BOOST_TEST(refused({"plan", "--shards=257"}).cause().find("1 to 256") != std::string::npos);
    BOOST_TEST(refused({"run", "--shards"}).hint().find("'cachefill plan'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(flags_of_other_programs_are_told_what_they_are_here) {
    for (const auto& [words, hint] : std::vector<std::pair<Words, std::string>>{
             {{"doctor", "-H", "lap"}, "'cachefill doctor lap'"},
             {{"wait", "--host", "lap"}, "'cachefill wait lap'"},
             {{"wait", "--host=lap"}, "'cachefill wait lap'"},
             {{"doctor", "-H"}, "'cachefill doctor HOST'"},
             {{"run", "--no-color"}, "--color never"},
             {{"run", "--json"}, "'--json -'"},
             {{"run", "--man"}, "help --man"},
             {{"--man"}, "help --man"},
             {{"completion", "bash"}, "'cachefill help --completion bash'"},
             {{"completions"}, "'cachefill help --completion SHELL'"},
             {{"--frob", "my cache", "run", "."}, "the command comes first: cachefill run --frob 'my cache' ."},
             {{"-q"}, "'cachefill help' shows what there is"}}) {
        auto failure = refused(words);
        BOOST_TEST(failure.hint().find(hint) != std::string::npos, failure.hint());
    }
    BOOST_TEST(answer_to({"-V"}) == answer_to({"--version"}));
    BOOST_TEST(refused({"--frob", "https://kim:geheim@c.example", "run"}).hint() == "the command comes first");
}

BOOST_AUTO_TEST_CASE(flags_may_stand_before_the_command) {
    for (const auto& words : std::vector<Words>{{"--cache", "demo", "run", "-q", "/fleet"},
                                                {"--cache=demo", "-q", "run", "/fleet"},
                                                {"-q", "--cache", "demo", "run", "/fleet"},
                                                {"run", "--cache", "demo", "-q", "/fleet"}}) {
        auto settings = settings_of(words);
        BOOST_TEST(settings.cache.reveal() == "demo", words[0]);
        BOOST_TEST(settings.quiet);
        BOOST_TEST(settings.flake == "/fleet");
        BOOST_TEST(settings.typed.words[0] == "run"); // so what is told to be typed has it in front
    }
    BOOST_TEST(settings_of({"--hosts", "plan", "run", "."}).hosts == Words{"plan"}, boost::test_tools::per_element());
    BOOST_TEST(!settings_of({"--no-read-only", "run"}).read_only);
    BOOST_TEST(refused({"--uploads", "3", "verify"}).cause() == "'--uploads' is no option of 'cachefill verify'");
    BOOST_TEST(refused({"-q"}).cause() == "'-q' stands where the command should");
    BOOST_TEST(refused({"--cache", "run"}).cause() == "'--cache' stands where the command should");
    BOOST_TEST(refused({"--cache"}).cause() == "'--cache' stands where the command should");
}

BOOST_AUTO_TEST_CASE(who_says_nothing_is_shown_what_there_is) {
    auto parsed = parse({});
    BOOST_REQUIRE(parsed.has_value());
    const auto& answer = std::get<Answer>(*parsed);
    BOOST_TEST(answer.text == answer_to({"help"}));
    BOOST_TEST(!answer.was_asked);
}

BOOST_AUTO_TEST_SUITE_END()
