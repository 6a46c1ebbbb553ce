#include "app/trust_lines.hpp"

#include "base/shell.hpp"
#include "base/text.hpp"
#include "nix/cache_settings.hpp"

#include <algorithm>

namespace cachefill::app {

namespace {

using nix::SettingsWords;

bool holds(const std::vector<std::string>& list, const std::string& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

std::string section(const std::string& title, const std::vector<std::string>& lines) {
    std::string text = title + ":\n";
    for (const auto& line : lines) text += "  " + line + "\n";
    return text + "\n";
}

std::vector<std::string> lines_in(SettingsWords words, const CacheToUse& cache) {
    nix::CacheSettings settings;
    settings.words = words;
    return lines_to_trust(settings, cache.url, cache.keys);
}

// One that ends in '/' is the same to Nix.
bool names(const std::vector<std::string>& urls, const std::string& url) {
    return holds(urls, url) || holds(urls, url + "/");
}

} // namespace

std::optional<NixosVersion> parse_os_release(std::string_view text) {
    bool is_nixos = false;
    std::optional<NixosVersion> version;
    for (auto line : split(text, '\n')) {
        auto equals = line.find('=');
        if (equals == line.npos) continue;
        auto name = trim(line.substr(0, equals)), value = trim(line.substr(equals + 1));
        if (value.size() > 1 && value.starts_with('"')) value = value.substr(1, value.size() - 2);
        if (name == "ID") is_nixos = value == "nixos";
        auto dot = value.find('.');
        if (name != "VERSION_ID" || dot == value.npos) continue;
        auto year = parse_u64(value.substr(0, dot)), month = parse_u64(value.substr(dot + 1));
        if (year && month && *year < 100 && *month < 13)
            version = NixosVersion{.year = static_cast<int>(*year), .month = static_cast<int>(*month)};
    }
    return is_nixos ? version : std::nullopt;
}

std::string lines_for_everybody(const CacheToUse& cache, const std::optional<NixosVersion>& nixos) {
    std::string text;
    if (!nixos || nixos->has_settings())
        text += section("NixOS and nix-darwin", lines_in(SettingsWords::settings, cache));
    if (!nixos || !nixos->has_settings())
        text += section("NixOS before 22.05", lines_in(SettingsWords::binary_caches, cache));
    text += section("home-manager (for a user that the machine trusts)", lines_in(SettingsWords::home_settings, cache));
    auto by_hand = lines_in(SettingsWords::nix_conf, cache);
    text += section("nix.conf ('cachefill use " + shell_word(cache.name) + " --apply' adds them)", by_hand);
    std::vector<std::string> step{"env:", "  NIX_CONFIG: |"};
    for (const auto& line : by_hand) step.push_back("    " + line);
    text += section("a workflow, for its steps that run Nix as a trusted user", step);
    if (cache.keys.empty())
        text += "note: this cache does not tell its public key, without which Nix takes nothing from it: ask whoever "
                "fills it,\n      and name it with --trusted-public-keys NAME:BASE64\n";
    if (!cache.is_public)
        text +=
            "note: this cache is private: Nix reads it with a token in its netrc-file (machine HOST password TOKEN)\n";
    return text;
}

std::string addition_to(std::string_view before, const CacheToUse& cache) {
    nix::CacheSettings has;
    has.read(before);
    auto urls = has.substituters.over({}), keys = has.trusted_public_keys.over({});
    std::vector<std::string> missing_keys;
    for (const auto& key : cache.keys)
        if (!holds(keys, key)) missing_keys.push_back(key);
    has.words = SettingsWords::nix_conf;
    auto lines = lines_to_trust(has, names(urls, cache.url) ? std::string() : cache.url, missing_keys);
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
}

bool is_among(std::string_view trusted_users, const std::string& user, const std::vector<std::string>& groups) {
    auto words = split_words(trusted_users);
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        if (word.starts_with('@')) return holds(groups, std::string(word.substr(1)));
        return word == "*" || word == user;
    });
}

} // namespace cachefill::app
