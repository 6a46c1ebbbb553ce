#include "init/init_plan.hpp"

#include "base/shell.hpp"
#include "base/text.hpp"
#include "init/init_templates.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace cachefill::init {

namespace {

// A plain YAML scalar where that is safe, else a quoted one.
std::string yaml(const std::string& text) {
    bool is_plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) ||
               std::string_view("-_./").find(c) != std::string_view::npos;
    });
    // "true", "1.0", "-" and the like would be something else than text.
    if (is_plain && std::isalpha(static_cast<unsigned char>(text[0])) &&
        !std::set<std::string>{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}.contains(to_lower(text)))
        return text;
    std::string quoted = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

std::string yaml_list(const std::vector<std::string>& texts) {
    std::vector<std::string> items;
    for (const auto& text : texts) items.push_back(yaml(text));
    return "[" + join(items, ", ") + "]";
}

std::vector<std::string> systems_of(const InitFacts& facts) {
    std::vector<std::string> systems;
    for (const auto& host : facts.hosts)
        if (std::find(systems.begin(), systems.end(), host.system) == systems.end()) systems.push_back(host.system);
    std::sort(systems.begin(), systems.end(), [](const std::string& a, const std::string& b) {
        auto rank = [](const std::string& s) { return s == "x86_64-linux" ? 0 : s.ends_with("-linux") ? 1 : 2; };
        return rank(a) != rank(b) ? rank(a) < rank(b) : a < b;
    });
    return systems;
}

// What `runs-on` is given: a label, or a list of them; empty if there is no machine.
std::string runner_of(const InitFacts& facts, const std::string& system) {
    auto named = facts.runners.find(system);
    if (named == facts.runners.end()) return runner_for(system);
    return named->second.size() == 1 ? yaml(named->second.front()) : yaml_list(named->second);
}

std::vector<std::string> systems_with_runner(const InitFacts& facts) {
    auto systems = systems_of(facts);
    std::erase_if(systems, [&](const std::string& system) { return runner_of(facts, system).empty(); });
    return systems;
}

std::string configuration(const InitFacts& facts) {
    std::set<std::string> kinds;
    std::vector<std::string> names, templates;
    for (const auto& host : facts.hosts) {
        kinds.insert(host.name.substr(0, host.name.find(':')));
        names.push_back(host.name);
        if (host.name.find(":template") != std::string::npos) templates.push_back(host.name);
    }
    std::vector<std::string> patterns;
    for (const auto* kind : {"nixos", "darwin", "home"})
        if (kinds.contains(kind)) patterns.push_back(std::string(kind) + ":*");
    std::string text = "# What cachefill does with this flake. Every key: docs/configuration.md of cachefill.\n";
    text += "cache: " + yaml(facts.cache) + "\n\n# Found:";
    std::string line;
    for (const auto& name : names) {
        if (line.size() + name.size() > 100) {
            text += line + "\n#";
            line.clear();
        }
        line += " " + sanitize(name);
    }
    text += line + "\nhosts: " + yaml_list(patterns) + "\n";
    if (!templates.empty())
        text += "# Looked at, but neither built nor pushed.\nevaluate-only: " + yaml_list(templates) + "\n";
    text += "pins: {branches: " + yaml_list(branches_to_build(facts.repository)) + ", keep: 2}\n";
    return text;
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

std::vector<std::string> branches_to_build(const RepositoryFacts& repository) {
    std::vector<std::string> chosen;
    auto add = [&](const std::string& branch) {
        if (!branch.empty() && std::find(chosen.begin(), chosen.end(), branch) == chosen.end())
            chosen.push_back(branch);
    };
    for (const auto* usual : {"develop", "main", "master"})
        if (std::find(repository.branches.begin(), repository.branches.end(), usual) != repository.branches.end())
            add(usual);
    add(repository.default_branch);
    if (chosen.empty()) add(repository.current_branch);
    if (chosen.empty()) add("main");
    return chosen;
}

std::string runner_for(std::string_view system) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> runners{{
        {"x86_64-linux", "ubuntu-24.04"},
        {"aarch64-linux", "ubuntu-24.04-arm"},
        {"aarch64-darwin", "macos-15"},
        {"x86_64-darwin", "macos-15-intel"},
    }};
    for (const auto& [name, runner] : runners)
        if (name == system) return std::string(runner);
    return {};
}

