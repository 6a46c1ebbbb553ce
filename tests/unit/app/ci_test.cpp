#include "app/ci.hpp"
#include "base/files.hpp"
#include "base/secret_variables.hpp"
#include "eval/evaluator.hpp"
#include "options/command_line.hpp"
#include "options/settings.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <sys/stat.h>

using namespace cachefill;
using namespace cachefill::app;

namespace {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A step of a workflow that runs `cachefill ci`, with a temporary directory of its own.
class Step {
  public:
    Step() : directory_(*TemporaryDirectory::make("cachefill-ci")) {
        variables = {{"GITHUB_ACTIONS", "true"},           {"GITHUB_EVENT_NAME", "push"},
                     {"GITHUB_REPOSITORY", "owner/fleet"}, {"RUNNER_TEMP", directory_.path().string()},
                     {"NH_FLAKE", "github:someone/fleet"}, {"CACHEFILL_INPUT_CACHE", "team"},
                     {"CACHIX_AUTH_TOKEN", "secret"}};
    }

    struct Begun {
        options::Settings settings;
        CiSetup ci;
    };
    Result<Begun> begin(Words words = {}) const {
        words.insert(words.begin(), "ci");
        Environment environment(variables);
        TRY(parsed, options::parse_command_line(words, environment));
        auto settings = std::get<options::Invocation>(parsed).settings;
        TRY(ci, set_up_ci(settings, environment));
        return Begun{std::move(settings), std::move(ci)};
    }
    Begun begun(const Words& words = {}) const {
        auto begun = begin(words);
        if (!begun) BOOST_FAIL(begun.error().one_line());
        return *begun;
    }
    options::Settings settings(const Words& words = {}) const { return begun(words).settings; }
    Failure refused(const Words& words = {}) const {
        auto begun = begin(words);
        BOOST_REQUIRE_MESSAGE(!begun.has_value(), "was accepted");
        return begun.error();
    }
    void event(const std::string& name, const std::string& json) {
        auto path = directory_.path() / "event.json";
        BOOST_REQUIRE(write_file_atomically(path, json).has_value());
        variables["GITHUB_EVENT_NAME"] = name;
        variables["GITHUB_EVENT_PATH"] = path.string();
    }
    std::filesystem::path temporary() const { return directory_.path(); }

    Variables variables;

