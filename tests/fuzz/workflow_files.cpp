// Workflows and garnix.yaml, which lie in the repository that `init` looks at.
//
// What is none gives nothing. What is read can be put into a workflow: names that are taken over are one line, and
// YAML that we write says what it was to say.
#include "base/text.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "init/garnix.hpp"
#include "init/workflow_facts.hpp"
#include "init/yaml_text.hpp"
#include "options/yaml.hpp"

#include <yaml-cpp/yaml.h>

namespace cachefill::fuzz {

namespace {

void facts(const init::WorkflowFacts& facts) {
    for (const auto& text : {facts.token_secret, facts.jobs, facts.cores, facts.update_branch})
        require(text.find('\n') == text.npos, "a name is one line");
    for (const auto& cache : facts.caches) require(cache.find("${{") == cache.npos, "no expression is a cache");
    for (const auto& [system, preparation] : facts.preparation)
        for (const auto& step : preparation.steps) require(step.text.starts_with('-'), "a step begins with its dash");
}

} // namespace

void workflow_files(std::string_view input) {
    std::string text(input);
    if (auto read = init::read_workflow("build.yml", text)) facts(*read);
    if (auto rules = init::read_garnix(text)) rules->takes({"packages", "x86_64-linux", "hello"});

    auto said = sanitize(input);
    auto node = options::load_yaml("key: " + init::yaml(said) + "\nlist: " + init::yaml_list({said, said}) + "\n");
    require(node["key"].as<std::string>() == said, "YAML says what it was to say");
    require(node["list"].size() == 2 && node["list"][1].as<std::string>() == said, "so does a list");
}

} // namespace cachefill::fuzz
