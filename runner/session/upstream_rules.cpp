#include "session/upstream_rules.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "options/settings.hpp"

namespace cachefill::session {

namespace {

constexpr std::uint64_t longest_key = 4096;

} // namespace

// Nix believes what it signs itself, too (libstore/keys.cc), as far as its secret keys can be read.
presence::MachineTrust machine_trust(const daemon::Settings& nix) {
    presence::MachineTrust trust{.substituters = nix.substituters,
                                 .trusted_public_keys = nix.trusted_public_keys,
                                 .require_sigs = nix.require_sigs,
                                 .substitutes = nix.substitute};
    auto files = nix.by_name.find("secret-key-files");
    if (files == nix.by_name.end()) return trust;
    for (auto file : split_words(files->second))
        if (auto text = read_file(std::string(file), longest_key))
            if (auto key = nix::SecretKey::parse(Secret(std::move(*text))); key && !key->name().empty())
                trust.trusted_public_keys.push_back(key->public_key().to_string());
    return trust;
}

presence::UpstreamRules upstream_rules(const Session& session, const cache::CacheInfo& own) {
    const auto& settings = session.settings();
    return {.given = settings.upstreams,
            .trusted_public_keys = settings.trusted_public_keys,
            .from_hosts = settings.upstreams_from_hosts,
            .count_given = settings.upstreams_count_given,
            .ignore = settings.upstreams_ignore,
            .excluded = {},
            .own_substituter = own.substituter_url,
            .own_keys = own.public_keys,
            .machine = machine_trust(session.nix()),
            .machine_obeys = session.is_trusted(),
            .machine_may_obey = session.may_be_trusted()};
}

presence::Upstreams::Make upstream_maker(Session& session) {
    return [&session](const cache::CacheUri& uri) { return session.make_upstream(uri); };
}

} // namespace cachefill::session