  private:
    TemporaryDirectory directory_;
};

const std::string from_fork = R"({"pull_request": {"head": {"repo": {"full_name": "stranger/fleet"}}}})";
const std::string from_here = R"({"pull_request": {"head": {"repo": {"full_name": "owner/fleet"}}}})";

bool says(const Step::Begun& step, event::Severity severity, const std::string& part) {
    for (const auto& message : step.ci.remarks)
        if (message.severity == severity && message.text.find(part) != std::string::npos) return true;
    return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(ci)

BOOST_AUTO_TEST_CASE(every_option_has_an_input_of_its_name) {
    Step step;
    step.variables["CACHEFILL_INPUT_MAX_SILENT"] = "90s";
    step.variables["CACHEFILL_INPUT_UPSTREAMS_FROM_HOSTS"] = "false";
    step.variables["CACHEFILL_INPUT_FLAKE"] = "./machines";
    step.variables["CACHEFILL_INPUT_UPLOADS"] = "";
    auto settings = step.settings();
    BOOST_TEST(settings.cache.reveal() == "team");
    BOOST_TEST((settings.max_silent == std::chrono::seconds(90)));
    BOOST_TEST(!settings.upstreams_from_hosts);
    BOOST_TEST(settings.flake == "./machines");
    BOOST_TEST(settings.uploads == 16U);
}

BOOST_AUTO_TEST_CASE(lists_are_separated_by_newlines_or_commas) {
    Step step;
    step.variables["CACHEFILL_INPUT_HOSTS"] = "nixos:*, !template-*\n\n  home:a b \n";
    BOOST_TEST(step.settings().hosts == (Words{"nixos:*", "!template-*", "home:a b"}),
               boost::test_tools::per_element());
    step.variables["CACHEFILL_INPUT_HOSTS"] = " ,\n";
    BOOST_TEST(step.settings().hosts.empty());
}

BOOST_AUTO_TEST_CASE(a_flag_wins_over_an_input_over_the_environment) {
    Step step;
    step.variables["CACHEFILL_UPLOADS"] = "3";
    BOOST_TEST(step.settings().uploads == 3U);
    step.variables["CACHEFILL_INPUT_UPLOADS"] = "4";
    BOOST_TEST(step.settings().uploads == 4U);
    BOOST_TEST(step.settings({"--uploads", "5"}).uploads == 5U);
    BOOST_TEST(step.settings({"elsewhere"}).flake == "elsewhere");
}

BOOST_AUTO_TEST_CASE(what_is_no_input_or_has_an_impossible_value_is_named) {
    Step step;
    step.variables["CACHEFILL_INPUT_UPLOADS"] = "many";
    BOOST_TEST(step.refused().one_line().find("'uploads'") != std::string::npos);
    step.variables["CACHEFILL_INPUT_UPLOADS"] = "";
    step.variables["CACHEFILL_INPUT_HOTS"] = "nas";
    BOOST_TEST(step.refused().hint() == "did you mean 'CACHEFILL_INPUT_HOSTS'?");
}

BOOST_AUTO_TEST_CASE(a_cache_of_niks3_needs_a_token_or_githubs_word) {
    Step step;
    step.variables["CACHEFILL_INPUT_CACHE"] = "niks3://cache.example.org";
    auto failure = step.refused();
    BOOST_TEST(contains(failure.hint(), "secrets.NIKS3_AUTH_TOKEN"), failure.hint());
    BOOST_TEST(contains(failure.hint(), "id-token: write"), failure.hint());
    step.variables["NIKS3_AUTH_TOKEN"] = "of-niks3";
    BOOST_TEST(!step.settings().read_only);
    step.variables.erase("NIKS3_AUTH_TOKEN");
    step.variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = "https://token.example/x";
    step.variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of-the-step";
    BOOST_TEST(!step.settings().read_only);
}

BOOST_AUTO_TEST_CASE(a_pull_request_of_a_fork_is_read_only_and_says_so) {
    Step step;
    step.event("pull_request", from_fork);
    step.variables["CACHIX_AUTH_TOKEN"] = "";
    auto begun = step.begun();
    BOOST_TEST(begun.settings.read_only);
    BOOST_TEST(says(begun, event::Severity::notice, "fork"));
    // Even where it is handed a token, and whatever was asked for.
    step.variables["CACHIX_AUTH_TOKEN"] = "secret";
    step.event("pull_request_target", from_fork);
    BOOST_TEST(step.settings({"--no-read-only"}).read_only);
}

// Whatever was asked for, also by a maintainer: it is the same for all strangers' code.
BOOST_AUTO_TEST_CASE(strangers_code_is_confined_and_what_it_learns_stays_nowhere) {
    Step step;
    auto state = step.temporary() / "state";
    step.variables["XDG_STATE_HOME"] = state.string();
    BOOST_REQUIRE(cachefill::create_directories(state / "cachefill").has_value());
    BOOST_REQUIRE(write_file_atomically(state / "cachefill/evaluation-memory.json", "[1]").has_value());
    const Words asked{"--impure",      "always", "--accept-flake-config",  "--upstreams-from-hosts", "--substituter",
                      "--on-deadline", "rerun",  "--no-confine-evaluation"};
    const std::vector<std::pair<std::string, std::string>> events{
        {"pull_request", from_fork},
        {"pull_request_target", from_fork},
        {"pull_request_review", from_fork},
        {"pull_request_review_comment", from_fork},
        {"issue_comment", R"({"issue": {"number": 1, "pull_request": {"url": "https://api.github.com/x"}}})"},
        {"workflow_run", R"({"workflow_run": {"event": "issue_comment", "head_repository":
            {"full_name": "owner/fleet"}}})"},
        {"discussion", "{}"},
        {"an_event_of_tomorrow", "{}"}};
    for (const auto& [event, json] : events) {
        step.event(event, json);
        std::filesystem::path own;
        {
            auto begun = step.begun(asked);
            const auto& settings = begun.settings;
            BOOST_TEST(settings.read_only, event);
            BOOST_TEST((settings.impure == eval::Impure::never), event);
            BOOST_TEST(settings.confine_evaluation, event);
            BOOST_TEST(!settings.accept_flake_config, event);
            BOOST_TEST(!settings.upstreams_from_hosts, event);
            BOOST_TEST(!settings.substituter, event);
            BOOST_TEST((settings.on_deadline == options::OnDeadline::stop), event);
            BOOST_TEST(says(begun, event::Severity::notice, "nothing is pushed"), event);
            own = settings.state_directory;
            BOOST_TEST(own.parent_path() == step.temporary(), event);
            BOOST_TEST(read_file(own / "evaluation-memory.json", 100).value() == "[1]", event);
        }
        BOOST_TEST(!std::filesystem::exists(own), event);
    }
    step.event("push", "{}");
    auto settings = step.settings(asked);
    BOOST_TEST(!settings.read_only);
    BOOST_TEST((settings.impure == eval::Impure::always));
    BOOST_TEST(settings.substituter);
    BOOST_TEST(settings.state_directory.empty());
}

BOOST_AUTO_TEST_CASE(being_asked_to_be_read_only_loosens_nothing_for_strangers) {
    Step step;
    step.event("pull_request", from_fork);
    BOOST_TEST((step.settings({"--read-only"}).impure == eval::Impure::never));
}

BOOST_AUTO_TEST_CASE(a_pull_request_of_this_repository_pushes_and_needs_a_token) {
    Step step;
    step.event("pull_request", from_here);
    BOOST_TEST(!step.settings().read_only);
    step.variables["CACHIX_AUTH_TOKEN"] = " ";
    BOOST_TEST((step.refused().kind() == FailureKind::auth));
}

BOOST_AUTO_TEST_CASE(dependabot_without_a_token_is_read_only_and_with_one_is_not) {
    Step step;
    step.event("pull_request", from_here);
    step.variables["GITHUB_ACTOR"] = "dependabot[bot]";
    BOOST_TEST(!step.settings().read_only);
    step.variables["CACHIX_AUTH_TOKEN"] = "";
    BOOST_TEST(step.settings().read_only);
}

BOOST_AUTO_TEST_CASE(no_token_on_any_other_event_is_an_error_unless_read_only_was_asked_for) {
    Step step;
    step.variables["CACHIX_AUTH_TOKEN"] = "";
    for (const std::string event : {"push", "schedule", "workflow_dispatch", "merge_group"}) {
        step.variables["GITHUB_EVENT_NAME"] = event;
        BOOST_TEST(step.refused().cause().find("'" + event + "'") != std::string::npos);
    }
    BOOST_TEST(step.settings({"--read-only"}).read_only);
    step.variables["CACHEFILL_INPUT_CACHE"] = "file:///cache"; // which needs none
    BOOST_TEST(!step.settings().read_only);
}

BOOST_AUTO_TEST_CASE(without_a_deadline_there_is_one_and_a_warning) {
    Step step;
    auto begun = step.begun();
    BOOST_TEST((begun.settings.deadline == std::chrono::minutes(340)));
    BOOST_TEST(says(begun, event::Severity::warning, "340 minutes"));
    step.variables["CACHEFILL_INPUT_DEADLINE"] = "5h";
    BOOST_TEST(step.begun().ci.remarks.empty());
}

BOOST_AUTO_TEST_CASE(reports_of_one_job_do_not_overwrite_each_other) {
    Step step;
    auto first = step.settings().json;
    BOOST_TEST(first == (step.temporary() / "cachefill/report.json").string());
    BOOST_REQUIRE(write_file_atomically(first, "{}").has_value());
    BOOST_TEST(step.settings().json == (step.temporary() / "cachefill/report-2.json").string());
}

BOOST_AUTO_TEST_CASE(a_step_that_plans_for_shards_has_a_place_for_the_bundle_and_no_deadline_to_warn_of) {
    Step step;
    BOOST_TEST(step.settings().bundle == "");
    step.variables["CACHEFILL_INPUT_SHARDS"] = "0";
    BOOST_TEST(!step.settings().is_for_shards());
    step.variables["CACHEFILL_INPUT_SHARDS"] = "4";
    auto begun = step.begun();
    BOOST_TEST(begun.settings.matrix);
    BOOST_TEST(begun.settings.bundle == (step.temporary() / "cachefill/bundle.cachefill").string());
    BOOST_TEST(begun.ci.remarks.empty());
    step.variables["CACHEFILL_INPUT_BUNDLE"] = "/tmp/mine";
    BOOST_TEST(step.settings().bundle == "/tmp/mine");
    step.variables["CACHEFILL_INPUT_SHARD"] = "2";
    BOOST_TEST(step.refused().cause().find("'shards' is for the job that plans") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_step_that_may_push_nothing_says_that_there_will_be_no_shards) {
    Step step;
    step.variables["CACHEFILL_INPUT_SHARDS"] = "4";
    step.event("pull_request", from_here);
    BOOST_TEST(!says(step.begun(), event::Severity::notice, "no shards"));
    step.event("pull_request", from_fork);
    auto begun = step.begun();
    BOOST_TEST(says(begun, event::Severity::notice, "no shards"));
    BOOST_TEST(begun.settings.bundle != ""); // the last job goes by it
}

BOOST_AUTO_TEST_CASE(a_step_that_cannot_start_knows_all_the_same_where_its_report_goes) {
    Step step;
    step.variables.erase("CACHIX_AUTH_TOKEN");
    Environment environment(step.variables);
    auto parsed = options::parse_command_line(Words{"ci"}, environment);
    auto settings = std::get<options::Invocation>(parsed.value()).settings;
    BOOST_TEST(!set_up_ci(settings, environment).has_value());
    BOOST_TEST(settings.json == (step.temporary() / "cachefill/report.json").string());
}

BOOST_AUTO_TEST_CASE(outside_of_github_it_is_refused_with_what_to_use_instead) {
    Step step;
    step.variables.erase("GITHUB_ACTIONS");
    BOOST_TEST(step.refused().hint().find("cachefill run") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(secrets_are_masked_with_and_without_the_name_of_a_key) {
    auto masks =
        masks_of(Environment(Variables{{"CACHIX_AUTH_TOKEN", "abc"}, {"CACHEFILL_SIGNING_KEY", "name:b64=="}}));
    BOOST_TEST(masks == "::add-mask::name:b64==\n::add-mask::b64==\n::add-mask::abc\n");
}

BOOST_AUTO_TEST_CASE(passwords_in_the_urls_of_caches_are_masked) {
    options::Settings settings;
    settings.cache = GivenUrl("https://kim:s3cret%21@cache.example.org");
    settings.also_push = {GivenUrl("https://kim:other-one@example.org/nix?optional=1")};
    settings.upstreams = {GivenUrl("https://cache.nixos.org"),
                          GivenUrl("https://a:b@example.org")}; // too short to be worth it
    BOOST_TEST(masks_of(settings) == "::add-mask::other-one\n::add-mask::a2ltOm90aGVyLW9uZQ\n::add-mask::s3cret%2521\n:"
                                     ":add-mask::s3cret!\n::add-mask::a2ltOnMzY3JldCE\n");
}

BOOST_AUTO_TEST_CASE(what_a_parameter_of_an_address_holds_is_masked_unless_it_is_known_to_be_harmless) {
    options::Settings settings;
    settings.cache = GivenUrl("s3://team?endpoint=https://minio.example&region=eu-west-1&secret-key=hunter2");
    settings.upstreams = {GivenUrl("https://example.org/nix?token=query%2Dtoken&priority=40")};
    BOOST_TEST(masks_of(settings) == "::add-mask::query%252Dtoken\n::add-mask::query-token\n::add-mask::hunter2\n");
    BOOST_TEST(masks_of(Environment(Variables{{"CACHEFILL_HOSTS", "desk-?with-a-glob"}})) == "");
}

BOOST_AUTO_TEST_CASE(pieces_of_a_password_and_what_is_no_url_are_masked) {
    auto masks = masks_of(Environment(
        Variables{{"CACHEFILL_INPUT_ALSO_PUSH", "https://a.example,https://kim:s3cr,et-word@b.example\nteam"},
                  {"CACHEFILL_CACHE", "kim:no-scheme@host"},
                  {"CACHEFILL_UPSTREAM", "kim@desk some-long-token-of-mine@host/nix https://c.example/d@e"}}));
    // And the logins as they are sent.
    BOOST_TEST(masks == "::add-mask::no-scheme\n::add-mask::s3cr,et-word\n::add-mask::s3cr\n::add-mask::et-word\n"
                        "::add-mask::some-long-token-of-mine\n"
                        "::add-mask::a2ltOm5vLXNjaGVtZQ\n::add-mask::a2ltOnMzY3IsZXQtd29yZA\n::add-mask::"
                        "c29tZS1sb25nLXRva2VuLW9mLW1pbmU\n");
}

// One list for both: what is masked is kept from children, and the other way round.
BOOST_AUTO_TEST_CASE(every_secret_is_masked_in_the_log_and_kept_from_children) {
    for (const auto& secret : secret_variables()) {
        std::vector<std::string> names{std::string(secret.name)};
        if (secret.names == SecretVariable::Names::and_one_for_each_cache) names.push_back(names[0] + "_NAS");
        if (secret.names == SecretVariable::Names::all_that_begin_so) names = {names[0] + "TOKEN"};
        for (const auto& name : names) {
            Environment environment(Variables{{name, "name:value"}, {"HOME", "/home/kim"}});
            bool is_secret = secret.holds == SecretVariable::Holds::token || secret.holds == SecretVariable::Holds::key;
            BOOST_TEST(contains(masks_of(environment), "::add-mask::name:value\n") == is_secret, name);
            bool is_seen = environment.without_our_secrets().find(name).has_value();
            BOOST_TEST(is_seen == (secret.children == SecretVariable::Children::need_it), name);
        }
    }
    for (const std::string name : {"CACHIX_AUTH_TOKEN", "CACHIX_AUTH_TOKEN_NAS", "CACHEFILL_BEARER_TOKEN",
                                   "CACHEFILL_BEARER_TOKEN_NAS", "CACHEFILL_SIGNING_KEY", "GH_ENTERPRISE_TOKEN",
                                   "ATTIC_TOKEN", "GITHUB_PAT", "CACHIX_ACTIVATE_TOKEN", "GITLAB_TOKEN", "NPM_TOKEN"}) {
        Environment environment(Variables{{name, "value"}});
        BOOST_TEST(contains(masks_of(environment), "::add-mask::value\n"), name);
        BOOST_TEST(environment.without_our_secrets().variables().empty(), name);
    }
}

BOOST_AUTO_TEST_CASE(secrets_of_further_caches_are_masked_too_but_no_names_of_files) {
    auto masks = masks_of(Environment(Variables{{"CACHIX_AUTH_TOKEN_NAS", "abc"},
                                                {"CACHEFILL_SIGNING_KEY_NAS", "name:b64=="},
                                                {"CACHEFILL_SIGNING_KEY_FILE_NAS", "/run/key"}}));
    BOOST_TEST(masks == "::add-mask::name:b64==\n::add-mask::b64==\n::add-mask::abc\n");
}

BOOST_AUTO_TEST_CASE(what_files_of_secrets_hold_is_masked) {
    auto directory = TemporaryDirectory::make("cachefill-ci-test").value();
    auto write = [&](const char* name, const char* text) {
        auto file = directory.path() / name;
        BOOST_REQUIRE(write_file_atomically(file, text, 0600));
        return file.string();
    };
    auto pipe = (directory.path() / "pipe").string();
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0); // not read: what is in it is there but once
    auto masks = masks_of(Environment(Variables{
        {"CACHEFILL_BEARER_TOKEN_FILE", write("token", "token-of-a-file\n")},
        {"CACHEFILL_BEARER_TOKEN_FILE_NAS", pipe},
        {"CACHEFILL_SIGNING_KEY_FILE_NAS", write("key", "name:b64==\n")},
        {"CACHEFILL_SIGNING_KEY_FILE", (directory.path() / "nowhere").string()},
        {"NETRC",
         write("netrc", "machine a login kim password geheim\nmachine b login kim password x\n"
                        "machine c login ghp_tokenAsUser123\nmachine d login ghp_0123456789abcdef password y\n")}}));
    for (const std::string mask : {"token-of-a-file", "name:b64==", "b64==", "geheim", "a2ltOmdlaGVpbQ",
                                   "ghp_tokenAsUser123", "ghp_0123456789abcdef"})
        BOOST_TEST(contains(masks, "::add-mask::" + mask + "\n"), mask);
    BOOST_TEST(!contains(masks, "::add-mask::x\n"));
    BOOST_TEST(!contains(masks, "::add-mask::kim\n"));
}

BOOST_AUTO_TEST_CASE(what_files_of_aws_hold_is_masked) {
    auto directory = TemporaryDirectory::make("cachefill-ci-test").value();
    auto write = [&](const std::string& name, const std::string& text) {
        auto file = directory.path() / name;
        BOOST_REQUIRE(cachefill::create_directories(file.parent_path()));
        BOOST_REQUIRE(write_file_atomically(file, text, 0600));
        return file.string();
    };
    auto web = write("web-of-profile", "eyJ.of-a-profile");
    write(".aws/credentials", "[default]\naws_secret_access_key = key-of-home\n");
    write(".aws/config", "[profile x]\nweb_identity_token_file = " + web + "\nregion = a-region-of-aws\n");
    auto masks = masks_of(Environment(Variables{
        {"HOME", directory.path().string()},
        {"AWS_SHARED_CREDENTIALS_FILE",
         write("credentials", "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = file/secret+key\n"
                              "[other]\nAWS_SESSION_TOKEN = token==\n")},
        {"AWS_CONFIG_FILE", write("config", "[profile y]\naws_secret_access_key = key-of-config\n")},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write("container", "Basic of-a-container\n")},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", write("web", "eyJhbGci.web\n")},
        {"AWS_ENDPOINT_URL_STS", "https://kim:hunter22pw@sts.example.org"}}));
    for (const std::string mask :
         {"file/secret+key", "token==", "key-of-config", "key-of-home", "Basic of-a-container", "of-a-container",
          "eyJhbGci.web", "eyJ.of-a-profile", "hunter22pw", "a2ltOmh1bnRlcjIycHc"})
        BOOST_TEST(contains(masks, "::add-mask::" + mask + "\n"), mask);
    for (const auto* plain : {"AKIAEXAMPLE", "region"}) BOOST_TEST(!contains(masks, plain), plain);
    BOOST_TEST(Environment(Variables{{"AWS_ENDPOINT_URL_STS", "https://kim:hunter22pw@sts.example.org"}})
                   .without_our_secrets()
                   .variables()
                   .empty());
}

BOOST_AUTO_TEST_SUITE_END()
