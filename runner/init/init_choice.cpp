#include "init/init_choice.hpp"

#include "base/text.hpp"
#include "init/yaml_text.hpp"
#include "options/runner_labels.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace cachefill::init {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kinds{
    {{"nixos", "nixosConfigurations"}, {"darwin", "darwinConfigurations"}, {"home", "homeConfigurations"}}};

std::string kind_of(const HostFacts& host) { return host.name.substr(0, host.name.find(':')); }
std::string name_of(const HostFacts& host) { return host.name.substr(host.name.find(':') + 1); }

bool garnix_takes(const InitFacts& facts, const HostFacts& host) {
    if (!facts.repository.garnix) return true;
    for (const auto& [kind, output] : kinds)
        if (kind == kind_of(host)) return facts.repository.garnix->takes({std::string(output), name_of(host)});
    return true;
}

bool garnix_takes(const InitFacts& facts, const OutputFacts& output) {
    return !facts.repository.garnix || facts.repository.garnix->takes({output.output, output.system, output.name});
}

template <class Range, class Value> bool contains(const Range& range, const Value& value) {
    return std::find(std::begin(range), std::end(range), value) != std::end(range);
}

// The host's name in an address: "nas.example.org" of "http://nas.example.org:8080/cache".
std::string host_of(const std::string& url) {
    auto start = url.find("://");
    if (start == url.npos || !url.starts_with("http")) return {};
    auto rest = url.substr(start + 3);
    rest = rest.substr(0, rest.find_first_of("/?"));
    if (auto login = rest.rfind('@'); login != rest.npos) rest = rest.substr(login + 1);
    return to_lower(rest.substr(0, rest.find(':')));
}

// An address of IPv4 that means something in one network only.
bool is_private_address(const std::string& host) {
    std::vector<std::uint64_t> parts;
    for (auto piece : split(host, '.')) {
        auto number = parse_u64(piece);
        if (!number) return false;
        parts.push_back(*number);
    }
    if (parts.size() != 4) return false;
    return parts[0] == 10 || parts[0] == 127 || (parts[0] == 192 && parts[1] == 168) ||
           (parts[0] == 172 && parts[1] >= 16 && parts[1] < 32) ||
           (parts[0] == 100 && parts[1] >= 64 && parts[1] < 128);
}

} // namespace

std::vector<std::string> branches_to_build(const RepositoryFacts& repository) {
    std::vector<std::string> chosen;
    auto add = [&](const std::string& branch) {
        if (!branch.empty() && !contains(chosen, branch)) chosen.push_back(branch);
    };
    // Where a workflow fills a cache already, its branches are the answer.
    for (const auto& workflow : repository.workflows)
        if (workflow.pushes)
            for (const auto& branch : workflow.branches) add(branch);
    if (!chosen.empty()) return chosen;
    for (const std::string usual : {"develop", "main", "master"})
        if (contains(repository.branches, usual)) add(usual);
    add(repository.default_branch);
    if (chosen.empty()) add(repository.current_branch);
    if (chosen.empty()) add("main");
    return chosen;
}

std::string runner_of(const InitFacts& facts, const std::string& system) {
    auto named = facts.runners.find(system);
    if (named == facts.runners.end()) return options::runner_for(system);
    return named->second.size() == 1 ? yaml(named->second.front()) : yaml_list(named->second);
}

bool is_home(const HostFacts& host) { return kind_of(host) == "home"; }

bool is_template(const HostFacts& host) {
    auto name = to_lower(name_of(host));
    auto is_letter = [&](std::size_t at) {
        return at < name.size() && std::isalpha(static_cast<unsigned char>(name[at]));
    };
    constexpr std::string_view word = "template";
    for (auto at = name.find(word); at != name.npos; at = name.find(word, at + 1))
        if ((at == 0 || !is_letter(at - 1)) && !is_letter(at + word.size())) return true;
    return false;
}

bool fills(const WorkflowFacts& workflow, const std::string& cache) {
    constexpr std::string_view scheme = "cachix://";
    auto name = cache.starts_with(scheme) ? cache.substr(scheme.size()) : cache;
    const auto& known = workflow.caches;
    return workflow.pushes && (known.empty() || std::find(known.begin(), known.end(), name) != known.end());
}

bool has_machines(const InitFacts& facts) {
    return std::any_of(facts.hosts.begin(), facts.hosts.end(), [](const HostFacts& host) { return !is_home(host); });
}

