#include "doctor/trust_remedy.hpp"

#include "base/text.hpp"
#include "report/style.hpp"

#include <algorithm>

namespace cachefill::doctor {

using report::listed;

namespace {

using nix::PublicKey;

constexpr std::size_t most_named = 3;

std::string urls_of(const std::vector<HelpfulCache>& caches) {
    std::vector<std::string> urls;
    for (const auto& cache : caches) urls.push_back(cache.url);
    return join(urls, " ");
}

std::vector<PublicKey> lacking(const MachineBelief& machine, const std::vector<HelpfulCache>& caches) {
    std::vector<PublicKey> keys;
    for (const auto& cache : caches)
        for (const auto& key : cache.keys)
            if (!machine.keys.trusts(key) && std::find(keys.begin(), keys.end(), key) == keys.end())
                keys.push_back(key);
    return keys;
}

// Would they be believed if they only were added? Not beside one that is none, nor after another of the same name.
bool can_be_added(const MachineBelief& machine, const std::vector<PublicKey>& keys) {
    return machine.keys.broken().empty() &&
           std::none_of(keys.begin(), keys.end(), [&](const auto& key) { return machine.keys.hides(key); });
}

std::vector<std::string> key_options(const MachineBelief& machine, const std::vector<PublicKey>& keys) {
    if (keys.empty()) return {};
    std::vector<std::string> texts;
    for (const auto& key : keys) texts.push_back(key.to_string());
    if (can_be_added(machine, keys)) return {"--option", "extra-trusted-public-keys", join(texts, " ")};
    for (const auto& key : machine.keys.keys()) {
        auto has_its_name = [&](const auto& other) { return other.name == key.name; };
        if (std::none_of(keys.begin(), keys.end(), has_its_name)) texts.push_back(key.to_string());
    }
    return {"--option", "trusted-public-keys", join(texts, " ")};
}

std::vector<std::string> lines_for(const MachineBelief& machine, const std::vector<HelpfulCache>& caches, bool ask) {
    std::vector<std::string> lines;
    for (const auto& cache : caches) {
        std::vector<std::string> keys;
        const auto& listed = machine.keys.keys();
        for (const auto& key : lacking(machine, {cache}))
            if (std::find(listed.begin(), listed.end(), key) == listed.end()) keys.push_back(key.to_string());
        for (auto& line : nix::lines_to_trust(machine.words, ask ? cache.url : std::string(), keys))
            lines.push_back(std::move(line));
    }
    if (lines.empty()) return lines;
    bool by_hand = machine.words.words == nix::SettingsWords::nix_conf;
    lines.insert(lines.begin(),
                 by_hand ? "for good, in this machine's nix.conf:" : "for good, in the host's configuration:");
    if (auto condition = nix::condition_of_trust(machine.words.words); !condition.empty())
        lines.push_back(std::move(condition));
    return lines;
}

} // namespace

TrustRemedy remedy_for_not_asked(const MachineBelief& machine, const std::vector<HelpfulCache>& caches,
                                 const std::string& what) {
    std::vector<std::string> urls;
    for (const auto& cache : caches) urls.push_back(cache.url);
    TrustRemedy remedy{.text =
                           listed(urls, most_named) + " has " + what + ", but is not among this machine's substituters",
                       .options = {"--option", "extra-substituters", urls_of(caches)},
                       .words = {},
                       .lines = lines_for(machine, caches, true)};
    auto keys = key_options(machine, lacking(machine, caches));
    remedy.options.insert(remedy.options.end(), keys.begin(), keys.end());
    return remedy;
}

TrustRemedy remedy_for_not_believed(const MachineBelief& machine, const std::vector<HelpfulCache>& caches,
                                    const std::string& what) {
    std::vector<std::string> urls, signers, strangers;
    bool is_unsigned = false;
    for (const auto& cache : caches) {
        urls.push_back(cache.url);
        for (const auto& key : cache.keys) signers.push_back(ellipsize(sanitize(key.name), 80));
        strangers.insert(strangers.end(), cache.strangers.begin(), cache.strangers.end());
        is_unsigned |= cache.has_unsigned;
    }
    signers.insert(signers.end(), strangers.begin(), strangers.end());
    auto keys = lacking(machine, caches);
    auto setting = nix::name_of_keys(machine.words);
    TrustRemedy remedy{
        .text = {}, .options = key_options(machine, keys), .words = {}, .lines = lines_for(machine, caches, false)};
    if (const auto& broken = machine.keys.broken(); !broken.empty()) {
        remedy.text = "one of this machine's trusted-public-keys is none, so its Nix believes no signature: " + broken;
        remedy.words = "take what is no key out of " + setting;
        remedy.lines.insert(remedy.lines.begin(), remedy.words);
        return remedy;
    }
    if (signers.empty() && is_unsigned) {
        remedy.text =
            what + " in " + listed(urls, most_named) + " is signed by nobody, so this machine does not take it";
        remedy.words = "have it signed by whoever fills that cache";
        return remedy;
    }
    remedy.text = "this machine asks " + listed(urls, most_named) + ", but does not believe " +
                  (signers.empty() ? std::string("the key") : listed(signers, most_named)) + ", which signed " + what;
    if (!can_be_added(machine, keys)) {
        remedy.text += ": of that name it has another key first, and of two of one name Nix takes the first";
        remedy.lines.push_back("and take the other key of that name out");
    } else {
        auto mine = machine.keys.names();
        remedy.text += mine.empty() ? " (it trusts no key)" : " (it trusts " + mine + ")";
    }
    if (keys.empty() && !strangers.empty())
        remedy.words = "ask whoever runs " + listed(urls, most_named) + " for the public key of " +
                       listed(strangers, most_named) + ", and add it to " + setting;
    return remedy;
}

} // namespace cachefill::doctor