Result<std::string> fill_template(std::string_view template_text, const InitFacts& facts) {
    auto systems = systems_with_runner(facts);
    const auto& action = facts.action;
    auto version = action.version.empty() ? std::string() : " # " + action.version;
    // The example's words, what stands in their place, and whether all of it was there. `@v1` ends a line.
    struct Place {
        std::string_view example;
        std::string with;
        bool found = false;
    };
    std::array places{
        Place{"{branches: [develop, main]}", "{branches: " + yaml_list(branches_to_build(facts.repository)) + "}"},
        Place{"${{ vars.CACHEFILL_CACHE || 'my-cache' }}", yaml(facts.cache)},
        Place{"OWNER/cachefill/", action.repository + "/"},
        Place{"@v1", "@" + action.commit + version},
        Place{"expect: x86_64-linux aarch64-darwin", "expect: " + join(systems, " ")},
    };
    constexpr std::string_view row = "- {system: ";
    std::string text =
        "# Fills the cache with every host of this flake, before any machine asks for it. Written by cachefill init.\n";
    bool is_heading = true, has_rows = false;
    for (auto piece : split(template_text, '\n')) {
        is_heading &= piece.starts_with("#"); // speaks of copying
        if (is_heading) continue;
        std::string line(piece);
        auto indent = line.substr(0, std::min(line.find_first_not_of(' '), line.size()));
        if (std::string_view(line).substr(indent.size()).starts_with(row)) {
            if (has_rows) continue;
            has_rows = true;
            for (const auto& system : systems)
                text += indent + std::string(row) + system + ", runner: " + runner_of(facts, system) + "}\n";
            continue;
        }
        for (auto& place : places) {
            auto at = line.find(place.example);
            if (at == std::string::npos) continue;
            place.found = true;
            line.replace(at, place.example.size(), place.with);
        }
        text += line + "\n";
        bool is_cache = line.starts_with(indent + "cache: ");
        if (is_cache && !facts.repository.flake_subdirectory.empty())
            text += indent + "flake: " + yaml(facts.repository.flake_subdirectory) + "\n";
    }
    while (text.ends_with("\n\n")) text.pop_back();
    for (const auto& place : places)
        if (!place.found)
            return Failure(FailureKind::internal, "the shipped workflow has no '" + std::string(place.example) + "'");
    if (!has_rows) return Failure(FailureKind::internal, "the shipped workflow has no list of systems");
    return text;
}

Result<InitPlan> plan_init(const InitFacts& facts) {
    if (facts.hosts.empty())
        return Failure(FailureKind::usage, "this flake has no host: neither nixosConfigurations, darwinConfigurations "
                                           "nor homeConfigurations")
            .with_hint(
                "cachefill run --also packages fills a cache with a flake's packages; the workflow is for hosts");
    if (facts.cache.empty())
        return Failure(FailureKind::usage, "no cache was named, and no workflow here uses one")
            .with_hint("name it: cachefill init --cache NAME");
    if (systems_with_runner(facts).empty())
        return Failure(FailureKind::usage, "GitHub has no machines for " + join(systems_of(facts), ", "))
            .with_hint("name machines of your own in cachefill.yml: 'runners: {SYSTEM: LABEL}'");
    InitPlan plan;
    TRY(workflow, fill_template(init_workflow, facts));
    plan.files.push_back({".github/workflows/cachefill.yml", std::move(workflow)});
    plan.files.push_back(
        {std::filesystem::path(facts.repository.flake_subdirectory) / "cachefill.yml", configuration(facts)});

    if (!facts.cache_origin.empty())
        plan.notes.push_back("the cache '" + facts.cache + "' is the one in " + facts.cache_origin);
    for (const auto& host : facts.hosts)
        if (!host.guess.empty())
            plan.notes.push_back(host.name + " is taken for " + host.system +
                                 ", because its system could not be asked: " + host.guess);
    for (const auto& system : systems_of(facts))
        if (runner_of(facts, system).empty())
            plan.notes.push_back("GitHub has no machines for " + system +
                                 "; its hosts are evaluated, but built nowhere. 'runners: {" + system +
                                 ": LABEL}' in cachefill.yml names one of yours");
    for (const auto& [system, labels] : facts.runners) {
        auto systems = systems_of(facts);
        if (std::find(systems.begin(), systems.end(), system) == systems.end())
            plan.notes.push_back("no host is for " + sanitize(system) + ", which 'runners' names " +
                                 sanitize(join(labels, ", ")) + " for");
    }
    for (const auto& file : facts.repository.workflows)
        plan.notes.push_back(".github/workflows/" + file + " pushes to a cache already; what it does for that can go");
    const auto& repository = facts.repository;
    auto there = repository.is_current_directory ? "" : "cd " + shell_word(repository.root.string()) + " && ";
    if (facts.cache.find("://") == std::string::npos || facts.cache.starts_with("cachix://"))
        plan.steps.push_back("put a token that may write to the cache into the repository's secrets: " + there +
                             "gh secret set CACHIX_AUTH_TOKEN");
    else
        plan.steps.push_back("put the key that signs for the cache into the repository's secrets: " + there +
                             "gh secret set CACHEFILL_SIGNING_KEY");
    plan.steps.push_back("look at what was written, then: " + there + "git add .github/workflows/cachefill.yml " +
                         shell_word(plan.files[1].path.string()));
    return plan;
}

} // namespace cachefill::init
