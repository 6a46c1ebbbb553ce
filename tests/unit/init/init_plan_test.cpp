#include "init/init_plan.hpp"
#include "init/init_templates.hpp"
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
    facts.hosts = {{.name = "nixos:nas", .system = "x86_64-linux", .guess = {}},
                   {.name = "nixos:template-minimal", .system = "x86_64-linux", .guess = {}},
                   {.name = "darwin:mac", .system = "aarch64-darwin", .guess = {}},
                   {.name = "home:kim@nas", .system = "x86_64-linux", .guess = {}}};
    facts.repository.branches = {"main", "develop", "topic"};
    facts.repository.default_branch = "main";
    facts.repository.current_branch = "topic";
    return facts;
}

const std::string& file_of(const InitPlan& plan, const std::string& path) {
    auto it =
        std::find_if(plan.files.begin(), plan.files.end(), [&](const InitFile& file) { return file.path == path; });
    BOOST_REQUIRE_MESSAGE(it != plan.files.end(), "no " << path);
    return it->content;
}

bool has_note(const std::vector<std::string>& notes, const std::string& words) {
    return std::any_of(notes.begin(), notes.end(),
                       [&](const auto& note) { return note.find(words) != std::string::npos; });
}

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
    facts.hosts.push_back({.name = "nixos:pi", .system = "aarch64-linux", .guess = {}});
    auto workflow = workflow_of(facts);
    std::vector<std::string> wanted{"x86_64-linux", "aarch64-linux", "aarch64-darwin"};
    BOOST_TEST(values_of(workflow, "system") == wanted, boost::test_tools::per_element());
    wanted = {"ubuntu-24.04", "ubuntu-24.04-arm", "macos-15"};
    BOOST_TEST(values_of(workflow, "runner") == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_configuration_names_other_machines_than_githubs) {
    auto facts = fleet();
    facts.hosts.push_back({.name = "nixos:board", .system = "riscv64-linux", .guess = {}});
    facts.runners = {{"x86_64-linux", {"self-hosted", "big one"}},
                     {"riscv64-linux", {"visionfive"}},
                     {"armv7l-linux", {"nobody's"}}};
    auto plan = plan_init(facts).value();
    auto text = file_of(plan, ".github/workflows/cachefill.yml");
    BOOST_TEST(text.find("{system: x86_64-linux, runner: [self-hosted, \"big one\"]}") != text.npos, text);
    BOOST_TEST(text.find("{system: riscv64-linux, runner: visionfive}") != text.npos, text);
    BOOST_TEST(text.find("{system: aarch64-darwin, runner: macos-15}") != text.npos, text);
    BOOST_TEST(text.find("expect: x86_64-linux riscv64-linux aarch64-darwin") != text.npos, text);
    BOOST_TEST(has_note(plan.notes, "no host is for armv7l-linux"));
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
    BOOST_TEST(!fill_template("on: push\n", fleet()));
    std::string text(init_workflow);
    BOOST_TEST(fill_template(text, fleet()).has_value());
    text.replace(text.find("expect: "), 8, "expects: ");
    BOOST_TEST(!fill_template(text, fleet()));
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
    BOOST_TEST(settings.evaluate_only == std::vector<std::string>{"nixos:template-minimal"},
               boost::test_tools::per_element());
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
    facts.hosts.push_back({.name = "nixos:board", .system = "riscv64-linux", .guess = {}});
    facts.cache_origin = ".github/workflows/old.yml";
    facts.repository.workflows = {"old.yml"};
    auto plan = plan_init(facts).value();
    BOOST_TEST(has_note(plan.notes, "nixos:nas is taken for x86_64-linux"));
    BOOST_TEST(has_note(plan.notes, "no machines for riscv64-linux"));
    BOOST_TEST(has_note(plan.notes, "the one in .github/workflows/old.yml"));
    BOOST_TEST(has_note(plan.notes, "what it does for that can go"));
    BOOST_TEST(has_note(plan.steps, "CACHIX_AUTH_TOKEN"));
    facts.cache = "https://cache.example.org";
    BOOST_TEST(has_note(plan_init(facts).value().steps, "CACHEFILL_SIGNING_KEY"));
}

BOOST_AUTO_TEST_CASE(without_hosts_cache_or_machines_there_is_nothing_to_write) {
    auto facts = fleet();
    facts.cache.clear();
    BOOST_TEST(!plan_init(facts));
    facts = fleet();
    facts.hosts.clear();
    BOOST_TEST(!plan_init(facts));
    facts = fleet();
    facts.hosts = {{.name = "nixos:board", .system = "riscv64-linux", .guess = {}}};
    BOOST_TEST(!plan_init(facts));
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
