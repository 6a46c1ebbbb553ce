#include "base/environment.hpp"

#include "base/secret_variables.hpp"

#include <string_view>

extern char** environ;

namespace cachefill {

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
    // A setting of ours may be the address of a cache, or of the flake, with a login. No child has use for it.
    auto has_login = [](const std::string& name, const std::string& value) {
        bool is_address = value.find("://") != value.npos && value.find('@') != value.npos;
        return names_addresses_of_ours(name) && (is_address || !passwords_in(value).empty());
    };
    Environment cleaned;
    for (const auto& [name, value] : variables_)
        if (!is_kept_from_children(name) && !has_login(name, value)) cleaned.set(name, value);
    return cleaned;
}

} // namespace cachefill
