#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::nix {

// One list of nix.conf, as a file leaves it: what it says instead of what stood before (`substituters`), and what it
// adds
// (`extra-substituters`).
struct ListSetting {
    std::optional<std::vector<std::string>> set; // an empty list says something, too
    std::vector<std::string> added;
    std::vector<std::string> lost; // added and then overruled by the plain name further down, as Nix does it

    std::vector<std::string> over(const std::vector<std::string>& before) const;
    bool says_something() const { return set || !added.empty(); }
    friend bool operator==(const ListSetting&, const ListSetting&) = default;
};

// In whose words a host's owner says whom its Nix asks and believes.
enum class SettingsWords {
    nix_conf,      // no module does it: by hand
    settings,      // nix.settings: NixOS since 22.05, nix-darwin since then
    binary_caches, // nix.binaryCaches, before that
    home_settings, // nix.settings of home-manager: the user's own nix.conf, which Nix reads after the machine's
};

// Which caches a Nix with this configuration asks, and whom it believes.
struct CacheSettings {
    SettingsWords words = SettingsWords::nix_conf;
    ListSetting substituters;         // that it asks on its own
    ListSetting trusted_substituters; // that users who are not trusted may ask for
    ListSetting trusted_public_keys;
    std::optional<bool> require_sigs, substitute;

    // Reads on, in the order in which Nix reads: the text of a nix.conf (libutil/config.cc). Old names count; unknown
    // ones and lines that Nix would refuse do not; an `include` is not followed.
    void read(std::string_view nix_conf);
    void set(std::string_view name, std::string_view value);

    bool says_something() const {
        return substituters.says_something() || trusted_public_keys.says_something() || require_sigs || substitute;
    }
    friend bool operator==(const CacheSettings&, const CacheSettings&) = default;
};

// Can it stand in a list of nix.conf, and end neither that word nor the line?
bool is_one_word(std::string_view text);

// The lines that make a host whose configuration is `has` ask `url` (unless that is empty) and believe `keys`
// ("name:base64"). What is not one word is left out: it would be settings of somebody else's choice.
std::vector<std::string> lines_to_trust(const CacheSettings& has, const std::string& url,
                                        const std::vector<std::string>& keys);
// What else has to hold for these lines to help, for a person; empty: nothing.
std::string condition_of_trust(SettingsWords words);
// "nix.settings.trusted-public-keys"
std::string name_of_keys(const CacheSettings& has);

} // namespace cachefill::nix