Selection select(const InitFacts& facts, const Answers& answers) {
    Selection selection;
    std::set<std::string> systems;
    for (const auto& [kind, output] : kinds) {
        std::vector<const HostFacts*> left_out, here;
        bool is_kind_built = kind != "home" || answers.builds_homes;
        for (const auto& host : facts.hosts) {
            if (kind_of(host) != kind) continue;
            here.push_back(&host);
            if (!garnix_takes(facts, host) && is_kind_built)
                left_out.push_back(&host);
            else if (is_kind_built && is_template(host))
                selection.evaluate_only.push_back(host.name);
            else if (is_kind_built)
                systems.insert(host.system);
        }
        if (here.empty() || left_out.size() == here.size()) continue;
        selection.hosts.push_back(std::string(kind) + ":*");
        for (const auto* host : left_out) selection.hosts.push_back("!" + host->name);
        if (!is_kind_built) selection.evaluate_only.push_back(std::string(kind) + ":*");
    }
    std::map<std::string, std::vector<const OutputFacts*>> by_system; // "packages:x86_64-linux"
    for (const auto& output : facts.outputs)
        if (contains(answers.also, output.output)) by_system[output.output + ":" + output.system].push_back(&output);
    for (const auto& [key, outputs] : by_system) {
        std::vector<std::string> left_out;
        for (const auto* output : outputs)
            if (!garnix_takes(facts, *output)) left_out.push_back(key + "." + output->name);
        if (left_out.size() < outputs.size())
            systems.insert(outputs.front()->system);
        else
            left_out = {key + ".*"};
        selection.evaluate_only.insert(selection.evaluate_only.end(), left_out.begin(), left_out.end());
    }
    selection.systems.assign(systems.begin(), systems.end());
    std::sort(selection.systems.begin(), selection.systems.end(), [](const std::string& a, const std::string& b) {
        auto rank = [](const std::string& s) { return s == "x86_64-linux" ? 0 : s.ends_with("-linux") ? 1 : 2; };
        return rank(a) != rank(b) ? rank(a) < rank(b) : a < b;
    });
    return selection;
}

std::vector<std::string> systems_with_runner(const InitFacts& facts, const std::vector<std::string>& systems) {
    auto with_runner = systems;
    std::erase_if(with_runner, [&](const std::string& system) { return runner_of(facts, system).empty(); });
    return with_runner;
}

std::vector<std::string> caches_to_ignore(const InitFacts& facts) {
    std::set<std::string> patterns;
    for (const auto& host : facts.hosts)
        for (const auto& url : host.caches) {
            auto name = host_of(url);
            if (name.empty() || name == "cache.nixos.org") continue;
            if (name.ends_with(".ts.net")) patterns.insert("*.ts.net");
            bool is_local = name.find('.') == name.npos || is_private_address(name);
            for (const auto* end : {".local", ".lan", ".home", ".internal", ".home.arpa", ".localdomain"})
                is_local |= name.ends_with(end);
            if (is_local || name == "cache.garnix.io") patterns.insert(name);
        }
    return {patterns.begin(), patterns.end()};
}

std::map<std::string, std::vector<std::string>> late_packages(const std::vector<std::string>& systems) {
    std::map<std::string, std::vector<std::string>> late;
    // No channel waits for what is built on a Mac, and these take hours.
    for (const auto& system : systems)
        if (system.ends_with("-darwin"))
            late[system] = {"firefox-unwrapped-*", "librewolf-unwrapped-*", "thunderbird-unwrapped-*"};
    return late;
}

Answers default_answers(const InitFacts& facts) {
    Answers answers;
    answers.cache = facts.cache;
    answers.branches = branches_to_build(facts.repository);
    const auto& garnix = facts.repository.garnix;
    bool garnix_has_homes = garnix && std::any_of(facts.hosts.begin(), facts.hosts.end(), [&](const HostFacts& host) {
                                return is_home(host) && garnix_takes(facts, host);
                            });
    answers.builds_homes = !has_machines(facts) || garnix_has_homes;
    for (const auto& output : facts.outputs) {
        bool is_wanted = garnix ? garnix_takes(facts, output) : facts.hosts.empty() && output.output == "packages";
        if (is_wanted && !contains(answers.also, output.output)) answers.also.push_back(output.output);
    }
    for (const auto& workflow : facts.repository.workflows) {
        if (workflow.pushes && answers.schedule.empty() && !workflow.crons.empty())
            answers.schedule = workflow.crons.front();
        if (workflow.pushes && workflow.forgives_outages) answers.outage_fails = false;
        if (answers.notify_url.empty()) answers.notify_url = workflow.notify_url;
        if (!workflow.updates_flake || answers.updates_flake) continue;
        answers.updates_flake = true;
        answers.update_branch = workflow.update_branch;
        if (!workflow.crons.empty()) answers.update_schedule = workflow.crons.front();
    }
    if (answers.update_schedule.empty()) answers.update_schedule = "17 3 * * 1";
    if (answers.update_branch.empty())
        answers.update_branch =
            facts.repository.default_branch.empty() ? answers.branches.front() : facts.repository.default_branch;
    if (answers.notify_url.empty()) answers.notify_url = "secrets.NOTIFY_URL";
    return answers;
}

} // namespace cachefill::init
