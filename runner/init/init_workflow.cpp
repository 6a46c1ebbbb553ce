#include "init/init_workflow.hpp"

#include "base/text.hpp"
#include "init/init_choice.hpp"
#include "init/yaml_text.hpp"

#include <algorithm>
#include <set>

namespace cachefill::init {

namespace {

constexpr std::string_view most_shards = "shards: ${{ vars.CACHEFILL_SHARDS || 20 }}";

// Words of a shipped example, and what stands in their place.
struct Place {
    std::string_view example;
    std::string with;
    bool found = false;
};

struct Filling {
    std::string heading;
    std::vector<Place> places;
    std::vector<std::string> rows;         // of the matrix
    std::vector<PreparingStep> first, all; // in the place of the example's installer: in its first job, in the others
    std::string more_inputs;               // of the steps that plan and fill, below `shards` and `deadline`
};

std::string indented(const std::string& text, const std::string& indent) {
    std::string result;
    for (auto line : split(text, '\n'))
        if (!line.empty()) result += indent + std::string(line) + "\n";
    return result;
}

Result<std::string> fill(std::string_view shipped, Filling filling) {
    constexpr std::string_view row = "- {system: ", installer = "- uses: cachix/install-nix-action@";
    std::string text = filling.heading;
    bool is_heading = true, has_rows = false, has_installer = false;
    for (auto piece : split(shipped, '\n')) {
        is_heading &= piece.starts_with("#"); // speaks of copying
        if (is_heading) continue;
        std::string line(piece);
        auto indent = line.substr(0, std::min(line.find_first_not_of(' '), line.size()));
        auto words = std::string_view(piece).substr(indent.size());
        if (words.starts_with(row)) {
            if (!has_rows)
                for (const auto& system : filling.rows) text += indent + system + "\n";
            has_rows = true;
            continue;
        }
        if (words.starts_with(installer)) {
            const auto& steps = has_installer ? filling.all : filling.first;
            has_installer = true;
            for (const auto& step : steps) text += indented(step.text, indent);
            if (!steps.empty()) continue;
        }
        for (auto& place : filling.places) {
            auto at = line.find(place.example);
            if (at == std::string::npos) continue;
            place.found = true;
            line.replace(at, place.example.size(), place.with);
        }
        bool is_left_out = trim(line).empty() && !words.empty();
        if (is_left_out) continue;
        text += line + "\n";
        bool is_last_input = words.starts_with("deadline: ") || words.starts_with(most_shards);
        if (is_last_input) text += indented(filling.more_inputs, indent);
    }
    while (text.ends_with("\n\n")) text.pop_back();
    for (const auto& place : filling.places)
        if (!place.found)
            return Failure(FailureKind::internal, "the shipped workflow has no '" + std::string(place.example) + "'");
    if (has_rows != !filling.rows.empty() || !has_installer)
        return Failure(FailureKind::internal, "the shipped workflow has no list of systems, or installs no Nix");
    return text;
}

// A string of GitHub's expressions.
std::string expression_string(const std::string& text) {
    std::string quoted = "'";
    for (char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    return quoted + "'";
}

const WorkflowFacts* updater(const RepositoryFacts& repository) {
    for (const auto& workflow : repository.workflows)
        if (workflow.updates_flake) return &workflow;
    return nullptr;
}

// With a condition on the machine it runs on; one that speaks of it already stays as it is.
std::string only_on(const std::string& os, const std::string& step) {
    if (step.find("runner.os") != step.npos) return step;
    auto condition = "runner.os == '" + os + "'";
    std::string text;
    bool has_condition = false;
    for (auto piece : split(std::string_view(step), '\n')) {
        auto line = std::string(piece);
        auto words = piece.size() > 2 ? piece.substr(2) : std::string_view();
        if (!has_condition && words.starts_with("if:")) {
            auto own = trim(words.substr(3));
            if (own.starts_with("${{") && own.ends_with("}}")) own = trim(own.substr(3, own.size() - 5));
            line = line.substr(0, 2) + "if: ${{ " + condition + " && (" + std::string(own) + ") }}";
            has_condition = true;
        }
        if (!line.empty()) text += line + "\n";
    }
    if (has_condition) return text;
    if (step.starts_with("- {")) return "- {if: \"" + condition + "\", " + step.substr(3);
    return "- if: ${{ " + condition + " }}\n  " + step.substr(2);
}

std::vector<PreparingStep> model(const RepositoryFacts& repository, const std::string& os) {
    for (bool is_for_cache : {true, false})
        for (const auto& system : {os, std::string()})
            for (const auto& workflow : repository.workflows) {
                auto found = workflow.preparation.find(system);
                bool is_there = found != workflow.preparation.end();
                if (is_there && found->second.is_for_cache == is_for_cache) return found->second.steps;
            }
    return {};
}

std::vector<PreparingStep> installers_of(std::vector<PreparingStep> steps) {
    std::erase_if(steps, [](const PreparingStep& step) { return step.role != StepRole::installer; });
    return steps;
}

Filling common(const InitFacts& facts, const Answers& answers, const std::vector<std::string>& systems) {
    const auto& action = facts.action;
    auto version = action.version.empty() ? std::string() : " # " + action.version;
    auto secret = (has_token(answers.cache) ? "token: ${{ secrets." : "signing-key: ${{ secrets.") +
                  secret_for(facts, answers).name + " }}";
    Filling filling;
    filling.places = {
        {"${{ vars.CACHEFILL_CACHE || 'my-cache' }}", yaml(answers.cache)},
        {"token: ${{ secrets.CACHIX_AUTH_TOKEN }}", is_keyless(answers.cache) ? std::string() : secret},
        {"OWNER/cachefill/", action.repository + "/"},
        {"@v1", "@" + action.commit + version}, // it ends a line
    };
    filling.all = filling.first = preparing_steps(facts.repository, systems);
    for (const auto& workflow : facts.repository.workflows) {
        if (!workflow.pushes || !filling.more_inputs.empty()) continue;
        if (!workflow.jobs.empty()) filling.more_inputs += "jobs: " + workflow.jobs + "\n";
        if (!workflow.cores.empty()) filling.more_inputs += "cores: " + workflow.cores + "\n";
    }
    return filling;
}

// A job for each system, and what is expected of them.
Filling for_each_system(const InitFacts& facts, const Answers& answers) {
    auto systems = systems_with_runner(facts, select(facts, answers).systems);
    auto filling = common(facts, answers, systems);
    filling.places.push_back({"expect: x86_64-linux aarch64-darwin", "expect: " + join(systems, " ")});
    for (const auto& system : systems)
        filling.rows.push_back("- {system: " + system + ", runner: " + runner_of(facts, system) + "}");
    return filling;
}

// Of a workflow that a push starts.
void start_by_push(Filling& filling, const InitFacts& facts, const Answers& answers) {
    filling.places.push_back({"{branches: [develop, main]}", "{branches: " + yaml_list(answers.branches) + "}"});
    filling.places.push_back(
        {"${{ secrets.NOTIFY_URL }}", answers.notify_url.empty() ? "\"\"" : "${{ " + answers.notify_url + " }}"});
    auto schedule = answers.schedule.empty() ? "" : "\n  schedule: [{cron: " + yaml(answers.schedule) + "}]";
    filling.places.push_back({"  workflow_dispatch:", std::string("  workflow_dispatch:") + schedule});
    if (!facts.repository.flake_subdirectory.empty())
        filling.more_inputs = "flake: " + yaml(facts.repository.flake_subdirectory) + "\n" + filling.more_inputs;
}

// Of the jobs that get at the cache, which are those with such a limit of minutes, and of no other one.
void let_github_vouch(Filling& filling, const Answers& answers, std::string_view others,
                      const std::vector<std::string_view>& limits = {"    timeout-minutes: 330"}) {
    if (!is_keyless(answers.cache)) return;
    for (auto limit : limits)
        filling.places.push_back({limit, std::string(limit) + "\n    permissions:\n" + std::string(others) +
                                             "      id-token: write # GitHub tells the cache's server who this is"});
}

constexpr std::string_view of_a_push = "      contents: read\n      actions: read # to see that a newer run waits\n";

} // namespace

bool is_cachix(const std::string& cache) {
    return cache.find("://") == std::string::npos || cache.starts_with("cachix://");
}

bool has_token(const std::string& cache) {
    return is_cachix(cache) || cache.starts_with("attic://") || is_keyless(cache);
}

bool is_keyless(const std::string& cache) { return cache.starts_with("niks3://"); }

CacheSecret secret_for(const InitFacts& facts, const Answers& answers) {
    if (answers.cache.starts_with("attic://")) return {.name = "ATTIC_TOKEN"};
    if (!is_cachix(answers.cache)) return {.name = "CACHEFILL_SIGNING_KEY"};
    for (const auto& workflow : facts.repository.workflows)
        if (fills(workflow, answers.cache) && !workflow.token_secret.empty())
            return {.name = workflow.token_secret, .is_there = true};
    return {.name = "CACHIX_AUTH_TOKEN"};
}

std::vector<PreparingStep> preparing_steps(const RepositoryFacts& repository, const std::vector<std::string>& systems) {
    auto is_mac = [](const std::string& system) { return system.ends_with("-darwin"); };
    bool has_mac = std::any_of(systems.begin(), systems.end(), is_mac);
    bool has_linux = !std::all_of(systems.begin(), systems.end(), is_mac);
    auto linux = model(repository, "Linux"), mac = model(repository, "macOS");
    if (linux.empty()) linux = installers_of(mac);
    if (mac.empty()) mac = installers_of(linux);
    if (!has_mac) return linux;
    if (!has_linux) return mac;
    std::vector<PreparingStep> steps;
    for (const auto& step : linux) {
        bool is_common = std::find(mac.begin(), mac.end(), step) != mac.end();
        steps.push_back({step.role, is_common ? step.text : only_on("Linux", step.text)});
    }
    for (const auto& step : mac)
        if (std::find(linux.begin(), linux.end(), step) == linux.end())
            steps.push_back({step.role, only_on("macOS", step.text)});
    return steps;
}

Result<std::string> fill_build_workflow(std::string_view shipped, const InitFacts& facts, const Answers& answers) {
    auto filling = for_each_system(facts, answers);
    filling.heading =
        "# Fills the cache with what this flake has, before any machine asks for it. Written by cachefill init.\n";
    filling.places.push_back({"name: build", "name: cachefill"}); // a group of its own beside what is there
    start_by_push(filling, facts, answers);
    let_github_vouch(filling, answers, of_a_push);
    return fill(shipped, std::move(filling));
}

Result<std::string> fill_fleet_workflow(std::string_view shipped, const InitFacts& facts, const Answers& answers) {
    auto filling = common(facts, answers, systems_with_runner(facts, select(facts, answers).systems));
    filling.heading = "# Fills the cache with what this flake has, on as many machines at once as pay, before any "
                      "machine asks for it.\n# Written by cachefill init --shards; docs/fleet.md of cachefill explains "
                      "it.\n";
    filling.first = installers_of(preparing_steps(facts.repository, {"x86_64-linux"}));
    filling.places.push_back({"name: fleet", "name: cachefill"});
    filling.places.push_back({most_shards, "shards: " + std::to_string(facts.shards)});
    start_by_push(filling, facts, answers);
    let_github_vouch(filling, answers, of_a_push, {"    timeout-minutes: 120", "    timeout-minutes: 330"});
    return fill(shipped, std::move(filling));
}

Result<std::string> fill_update_workflow(std::string_view shipped, const InitFacts& facts, const Answers& answers) {
    auto filling = for_each_system(facts, answers);
    filling.heading = "# Updates flake.lock, fills the cache for that, and only then opens the pull request. Written "
                      "by cachefill init.\n";
    filling.first = installers_of(preparing_steps(facts.repository, {"x86_64-linux"}));
    auto folder = facts.repository.flake_subdirectory;
    filling.places.push_back({"name: update flake", "name: cachefill update"});
    filling.places.push_back({"\"17 3 * * 1\"", yaml(answers.update_schedule)});
    filling.places.push_back({"github.ref_name }}", expression_string(answers.update_branch) + " }}"});
    filling.places.push_back({"FLAKE: . #", "FLAKE: " + (folder.empty() ? std::string(".") : yaml(folder)) + " #"});
    const auto* before = updater(facts.repository);
    auto title = before && !before->update_title.empty() ? before->update_title : "flake.lock: update";
    filling.places.push_back({"title: \"flake.lock: update\"", "title: " + yaml(title)});
    let_github_vouch(filling, answers, "      contents: read\n");
    return fill(shipped, std::move(filling));
}

} // namespace cachefill::init
