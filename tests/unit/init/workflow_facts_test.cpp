#include "init/step_role.hpp"
#include "init/workflow_facts.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::init;

namespace {

using Texts = std::vector<std::string>;

// A workflow of one job with these steps, each a list item.
WorkflowFacts of_steps(const std::string& steps, const std::string& runner = "ubuntu-latest") {
    std::string text = "on: push\nenv: {CACHE: team}\njobs:\n  a:\n    runs-on: " + runner + "\n    steps:\n";
    std::size_t start = 0;
    while (start < steps.size()) {
        auto end = steps.find('\n', start);
        text += "      " + steps.substr(start, end - start) + "\n";
        start = end + 1;
    }
    auto facts = read_workflow("a.yml", text);
    BOOST_REQUIRE_MESSAGE(facts, text);
    return *facts;
}

Texts texts_of(const WorkflowFacts& facts, const std::string& system) {
    Texts texts;
    auto found = facts.preparation.find(system);
    if (found != facts.preparation.end())
        for (const auto& step : found->second.steps) texts.push_back(step.text);
    return texts;
}

const std::string installer = "- uses: cachix/install-nix-action@v31\n";

} // namespace

BOOST_AUTO_TEST_SUITE(workflow_facts)

BOOST_AUTO_TEST_CASE(what_a_step_is_for_is_known_by_what_it_uses_and_runs) {
    struct Row {
        std::string uses, run;
        StepRole role;
    };
    for (const auto& row : {
             Row{"cachix/cachix-action@v15", "", StepRole::cache},
             Row{"", "nix build | cachix push team", StepRole::cache},
             Row{"", "cachix watch-exec team -- nix build", StepRole::cache},
             Row{"", "nix copy \\\n  --to s3://bucket ./result", StepRole::cache},
             Row{"", "attic push team result", StepRole::cache},
             Row{"", "# cachix push team was here\nnix build .#x", StepRole::build},
             Row{"", "nix-fast-build --skip-cached", StepRole::build},
             Row{"", "nixos-rebuild build --flake .#nas", StepRole::build},
             Row{"nix-community/cache-nix-action/restore@v7", "", StepRole::store_archive},
             Row{"DeterminateSystems/magic-nix-cache-action@v8", "", StepRole::store_archive},
             Row{"", "curl -d x https://discord.com/api/webhooks/1/2", StepRole::notice},
             Row{"", "nix flake check --all-systems", StepRole::check},
             Row{"", "nix flake update", StepRole::update},
             Row{"DeterminateSystems/update-flake-lock@main", "", StepRole::update},
             Row{"DeterminateSystems/nix-installer-action@main", "", StepRole::installer},
             Row{"", "curl -L https://nixos.org/nix/install | sh", StepRole::installer},
             Row{"jlumbroso/free-disk-space@main", "", StepRole::disk},
             Row{"", "sudo rm -rf /usr/share/dotnet /opt", StepRole::disk},
             Row{"", "sudo mkswap /swapfile", StepRole::disk},
             Row{"docker/setup-qemu-action@v3", "", StepRole::emulation},
             Row{"", "sudo apt-get install -y ca-certificates", StepRole::certificates},
             Row{"actions/checkout@v4", "", StepRole::ours_to_see},
             Row{"cachix/cachix-action-of-somebody@v1", "", StepRole::ours_to_see},
             Row{"", "nix run nixpkgs#deadnix", StepRole::ours_to_see},
         })
        BOOST_TEST((role_of(row.uses, script_lines(row.run)) == row.role), row.uses << " " << row.run);
}

