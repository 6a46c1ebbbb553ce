#include "init/garnix.hpp"
#include "init/init_choice.hpp"
#include "init/init_plan.hpp"
#include "init/init_templates.hpp"
#include "init/init_workflow.hpp"
#include "init/yaml_text.hpp"
#include "options/config.hpp"

#include <boost/test/unit_test.hpp>
#include <yaml-cpp/yaml.h>

using namespace cachefill;
using namespace cachefill::init;

namespace {

const std::string commit = "0123456789012345678901234567890123456789";

InitFacts fleet() {
    InitFacts facts;
    facts.cache = "krit-nixos";
    facts.action = {.repository = "kim/cachefill", .commit = commit, .version = "v1.2.3"};
    facts.hosts = {{.name = "nixos:nas", .system = "x86_64-linux", .guess = {}, .caches = {}},
                   {.name = "nixos:template-minimal", .system = "x86_64-linux", .guess = {}, .caches = {}},
                   {.name = "darwin:mac", .system = "aarch64-darwin", .guess = {}, .caches = {}},
                   {.name = "home:kim@nas", .system = "x86_64-linux", .guess = {}, .caches = {}}};
    facts.repository.branches = {"main", "develop", "topic"};
    facts.repository.default_branch = "main";
    facts.repository.current_branch = "topic";
    return facts;
}

using Texts = std::vector<std::string>;

HostFacts host(const std::string& name, const std::string& system = "x86_64-linux") {
    return {.name = name, .system = system, .guess = {}, .caches = {}};
}

const std::string& file_of(const InitPlan& plan, const std::string& path) {
    auto it =
        std::find_if(plan.files.begin(), plan.files.end(), [&](const InitFile& file) { return file.path == path; });
    BOOST_REQUIRE_MESSAGE(it != plan.files.end(), "no " << path);
    return it->content;
}

WorkflowFacts workflow(const std::string& file, const std::string& text) {
    auto facts = read_workflow(file, text);
    BOOST_REQUIRE_MESSAGE(facts, text);
    return *facts;
}

const std::string pushing =
    "jobs:\n  a:\n    steps:\n      - uses: cachix/cachix-action@v15\n        with: {name: krit-nixos}\n";

bool has_note(const std::vector<std::string>& notes, const std::string& words) {
    return std::any_of(notes.begin(), notes.end(),
                       [&](const auto& note) { return note.find(words) != std::string::npos; });
}

Result<InitPlan> plan_init(const InitFacts& facts) { return plan_init(facts, default_answers(facts)); }

YAML::Node workflow_of(const InitFacts& facts) {
    return YAML::Load(file_of(plan_init(facts).value(), ".github/workflows/cachefill.yml"));
}

// The values of a key, wherever in the file it stands.
void collect(const YAML::Node& node, const std::string& key, std::vector<std::string>& values) {
    if (node.IsSequence())
        for (const auto& item : node) collect(item, key, values);
    if (!node.IsMap()) return;
    for (const auto& entry : node) {
        if (entry.first.Scalar() == key && entry.second.IsScalar()) values.push_back(entry.second.Scalar());
        collect(entry.second, key, values);
    }
}

std::vector<std::string> values_of(const YAML::Node& node, const std::string& key) {
    std::vector<std::string> values;
    collect(node, key, values);
    return values;
}

} // namespace

BOOST_AUTO_TEST_SUITE(init)

