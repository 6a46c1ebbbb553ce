#include "base/environment.hpp"

#include <array>
#include <string_view>

extern char** environ;

namespace cachefill {

namespace {

constexpr std::array<std::string_view, 9> secret_names{
    "CACHIX_AUTH_TOKEN", "CACHIX_SIGNING_KEY", "CACHEFILL_TOKEN", "CACHEFILL_SIGNING_KEY",  "CACHEFILL_NOTIFY_URL",
    "CACHEFILL_NOTIFY",  "GITHUB_TOKEN",       "GH_TOKEN",        "CACHEFILL_GITHUB_TOKEN",
};
constexpr std::array<std::string_view, 6> secret_prefixes{
    "ACTIONS_", "INPUT_", "CACHEFILL_INPUT_", "CACHIX_AUTH_TOKEN_", "CACHIX_SIGNING_KEY_", "CACHEFILL_SIGNING_KEY_"};

bool is_our_secret(std::string_view name) {
    for (auto secret : secret_names)
        if (name == secret) return true;
    for (auto prefix : secret_prefixes)
        if (name.starts_with(prefix)) return true;
    return false;
}

} // namespace

Environment Environment::of_this_process() {
    Environment environment;
    for (char** entry = environ; entry && *entry; ++entry) {
        std::string_view line(*entry);
        auto equals = line.find('=');
        if (equals != std::string_view::npos)
            environment.set(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
    }
    return environment;
}

std::optional<std::string> Environment::find(const std::string& name) const {
    auto it = variables_.find(name);
    if (it == variables_.end()) return {};
    return it->second;
}

std::string Environment::get_or(const std::string& name, std::string otherwise) const {
    auto it = variables_.find(name);
    return it == variables_.end() || it->second.empty() ? std::move(otherwise) : it->second;
}

std::vector<std::string> Environment::to_strings() const {
    std::vector<std::string> lines;
    lines.reserve(variables_.size());
    for (const auto& [name, value] : variables_) lines.push_back(name + "=" + value);
    return lines;
}

Environment Environment::without_our_secrets() const {
    Environment cleaned;
    for (const auto& [name, value] : variables_)
        if (!is_our_secret(name)) cleaned.set(name, value);
    return cleaned;
}

} // namespace cachefill
