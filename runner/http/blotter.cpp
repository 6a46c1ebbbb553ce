#include "http/blotter.hpp"

#include "base/text.hpp"
#include "codec/encoding.hpp"

#include <algorithm>

namespace cachefill::http {

namespace {

constexpr std::string_view blot = "***";
constexpr std::size_t shortest_secret = 4;
constexpr std::size_t shortest_of_address = 8;
constexpr std::size_t shortest_user = 16; // "https://TOKEN@host"; shorter ones are names

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
    std::string result(text);
    for (std::size_t at = 0; (at = result.find(from, at)) != std::string::npos; at += to.size())
        result.replace(at, from.size(), to);
    return result;
}

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

std::string without_padding(std::string base64) {
    while (base64.ends_with('=')) base64.pop_back();
    return base64;
}

} // namespace

void Blotter::add_form(std::string form) {
    Secret lower(to_lower(form));
    Secret wiped(std::move(form));
    if (lower.reveal().size() < shortest_secret) return;
    auto is_it = [&lower](const Secret& other) { return other.reveal() == lower.reveal(); };
    if (std::any_of(forms_.begin(), forms_.end(), is_it)) return;
    auto is_shorter = [&lower](const Secret& other) { return other.reveal().size() < lower.reveal().size(); };
    forms_.insert(std::find_if(forms_.begin(), forms_.end(), is_shorter), std::move(lower));
}

void Blotter::add(std::string_view secret) {
    if (secret.size() < shortest_secret) return;
    auto base64 = without_padding(codec::to_base64(secret));
    auto plain = std::string(secret);
    for (const auto& text : {plain, base64, replaced(replaced(base64, "+", "-"), "/", "_")}) {
        add_form(text);
        add_form(percent_encode(text));
        add_form(replaced(text, "/", "\\/"));
    }
}

void Blotter::learn(std::string_view value) {
    auto is_it = [value](const Secret& other) { return other.reveal() == value; };
    if (value.empty() || std::any_of(known_.begin(), known_.end(), is_it)) return;
    known_.emplace_back(std::string(value));
    auto blank = value.find(' ');
    auto login = trim(value.substr(blank == value.npos ? 0 : blank));
    bool is_basic = iequals(value.substr(0, blank), "Basic");
    auto decoded = is_basic ? codec::from_base64(login) : Result<std::string>(std::string());
    if (!is_basic || !decoded) return add(login);
    Secret pair(*std::move(decoded));
    add(pair.reveal()); // in base 64 it is what was sent
    auto colon = std::min(pair.reveal().find(':'), pair.reveal().size());
    auto user = pair.reveal().substr(0, colon);
    auto password = pair.reveal().substr(std::min(colon + 1, pair.reveal().size()));
    add(password);
    if (user.size() >= shortest_user) add(user);
}

void Blotter::learn_address(std::string_view url) {
    auto scheme = url.find("://");
    auto way = url.substr(std::min(url.find_first_of("/?#", scheme == url.npos ? 0 : scheme + 3), url.size()));
    auto take = [this](std::string_view part) {
        if (part.size() >= shortest_of_address) add(part);
    };
    take(way);
    auto question = std::min(way.find_first_of("?#"), way.size());
    auto take_parts = [&take](std::string_view text, const char* signs, bool has_names) {
        while (!text.empty()) {
            auto end = std::min(text.find_first_of(signs), text.size());
            auto part = text.substr(0, end);
            text.remove_prefix(std::min(end + 1, text.size()));
            if (has_names && part.find('=') != part.npos) part.remove_prefix(part.find('=') + 1);
            take(part);
            auto decoded = percent_decode(part);
            take(decoded);
            // What is between signs may be told by itself: the key of "KEY/20261130/us-east-1".
            for (std::size_t at = 0; at < decoded.size();) {
                auto stop = at;
                while (stop < decoded.size() && is_alphanumeric(decoded[stop])) ++stop;
                take(std::string_view(decoded).substr(at, stop - at));
                at = stop + 1;
            }
        }
    };
    take_parts(way.substr(0, question), "/;=", false);
    take_parts(way.substr(question), "?#&;", true);
}

std::string Blotter::clean(std::string_view text) const {
    std::string cleaned(text);
    if (forms_.empty()) return cleaned;
    auto lower = to_lower(text);
    for (const auto& form : forms_)
        for (std::size_t at = 0; (at = lower.find(form.reveal(), at)) != std::string::npos; at += blot.size()) {
            lower.replace(at, form.reveal().size(), blot);
            cleaned.replace(at, form.reveal().size(), blot);
        }
    return cleaned;
}

std::string Blotter::clean_cut(std::string_view text) const {
    auto cleaned = clean(text);
    auto lower = to_lower(cleaned);
    for (const auto& form : forms_)
        for (auto size = std::min(form.reveal().size() - 1, lower.size()); size >= shortest_secret; --size)
            if (lower.ends_with(form.reveal().substr(0, size)))
                return cleaned.replace(cleaned.size() - size, size, blot);
    return cleaned;
}

Failure Blotter::clean(const Failure& failure) const {
    Failure cleaned(failure.kind(), clean(failure.cause()));
    for (const auto& doing : failure.context()) cleaned = std::move(cleaned).with_context(clean(doing));
    if (auto delay = failure.retry_after()) cleaned = std::move(cleaned).with_retry_after(*delay);
    return std::move(cleaned).with_hint(clean(failure.hint())).with_http_status(failure.http_status());
}

} // namespace cachefill::http
