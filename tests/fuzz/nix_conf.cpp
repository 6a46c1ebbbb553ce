// nix.conf, whoever wrote it.
//
// Words of a list are words. With the lines that we tell people to add, this Nix asks the cache and believes the key,
// in every spelling of a host's configuration one line each; whatever a key is called, it begins no other line.
#include "base/text.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "nix/cache_settings.hpp"
#include "nix/trusted_keys.hpp"

#include <algorithm>

namespace cachefill::fuzz {

namespace {

bool holds(const nix::ListSetting& setting, const std::string& word) {
    auto all = setting.over({});
    return std::find(all.begin(), all.end(), word) != all.end();
}

} // namespace

void nix_conf(std::string_view input) {
    const std::string url = "https://cache.example", key = "cache.example-1:AAAA";
    nix::CacheSettings settings;
    settings.read(input);
    for (const auto* list : {&settings.substituters, &settings.trusted_substituters, &settings.trusted_public_keys})
        for (const auto& word : list->over({})) {
            require(!word.empty() && word.find_first_of(" \t\n#") == word.npos, "a word is one");
            for (auto words : {nix::SettingsWords::nix_conf, nix::SettingsWords::settings}) {
                auto others = settings;
                others.words = words;
                for (const auto& line : nix::lines_to_trust(others, word, {word}))
                    require(line.find('\n') == line.npos, "a line is one");
            }
        }
    nix::TrustedKeys trusted(settings.trusted_public_keys.over({}));
    require_harmless(trusted.broken());

    std::string with_lines(input);
    with_lines += '\n';
    for (const auto& line : nix::lines_to_trust(settings, url, {key})) with_lines += line + "\n";
    nix::CacheSettings told;
    told.read(with_lines);
    require(holds(told.substituters, url) && holds(told.trusted_public_keys, key), "what people add counts");
    for (const auto& line : nix::lines_to_trust(settings, std::string(input), {std::string(input)}))
        require(line.find('\n') == line.npos && line.find('#') == line.npos, "a key begins no other line");
}

} // namespace cachefill::fuzz
