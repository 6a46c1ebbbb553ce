#include "options/option_values.hpp"

#include "base/foreign_text.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cache/binary_cache.hpp"
#include "cache/cache_uri.hpp"
#include "nix/signature.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace cachefill::options {

namespace {

// The cache as CacheUri::parse takes it.
std::string with_place_to_push(const std::string& uri, const std::string& push) {
    if (push.empty()) return cachix_name_in(uri);
    return uri + (uri.find('?') == uri.npos ? "?push=" : "&push=") + percent_encode(push);
}

Result<PushCache> parse_push_cache(const std::string& text) {
    PushCache cache;
    std::string uri_given, push;
    const auto* expected = "NAME=URI, then ,push=URL ,token-file=FILE ,signing-key-file=FILE and ,optional as needed";
    auto words = split(text, ',');
    for (std::size_t i = 0; i < words.size(); ++i) {
        auto equals = words[i].find('=');
        auto key = words[i].substr(0, equals);
        std::string value(equals == std::string_view::npos ? "" : words[i].substr(equals + 1));
        if (i > 0 && (words[i] == "optional" || words[i] == "optional=true"))
            cache.is_optional = true;
        else if (i > 0 && words[i] == "optional=false")
            continue;
        else if (value.empty())
            return unusable(GivenUrl(std::string(words[i])).shown(), expected);
        else if (i == 0 || key == "uri")
            uri_given = value;
        else if (key == "push")
            push = value;
        else if (key == "token-file")
            cache.token_file = value;
        else if (key == "signing-key-file")
            cache.signing_key_file = value;
        else
            return unusable(GivenUrl(std::string(words[i])).shown(),
                            "uri, push, token-file, signing-key-file or optional");
        if (i == 0) cache.name = key;
    }
    auto is_fine = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
    };
    if (cache.name.empty() || !std::all_of(cache.name.begin(), cache.name.end(), is_fine))
        return unusable(GivenUrl(std::string(words[0])).shown(),
                        "a name of letters, digits, - _ and . before the first '='");
    cache.uri = GivenUrl(with_place_to_push(uri_given, push));
    auto uri = cache::CacheUri::parse(cache.uri.reveal());
    if (!uri) return Failure(FailureKind::usage, cache.name + ": " + uri.error().cause()).with_hint(uri.error().hint());
    return cache;
}

} // namespace

Failure unusable(std::string_view value, std::string_view expected) {
    return Failure(FailureKind::usage, "'" + ellipsize(shown_name(redact_url(value)), 200) +
                                           "' is not usable here; expected " + std::string(expected));
}

std::string cachix_name_in(const std::string& cache) {
    constexpr std::string_view scheme = "https://", domain = ".cachix.org", page = "app.cachix.org/cache/";
    if (!cache.starts_with(scheme)) return cache;
    std::string_view rest = std::string_view(cache).substr(scheme.size());
    auto question = rest.find('?');
    std::string parameters(question == rest.npos ? "" : rest.substr(question));
    rest = rest.substr(0, question);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    auto name = rest.starts_with(page)   ? rest.substr(page.size())
                : rest.ends_with(domain) ? rest.substr(0, rest.size() - domain.size())
                                         : std::string_view();
    bool is_name = !name.empty() && name.find_first_of("./:@") == name.npos;
    return is_name ? "cachix://" + std::string(name) + parameters : cache;
}

Result<void> without_login(const OptionValues& values) {
    if (std::none_of(values.begin(), values.end(), holds_secret)) return {};
    return Failure(FailureKind::usage, "an address with a login in it is not usable here")
        .with_hint("an address of a cache belongs to --cache, better to CACHEFILL_CACHE, which nobody else can see");
}

Result<void> apply_public_keys(Settings& settings, const OptionValues& values) {
    for (const auto& value : values) TRY_VOID(nix::PublicKey::parse(value));
    settings.trusted_public_keys = values;
    return {};
}