BOOST_AUTO_TEST_CASE(the_caches_it_pushes_to_are_found_in_actions_and_commands) {
    auto cachix = of_steps("- uses: cachix/cachix-action@v15\n  with: {name: one, authToken: '${{ secrets.MINE }}'}\n"
                           "- run: cachix push -j 4 ${{ env.CACHE }} < paths\n"
                           "- run: cachix watch-exec \"$OTHER\" -- nix build\n  env: {OTHER: three}\n"
                           "- run: nix copy --to 's3://bucket?secret-key=/key&endpoint=minio.example.org' ./result\n"
                           "- run: nix copy --to ssh://nas ./result\n"
                           "- run: cachix push $UNKNOWN\n- run: cachix push --help | grep -- --omit\n");
    BOOST_TEST((cachix.caches == Texts{"one", "team", "three", "s3://bucket?endpoint=minio.example.org"}));
    BOOST_TEST(cachix.pushes);
    BOOST_TEST(cachix.token_secret == "MINE");
    BOOST_TEST(!of_steps("- uses: cachix/cachix-action@v15\n  with: {name: one, skipPush: true}\n").pushes);
    BOOST_TEST(!of_steps("- run: cachix use one\n").pushes);
    BOOST_TEST(of_steps("- run: cachix push x\n  env: {CACHIX_AUTH_TOKEN: '${{ secrets.T }}'}\n").token_secret == "T");
}

BOOST_AUTO_TEST_CASE(an_outage_is_forgiven_where_the_steps_of_the_cache_may_fail) {
    BOOST_TEST(of_steps("- run: cachix push x\n  continue-on-error: true\n").forgives_outages);
    BOOST_TEST(!of_steps("- run: cachix push x\n- run: nix fmt\n  continue-on-error: true\n").forgives_outages);
}

BOOST_AUTO_TEST_CASE(schedule_and_branches_are_those_that_are_said_outright) {
    auto facts =
        read_workflow("a.yml", "on:\n  push: {branches: [main, 'release/*', '${{ x }}', develop]}\n  schedule:\n    - "
                               "cron: '0 5 * * 5'\n    - cron: '0 6 * * 5'\njobs: {}\n")
            .value();
    BOOST_TEST((facts.branches == Texts{"main", "develop"}));
    BOOST_TEST((facts.crons == Texts{"0 5 * * 5", "0 6 * * 5"}));
    BOOST_TEST(read_workflow("a.yml", "on: {push: {branches: trunk}}\njobs: {}\n")->branches == Texts{"trunk"});
}

BOOST_AUTO_TEST_CASE(an_update_of_the_flake_tells_its_branch_and_title) {
    auto locked = of_steps("- uses: actions/checkout@v4\n  with: {ref: next}\n- uses: "
                           "DeterminateSystems/update-flake-lock@main\n  with: {pr-title: 'chore: lock'}\n");
    BOOST_TEST(locked.updates_flake);
    BOOST_TEST(locked.update_branch == "next");
    BOOST_TEST(locked.update_title == "chore: lock");
    auto made = of_steps("- uses: actions/checkout@v4\n- run: nix flake update\n- uses: "
                         "peter-evans/create-pull-request@v7\n  with: {base: trunk}\n");
    BOOST_TEST(made.updates_flake);
    BOOST_TEST(made.update_branch == "trunk");
    auto other = of_steps("- uses: peter-evans/create-pull-request@v7\n  with: {base: trunk}\n");
    BOOST_TEST(!other.updates_flake); // of something else
}

BOOST_AUTO_TEST_CASE(what_commands_tell_nix_of_jobs_and_cores_is_kept) {
    auto facts = of_steps("- run: |\n    nix build --max-jobs 2 \\\n      --cores=4 .#x\n");
    BOOST_TEST(facts.jobs == "2");
    BOOST_TEST(facts.cores == "4");
    BOOST_TEST(of_steps("- run: nix build --max-jobs $(nproc)\n").jobs == "");
}

