#include "nix/cache_settings.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace cachefill::nix {

namespace {

constexpr std::string_view extra = "extra-";

// Nix's names from before 2.0, which it still knows (libstore/globals.hh).
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> old_names{{
    {"binary-caches", "substituters"},
    {"trusted-binary-caches", "trusted-substituters"},
    {"binary-cache-public-keys", "trusted-public-keys"},
    {"build-use-substitutes", "substitute"},
}};

std::string_view present_name(std::string_view name) {
    for (const auto& [old, now] : old_names)
        if (name == old) return now;
    return name;
}

std::optional<bool> parse_flag(std::string_view value) {
    if (value == "true" || value == "yes" || value == "1") return true;
    if (value == "false" || value == "no" || value == "0") return false;
    return {};
}

std::vector<std::string> words_of(std::string_view text) {
    auto words = split_words(text);
    return {words.begin(), words.end()};
}

std::string list(const std::vector<std::string>& values) {
    std::string text = "[";
    for (const auto& value : values) text += " \"" + value + "\"";
    return text + " ];";
}

// What is named without "extra-" is a list that its module system merges with the other definitions of it.
struct Options {
    std::string substituters, keys;
};

Options options_of(const CacheSettings& has) {
    switch (has.words) {
    case SettingsWords::settings:
        return {"nix.settings.substituters", "nix.settings.trusted-public-keys"};
    case SettingsWords::binary_caches:
        return {"nix.binaryCaches", "nix.binaryCachePublicKeys"};
    case SettingsWords::home_settings:
        // Its nix.conf is written in the order of the alphabet, in which "extra-…" would come first and be overruled.
        return {has.substituters.set ? "nix.settings.substituters" : "nix.settings.extra-substituters",
                has.trusted_public_keys.set ? "nix.settings.trusted-public-keys"
                                            : "nix.settings.extra-trusted-public-keys"};
    case SettingsWords::nix_conf:
        break;
    }
    return {"extra-substituters", "extra-trusted-public-keys"};
}

} // namespace

std::vector<std::string> ListSetting::over(const std::vector<std::string>& before) const {
    auto all = set.value_or(before);
    all.insert(all.end(), added.begin(), added.end());
    return all;
}

void CacheSettings::set(std::string_view name, std::string_view value) {
    bool adds = name.starts_with(extra);
    auto plain = present_name(adds ? name.substr(extra.size()) : name);
    auto* setting = plain == "substituters"           ? &substituters
                    : plain == "trusted-substituters" ? &trusted_substituters
                    : plain == "trusted-public-keys"  ? &trusted_public_keys
                                                      : nullptr;
    if (setting && adds) {
        for (auto& word : words_of(value)) setting->added.push_back(std::move(word));
    } else if (setting) {
        setting->lost.insert(setting->lost.end(), setting->added.begin(), setting->added.end());
        setting->added.clear();
        setting->set = words_of(value);
    } else if (plain == "require-sigs" && !adds) {
        if (auto flag = parse_flag(value)) require_sigs = flag;
    } else if (plain == "substitute" && !adds) {
        if (auto flag = parse_flag(value)) substitute = flag;
    }
}

void CacheSettings::read(std::string_view nix_conf) {
    for (auto text : split(nix_conf, '\n')) {
        auto parts = words_of(text.substr(0, text.find('#')));
        if (parts.size() < 2 || parts[1] != "=") continue;
        set(parts[0], join(std::span(parts).subspan(2), " "));
    }
}

bool is_one_word(std::string_view text) {
    auto is_part = [](unsigned char c) { return c > ' ' && c < 127 && c != '#'; };
    return !text.empty() && std::all_of(text.begin(), text.end(), is_part);
}

std::vector<std::string> lines_to_trust(const CacheSettings& has, const std::string& url,
                                        const std::vector<std::string>& given) {
    auto keys = given;
    std::erase_if(keys, [](const std::string& key) { return !is_one_word(key); });
    auto options = options_of(has);
    bool by_hand = has.words == SettingsWords::nix_conf;
    std::vector<std::string> lines;
    if (is_one_word(url)) lines.push_back(options.substituters + " = " + (by_hand ? url : list({url})));
    if (!keys.empty()) lines.push_back(options.keys + " = " + (by_hand ? join(keys, " ") : list(keys)));
    return lines;
}

std::string condition_of_trust(SettingsWords words) {
    if (words != SettingsWords::home_settings) return {};
    return "this counts if the user is among the machine's trusted-users; else the machine's own nix.conf must say it";
}

std::string name_of_keys(const CacheSettings& has) { return options_of(has).keys; }

} // namespace cachefill::nix