Result<void> apply_cache(Settings& settings, const OptionValues& values) {
    std::string read, push;
    for (const auto& value : values) {
        if (value.starts_with("read:"))
            read = value.substr(5);
        else if (value.starts_with("push:"))
            push = value.substr(5);
        else if (values.size() > 1)
            return unusable(value, "read: URL and push: URL");
        else
            read = value;
    }
    if (read.empty()) return unusable("", "the URL from which the cache is read");
    settings.cache = GivenUrl(with_place_to_push(read, push));
    settings.cache_by_checkout = false;
    return {};
}

bool names_trusted_cache(const std::string& value) {
    auto uri = cache::CacheUri::parse(value.starts_with("read:") ? value.substr(5) : value);
    return uri && uri->trusted;
}

Result<void> apply_fail_on(Settings& settings, const OptionValues& values) {
    static const std::map<std::string, FailureCause> causes{
        {"evaluate", FailureCause::evaluate},     {"build", FailureCause::build},
        {"check", FailureCause::check},           {"push", FailureCause::push},
        {"incomplete", FailureCause::incomplete}, {"deadline", FailureCause::deadline}};
    std::set<FailureCause> chosen;
    for (const auto& value : values) {
        if (value == "none" && values.size() == 1) break;
        auto it = causes.find(value);
        if (it == causes.end())
            return unusable(value, "evaluate, build, check, push, incomplete, deadline, or none alone");
        chosen.insert(it->second);
    }
    settings.fail_on = std::move(chosen);
    return {};
}

Result<void> apply_defer(Settings& settings, const OptionValues& values) {
    settings.defer.clear();
    for (const auto& value : values) {
        auto colon = value.find(':');
        Settings::DeferRule rule;
        rule.pattern = colon == value.npos ? value : value.substr(colon + 1);
        if (colon != value.npos) rule.system = value.substr(0, colon);
        bool names_no_system = colon != value.npos && rule.system.find('-') == rule.system.npos;
        if (rule.pattern.empty() || names_no_system || rule.pattern.find_first_of(":/") != value.npos)
            return unusable(value, "a glob on names such as 'firefox-unwrapped-*', or SYSTEM:GLOB");
        settings.defer.push_back(std::move(rule));
    }
    return {};
}

Result<void> apply_systems(Settings& settings, const OptionValues& values) {
    for (const auto& value : values)
        if (value.find('-') == value.npos || value.find_first_of(" :/!") != value.npos)
            return unusable(value, "a system such as x86_64-linux, or a glob such as '*-darwin'");
    settings.systems = values;
    return {};
}

Result<void> apply_runners(Settings& settings, const OptionValues& values) {
    settings.runners.clear();
    for (const auto& value : values) {
        auto colon = value.find(':');
        auto system = value.substr(0, colon);
        auto label = colon == value.npos ? std::string() : value.substr(colon + 1);
        if (system.find('-') == system.npos || label.empty())
            return unusable(value, "SYSTEM:LABEL such as aarch64-linux:ubuntu-24.04-arm");
        // GitHub would evaluate it in the workflow that init writes; a flake's own file may name labels, too.
        auto is_control = [](unsigned char c) { return c < ' ' || c == 127; };
        if (value.find("${{") != value.npos || std::any_of(value.begin(), value.end(), is_control))
            return unusable(value, "the plain name of a label, without '${{' and line breaks");
        settings.runners[system].push_back(label);
    }
    return {};
}

Result<void> apply_push_caches(Settings& settings, const OptionValues& values) {
    std::vector<PushCache> caches;
    for (const auto& value : values) {
        TRY(cache, parse_push_cache(value));
        auto is_same = [&cache](const auto& other) { return other.name == cache.name; };
        if (std::any_of(caches.begin(), caches.end(), is_same))
            return Failure(FailureKind::usage, "two caches are called '" + cache.name + "'");
        caches.push_back(std::move(cache));
    }
    settings.push_caches = std::move(caches);
    return {};
}

Result<void> apply_since(Settings& settings, const OptionValues& values) {
    auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    if (!parse_moment(values.back(), now))
        return unusable(values.back(), "a time such as 2h, 3d, 2026-08-01 or '2026-08-01 12:30'");
    settings.since = values.back();
    return {};
}

} // namespace cachefill::options
