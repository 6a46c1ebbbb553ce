#include "init/workflow_facts.hpp"

#include "base/text.hpp"
#include "init/step_role.hpp"
#include "options/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <regex>

namespace cachefill::init {

namespace {

using Variables = std::map<std::string, std::string>;

std::string scalar(const YAML::Node& node) { return node && node.IsScalar() ? node.Scalar() : std::string(); }

YAML::Node member(const YAML::Node& node, const char* key) {
    return node && node.IsMap() ? node[key] : YAML::Node(YAML::NodeType::Undefined);
}

void for_each_scalar(const YAML::Node& node, const std::function<void(const std::string&)>& tell) {
    if (!node) return;
    if (node.IsScalar()) tell(node.Scalar());
    if (node.IsSequence())
        for (const auto& item : node) for_each_scalar(item, tell);
    if (node.IsMap())
        for (const auto& entry : node) for_each_scalar(entry.second, tell);
}

// A plain value, or the plain values of a list.
std::vector<std::string> scalars(const YAML::Node& node) {
    std::vector<std::string> found;
    for_each_scalar(node, [&](const std::string& text) { found.push_back(text); });
    return found;
}

void add_once(std::vector<std::string>& list, const std::string& text) {
    if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

bool is_plain(const std::string& text) { return text.find('$') == text.npos && sanitize(text) == text; }

void add_variables(const YAML::Node& env, Variables& variables) {
    if (!env || !env.IsMap()) return;
    for (const auto& entry : env)
        if (entry.second.IsScalar()) variables[entry.first.Scalar()] = entry.second.Scalar();
}

// With the values of ${{ env.NAME }}, $NAME and ${NAME} where the workflow says them.
std::string with_values(std::string text, const Variables& variables) {
    for (const auto& [name, value] : variables) {
        if (name.empty() || !is_plain(value)) continue;
        for (const auto* pattern : {R"(\$\{\{ *env\.@ *\}\})", R"(\$\{@\})", R"(\$@\b)"}) {
            std::string expression(pattern);
            expression.replace(expression.find('@'), 1, name);
            if (std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; }))
                text = std::regex_replace(text, std::regex(expression), value);
        }
    }
    return text;
}

// The name of the one secret that a text consists of.
std::string secret_of(const std::string& text) {
    static const std::regex whole(R"(^\s*\$\{\{\s*secrets\.(\w{1,200})\s*\}\}\s*$)");
    std::smatch match;
    return text.size() < 300 && std::regex_match(text, match, whole) ? match[1].str() : std::string();
}

// The expression that yields the address of a webhook if its secrets are there: of one secret alone, if it is called
// like one, or of an address with secrets in it.
std::string webhook_of(const std::string& text) {
    static const std::regex called(R"(.*(WEBHOOK|DISCORD|SLACK|NOTIFY).*)", std::regex::icase);
    if (auto secret = secret_of(text); !secret.empty()) {
        bool is_part = secret.ends_with("_ID") || secret.ends_with("_TOKEN");
        return std::regex_match(secret, called) && !is_part ? "secrets." + secret : std::string();
    }
    static const std::regex address(
        R"(^https://(discord(app)?\.com/api/webhooks|hooks\.slack\.com/services)(/\$\{\{ *secrets\.\w+ *\}\})+$)");
    if (text.size() > 500 || !std::regex_match(text, address)) return {};
    static const std::regex part(R"(\$\{\{ *secrets\.(\w+) *\}\})");
    std::string shape, arguments, first;
    std::size_t number = 0;
    std::string rest = text;
    for (std::smatch match; std::regex_search(rest, match, part); rest = match.suffix().str()) {
        shape += match.prefix().str() + "{" + std::to_string(number++) + "}";
        arguments += ", secrets." + match[1].str();
        if (first.empty()) first = "secrets." + match[1].str();
    }
    return first + " && format('" + shape + rest + "'" + arguments + ")";
}

bool is_cachix_name(const std::string& text) {
    auto is_fit = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
    return !text.empty() && text[0] != '-' && std::all_of(text.begin(), text.end(), is_fit);
}

// Of a cache's address what belongs into a configuration: no path of a key.
std::string address_of(const std::string& url) {
    auto question = url.find('?');
    auto kept = url.substr(0, question);
    if (question == url.npos) return kept;
    auto query = url.substr(question + 1);
    char separator = '?';
    for (auto part : split(query, '&'))
        for (std::string_view known : {"endpoint=", "region=", "scheme="})
            if (part.starts_with(known)) kept += separator + std::string(part), separator = '&';
    return kept;
}

class Reader {
  public:
    Reader(std::string_view file, const std::string& text) : lines_(split(text, '\n')) { facts_.file = file; }

