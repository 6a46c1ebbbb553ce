#include "app/ci_substituter.hpp"

#include "base/shell.hpp"
#include "base/text.hpp"
#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "github/file_commands.hpp"
#include "nix/cache_settings.hpp"
#include "options/settings.hpp"

#include <algorithm>

namespace cachefill::app {

namespace {

event::Message cannot(std::string why, std::string hint) {
    return {.severity = event::Severity::notice,
            .text = "later steps of this job do not fetch from the cache: " + std::move(why),
            .hint = std::move(hint)};
}

bool holds_login(std::string_view config) {
    auto lines = split(config, '\n');
    return std::any_of(lines.begin(), lines.end(), [](std::string_view line) {
        auto name = trim(line.substr(0, line.find('=')));
        auto words = split_words(line);
        return name.ends_with("access-tokens") || std::any_of(words.begin(), words.end(), holds_secret);
    });
}

} // namespace

std::optional<event::Message> offer_substituter(const session::Session& session) {
    const auto& environment = session.environment();
    const auto& cache = session.cache_info();
    auto file = environment.get_or("GITHUB_ENV");
    if (!session.settings().substituter || file.empty() || cache.substituter_url.empty()) return {};
    if (!cache.is_public)
        return cannot("it is private",
                      "give Nix a netrc file with a token that may read, and name the cache in nix.conf");
    auto keys = session.cache_keys();
    if (keys.empty()) return cannot("its public key is not known", "name it with trusted-public-keys");
    if (session.has_store() && !session.may_be_trusted())
        return cannot("the Nix daemon does not trust this user",
                      "add the user to trusted-users in nix.conf (install-nix-action: extra_nix_config), or name the "
                      "cache there as a substituter");
    auto uri = cache::CacheUri::parse(session.settings().cache.reveal());
    Secret url = uri ? cache::substituter_of(*uri, cache) : Secret(cache.substituter_url);
    bool is_plain = nix::is_one_word(url.reveal()) && std::all_of(keys.begin(), keys.end(), [](const auto& key) {
                        return nix::is_one_word(key.to_string());
                    });
    if (!is_plain) return cannot("its address or its key has characters that nix.conf does not take", {});
    auto config = environment.get_or("NIX_CONFIG");
    if (holds_login(config))
        return cannot("NIX_CONFIG holds a login, which is this step's alone",
                      "give it to Nix in nix.conf (install-nix-action: github_access_token, extra_nix_config)");
    if (!config.empty() && config.back() != '\n') config += '\n';
    config += "extra-substituters = " + std::string(url.reveal()) + "\nextra-trusted-public-keys =";
    for (const auto& key : keys) config += " " + key.to_string();
    if (holds_login(config))
        return cannot("its address holds a login, which is this step's alone",
                      "give Nix a netrc file with that login, and name the cache in nix.conf without it");
    auto written = github::set_output(file, "NIX_CONFIG", config);
    if (!written) return cannot(written.error().one_line(), {});
    return {};
}

} // namespace cachefill::app