BOOST_AUTO_TEST_CASE(the_webhook_is_an_expression_over_secrets) {
    auto of = [](const std::string& value) {
        return of_steps("- run: curl\n  env: {URL: '" + value + "'}\n").notify_url;
    };
    BOOST_TEST(of("${{ secrets.DISCORD_WEBHOOK }}") == "secrets.DISCORD_WEBHOOK");
    BOOST_TEST(of("${{ secrets.DISCORD_WEBHOOK_TOKEN }}") == "");
    BOOST_TEST(of("${{ secrets.GITHUB_TOKEN }}") == "");
    BOOST_TEST(of("https://discord.com/api/webhooks/${{ secrets.ID }}/${{ secrets.KEY }}") ==
               "secrets.ID && format('https://discord.com/api/webhooks/{0}/{1}', secrets.ID, secrets.KEY)");
    BOOST_TEST(of("https://discord.com/api/webhooks/1/plain") == ""); // a secret itself, which nobody repeats
    auto step = of_steps("- run: ./tell\n  env: {URL: '${{ secrets.SLACK }}'}\n").steps.front();
    BOOST_TEST((step.role == StepRole::notice));
}

BOOST_AUTO_TEST_CASE(steps_that_make_a_machine_ready_are_taken_as_they_stand) {
    auto facts = of_steps(
        "- uses: actions/checkout@v4\n- name: Space\n  run: |\n    # why\n    sudo rm -rf /usr/share/dotnet\n\n"
        "    df -h\n# between\n" +
        installer + "  with: {extra: \"${{ secrets.GITHUB_TOKEN }}\"}\n- run: nix build\n");
    BOOST_TEST((texts_of(facts, "Linux") ==
                Texts{"- name: Space\n  run: |\n    # why\n    sudo rm -rf /usr/share/dotnet\n\n    df -h\n",
                      installer + "  with: {extra: \"${{ secrets.GITHUB_TOKEN }}\"}\n"}));
    BOOST_TEST(texts_of(of_steps(installer, "macos-15"), "macOS") == Texts{installer});
    auto both =
        read_workflow("a.yml", "jobs:\n  a:\n    strategy: {matrix: {os: [ubuntu-latest, macos-15]}}\n    runs-on: ${{ "
                               "matrix.os }}\n    steps:\n    " +
                                   installer);
    BOOST_TEST(texts_of(*both, "") == Texts{installer});
}

BOOST_AUTO_TEST_CASE(a_step_that_needs_something_of_its_job_is_named_instead) {
    for (const std::string needs : {"  if: matrix.os == 'x'\n", "  with: {a: \"${{ env.CACHE }}\"}\n",
                                    "  if: steps.x.outcome == 'success'\n", "  with: *shared\n"}) {
        auto facts = of_steps("- {id: x, run: 'true', env: &shared {A: b}}\n" + installer + needs);
        BOOST_TEST(texts_of(facts, "Linux").empty(), needs);
        BOOST_TEST(facts.not_copied == Texts{"cachix/install-nix-action@v31"}, needs);
    }
}

BOOST_AUTO_TEST_CASE(of_several_jobs_that_of_the_cache_is_the_model) {
    std::string jobs = "jobs:\n  lint:\n    runs-on: ubuntu-latest\n    steps:\n      - {uses: "
                       "cachix/install-nix-action@v1}\n  fill:\n "
                       "   runs-on: ubuntu-latest\n    steps:\n      " +
                       installer + "      - run: cachix push x\n";
    BOOST_TEST(texts_of(read_workflow("a.yml", jobs).value(), "Linux") == Texts{installer});
    jobs += "  more:\n    runs-on: ubuntu-latest\n    steps:\n      - {uses: docker/setup-qemu-action@v3}\n      " +
            installer;
    BOOST_TEST(texts_of(read_workflow("a.yml", jobs).value(), "Linux") == Texts{installer});
    jobs += "      - run: cachix push x\n"; // now both are for the cache
    BOOST_TEST(texts_of(read_workflow("a.yml", jobs).value(), "Linux").size() == 2);
}

BOOST_AUTO_TEST_CASE(what_is_no_workflow_is_nothing) {
    for (const auto* text : {"", "jobs: [\n", "a: b\n", "- jobs\n", "jobs: x\n"})
        BOOST_TEST(!read_workflow("a.yml", text));
    BOOST_TEST(read_workflow("a.yml", "jobs: {a: x, b: {steps: [x, {}]}}\n").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
