#include "presence/upstreams.hpp"

#include "base/text.hpp"
#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "presence/views.hpp"

#include <algorithm>

namespace cachefill::presence {

using plan::CacheMask;

namespace {

std::string_view host_of(std::string_view url) {
    auto start = url.find("://");
    auto rest = start == std::string_view::npos ? url : url.substr(start + 3);
    rest = rest.substr(0, rest.find_first_of("/?"));
    if (auto login = rest.rfind('@'); login != rest.npos) rest.remove_prefix(login + 1);
    return rest.substr(0, rest.find(':'));
}

} // namespace

bool is_ignored(const std::vector<std::string>& ignore, const std::string& url) {
    return std::any_of(ignore.begin(), ignore.end(), [&](const auto& pattern) {
        return glob_match(pattern, url) || glob_match(pattern, host_of(url));
    });
}

Upstreams::Upstreams(Judge& judge, UpstreamRules rules, Make make_cache, event::Sink& sink)
    : judge_(&judge), rules_(std::move(rules)), make_cache_(std::move(make_cache)), sink_(&sink) {}

Result<Upstreams> Upstreams::make(Judge& judge, UpstreamRules rules, Make make_cache, event::Sink& sink) {
    Upstreams upstreams(judge, std::move(rules), std::move(make_cache), sink);
    const auto& known = upstreams.rules_;
    for (const auto& text : known.trusted_public_keys)
        TRY_VOID(with_context(nix::PublicKey::parse(text), "reading --trusted-public-keys"));
    judge.learn(nix::TrustedKeys(known.trusted_public_keys));
    judge.learn(keys_of(known.machine));
    for (const auto& given : known.given) {
        TRY(uri, with_context(cache::CacheUri::parse(given.reveal()), "reading --upstream"));
        auto number = upstreams.number_of(std::string(given.reveal()));
        if (!number || upstreams.is_given(*number)) continue;
        upstreams.given_.push_back({*number, uri.trusted});
        judge.learn(upstreams.given_trust(*number));
    }
    return upstreams;
}

std::optional<std::size_t> Upstreams::find(const std::string& text) const {
    auto uri = cache::CacheUri::parse(text);
    if (!uri) return {};
    auto url = uri->to_string();
    if (url == cache::canonical_url(rules_.own_substituter)) return plan::own_cache;
    for (std::size_t number = 0; number < judge_->size(); ++number)
        if (judge_->url(number) == url) return number;
    return {};
}

std::optional<std::size_t> Upstreams::number_of(const std::string& text) {
    auto uri = cache::CacheUri::parse(text);
    if (!uri) return {};
    auto known = find(text);
    if (known == plan::own_cache) return known;
    auto url = uri->to_string();
    if (rules_.excluded.contains(url)) return {};
    if (is_ignored(rules_.ignore, text)) {
        if (said_.insert(url).second) {
            event::Message message{
                .severity = event::Severity::info, .text = "not asking " + url + ": upstreams.ignore", .hint = {}};
            sink_->on_event(message);
        }
        return {};
    }
    if (known) return known;
    if (judge_->size() < plan::most_caches) return judge_->add_upstream(make_cache_(*uri));
    if (said_.insert(url).second) {
        event::Message message{.severity = event::Severity::warning,
                               .text = "not asking " + url + ": there are more than " +
                                       std::to_string(plan::most_caches) + " caches",
                               .hint = "what only it has is built; upstreams.ignore can leave out others"};
        sink_->on_event(message);
    }
    return {};
}

bool Upstreams::is_given(std::size_t cache) const {
    return std::any_of(given_.begin(), given_.end(), [&](const Ask& ask) { return ask.cache == cache; });
}

// By its own keys: those that it tells, those that were given, and the one that everybody knows.
nix::TrustedKeys Upstreams::given_trust(std::size_t cache) const {
    for (const auto& ask : given_)
        if (ask.cache == cache && ask.believes_all) return nix::TrustedKeys::everybody();
    auto keys = nix::usable_keys(rules_.trusted_public_keys);
    const auto& told = judge_->info(cache).public_keys;
    keys.insert(keys.end(), told.begin(), told.end());
    if (judge_->url(cache) == nixos_cache) keys.push_back(nix::PublicKey::parse(nixos_key).value());
    return nix::TrustedKeys(keys);
}

std::size_t Upstreams::add_host(std::string name, const std::optional<nix::CacheSettings>& says, bool is_wanted) {
    Host host;
    host.trust = trust_of(std::move(name), says, rules_.machine);
    auto followed = rules_.from_hosts ? host.trust : trust_of({}, {}, rules_.machine);
    host.by_machine = !followed.says.substituters.set && followed.says.substitute.value_or(true);
    host.by_machine_keys = !followed.says.trusted_public_keys.set;
    judge_->learn(followed.keys);
    for (const auto& text : followed.substituters) {
        auto uri = cache::parse_substituter(text);
        // Whose key opens a bucket is known only of those that were given.
        bool is_locked = uri && uri->scheme == cache::Scheme::s3 && !find(text);
        if (!uri || is_locked) {
            host.not_asked.push_back(redact_url(sanitize(text)));
            continue;
        }
        if (uri->trusted) judge_->learn(nix::TrustedKeys::everybody());
        if (auto number = is_wanted ? number_of(text) : find(text)) host.asks.push_back({*number, uri->trusted});
    }
    if (!rules_.from_hosts) {
        host.trust.substituters = followed.substituters;
        host.trust.keys = followed.keys;
    }
    hosts_.push_back(std::move(host));
    return hosts_.size() - 1;
}

// What of this cache counts for the host because it asks it; nothing if it does not.
CacheMask Upstreams::asked_by(const Host& host, std::size_t cache) const {
    const auto& views = judge_->views();
    CacheMask mask = 0;
    for (const auto& ask : host.asks)
        if (ask.cache == cache) mask |= ask.believes_all ? views.all_of(cache) : views.counting(cache, host.trust.keys);
    if (!host.by_machine || !is_given(cache)) return mask;
    mask |= views.counting(cache, host.trust.keys);
    return host.by_machine_keys ? mask | views.counting(cache, given_trust(cache)) : mask;
}

CacheMask Upstreams::counting(std::size_t number) const {
    const auto& views = judge_->views();
    const auto& host = hosts_[number];
    auto mask = views.all_of(plan::own_cache);
    for (const auto& ask : host.asks)
        if (ask.cache != plan::own_cache) mask |= asked_by(host, ask.cache);
    for (const auto& given : given_) {
        if (given.cache == plan::own_cache) continue;
        mask |= asked_by(host, given.cache);
        if (rules_.count_given) mask |= views.counting(given.cache, given_trust(given.cache));
    }
    return mask;
}

std::vector<nix::PublicKey> Upstreams::own_keys() const {
    if (!rules_.own_keys.empty()) return rules_.own_keys;
    auto seen = judge_->views().signers(plan::own_cache);
    // Given for whom? Without upstreams it can only be for this cache.
    return seen.empty() && given_.empty() ? nix::usable_keys(rules_.trusted_public_keys) : seen;
}

bool Upstreams::names_own_cache(const Host& host) const {
    return std::any_of(host.asks.begin(), host.asks.end(), [](const Ask& ask) { return ask.cache == plan::own_cache; });
}

bool Upstreams::trusts_own_cache(std::size_t number) const {
    const auto& host = hosts_[number];
    if (!host.trust.says_something) return true;
    if (!names_own_cache(host)) return false;
    auto keys = own_keys();
    return keys.empty() || std::any_of(host.asks.begin(), host.asks.end(), [&](const Ask& ask) {
               bool one =
                   std::any_of(keys.begin(), keys.end(), [&](const auto& k) { return host.trust.keys.trusts(k); });
               return ask.cache == plan::own_cache && (ask.believes_all || one);
           });
}

bool Upstreams::believes_own_cache(std::size_t number, const std::vector<plan::PathId>& paths,
                                   const plan::Facts& facts) const {
    const auto& host = hosts_[number];
    if (!host.trust.says_something) return true;
    auto own = judge_->views().all_of(plan::own_cache);
    auto believed = asked_by(host, plan::own_cache) & ~plan::bit(plan::own_cache);
    auto elsewhere = counting(number) & ~own;
    return std::all_of(paths.begin(), paths.end(), [&](plan::PathId path) {
        auto present = facts.of(path).present;
        return !(present & own) || (present & (believed | elsewhere)) != 0;
    });
}

std::vector<std::string> Upstreams::advice(const Host& host, const std::string& url, bool is_asked,
                                           const std::vector<nix::PublicKey>& keys) const {
    const auto& trust = host.trust;
    std::vector<std::string> lines, lacking;
    for (const auto& key : keys) {
        if (trust.keys.trusts(key)) continue;
        if (trust.keys.hides(key))
            lines.push_back("# another key named " + key.name +
                            " stands there; Nix takes the first of a name: replace it");
        lacking.push_back(key.to_string());
    }
    if (!trust.keys.broken().empty())
        lines.push_back("# " + trust.keys.broken() + "; until it is gone, Nix believes no signature");
    auto added = nix::lines_to_trust(trust.says, is_asked ? std::string() : url, lacking);
    lines.insert(lines.end(), added.begin(), added.end());
    if (auto condition = nix::condition_of_trust(trust.says.words); !condition.empty() && !added.empty())
        lines.push_back("# " + condition);
    return lines;
}

std::vector<std::string> Upstreams::advice_for_own_cache(std::size_t number) const {
    const auto& host = hosts_[number];
    return advice(host, rules_.own_substituter, names_own_cache(host), own_keys());
}

std::vector<std::string> Upstreams::advice_for(std::size_t cache, std::size_t number) const {
    const auto& host = hosts_[number];
    auto keys = judge_->views().signers(cache);
    if (keys.empty()) keys = given_trust(cache).keys();
    return advice(host, judge_->url(cache), asked_by(host, cache) != 0, keys);
}

std::vector<Upstreams::Uncounted> Upstreams::uncounted() const {
    std::vector<Uncounted> all;
    if (rules_.count_given) return all;
    for (const auto& given : given_) {
        if (given.cache == plan::own_cache) continue;
        Uncounted one{.cache = given.cache,
                      .counting = judge_->views().counting(given.cache, given_trust(given.cache)),
                      .hosts = {}};
        for (std::size_t number = 0; number < hosts_.size(); ++number)
            if (one.counting & ~asked_by(hosts_[number], given.cache)) one.hosts.push_back(number);
        if (!one.hosts.empty()) all.push_back(std::move(one));
    }
    return all;
}

bool Upstreams::trusts(std::size_t number, const nix::PublicKey& key) const {
    const auto& host = hosts_[number];
    auto own = own_keys();
    if (std::find(own.begin(), own.end(), key) != own.end() || host.trust.keys.trusts(key)) return true;
    bool given_count = rules_.count_given || (host.by_machine && host.by_machine_keys);
    return given_count && std::any_of(given_.begin(), given_.end(),
                                      [&](const Ask& ask) { return given_trust(ask.cache).trusts(key); });
}

CacheMask Upstreams::asked_by_machine() const {
    const auto& views = judge_->views();
    auto keys = keys_of(rules_.machine);
    CacheMask mask = 0;
    for (const auto& text : rules_.machine.substituters) {
        auto uri = cache::parse_substituter(text);
        auto number = uri ? find(text) : std::nullopt;
        if (!number) continue;
        auto seen = uri->trusted ? views.all_of(*number) : views.counting(*number, keys);
        // What the own cache's own bit says is what its filler believes, not this machine.
        mask |= *number == plan::own_cache && keys.checks() && !uri->trusted ? seen & ~plan::bit(*number) : seen;
    }
    return mask;
}

CacheMask Upstreams::fetchable_here() const {
    if (!rules_.machine.substitutes) return 0;
    return rules_.machine_obeys ? plan::all_caches : asked_by_machine();
}

CacheMask Upstreams::counting_early() const {
    auto mask = judge_->views().all_of(plan::own_cache);
    nix::TrustedKeys keys(keys_counting_early());
    for (std::size_t number = 0; number < judge_->size(); ++number)
        if (judge_->url(number) == nixos_cache || (rules_.count_given && is_given(number)))
            mask |= judge_->views().counting(number, keys);
    return mask;
}

std::vector<nix::PublicKey> Upstreams::keys_counting_early() const {
    auto keys = own_keys();
    keys.push_back(nix::PublicKey::parse(nixos_key).value());
    if (!rules_.count_given) return keys;
    for (const auto& given : given_) {
        auto trust = given_trust(given.cache);
        keys.insert(keys.end(), trust.keys().begin(), trust.keys().end());
    }
    return keys;
}

std::map<std::string, std::string> Upstreams::fetch_overrides(CacheMask caches,
                                                              const std::vector<nix::PublicKey>& keys) const {
    // Only those we rely on: a configured one that is out of reach would hold up every fetch. Of two keys of one name
    // the daemon takes the first, so those that were seen to sign come before the rest.
    std::vector<std::string> substituters, seen, others;
    std::vector<nix::PublicKey> signers;
    auto asked = judge_->views().caches_in(caches);
    auto is_asked = [&](std::size_t number) { return (asked & plan::bit(number)) && !judge_->is_out(number); };
    for (std::size_t number = 0; number < judge_->size(); ++number) {
        if (!is_asked(number)) continue;
        auto more = judge_->views().signers(number);
        signers.insert(signers.end(), more.begin(), more.end());
        auto url = cache::substituter_of(judge_->backend(number).uri(), judge_->info(number));
        if (rules_.machine_obeys) substituters.emplace_back(url.reveal());
    }
    // One that does not trust us lets itself be told which of its own to use, in its own words (Nix,
    // libstore/daemon.cc).
    if (!rules_.machine_obeys)
        for (const auto& text : rules_.machine.substituters)
            if (auto number = find(text); number && is_asked(*number)) substituters.push_back(text);
    std::map<std::string, std::string> overrides{{"substituters", join(substituters, " ")}};
    if (!rules_.machine_may_obey) return overrides;
    for (const auto& key : keys)
        (std::find(signers.begin(), signers.end(), key) != signers.end() ? seen : others).push_back(key.to_string());
    seen.insert(seen.end(), others.begin(), others.end());
    overrides["trusted-public-keys"] = join(seen, " ");
    return overrides;
}

} // namespace cachefill::presence