    WorkflowFacts read(const YAML::Node& workflow) {
        read_triggers(workflow["on"]);
        Variables variables;
        add_variables(member(workflow, "env"), variables);
        for_each_scalar(workflow, [&](const std::string& text) { read_scalar(text); });
        for (const auto& job : workflow["jobs"])
            if (job.second.IsMap()) read_job(scalar(job.first), job.second, variables);
        if (!from_address_.empty()) facts_.notify_url = from_address_;
        return std::move(facts_);
    }

  private:
    void read_triggers(const YAML::Node& on) {
        for (const auto& entry : member(on, "schedule")) add_once(facts_.crons, scalar(member(entry, "cron")));
        for (const auto& branch : scalars(member(member(on, "push"), "branches")))
            if (is_plain(branch) && branch.find_first_of("*?[]!+") == branch.npos) add_once(facts_.branches, branch);
    }

    void read_scalar(const std::string& text) {
        auto url = webhook_of(text);
        if (url.empty()) return;
        auto& place = url.find("format(") == url.npos ? facts_.notify_url : from_address_;
        if (place.empty()) place = url;
    }

    // What may come before its steps have been seen: where a job runs, as RUNNER_OS.
    static std::string system_of(const YAML::Node& job) {
        std::string labels = to_lower(join(scalars(job["runs-on"]), " "));
        if (labels.find("${{") != labels.npos) labels += " " + to_lower(join(scalars(job["strategy"]), " "));
        bool is_mac = labels.find("macos") != labels.npos;
        bool is_linux = labels.find("ubuntu") != labels.npos || labels.find("linux") != labels.npos;
        return is_mac && is_linux ? "" : is_mac ? "macOS" : "Linux";
    }

    void read_job(const std::string& name, const YAML::Node& job, Variables variables) {
        add_variables(member(job, "env"), variables);
        auto steps = job["steps"];
        if (!steps || !steps.IsSequence()) return;
        Preparation preparation;
        std::vector<std::string> not_copied;
        std::string branch;
        bool installs = false;
        for (const auto& step : steps) {
            if (!step.IsMap()) continue;
            auto role = read_step(name, step, variables);
            preparation.is_for_cache |= role == StepRole::cache;
            if (to_lower(scalar(step["uses"])).starts_with("actions/checkout@"))
                branch = scalar(member(step["with"], "ref"));
            if (role == StepRole::update) read_update(step, branch);
            bool prepares = role == StepRole::installer || role == StepRole::disk || role == StepRole::emulation;
            if (!prepares) continue;
            if (auto text = text_of(step))
                preparation.steps.push_back({role, std::move(*text)}), installs |= role == StepRole::installer;
            else
                not_copied.push_back(facts_.steps.back().title);
        }
        for (const auto& title : not_copied) add_once(facts_.not_copied, title);
        if (!installs) return;
        // The job for the cache, and of several the one that prepares most.
        auto rank = [](const Preparation& one) { return std::pair(one.is_for_cache, one.steps.size()); };
        auto& known = facts_.preparation[system_of(job)];
        if (rank(preparation) > rank(known)) known = std::move(preparation);
    }

    StepRole read_step(const std::string& job, const YAML::Node& step, Variables variables) {
        add_variables(step["env"], variables);
        auto uses = scalar(step["uses"]), run = scalar(step["run"]);
        auto commands = script_lines(with_values(run, variables));
        auto role = role_of(uses, commands);
        auto with = step["with"];
        if (uses.starts_with("actions/cache") && scalar(member(with, "path")).find("/nix") != std::string::npos)
            role = StepRole::store_archive;
        bool has_webhook = false; // in a variable, mostly
        for_each_scalar(step, [&](const std::string& text) { has_webhook |= !webhook_of(text).empty(); });
        if (has_webhook && role == StepRole::ours_to_see) role = StepRole::notice;
        auto title = scalar(step["name"]);
        if (title.empty()) title = !uses.empty() ? uses : commands.empty() ? "a step" : commands.front();
        facts_.steps.push_back({.job = job, .title = title, .role = role});
        facts_.updates_flake |= role == StepRole::update && uses.find("create-pull-request") == uses.npos;
        facts_.checks_flake |= role == StepRole::check;
        for (const auto& [flag, place] : {std::pair{"--max-jobs", &facts_.jobs}, std::pair{"--cores", &facts_.cores}})
            if (auto number = word_after(commands, flag); number && parse_u64(*number) && place->empty())
                *place = *number;
        if (role == StepRole::cache) read_cache(step, uses, commands, variables);
        return role;
    }

