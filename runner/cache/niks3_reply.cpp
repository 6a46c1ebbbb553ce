#include "cache/niks3_reply.hpp"

#include "cache/told_reply.hpp"
#include "http/url.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::cache {

namespace {

using Json = nlohmann::json;

constexpr const char* address_hint = "is this the address of a server of niks3?";

// Its addresses are logins of a kind, so what came is not repeated.
Failure nonsense_addresses(const http::Response& response) {
    return Failure(FailureKind::protocol,
                   response.blotted(response.effective_url) + " answered addresses to upload to that make no sense")
        .with_hint(address_hint);
}

std::string text_in(const Json& json, const char* name) {
    auto field = json.find(name);
    return field != json.end() && field->is_string() ? field->get<std::string>() : std::string();
}

bool is_address(const Json& json) {
    if (!json.is_string()) return false;
    auto url = http::parse_url(json.get_ref<const std::string&>());
    return url && !url->credentials;
}

// Empty: something else.
std::optional<std::vector<std::string>> addresses_in(const Json& json, const char* name) {
    auto field = json.find(name);
    if (field == json.end() || !field->is_array() || !std::all_of(field->begin(), field->end(), is_address)) return {};
    return field->get<std::vector<std::string>>();
}

std::optional<Niks3Slot> read_slot(const Json& json) {
    if (!json.is_object()) return {};
    Niks3Slot slot;
    auto parts = json.find("multipart_info");
    if (parts == json.end() || !parts->is_object()) {
        if (!json.contains("presigned_url") || !is_address(json["presigned_url"])) return {};
        slot.url = text_in(json, "presigned_url");
        return slot;
    }
    slot.upload_id = text_in(*parts, "upload_id");
    auto urls = addresses_in(*parts, "part_urls");
    if (!urls || slot.upload_id.empty()) return {};
    slot.part_urls = std::move(*urls);
    return slot;
}

} // namespace

Result<Niks3Config> read_niks3_config(const http::Response& response) {
    TRY(json, read_object(response, address_hint));
    auto keys = json.find("public_keys");
    if (keys == json.end() || !keys->is_array())
        return nonsense_answer(response, "no configuration of a cache", address_hint);
    Niks3Config config;
    for (const auto& entry : *keys) {
        auto key = entry.is_string() ? nix::PublicKey::parse(entry.get_ref<const std::string&>())
                                     : Result<nix::PublicKey>(Failure(FailureKind::protocol, "no text"));
        if (!key) return nonsense_answer(response, "a public key that is none", address_hint);
        config.public_keys.push_back(*std::move(key));
    }
    config.oidc_audience = text_in(json, "oidc_audience");
    auto told = text_in(json, "substituter_url");
    if (told.empty()) return config;
    auto plain = plain_address(std::move(told));
    if (!plain) // it may hold a login
        return Failure(FailureKind::protocol,
                       response.blotted(response.effective_url) + " answered an address of the cache that is none")
            .with_hint(address_hint);
    config.substituter_url = *std::move(plain);
    return config;
}

Result<Niks3Pending> read_niks3_pending(const http::Response& response) {
    TRY(json, read_object(response, address_hint));
    Niks3Pending pending;
    pending.id = text_in(json, "id");
    auto objects = json.find("pending_objects");
    bool is_whole = !pending.id.empty() && objects != json.end() && (objects->is_object() || objects->is_null());
    if (!is_whole) return nonsense_addresses(response);
    if (objects->is_null()) return pending;
    for (const auto& [key, entry] : objects->items()) {
        auto slot = read_slot(entry);
        if (!slot) return nonsense_addresses(response);
        pending.slots.emplace(key, std::move(*slot));
    }
    return pending;
}

Result<std::vector<std::string>> read_niks3_signatures(const http::Response& response, const std::string& key) {
    TRY(json, read_object(response, address_hint));
    auto all = json.find("signatures");
    bool has_ours = all != json.end() && all->is_object() && all->contains(key) && (*all)[key].is_array();
    auto is_text = [](const Json& entry) { return entry.is_string(); };
    if (!has_ours || !std::all_of((*all)[key].begin(), (*all)[key].end(), is_text))
        return nonsense_answer(response, "no signatures", address_hint);
    return (*all)[key].get<std::vector<std::string>>();
}

Result<std::vector<std::string>> read_niks3_part_urls(const http::Response& response, std::size_t count) {
    TRY(json, read_object(response, address_hint));
    auto urls = addresses_in(json, "part_urls");
    if (!urls || urls->size() < count) return nonsense_addresses(response);
    return *std::move(urls);
}

Result<std::optional<nix::StorePath>> read_niks3_pin(const http::Response& response, const std::string& name) {
    auto json = Json::parse(response.body, nullptr, false);
    if (!json.is_array() && !json.is_null()) return nonsense_answer(response, "no list of pins", address_hint);
    for (const auto& entry : json) {
        if (!entry.is_object() || text_in(entry, "name") != name) continue;
        TRY(path, nix::StorePath::parse(text_in(entry, "store_path")));
        return std::optional<nix::StorePath>(std::move(path));
    }
    return std::optional<nix::StorePath>();
}

} // namespace cachefill::cache