BOOST_AUTO_TEST_CASE(each_system_gets_a_machine_of_its_kind) {
    auto facts = fleet();
    facts.hosts.push_back({.name = "nixos:pi", .system = "aarch64-linux", .guess = {}, .caches = {}});
    auto workflow = workflow_of(facts);
    std::vector<std::string> wanted{"x86_64-linux", "aarch64-linux", "aarch64-darwin"};
    BOOST_TEST(values_of(workflow, "system") == wanted, boost::test_tools::per_element());
    wanted = {"ubuntu-24.04", "ubuntu-24.04-arm", "macos-15"};
    BOOST_TEST(values_of(workflow, "runner") == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(many_runners_share_the_work_where_shards_are_asked_for) {
    auto facts = fleet();
    facts.shards = 8;
    facts.runners = {{"x86_64-linux", {"self-hosted", "big one"}}};
    facts.repository.flake_subdirectory = "nix";
    auto plan = plan_init(facts).value();
    const auto& text = file_of(plan, ".github/workflows/cachefill.yml");
    auto workflow = YAML::Load(text);
    for (const auto* job : {"plan", "shard", "end", "report"}) BOOST_TEST(workflow["jobs"][job].IsMap(), job);
    BOOST_TEST(text.find("          shards: 8 # at most\n          flake: nix\n") != text.npos, text);
    Texts everywhere{"nix", "nix", "nix"}; // it has the configuration
    BOOST_TEST(values_of(workflow, "flake") == everywhere, boost::test_tools::per_element());
    BOOST_TEST(text.find("my-cache") == text.npos, text);
    BOOST_TEST(text.find("CACHEFILL_SHARDS") == text.npos, text);
    const auto& configuration = file_of(plan, "nix/cachefill.yml");
    BOOST_TEST(configuration.find("runners: {x86_64-linux: [self-hosted, \"big one\"]}") != text.npos, configuration);
    facts.shards = 0;
    auto one_each = plan_init(facts).value();
    BOOST_TEST(file_of(one_each, "nix/cachefill.yml").find("runners:") == text.npos); // its workflow has them
}

BOOST_AUTO_TEST_CASE(of_shards_every_job_that_gets_at_the_cache_may_ask_github_to_vouch) {
    auto facts = fleet();
    facts.shards = 8;
    facts.cache = "niks3://cache.example.org";
    auto jobs = workflow_of(facts)["jobs"];
    for (const auto* job : {"plan", "shard", "end"})
        BOOST_TEST(jobs[job]["permissions"]["id-token"].as<std::string>("") == "write", job);
    BOOST_TEST(!jobs["report"]["permissions"]);
}

BOOST_AUTO_TEST_CASE(the_configuration_names_other_machines_than_githubs) {
    auto facts = fleet();
    facts.hosts.push_back({.name = "nixos:board", .system = "riscv64-linux", .guess = {}, .caches = {}});
    facts.runners = {{"x86_64-linux", {"self-hosted", "big one"}},
                     {"riscv64-linux", {"visionfive"}},
                     {"armv7l-linux", {"nobody's"}}};
    auto plan = plan_init(facts).value();
    auto text = file_of(plan, ".github/workflows/cachefill.yml");
    BOOST_TEST(text.find("{system: x86_64-linux, runner: [self-hosted, \"big one\"]}") != text.npos, text);
    BOOST_TEST(text.find("{system: riscv64-linux, runner: visionfive}") != text.npos, text);
    BOOST_TEST(text.find("{system: aarch64-darwin, runner: macos-15}") != text.npos, text);
    BOOST_TEST(text.find("expect: x86_64-linux riscv64-linux aarch64-darwin") != text.npos, text);
    BOOST_TEST(has_note(plan.notes, "nothing is built for armv7l-linux"));
    BOOST_TEST(!has_note(plan.notes, "GitHub has no machines"));
}

BOOST_AUTO_TEST_CASE(the_action_is_named_by_its_commit_and_nothing_of_the_example_is_left) {
    auto text = file_of(plan_init(fleet()).value(), ".github/workflows/cachefill.yml");
    BOOST_TEST(text.find("uses: kim/cachefill/action@" + commit + " # v1.2.3") != std::string::npos);
    for (const auto* left : {"OWNER", "my-cache", "Copy it"}) BOOST_TEST(text.find(left) == std::string::npos, left);
    bool is_moving = false;
    for (const auto& uses : values_of(YAML::Load(text), "uses")) {
        auto reference = uses.substr(uses.find('@') + 1);
        is_moving |= reference.size() != 40;
    }
    BOOST_TEST(!is_moving, text);
}

BOOST_AUTO_TEST_CASE(the_report_job_expects_the_systems_there_are) {
    auto facts = fleet();
    facts.hosts.resize(2);
    BOOST_TEST(values_of(workflow_of(facts), "expect") == std::vector<std::string>{"x86_64-linux"},
               boost::test_tools::per_element());
    BOOST_TEST(values_of(workflow_of(fleet()), "expect") == std::vector<std::string>{"x86_64-linux aarch64-darwin"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_shipped_workflow_that_names_something_else_is_noticed) {
    auto answers = default_answers(fleet());
    BOOST_TEST(!fill_build_workflow("on: push\n", fleet(), answers));
    for (const std::string_view word : {"expect: ", "- {system: ", "- uses: cachix/install-nix-action@"}) {
        for (bool is_build : {true, false}) {
            auto fill = is_build ? fill_build_workflow : fill_update_workflow;
            std::string text(is_build ? build_workflow : update_workflow);
            BOOST_TEST(fill(text, fleet(), answers).has_value());
            for (auto at = text.find(word); at != text.npos; at = text.find(word)) text.replace(at, word.size(), "x");
            BOOST_TEST(!fill(text, fleet(), answers), word);
        }
    }
}

BOOST_AUTO_TEST_CASE(usual_branches_that_exist_and_the_remotes_default_start_it) {
    auto branches = [](RepositoryFacts repository) { return branches_to_build(repository); };
    std::vector<std::string> wanted{"develop", "main"};
    BOOST_TEST(branches(fleet().repository) == wanted, boost::test_tools::per_element());
    RepositoryFacts repository;
    repository.branches = {"trunk", "x"};
    repository.default_branch = "trunk";
    BOOST_TEST(branches(repository) == std::vector<std::string>{"trunk"}, boost::test_tools::per_element());
    repository.default_branch.clear();
    repository.current_branch = "x";
    BOOST_TEST(branches(repository) == std::vector<std::string>{"x"}, boost::test_tools::per_element());
    BOOST_TEST(branches({}) == std::vector<std::string>{"main"}, boost::test_tools::per_element());
    auto started = workflow_of(fleet())["on"]["push"]["branches"];
    BOOST_REQUIRE(started.IsSequence());
    BOOST_TEST(started[0].as<std::string>() == "develop");
}

BOOST_AUTO_TEST_CASE(the_configuration_is_one_that_the_program_reads) {
    auto facts = fleet();
    facts.cache = "https://cache.example.org/x?y=1#z";
    auto text = file_of(plan_init(facts).value(), "cachefill.yml");
    options::Settings settings;
    options::ConfigSource source{
        .name = "cachefill.yml", .standing = options::Standing::outside, .command = options::Command::run};
    auto applied = apply_config(text, source, settings);
    BOOST_REQUIRE_MESSAGE(applied, text);
    BOOST_TEST(settings.cache.reveal() == facts.cache);
    std::vector<std::string> wanted{"nixos:*", "darwin:*", "home:*"};
    BOOST_TEST(settings.hosts == wanted, boost::test_tools::per_element());
    wanted = {"nixos:template-minimal", "home:*"};
    BOOST_TEST(settings.evaluate_only == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_a_flake_calls_its_outputs_is_no_line_of_the_configuration) {
    auto facts = fleet();
    facts.outputs = {
        {.output = "packages", .system = "x86_64-linux\nalso-push: \"file:///stolen?trusted=1\"\n#", .name = "a"}};
    facts.hosts.push_back(host("nixos:a\nfail-on: none\n"));
    auto text = file_of(plan_init(facts).value(), "cachefill.yml");
    auto read = YAML::Load(text);
    BOOST_TEST(!read["also-push"]);
    BOOST_TEST(text.find("\nalso-push") == std::string::npos);
    BOOST_TEST(text.find("\nfail-on: none") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_name_is_an_expression_to_github) {
    auto refused = [](InitFacts facts) {
        auto plan = plan_init(facts);
        return !plan && plan.error().one_line().find("expression") != std::string::npos;
    };
    auto facts = fleet();
    facts.repository.flake_subdirectory = "${{ secrets.CACHIX_AUTH_TOKEN }}";
    BOOST_TEST(refused(facts));
    facts = fleet();
    facts.repository.default_branch = "${{secrets.X}}";
    facts.repository.branches = {"${{secrets.X}}"};
    BOOST_TEST(refused(facts));
    facts = fleet();
    facts.hosts.push_back(host("nixos:${{ github.token }}"));
    BOOST_TEST(refused(facts));
}

BOOST_AUTO_TEST_CASE(control_characters_are_written_as_what_they_are) {
    for (std::string text : {"a\nb", "a\tb", "a\x1b[0m", "\r"})
        BOOST_TEST(YAML::Load("key: " + yaml(text))["key"].as<std::string>() == text);
    BOOST_TEST(yaml("a\nfail-on: none").find('\n') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(names_that_yaml_would_take_for_something_else_are_quoted) {
    for (const std::string name : {"yes", "1.5", "a: b", "x # y", "\"q\"", "-"}) {
        auto facts = fleet();
        facts.cache = name;
        facts.repository.branches = {};
        facts.repository.default_branch = name;
        auto plan = plan_init(facts).value();
        BOOST_TEST(YAML::Load(file_of(plan, "cachefill.yml"))["cache"].Scalar() == name);
        BOOST_TEST(YAML::Load(file_of(plan, ".github/workflows/cachefill.yml"))["on"]["push"]["branches"][0].Scalar() ==
                   name);
    }
}

BOOST_AUTO_TEST_CASE(a_flake_below_the_root_is_named_and_its_configuration_lies_beside_it) {
    auto facts = fleet();
    facts.repository.flake_subdirectory = "nix/hosts";
    auto plan = plan_init(facts).value();
    file_of(plan, "nix/hosts/cachefill.yml");
    auto flakes = values_of(YAML::Load(file_of(plan, ".github/workflows/cachefill.yml")), "flake");
    BOOST_TEST(flakes == std::vector<std::string>{"nix/hosts"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_not_certain_is_said) {
    auto facts = fleet();
    facts.hosts[0].guess = "attribute 'x' missing";
    facts.hosts.push_back({.name = "nixos:board", .system = "riscv64-linux", .guess = {}, .caches = {}});
    facts.cache_origin = ".github/workflows/old.yml";
    facts.repository.workflows = {workflow("old.yml", pushing)};
    auto plan = plan_init(facts).value();
    BOOST_TEST(has_note(plan.notes, "nixos:nas is taken for x86_64-linux"));
    BOOST_TEST(has_note(plan.notes, "no machines for riscv64-linux"));
    BOOST_TEST(has_note(plan.notes, "the one in .github/workflows/old.yml"));
    BOOST_TEST(
        has_note(plan.notes, "old.yml pushes to krit-nixos. cachefill does the work of 'cachix/cachix-action@v15'"));
    BOOST_TEST(has_note(plan.steps, "CACHIX_AUTH_TOKEN"));
    for (const auto* step : {"git commit -m ", "&& git push", ": cachefill login ", ": cachefill use ",
                             "in ~/.config/cachefill/cachefill.yml"})
        BOOST_TEST(has_note(plan.steps, step), step);
    BOOST_TEST(has_note(plan.notes, "nixos:template-minimal is a template, by the name"));
    BOOST_TEST(has_note(plan.notes, "homes are evaluated, but neither built nor pushed"));
    facts.cache = "https://cache.example.org";
    BOOST_TEST(has_note(plan_init(facts).value().steps, "CACHEFILL_SIGNING_KEY"));
    BOOST_TEST(has_note(plan_init(facts)->notes, "old.yml pushes to krit-nixos, which is another cache: it stays"));
    facts.repository.workflows.front().token_secret = "THEIRS";
    BOOST_TEST(!secret_for(facts, default_answers(facts)).is_there);
    facts.cache = "cachix://krit-nixos";
    BOOST_TEST(secret_for(facts, default_answers(facts)).name == "THEIRS");
    BOOST_TEST(!has_note(plan_init(facts)->notes, "another cache"));
    facts.repository.configuration = ".github/cachefill.yml";
    BOOST_TEST(file_of(plan_init(facts).value(), ".github/cachefill.yml") != "");
}

BOOST_AUTO_TEST_CASE(without_hosts_cache_or_machines_there_is_nothing_to_write) {
    auto facts = fleet();
    facts.cache.clear();
    BOOST_TEST(!plan_init(facts));
    facts = fleet();
    facts.hosts.clear();
    BOOST_TEST(!plan_init(facts));
    facts = fleet();
    facts.hosts = {{.name = "nixos:board", .system = "riscv64-linux", .guess = {}, .caches = {}}};
    BOOST_TEST(!plan_init(facts));
    facts.hosts = {{.name = "nixos:template", .system = "x86_64-linux", .guess = {}, .caches = {}}};
    BOOST_TEST(!plan_init(facts));
}

BOOST_AUTO_TEST_CASE(a_template_is_one_of_whatever_kind) {
    auto is = [](const std::string& name) { return is_template(host(name)); };
    for (const auto* name : {"nixos:template-minimal", "nixos:template", "home:user@template-host-minimal",
                             "nixos:my-template", "darwin:Template_mac"})
        BOOST_TEST(is(name), name);
    for (const auto* name : {"nixos:contemplate", "nixos:templated", "nixos:nas"}) BOOST_TEST(!is(name), name);
    auto facts = fleet();
    facts.hosts = {host("nixos:nas"), host("nixos:template-x"), host("home:kim@nas"), host("home:user@template-x")};
    auto answers = default_answers(facts);
    auto usual = select(facts, answers);
    BOOST_TEST((usual.hosts == Texts{"nixos:*", "home:*"}));
    BOOST_TEST((usual.evaluate_only == Texts{"nixos:template-x", "home:*"}));
    answers.builds_homes = true;
    BOOST_TEST((select(facts, answers).evaluate_only == Texts{"nixos:template-x", "home:user@template-x"}));
}

BOOST_AUTO_TEST_CASE(homes_are_built_where_there_is_nothing_else) {
    auto facts = fleet();
    BOOST_TEST(!default_answers(facts).builds_homes);
    facts.hosts = {host("home:kim"), host("home:kim@work")};
    BOOST_TEST(default_answers(facts).builds_homes);
}

BOOST_AUTO_TEST_CASE(a_system_of_what_is_only_evaluated_needs_no_machine) {
    auto facts = fleet();
    facts.hosts = {host("nixos:nas"), host("home:kim@mac", "aarch64-darwin")};
    auto answers = default_answers(facts);
    BOOST_TEST((select(facts, answers).systems == Texts{"x86_64-linux"}));
    answers.builds_homes = true;
    BOOST_TEST((select(facts, answers).systems == Texts{"x86_64-linux", "aarch64-darwin"}));
}

BOOST_AUTO_TEST_CASE(what_garnix_built_is_filled_and_what_it_left_out_is_not) {
    auto facts = fleet();
    facts.hosts = {host("nixos:web"), host("nixos:iso"), host("home:kim")};
    facts.outputs = {{.output = "packages", .system = "x86_64-linux", .name = "tool"},
                     {.output = "packages", .system = "x86_64-linux", .name = "huge"},
                     {.output = "packages", .system = "aarch64-linux", .name = "tool"},
                     {.output = "devShells", .system = "x86_64-linux", .name = "default"}};
    facts.repository.garnix =
        read_garnix("builds:\n  include: ['packages.x86_64-linux.*', 'nixosConfigurations.*', "
                    "'homeConfigurations.*']\n  exclude: ['*.*.huge', nixosConfigurations.iso]\n");
    auto answers = default_answers(facts);
    BOOST_TEST(answers.builds_homes);
    BOOST_TEST((answers.also == Texts{"packages"}));
    auto selection = select(facts, answers);
    BOOST_TEST((selection.hosts == Texts{"nixos:*", "!nixos:iso", "home:*"}));
    BOOST_TEST((selection.evaluate_only == Texts{"packages:aarch64-linux.*", "packages:x86_64-linux.huge"}));
    BOOST_TEST((selection.systems == Texts{"x86_64-linux"}));
    // What Garnix took unasked, and by branch.
    BOOST_TEST(read_garnix("")->takes({"checks", "x86_64-linux", "a"}));
    BOOST_TEST(!read_garnix("")->takes({"checks", "aarch64-linux", "a"}));
    BOOST_TEST(read_garnix("builds: [{branch: main, include: ['a.*']}, {include: ['b.*']}]")->takes({"b", "x"}));
    BOOST_TEST(!read_garnix("builds: [").has_value());
}

BOOST_AUTO_TEST_CASE(a_flake_of_packages_alone_is_filled_with_them) {
    auto facts = fleet();
    facts.hosts.clear();
    facts.outputs = {{.output = "packages", .system = "x86_64-linux", .name = "tool"}};
    auto text = file_of(plan_init(facts).value(), "cachefill.yml");
    BOOST_TEST(text.find("also: [packages]\n") != text.npos, text);
    BOOST_TEST(text.find("hosts:") == text.npos, text);
}

BOOST_AUTO_TEST_CASE(caches_of_one_network_are_never_asked) {
    auto facts = fleet();
    facts.hosts[0].caches = {"https://cache.nixos.org",
                             "http://nas.tail1234.ts.net:8080/attic",
                             "http://192.168.1.5",
                             "http://nas:5000",
                             "https://100.100.1.1/x",
                             "https://8.8.8.8",
                             "https://attic.lan",
                             "https://team.cachix.org",
                             "ssh://nas",
                             "https://cache.garnix.io",
                             "https://172.15.0.1",
                             "https://172.16.0.1"};
    BOOST_TEST((caches_to_ignore(facts) ==
                Texts{"*.ts.net", "100.100.1.1", "172.16.0.1", "192.168.1.5", "attic.lan", "cache.garnix.io", "nas"}));
}

BOOST_AUTO_TEST_CASE(what_a_workflow_decided_before_is_the_default) {
    auto facts = fleet();
    facts.repository.workflows = {
        workflow(
            "build.yml",
            "on: {push: {branches: [next]}, schedule: [{cron: 0 5 * * 5}]}\njobs:\n  a:\n    steps:\n      - run: nix "
            "build "
            "--max-jobs 2 --cores 4\n      - run: cachix push krit-nixos\n        continue-on-error: true\n        "
            "env: {CACHIX_AUTH_TOKEN: \"${{ secrets.MINE }}\", A: \"${{ secrets.SLACK_HOOK }}\"}\n"),
        workflow("update.yml", "on: {schedule: [{cron: 0 4 * * 5}]}\njobs:\n  a:\n    steps:\n      - uses: "
                               "DeterminateSystems/update-flake-lock@main\n        with: {target-branch: next, "
                               "pr-title: 'chore: lock'}\n")};
    auto answers = default_answers(facts);
    BOOST_TEST((answers.branches == Texts{"next"}));
    BOOST_TEST(answers.schedule == "0 5 * * 5");
    BOOST_TEST(!answers.outage_fails);
    BOOST_TEST(answers.updates_flake);
    auto plan = plan_init(facts).value();
    auto build = file_of(plan, ".github/workflows/cachefill.yml");
    for (const auto* words : {"  schedule: [{cron: \"0 5 * * 5\"}]\n", "          jobs: 2\n          cores: 4\n",
                              "token: ${{ secrets.MINE }}\n", "notify-url: ${{ secrets.SLACK_HOOK }}\n"})
        BOOST_TEST(build.find(words) != build.npos, words << build);
    auto update = file_of(plan, ".github/workflows/cachefill-update.yml");
    for (const auto* words : {"schedule: [{cron: \"0 4 * * 5\"}]\n", "BRANCH: ${{ inputs.branch || 'next' }}\n",
                              "title: \"chore: lock\"\n"})
        BOOST_TEST(update.find(words) != update.npos, words << update);
    auto text = file_of(plan, "cachefill.yml");
    BOOST_TEST(text.find("fail-on: [evaluate, build, check]\n") != text.npos, text);
    BOOST_TEST(has_note(plan.notes, "update.yml updates flake.lock. cachefill does the work of"));
    BOOST_TEST(!has_note(plan.steps, "gh secret set")); // it is there
}

BOOST_AUTO_TEST_CASE(steps_of_one_kind_of_machine_say_so_and_common_ones_do_not) {
    auto job = [](const std::string& name, const std::string& runner, const std::string& steps) {
        return "  " + name + ":\n    runs-on: " + runner + "\n    steps:\n" + steps;
    };
    auto installer = [](const std::string& more) {
        return "      - uses: cachix/install-nix-action@v31" + more + "\n";
    };
    auto disk = std::string("      - name: Space\n        run: sudo rm -rf /usr/share/dotnet\n");
    auto steps_of = [&](const std::string& jobs, const Texts& systems) {
        RepositoryFacts repository;
        repository.workflows = {workflow("a.yml", "jobs:\n" + jobs)};
        std::string text;
        for (const auto& step : preparing_steps(repository, systems)) text += step.text;
        return text;
    };
    const std::string plain = "- uses: cachix/install-nix-action@v31\n",
                      space = "- name: Space\n  run: sudo rm -rf /usr/share/dotnet\n";
    auto linux = job("a", "ubuntu-latest", disk + installer(""));
    BOOST_TEST(steps_of(linux, {"x86_64-linux"}) == space + plain);
    const std::string guarded =
        "- if: ${{ runner.os == 'Linux' }}\n  name: Space\n  run: sudo rm -rf /usr/share/dotnet\n";
    BOOST_TEST(steps_of(linux, {"x86_64-linux", "aarch64-darwin"}) == guarded + plain); // no job of theirs has a Mac
    BOOST_TEST(steps_of(linux, {"aarch64-darwin"}) == plain);
    auto both = linux + job("b", "macos-15", installer("\n        if: github.actor != 'x'"));
    BOOST_TEST(
        steps_of(both, {"x86_64-linux", "aarch64-darwin"}) ==
        guarded + "- if: ${{ runner.os == 'Linux' }}\n  uses: cachix/install-nix-action@v31\n" +
            "- uses: cachix/install-nix-action@v31\n  if: ${{ runner.os == 'macOS' && (github.actor != 'x') }}\n");
    BOOST_TEST(steps_of(job("a", "ubuntu-latest", "      - {uses: jlumbroso/free-disk-space@v1}\n" + installer("")),
                        {"x86_64-linux", "aarch64-darwin"}) ==
               "- {if: \"runner.os == 'Linux'\", uses: jlumbroso/free-disk-space@v1}\n" + plain);
    BOOST_TEST(steps_of("  a:\n    steps:\n      - run: 'true'\n", {"x86_64-linux"}) == "");
}

BOOST_AUTO_TEST_CASE(what_the_answers_say_is_what_is_written) {
    auto facts = fleet();
    auto answers = default_answers(facts);
    answers.cache = "https://cache.example.org";
    answers.notify_url.clear();
    answers.updates_flake = true;
    answers.update_branch = "it's";
    facts.repository.flake_subdirectory = "nix";
    auto plan = plan_init(facts, answers).value();
    auto build = file_of(plan, ".github/workflows/cachefill.yml"),
         update = file_of(plan, ".github/workflows/cachefill-update.yml");
    BOOST_TEST(build.find("signing-key: ${{ secrets.CACHEFILL_SIGNING_KEY }}\n") != build.npos, build);
    BOOST_TEST(build.find("notify-url: \"\"\n") != build.npos, build);
    BOOST_TEST(update.find("BRANCH: ${{ inputs.branch || 'it''s' }}\n  FLAKE: nix # its folder\n") != update.npos,
               update);
    for (const auto& text : {build, update}) BOOST_TEST(YAML::Load(text).IsMap());
    BOOST_TEST(has_note(plan.steps, "let workflows open pull requests"));
}

BOOST_AUTO_TEST_CASE(a_cache_of_attic_is_written_with_its_token) {
    auto facts = fleet();
    auto answers = default_answers(facts);
    answers.cache = "attic://nas.example.org/team";
    auto plan = plan_init(facts, answers).value();
    auto build = file_of(plan, ".github/workflows/cachefill.yml");
    BOOST_TEST(build.find("token: ${{ secrets.ATTIC_TOKEN }}\n") != build.npos, build);
    BOOST_TEST(build.find("signing-key:") == build.npos, build);
    BOOST_TEST(has_note(plan.steps, "put a token that may write to the cache into the repository's secrets"));
    BOOST_TEST(has_note(plan.steps, "cachefill login attic://nas.example.org/team"));
}

BOOST_AUTO_TEST_CASE(a_cache_of_niks3_is_filled_by_githubs_word) {
    auto facts = fleet();
    auto answers = default_answers(facts);
    answers.cache = "niks3://niks3.example.org";
    answers.updates_flake = true;
    auto plan = plan_init(facts, answers).value();
    for (const auto* name : {".github/workflows/cachefill.yml", ".github/workflows/cachefill-update.yml"}) {
        auto text = file_of(plan, name);
        BOOST_TEST(text.find("token: ${{") == text.npos, text);
        BOOST_TEST(text.find("          cache: \"niks3://niks3.example.org\"\n          ") != text.npos, text);
        auto jobs = YAML::Load(text)["jobs"];
        int vouched = 0;
        for (const auto& job : jobs)
            if (job.second["permissions"] && job.second["permissions"]["id-token"]) ++vouched;
        BOOST_TEST(vouched == 1, text);
    }
    BOOST_TEST(!has_note(plan.steps, "gh secret set"));
    BOOST_TEST(has_note(plan.steps, "let the cache's server take GitHub's word"));
    BOOST_TEST(has_note(plan.steps, "cachefill login niks3://niks3.example.org"));
}

BOOST_AUTO_TEST_CASE(what_runs_beside_the_token_and_can_move_is_named) {
    auto facts = fleet();
    facts.repository.workflows = {
        workflow("a.yml", "jobs:\n  a:\n    steps:\n      - uses: cachix/install-nix-action@v31 # x\n")};
    BOOST_TEST(has_note(plan_init(facts)->notes, "cachix/install-nix-action@v31 is no commit"));
    facts.repository.workflows = {
        workflow("a.yml", "jobs:\n  a:\n    steps:\n      - {uses: cachix/install-nix-action@main}\n")};
    BOOST_TEST(has_note(plan_init(facts)->notes, "cachix/install-nix-action@main is no commit"));
    facts.repository.workflows = {
        workflow("a.yml", "jobs:\n  a:\n    steps:\n      - uses: cachix/install-nix-action@" + commit + "\n")};
    BOOST_TEST(!has_note(plan_init(facts)->notes, "is no commit"));
}

BOOST_AUTO_TEST_CASE(macs_wait_for_what_upstream_has_late) {
    BOOST_TEST(late_packages({"x86_64-linux"}).empty());
    auto text = file_of(plan_init(fleet()).value(), "cachefill.yml");
    BOOST_TEST(text.find("defer: {aarch64-darwin: [\"firefox-unwrapped-*\"") != text.npos, text);
}

BOOST_AUTO_TEST_CASE(an_action_is_a_name_and_nothing_that_git_or_yaml_could_misread) {
    for (const auto* good : {"kim/cachefill", "kim/cachefill@v1.2.3", "a-b/c.d@0123"})
        BOOST_TEST(parse_action(good).has_value(), good);
    for (const auto* bad : {"", "cachefill", "a/b/c", "kim/cachefill@", "kim/cachefill@-x", "--upload-pack=x/y", "a /b",
                            "a/b@x y", "../b"})
        if (std::string(bad) != "--upload-pack=x/y") BOOST_TEST(!parse_action(bad), bad);
    BOOST_TEST(!parse_action("--upload-pack=x/y"));
}

BOOST_AUTO_TEST_SUITE_END()