    void read_cache(const YAML::Node& step, const std::string& uses, const std::vector<std::string>& commands,
                    const Variables& variables) {
        auto with = step["with"];
        facts_.forgives_outages |= scalar(step["continue-on-error"]) == "true";
        auto name = with_values(scalar(member(with, "name")), variables);
        if (!uses.empty() && scalar(member(with, "skipPush")) != "true") {
            facts_.pushes = true;
            if (is_cachix_name(name)) add_once(facts_.caches, name);
        }
        for (const auto* pattern : {R"(\bcachix\s+push)", R"(\bcachix\s+watch-exec)", R"(\bcachix\s+watch-store)"})
            if (auto word = word_after(commands, pattern)) {
                facts_.pushes = true;
                if (is_cachix_name(*word)) add_once(facts_.caches, *word);
            }
        if (auto url = word_after(commands, R"(\bnix\s+copy\b.*\s--to)"); url && !url->starts_with("ssh")) {
            facts_.pushes = true;
            if (is_plain(*url) && url->find("://") != url->npos) add_once(facts_.caches, address_of(*url));
        }
        facts_.pushes |= word_after(commands, R"(\battic\s+(?:push|watch-store))").has_value();
        auto secret = secret_of(scalar(member(with, "authToken")));
        auto in_variables = variables.find("CACHIX_AUTH_TOKEN");
        if (secret.empty() && in_variables != variables.end()) secret = secret_of(in_variables->second);
        if (facts_.token_secret.empty()) facts_.token_secret = secret;
    }

    void read_update(const YAML::Node& step, const std::string& checked_out) {
        auto with = step["with"];
        auto branch = checked_out;
        for (const auto* key : {"target-branch", "pr-base", "base"})
            if (auto said = scalar(member(with, key)); !said.empty()) branch = said;
        if (facts_.update_branch.empty() && is_plain(branch)) facts_.update_branch = branch;
        for (const auto* key : {"pr-title", "title"})
            if (auto said = scalar(member(with, key)); facts_.update_title.empty() && is_plain(said))
                facts_.update_title = said;
    }

    // The lines of a step of a block list, if they mean the same in another workflow.
    std::optional<std::string> text_of(const YAML::Node& step) const {
        auto first = static_cast<std::size_t>(std::max(step.Mark().line, 0));
        if (first >= lines_.size()) return {};
        auto indent = lines_[first].find_first_not_of(' ');
        if (indent == std::string_view::npos || !lines_[first].substr(indent).starts_with("- ")) return {};
        std::string text;
        for (auto number = first; number < lines_.size(); ++number) {
            auto line = lines_[number];
            auto begin = line.find_first_not_of(' ');
            bool is_blank = begin == std::string_view::npos;
            if (number > first && !is_blank && begin <= indent) break;
            text += (is_blank ? std::string() : std::string(line.substr(indent))) + "\n";
        }
        while (text.ends_with("\n\n")) text.pop_back();
        static const std::regex elsewhere(R"((^|[^\w./-])(matrix|steps|needs|inputs|env|strategy|jobs)\.\w)");
        for (auto line : split(text, '\n'))
            if (line.size() > 2000 || std::regex_search(std::string(line), elsewhere)) return {};
        try {
            auto read = options::load_yaml(text); // an alias of the whole file is none here
            if (!read.IsSequence() || read.size() != 1 || sanitize(text) != text) return {};
        } catch (const YAML::Exception&) {
            return {};
        }
        return text;
    }

    std::vector<std::string_view> lines_;
    WorkflowFacts facts_;
    std::string from_address_;
};

} // namespace

std::optional<WorkflowFacts> read_workflow(std::string_view file, const std::string& text) {
    try {
        auto workflow = options::load_yaml(text);
        if (!workflow.IsMap() || !workflow["jobs"] || !workflow["jobs"].IsMap()) return {};
        return Reader(file, text).read(workflow);
    } catch (const YAML::Exception&) { // not our file; GitHub will tell
        return {};
    }
}

} // namespace cachefill::init
