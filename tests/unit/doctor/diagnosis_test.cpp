#include "doctor/diagnosis.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::doctor;

BOOST_AUTO_TEST_SUITE(device_diagnosis)

namespace {

Evidence missing(Source source = Source::nowhere) {
    Evidence evidence;
    evidence.target = "nixos:box";
    evidence.derivation = "/nix/store/11111111111111111111111111111111-system.drv";
    Heavy heavy;
    heavy.name = "editor-1.0";
    heavy.output = "/nix/store/22222222222222222222222222222222-editor-1.0";
    heavy.source = source;
    evidence.heavy.push_back(std::move(heavy));
    GitState git;
    git.root = "/repo";
    git.commit = std::string(40, 'c');
    git.branch = "main";
    git.remote = "origin";
    git.pushed = true;
    evidence.git = std::move(git);
    evidence.workflows = {"fill.yml"};
    evidence.commands.switches = options::parse_switch_command({"nh", "os", "switch"}).value();
    evidence.commands.wait = "cachefill wait box";
    evidence.commands.run = "cachefill run --hosts nixos:box";
    evidence.commands.doctor = "cachefill doctor box --verbose";
    return evidence;
}

void add_run(Evidence& evidence, CloudState state, github::RunState run_state) {
    github::WorkflowRun run;
    run.id = 7;
    run.workflow = "Fill";
    run.workflow_file = "fill.yml";
    run.head_sha = evidence.git->commit;
    run.url = "https://github.com/o/r/actions/runs/7";
    run.state = run_state;
    evidence.cloud.runs.push_back(std::move(run));
    evidence.cloud.state = state;
}

cache::Manifest manifest_of(const Evidence& evidence, cache::ManifestTargetState state, const std::string& derivation) {
    cache::Manifest manifest;
    manifest.state = cache::ManifestState::finished;
    manifest.commit = evidence.git->commit;
    cache::ManifestTarget target;
    target.name = evidence.target;
    target.state = state;
    target.derivation = derivation;
    target.output = "/nix/store/33333333333333333333333333333333-system";
    manifest.targets.push_back(std::move(target));
    return manifest;
}

Cause primary(const Evidence& evidence) {
    auto reasons = diagnose(evidence);
    BOOST_REQUIRE(!reasons.empty());
    return reasons.front().cause;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_healthy_machine_has_no_reason_however_dirty_its_tree) {
    auto evidence = missing();
    evidence.heavy.clear();
    evidence.local_by_design = 243;
    evidence.git->changed = {"flake.nix"};
    evidence.git->pushed = false;
    BOOST_TEST(diagnose(evidence).empty());
}

BOOST_AUTO_TEST_CASE(changes_that_give_the_same_system_are_not_mentioned) {
    auto evidence = missing();
    evidence.git->changed = {"README.md"};
    evidence.commit_gives_the_same = true;
    add_run(evidence, CloudState::queued, github::RunState::queued);
    BOOST_TEST((primary(evidence) == Cause::run_queued));
    for (const auto& reason : diagnose(evidence)) BOOST_TEST((reason.cause != Cause::tree_differs));
    evidence.commit_gives_the_same = false;
    BOOST_TEST((primary(evidence) == Cause::tree_differs));
}

BOOST_AUTO_TEST_CASE(what_a_cache_has_needs_no_cloud_to_explain_it) {
    auto evidence = missing(Source::not_a_substituter);
    HelpfulCache cache;
    cache.url = "https://c.example";
    auto key = nix::SecretKey::generate("c-1").public_key();
    cache.keys = {key};
    evidence.not_asked.push_back(std::move(cache));
    add_run(evidence, CloudState::failed, github::RunState::failed);
    auto reasons = diagnose(evidence);
    BOOST_REQUIRE(reasons.size() == 1U);
    BOOST_TEST((reasons[0].cause == Cause::not_a_substituter));
    // nh refuses to be root, and the daemon takes caches from nobody else.
    BOOST_TEST(reasons[0].remedy ==
               "sudo nix-store -r /nix/store/22222222222222222222222222222222-editor-1.0 --option extra-substituters "
               "https://c.example --option extra-trusted-public-keys " +
                   key.to_string() + " && nh os switch");
    evidence.commands.switches = options::parse_switch_command({"sudo", "nixos-rebuild", "switch"}).value();
    BOOST_TEST(diagnose(evidence)[0].remedy.starts_with("sudo nixos-rebuild switch --option extra-substituters"));
    evidence.commands.switches = options::parse_switch_command({"nh", "os", "switch"}).value();
    evidence.daemon_is_trusting = true;
    BOOST_TEST(diagnose(evidence)[0].remedy.starts_with("nh os switch"));
    BOOST_TEST(diagnose(evidence)[0].lasting == ""); // of another's cache we know no lines
    evidence.commands.use = "cachefill use demo";
    BOOST_TEST(diagnose(evidence)[0].lasting == "cachefill use demo");
}

BOOST_AUTO_TEST_CASE(reasons_come_in_their_order) {
    auto evidence = missing(Source::here_but_daemon_no);
    evidence.heavy.push_back(missing(Source::nowhere).heavy[0]);
    evidence.heavy.push_back(missing(Source::own_cache_holed).heavy[0]);
    evidence.local_by_design = 2;
    add_run(evidence, CloudState::in_progress, github::RunState::in_progress);
    std::vector<std::string_view> causes;
    for (const auto& reason : diagnose(evidence)) causes.push_back(to_string(reason.cause));
    BOOST_TEST(causes == (std::vector<std::string_view>{"run-in-progress", "hole", "stale-absence", "local-by-design"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_not_said_to_be_there) {
    for (auto source : {Source::own_cache_holed, Source::upstream_holed}) {
        auto evidence = missing(source);
        evidence.heavy[0].is_there = true;
        auto library = evidence.heavy[0];
        library.is_there = false;
        library.name = "library-1.0";
        library.output = "/nix/store/55555555555555555555555555555555-library-1.0";
        auto& holes = source == Source::own_cache_holed ? evidence.holes : evidence.upstream_holes;
        holes = {library.output};
        evidence.heavy.push_back(std::move(library));
        BOOST_TEST(diagnose(evidence).front().text.find("cache has editor-1.0, but not all that it refers to: "
                                                        "/nix/store/55555555555555555555555555555555-library-1.0") !=
                   std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_hole_is_told_of_the_cache_that_has_it) {
    auto evidence = missing(Source::own_cache_holed);
    evidence.heavy[0].is_there = true;
    evidence.holes = {"/nix/store/55555555555555555555555555555555-library-1.0"};
    auto other = missing(Source::upstream_holed).heavy[0];
    other.name = "player-2.0";
    other.is_there = true;
    evidence.heavy.push_back(std::move(other));
    evidence.upstream_holes = {"/nix/store/66666666666666666666666666666666-codec-2.0"};
    auto only_to_make_it = missing(Source::below_a_hole).heavy[0];
    only_to_make_it.name = "compiler-3.0";
    evidence.heavy.push_back(std::move(only_to_make_it));
    auto reasons = diagnose(evidence);
    BOOST_REQUIRE(reasons.size() == 2U);
    BOOST_TEST(reasons[0].text == "the cache has editor-1.0, but not all that it refers to: "
                                  "/nix/store/55555555555555555555555555555555-library-1.0 is missing");
    BOOST_TEST(reasons[1].text == "an upstream cache has player-2.0, but not all that it refers to: "
                                  "/nix/store/66666666666666666666666666666666-codec-2.0 is missing");
    // What refers to it is nothing that would be compiled.
    evidence.heavy.resize(1);
    evidence.heavy[0].is_there = false;
    BOOST_TEST(diagnose(evidence)[0].text ==
               "the cache has what refers to /nix/store/55555555555555555555555555555555-library-1.0, and not that");
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_without_this_host_is_not_waited_for) {
    auto evidence = missing();
    add_run(evidence, CloudState::in_progress, github::RunState::in_progress);
    evidence.manifest = manifest_of(evidence, cache::ManifestTargetState::incomplete, evidence.derivation);
    BOOST_TEST((primary(evidence) == Cause::run_failed));
    evidence.manifest = manifest_of(evidence, cache::ManifestTargetState::building, evidence.derivation);
    BOOST_TEST((primary(evidence) == Cause::run_in_progress));
}

BOOST_AUTO_TEST_CASE(the_manifest_tells_evicted_from_another_derivation) {
    auto evidence = missing();
    add_run(evidence, CloudState::succeeded, github::RunState::succeeded);
    evidence.manifest = manifest_of(evidence, cache::ManifestTargetState::complete, evidence.derivation);
    BOOST_TEST((primary(evidence) == Cause::evicted));
    evidence.manifest = manifest_of(evidence, cache::ManifestTargetState::complete,
                                    "/nix/store/44444444444444444444444444444444-system.drv");
    evidence.differences = {"the attribute 'args' of editor-1.0 differs"};
    auto reasons = diagnose(evidence);
    BOOST_TEST((reasons.front().cause == Cause::other_derivation));
    BOOST_TEST(reasons.front().text.find("from the same commit: the attribute 'args'") != std::string::npos);
    BOOST_TEST(reasons.front().remedy == "nh os switch /nix/store/33333333333333333333333333333333-system");
    // Whose own commit is green is not sent back to an older one's system.
    evidence.manifest->commit = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
    auto older = diagnose(evidence).front();
    BOOST_TEST(
        older.text.find(" succeeded, but the last nixos:box that the cache tells of is another commit's, eeeeeee") !=
            std::string::npos,
        older.text);
    BOOST_TEST(older.remedy.find("33333333") == std::string::npos, older.remedy);
    BOOST_TEST(older.remedy.find("cachefill wait box") != std::string::npos, older.remedy);
    BOOST_TEST(older.details.back().find("to go (back) to that one: nh os switch /nix/store/3333") == 0U);
}

BOOST_AUTO_TEST_CASE(without_anybody_to_ask_what_git_knows_is_told) {
    auto evidence = missing(Source::unknown);
    evidence.cannot_ask = {"reaching the cache demo: cannot connect"};
    BOOST_TEST((primary(evidence) == Cause::cannot_ask));
    evidence.git->pushed = false;
    auto reasons = diagnose(evidence);
    BOOST_REQUIRE(reasons.size() == 2U);
    BOOST_TEST((reasons[0].cause == Cause::commit_not_pushed));
    BOOST_TEST((reasons[1].cause == Cause::cannot_ask));
}

BOOST_AUTO_TEST_CASE(a_host_that_no_run_builds_is_said_to_be_one_whatever_runs) {
    auto evidence = missing();
    evidence.left_out_by = "evaluate-only";
    add_run(evidence, CloudState::in_progress, github::RunState::in_progress);
    evidence.git->pushed = false;
    auto reasons = diagnose(evidence);
    BOOST_REQUIRE_EQUAL(reasons.size(), 1U);
    BOOST_TEST((reasons[0].cause == Cause::left_out));
    BOOST_TEST(reasons[0].text.find("no run builds nixos:box: 'evaluate-only'") == 0U);
    // What a cache has can be had, whoever put it there.
    evidence.heavy[0].source = Source::not_a_substituter;
    BOOST_TEST((primary(evidence) == Cause::not_a_substituter));
}

BOOST_AUTO_TEST_CASE(who_hears_nobody_is_told_to_be_offline) {
    auto evidence = missing(Source::unknown);
    evidence.cannot_ask = {"https://cache.nixos.org could not be asked: no route to host"};
    BOOST_TEST(diagnose(evidence).front().text.find("offline") == std::string::npos);
    evidence.is_offline = true;
    BOOST_TEST(diagnose(evidence).front().text.find("offline, it seems: none of this machine's caches answers; ") ==
               0U);
}

BOOST_AUTO_TEST_CASE(an_update_is_for_the_cloud_of_the_branch_one_is_on) {
    auto evidence = missing();
    evidence.is_update = true;
    evidence.git->branch = "develop";
    evidence.git->pushed = false;
    evidence.differences = {"nixpkgs: 1a2b3c4 → 5d6e7f8"};
    evidence.workflows = {"cachefill-update.yml", "fill.yml"};
    auto reason = diagnose(evidence).front();
    BOOST_TEST((reason.cause == Cause::lock_not_pushed));
    BOOST_TEST(reason.text.find("no cloud has seen that lock (nixpkgs: 1a2b3c4 → 5d6e7f8)") != std::string::npos);
    BOOST_TEST(reason.remedy == "gh workflow run cachefill-update.yml --ref develop");
    evidence.workflows = {"fill.yml"};
    evidence.commands.update = "nix flake update";
    BOOST_TEST(diagnose(evidence).front().remedy ==
               "nix flake update && git commit -m 'flake.lock: update' -- :/flake.lock && git push && "
               "cachefill wait box && nh os switch");
    evidence.heavy[0].source = Source::not_a_substituter; // what a cache has needs no cloud
    BOOST_TEST((primary(evidence) == Cause::not_a_substituter));
}

BOOST_AUTO_TEST_CASE(a_run_is_named_with_its_number) {
    auto evidence = missing();
    add_run(evidence, CloudState::queued, github::RunState::queued);
    BOOST_TEST(diagnose(evidence).front().text == "the run 'Fill' of ccccccc is queued");
    evidence.cloud.runs[0].number = 214;
    BOOST_TEST(diagnose(evidence).front().text == "the run 'Fill' #214 of ccccccc is queued");
}

BOOST_AUTO_TEST_CASE(of_several_runs_the_one_that_goes_on_counts) {
    std::vector<github::WorkflowRun> runs(3);
    runs[0].state = github::RunState::failed;
    runs[1].state = github::RunState::in_progress;
    runs[2].state = github::RunState::succeeded;
    std::size_t deciding = 9;
    BOOST_TEST((judge_runs(runs, deciding) == CloudState::in_progress));
    BOOST_TEST(deciding == 1U);
    runs[1].state = github::RunState::skipped;
    BOOST_TEST((judge_runs(runs, deciding) == CloudState::failed));
    runs.clear();
    BOOST_TEST((judge_runs(runs, deciding) == CloudState::no_run));
}

BOOST_AUTO_TEST_CASE(the_remedy_repeats_the_users_own_command) {
    auto evidence = missing();
    evidence.git->pushed = false;
    evidence.commands.switches =
        options::parse_switch_command({"sudo", "nixos-rebuild", "switch", "--flake", "/my fleet#box"}).value();
    BOOST_TEST(diagnose(evidence)[0].remedy ==
               "git push && cachefill wait box && sudo nixos-rebuild switch --flake '/my fleet#box'");
}

BOOST_AUTO_TEST_CASE(git_and_gh_are_told_where_when_they_would_not_know) {
    auto evidence = missing();
    evidence.commands.in_work_tree = false;
    evidence.git->remote_url = "https://github.com/o/r";
    evidence.git->pushed = false;
    BOOST_TEST(diagnose(evidence)[0].remedy == "git -C /repo push && cachefill wait box && nh os switch");
    evidence.git->pushed = true;
    evidence.cloud.state = CloudState::no_run;
    BOOST_TEST(diagnose(evidence)[0].remedy ==
               "gh workflow run fill.yml --ref main -R o/r && cachefill wait box && nh os switch");
    evidence.git->lock_changed = true;
    evidence.git->changed = {"flake.lock"};
    BOOST_TEST(
        diagnose(evidence)[0].remedy.starts_with("git -C /repo commit -m 'flake.lock: update' -- flake.lock && "));
    evidence.commands.in_work_tree = true; // perhaps in a folder of it
    BOOST_TEST(
        diagnose(evidence)[0].remedy.starts_with("git commit -m 'flake.lock: update' -- :/flake.lock && git push"));
}

BOOST_AUTO_TEST_CASE(a_row_of_commands_ends_before_the_one_that_may_not_be_shown) {
    auto evidence = missing();
    evidence.git->pushed = false;
    evidence.commands.wait.clear(); // its cache has a password in its address
    BOOST_TEST(diagnose(evidence)[0].remedy == "git push");
}

BOOST_AUTO_TEST_SUITE_END()
