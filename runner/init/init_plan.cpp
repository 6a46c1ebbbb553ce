#include "init/init_plan.hpp"

#include "base/foreign_text.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "init/init_choice.hpp"
#include "init/init_templates.hpp"
#include "init/init_workflow.hpp"
#include "init/yaml_text.hpp"

#include <algorithm>
#include <set>

namespace cachefill::init {

namespace {

// "a: [b, c]" of a mapping of lists.
std::string yaml_map(const std::map<std::string, std::vector<std::string>>& lists) {
    std::vector<std::string> entries;
    for (const auto& [key, list] : lists) entries.push_back(yaml(key) + ": " + yaml_list(list));
    return "{" + join(entries, ", ") + "}";
}

// What the flake has, as lines of a comment.
std::string found(const InitFacts& facts) {
    std::vector<std::string> words;
    for (const auto& host : facts.hosts) words.push_back(shown_name(host.name));
    std::map<std::string, std::size_t> counts;
    for (const auto& output : facts.outputs) ++counts[output.output + " of " + output.system];
    for (const auto& [what, count] : counts) words.push_back(shown_name(what) + " (" + std::to_string(count) + ")");
    std::string text = "# Found:", line;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (line.size() + words[i].size() > 100) {
            text += line + "\n#";
            line.clear();
        }
        line += " " + words[i] + (i + 1 < words.size() ? "," : "");
    }
    return text + line + "\n";
}

std::string configuration(const InitFacts& facts, const Answers& answers, const Selection& selection) {
    std::string text = "# What cachefill does with this flake. Every key: docs/configuration.md of cachefill.\n";
    text += "cache: " + yaml(answers.cache) + "\n\n" + found(facts);
    if (!selection.hosts.empty()) text += "hosts: " + yaml_list(selection.hosts) + "\n";
    if (!selection.evaluate_only.empty())
        text +=
            "# Looked at, but neither built nor pushed.\nevaluate-only: " + yaml_list(selection.evaluate_only) + "\n";
    if (!answers.also.empty()) text += "also: " + yaml_list(answers.also) + "\n";
    const auto& workflows = facts.repository.workflows;
    if (std::any_of(workflows.begin(), workflows.end(), [](const auto& workflow) { return workflow.checks_flake; }))
        text += "# What nix flake check would find in the rest of the flake, without building it.\ncheck: flake\n";
    text += "\n";
    if (auto ignore = caches_to_ignore(facts); !ignore.empty())
        text += "# Caches that hosts name and no runner reaches, or that are gone.\nupstreams: {ignore: " +
                yaml_list(ignore) + "}\n";
    if (auto late = late_packages(selection.systems); !late.empty())
        text += "# Built last: hours each, and cache.nixos.org often has them a day later.\ndefer: " + yaml_map(late) +
                "\n";
    if (facts.shards > 0 && !facts.runners.empty())
        text += "# Which machines the shards run on.\nrunners: " + yaml_map(facts.runners) + "\n";
    if (!answers.outage_fails)
        text += "# A cache that is away never makes a run red: it is a warning and a notice.\n"
                "fail-on: [evaluate, build, check]\n";
    return text + "pins: {branches: " + yaml_list(answers.branches) + ", keep: 2}\n";
}

// What of a workflow is done by cachefill now, and what stays its own business.
std::string advice_on(const WorkflowFacts& workflow, const Answers& answers) {
    std::vector<std::string> replaced, stays;
    for (const auto& step : workflow.steps) {
        auto title = "'" + ellipsize(sanitize(step.title), 60) + "'";
        bool is_ours = is_taken_over(step.role) || step.role == StepRole::certificates;
        auto& list = is_ours ? replaced : stays;
        bool is_own =
            is_ours || (step.role == StepRole::ours_to_see && !to_lower(step.title).starts_with("actions/checkout"));
        if (is_own && std::find(list.begin(), list.end(), title) == list.end()) list.push_back(title);
    }
    auto file = ".github/workflows/" + sanitize(workflow.file);
    std::vector<std::string> does;
    if (workflow.pushes)
        does.push_back("pushes to " +
                       (workflow.caches.empty() ? std::string("a cache") : sanitize(join(workflow.caches, ", "))));
    if (workflow.updates_flake) does.emplace_back("updates flake.lock");
    auto text = file + " " + join(does, " and ");
    if (!fills(workflow, answers.cache) && !workflow.updates_flake)
        return text + ", which is another cache: it stays as it is";
    text += ". cachefill does the work of " + join(replaced, ", ");
    return text + (stays.empty() ? "; nothing else is in it, so it can go"
                                 : "; what else it does stays: " + join(stays, ", "));
}

// Actions in copied steps that are not taken at a commit.
std::set<std::string> moving_actions(const std::vector<PreparingStep>& steps) {
    std::set<std::string> moving;
    for (const auto& step : steps)
        for (auto line : split(std::string_view(step.text), '\n')) {
            auto at = line.find("uses: ");
            if (at == line.npos || line.find_first_not_of("- {") != at) continue;
            auto uses = trim(line.substr(at + 6));
            uses = uses.substr(0, uses.find_first_of(" ,}"));
            auto reference = uses.substr(std::min(uses.find('@'), uses.size() - 1) + 1);
            bool is_commit =
                reference.size() == 40 && reference.find_first_not_of("0123456789abcdef") == reference.npos;
            if (!is_commit && !uses.starts_with("./")) moving.insert(sanitize(uses));
        }
    return moving;
}

std::vector<std::string> notes_on(const InitFacts& facts, const Answers& answers, const Selection& selection) {
    std::vector<std::string> notes;
    if (!facts.cache_origin.empty() && answers.cache == facts.cache)
        notes.push_back("the cache '" + facts.cache + "' is the one in " + facts.cache_origin);
    std::vector<std::string> templates;
    for (const auto& host : facts.hosts)
        if (is_template(host) && (answers.builds_homes || !is_home(host))) templates.push_back(sanitize(host.name));
    if (!templates.empty())
        notes.push_back(join(templates, ", ") + (templates.size() == 1 ? " is a template" : " are templates") +
                        ", by the name: evaluated, but neither built nor pushed");
    if (has_machines(facts) && !answers.builds_homes && std::any_of(facts.hosts.begin(), facts.hosts.end(), is_home))
        notes.push_back("homes are evaluated, but neither built nor pushed; without \"home:*\" in evaluate-only, in "
                        "cachefill.yml, they are");
    for (const auto& host : facts.hosts)
        if (!host.guess.empty())
            notes.push_back(host.name + " is taken for " + host.system +
                            ", because its system could not be asked: " + host.guess);
    for (const auto& system : selection.systems)
        if (runner_of(facts, system).empty())
            notes.push_back("GitHub has no machines for " + system +
                            "; what is for it is evaluated, but built nowhere. 'runners: {" + system +
                            ": LABEL}' in cachefill.yml names one of yours");
    for (const auto& [system, labels] : facts.runners)
        // One with features ("x86_64-linux+kvm") is for shards.
        if (system.find('+') == system.npos &&
            std::find(selection.systems.begin(), selection.systems.end(), system) == selection.systems.end())
            notes.push_back("nothing is built for " + sanitize(system) + ", which 'runners' names " +
                            sanitize(join(labels, ", ")) + " for");
    auto systems = systems_with_runner(facts, selection.systems);
    auto preparation = preparing_steps(facts.repository, systems);
    for (const auto& uses : moving_actions(preparation))
        notes.push_back(uses + " is no commit, and runs in a job that gets your token: pin it");
    auto collects = [](const PreparingStep& step) { return step.text.find("min-free = ") != std::string::npos; };
    if (std::any_of(preparation.begin(), preparation.end(), collects))
        notes.emplace_back(
            "a step that was taken along sets min-free: take that out, or Nix collects garbage while others "
            "build; cachefill watches the disk by itself");
    for (const auto& workflow : facts.repository.workflows) {
        if (workflow.pushes || (workflow.updates_flake && answers.updates_flake))
            notes.push_back(advice_on(workflow, answers));
        for (const auto& title : workflow.not_copied)
            notes.push_back(
                "'" + sanitize(title) + "' of .github/workflows/" + sanitize(workflow.file) +
                " was not taken along, since it needs something of its job; add it before the action if it is needed");
    }
    if (facts.repository.garnix)
        notes.push_back(
            "garnix.yaml was read: what it includes is filled. It can go, and so can https://cache.garnix.io in hosts");
    return notes;
}

// GitHub would put a secret in the place of a name such as "${{ secrets.X }}".
Result<void> without_expressions(const InitFacts& facts, const Answers& answers) {
    std::vector<std::string> names = answers.branches;
    names.insert(names.end(), {facts.repository.flake_subdirectory, answers.cache});
    for (const auto& host : facts.hosts) names.insert(names.end(), {host.name, host.system});
    for (const auto& output : facts.outputs) names.insert(names.end(), {output.output, output.system, output.name});
    for (const auto& name : names)
        if (name.find("${{") != std::string::npos)
            return Failure(FailureKind::usage, "'" + shown_name(name) + "' is an expression to GitHub, and no name")
                .with_hint("give it another name: init writes it into the workflow");
    return {};
}

// What the repository cannot do: a machine's own token and lines. The flake's own file does not count for pushing.
void add_steps_here(const std::string& cache, std::vector<std::string>& steps) {
    auto name = shell_word(cache);
    if (has_token(cache)) steps.push_back("on a machine that pushes by hand, once: cachefill login " + name);
    steps.push_back("on a machine that runs cachefill by hand: 'cache: " + cache +
                    "' in ~/.config/cachefill/cachefill.yml stands for --cache " + name);
    steps.push_back("on each machine that is to fetch: cachefill use " + name);
}

} // namespace

