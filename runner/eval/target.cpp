#include "eval/target.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace cachefill::eval {

namespace {

constexpr std::array<std::pair<TargetKind, std::string_view>, 7> kind_names{{
    {TargetKind::nixos, "nixos"},
    {TargetKind::darwin, "darwin"},
    {TargetKind::home, "home"},
    {TargetKind::package, "package"},
    {TargetKind::check, "check"},
    {TargetKind::dev_shell, "dev-shell"},
    {TargetKind::attribute, "attribute"},
}};

// Flake outputs are plural; both spellings are understood.
std::optional<TargetKind> kind_of(std::string_view word) {
    if (word == "packages") return TargetKind::package;
    if (word == "checks") return TargetKind::check;
    if (word == "devShells" || word == "devShell" || word == "dev-shells") return TargetKind::dev_shell;
    for (const auto& [value, name] : kind_names)
        if (name == word) return value;
    return {};
}

bool has_wildcard(std::string_view pattern) { return pattern.find_first_of("*?") != std::string_view::npos; }

Failure unknown_kind(const std::string& kind, const std::string& text) {
    std::vector<std::string> known;
    for (const auto& [value, name] : kind_names) known.emplace_back(name);
    auto failure = Failure(FailureKind::usage, "'" + shown_name(kind) + "' in '" + shown_name(text) +
                                                   "' is no kind of target (there are " + join(known, ", ") + ")");
    if (auto meant = did_you_mean(kind, known)) return std::move(failure).with_hint("did you mean '" + *meant + ":'?");
    return failure;
}

} // namespace

std::string_view to_string(TargetKind kind) {
    for (const auto& [value, name] : kind_names)
        if (value == kind) return name;
    return "unknown";
}

std::string TargetRef::display() const { return std::string(to_string(kind)) + ":" + name; }

Result<Selectors> Selectors::parse(const std::vector<std::string>& texts) {
    Selectors selectors;
    for (const auto& text : texts) {
        std::string_view rest = trim(text);
        Rule rule;
        rule.text = text;
        if (rest.starts_with('!')) {
            rule.negative = true;
            rest = trim(rest.substr(1));
        }
        if (auto colon = rest.find(':'); colon != std::string_view::npos) {
            rule.kind = kind_of(rest.substr(0, colon));
            if (!rule.kind) return unknown_kind(std::string(rest.substr(0, colon)), text);
            rest = rest.substr(colon + 1);
        }
        if (rest.empty())
            return Failure(FailureKind::usage, "the selector '" + shown_name(text) + "' names nothing")
                .with_hint("write a name or a glob, for instance \"nixos:*\"");
        rule.pattern = std::string(rest);
        selectors.rules_.push_back(std::move(rule));
    }
    return selectors;
}

bool Selectors::Rule::matches(const TargetRef& target) const {
    if (kind ? *kind != target.kind : !target.is_host()) return false;
    return glob_match(pattern, target.name);
}

bool Selectors::selects(const TargetRef& target) const {
    auto is_positive = [](const Rule& rule) { return !rule.negative; };
    bool selected = std::none_of(rules_.begin(), rules_.end(), is_positive) && target.is_host();
    for (const auto& rule : rules_)
        if (rule.matches(target)) selected = !rule.negative;
    return selected;
}

std::vector<std::string> Selectors::unmatched_names(const std::vector<TargetRef>& all) const {
    std::vector<std::string> unmatched;
    for (const auto& rule : rules_) {
        if (has_wildcard(rule.pattern)) continue;
        auto matches = [&](const TargetRef& target) { return rule.matches(target); };
        if (std::none_of(all.begin(), all.end(), matches)) unmatched.push_back(rule.text);
    }
    return unmatched;
}

bool Selectors::names_exactly(const TargetRef& target) const {
    auto names_it = [&](const Rule& rule) {
        return !rule.negative && !has_wildcard(rule.pattern) && rule.matches(target);
    };
    return std::any_of(rules_.begin(), rules_.end(), names_it);
}

} // namespace cachefill::eval
