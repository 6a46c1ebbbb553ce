#include "app/upstreams.hpp"

#include "base/text.hpp"
#include "nix/trusted_keys.hpp"

#include <algorithm>

namespace cachefill::app {

namespace {

constexpr std::string_view nixos_cache = "https://cache.nixos.org";
constexpr std::string_view nixos_key = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

bool contains(const std::vector<nix::PublicKey>& keys, const nix::PublicKey& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string_view host_of(std::string_view url) {
    auto start = url.find("://");
    auto rest = start == std::string_view::npos ? url : url.substr(start + 3);
    return rest.substr(0, rest.find_first_of("/:?"));
}

} // namespace

bool is_ignored_cache(const Settings& settings, const std::string& url) {
    const auto& patterns = settings.upstreams_ignore;
    return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
        return glob_match(pattern, url) || glob_match(pattern, host_of(url));
    });
}

Result<Upstreams> Upstreams::make(Session& session, presence::Judge& presence) {
    Upstreams upstreams(session, presence);
    auto keys = nix::usable_keys(session.settings().trusted_public_keys);
    for (const auto& text : session.settings().upstreams) {
        TRY(uri, with_context(cache::CacheUri::parse(text), "reading --upstream"));
        auto all_keys = keys;
        if (uri.to_string() == nixos_cache) all_keys.push_back(nix::PublicKey::parse(nixos_key).value());
        upstreams.number_of(text, all_keys);
    }
    return upstreams;
}

bool Upstreams::is_own(const std::string& url) const {
    return url == presence_.url(plan::own_cache) || url == cache::canonical_url(session_.cache_info().substituter_url);
}

std::optional<std::size_t> Upstreams::number_of(const std::string& text, const std::vector<nix::PublicKey>& keys) {
    auto uri = cache::CacheUri::parse(text);
    if (!uri) return {};
    auto url = uri->to_string();
    if (is_own(url)) return plan::own_cache;
    if (is_ignored_cache(session_.settings(), text)) {
        if (said_.insert(url).second) {
            event::Message message{
                .severity = event::Severity::info, .text = "not asking " + url + ": upstreams.ignore", .hint = {}};
            session_.sink().on_event(message);
        }
        return {};
    }
    for (std::size_t number = 1; number < presence_.size(); ++number)
        if (presence_.url(number) == url) {
            presence_.trust(number, keys);
            return number;
        }
    if (presence_.size() >= plan::most_caches) return {};
    return presence_.add_upstream(session_.make_upstream(*uri), keys);
}

plan::CacheMask Upstreams::trusted_by(const eval::EvaluatedTarget& target) {
    plan::CacheMask mask = plan::bit(plan::own_cache);
    bool is_told = target.nix_settings && session_.settings().upstreams_from_hosts;
    if (!is_told)
        for (const auto& text : session_.settings().upstreams)
            if (auto number = number_of(text, {})) mask |= plan::bit(*number);
    auto says = is_told ? *target.nix_settings : nix::CacheSettings();
    const auto& machine = session_.nix();
    nix::TrustedKeys keys(says.trusted_public_keys.over(machine.trusted_public_keys));
    for (const auto& substituter : says.substituters.over(machine.substituters))
        if (cache::parse_substituter(substituter))
            if (auto number = number_of(substituter, keys.keys())) mask |= plan::bit(*number);
    return mask;
}

bool Upstreams::trusts_own_cache(const eval::EvaluatedTarget& target) const {
    if (!target.nix_settings || !target.nix_settings->says_something()) return true;
    const auto& machine = session_.nix();
    auto substituters = target.nix_settings->substituters.over(machine.substituters);
    bool named = std::any_of(substituters.begin(), substituters.end(),
                             [this](const auto& url) { return is_own(cache::canonical_url(url)); });
    nix::TrustedKeys keys(target.nix_settings->trusted_public_keys.over(machine.trusted_public_keys));
    auto own = session_.cache_keys();
    bool key = own.empty() || std::any_of(own.begin(), own.end(), [&](const auto& k) { return keys.trusts(k); });
    return named && key;
}

std::vector<std::string> Upstreams::trust_advice() const {
    std::vector<std::string> lines{"nix.settings.substituters = [ \"" + session_.cache_info().substituter_url +
                                   "\" ];"};
    for (const auto& key : session_.cache_keys())
        lines.push_back("nix.settings.trusted-public-keys = [ \"" + key.to_string() + "\" ];");
    return lines;
}

plan::CacheMask Upstreams::fetchable_here() const {
    const auto& nix = session_.nix();
    if (!nix.substitute) return 0;
    auto trusted_keys = nix::usable_keys(nix.trusted_public_keys);
    plan::CacheMask mask = 0;
    for (std::size_t number = 0; number < presence_.size(); ++number) {
        auto named = [&](const std::string& url) {
            return cache::canonical_url(url) == presence_.url(number) ||
                   (number == plan::own_cache && is_own(cache::canonical_url(url)));
        };
        bool configured = std::any_of(nix.substituters.begin(), nix.substituters.end(), named);
        const auto& keys = presence_.keys(number);
        bool key_trusted =
            std::any_of(keys.begin(), keys.end(), [&](const auto& key) { return contains(trusted_keys, key); });
        if (session_.is_trusted() || (configured && (key_trusted || !nix.require_sigs))) mask |= plan::bit(number);
    }
    return mask;
}

std::map<std::string, std::string> Upstreams::fetch_overrides() const {
    if (!session_.is_trusted()) return {};
    // Only those we rely on: a configured one that is out of reach would hold up every fetch.
    std::vector<std::string> substituters;
    auto keys = session_.nix().trusted_public_keys;
    for (std::size_t number = 0; number < presence_.size(); ++number) {
        if (presence_.is_out(number)) continue;
        const auto& info = number == plan::own_cache ? session_.cache_info() : presence_.info(number);
        substituters.emplace_back(cache::substituter_of(presence_.backend(number).uri(), info).reveal());
        for (const auto& key : presence_.keys(number)) keys.push_back(key.to_string());
    }
    return {{"substituters", join(substituters, " ")}, {"trusted-public-keys", join(keys, " ")}};
}

} // namespace cachefill::app