Result<std::pair<std::string, std::string>> parse_action(const std::string& text) {
    auto at = text.find('@');
    auto repository = text.substr(0, at);
    auto reference = at == std::string::npos ? std::string() : text.substr(at + 1);
    auto is_name = [](std::string_view part) {
        return !part.empty() && part[0] != '.' && std::all_of(part.begin(), part.end(), [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
        });
    };
    auto parts = split(std::string_view(repository), '/');
    // Git and YAML read it, so it is nothing but a name.
    bool is_reference = at == std::string::npos || (is_name(reference) && reference[0] != '-');
    if (parts.size() != 2 || !is_name(parts[0]) || !is_name(parts[1]) || !is_reference)
        return Failure(FailureKind::usage, "'" + sanitize(redact_url(text)) +
                                               "' names no action; expected OWNER/REPOSITORY, perhaps with @COMMIT");
    return std::pair{repository, reference};
}

Result<InitPlan> plan_init(const InitFacts& facts, const Answers& answers) {
    if (facts.hosts.empty() && facts.outputs.empty())
        return Failure(FailureKind::usage,
                       "this flake has no host, package, check or development shell to fill a cache with");
    if (answers.cache.empty())
        return Failure(FailureKind::usage, "no cache was named, and no workflow here uses one")
            .with_hint("name it: cachefill init --cache NAME");
    auto selection = select(facts, answers);
    if (selection.systems.empty())
        return Failure(FailureKind::usage,
                       "nothing here would be built: there are templates and homes only, or what garnix.yaml excludes")
            .with_hint("cachefill run --hosts 'home:*' fills a cache by itself; docs/configuration.md has the keys");
    if (systems_with_runner(facts, selection.systems).empty())
        return Failure(FailureKind::usage, "GitHub has no machines for " + join(selection.systems, ", "))
            .with_hint("name machines of your own in cachefill.yml: 'runners: {SYSTEM: LABEL}'");
    TRY_VOID(without_expressions(facts, answers));
    InitPlan plan;
    TRY(workflow, facts.shards > 0 ? fill_fleet_workflow(fleet_workflow, facts, answers)
                                   : fill_build_workflow(build_workflow, facts, answers));
    plan.files.push_back({".github/workflows/cachefill.yml", std::move(workflow)});
    if (answers.updates_flake) {
        TRY(update, fill_update_workflow(update_workflow, facts, answers));
        plan.files.push_back({".github/workflows/cachefill-update.yml", std::move(update)});
    }
    auto place = facts.repository.configuration.empty()
                     ? std::filesystem::path(facts.repository.flake_subdirectory) / "cachefill.yml"
                     : std::filesystem::path(facts.repository.configuration);
    plan.files.push_back({std::move(place), configuration(facts, answers, selection)});
    plan.notes = notes_on(facts, answers, selection);

    const auto& repository = facts.repository;
    auto there = repository.is_current_directory ? "" : "cd " + shell_word(repository.root.string()) + " && ";
    auto secret = secret_for(facts, answers);
    auto set = there + "gh secret set " + secret.name;
    if (is_keyless(answers.cache))
        plan.steps.push_back(
            "let the cache's server take GitHub's word for this repository: services.niks3.oidc.providers, "
            "with the issuer https://token.actions.githubusercontent.com and this repository in "
            "boundClaims; no secret is needed");
    else if (secret.is_there)
        plan.notes.push_back("the token is taken from the secret " + secret.name + ", as before");
    else
        plan.steps.push_back((has_token(answers.cache) ? "put a token that may write to the cache"
                                                       : "put the key that signs for the cache") +
                             (" into the repository's secrets: " + set));
    if (answers.updates_flake)
        plan.steps.push_back("let workflows open pull requests, if they may not: Settings, Actions, General");
    std::vector<std::string> add{"git", "add"};
    for (const auto& file : plan.files) add.push_back(file.path.string());
    plan.steps.push_back("look at what was written, then: " + there + shell_command(add));
    plan.steps.push_back("commit and push: " + there + "git commit -m 'cachefill fills the cache' && git push");
    add_steps_here(answers.cache, plan.steps);
    return plan;
}

} // namespace cachefill::init
