#include "cache/s3_place.hpp"

#include "base/foreign_text.hpp"
#include "base/text.hpp"
#include "http/url.hpp"

#include <boost/url/pct_string_view.hpp>

#include <algorithm>

namespace cachefill::cache {

namespace {

Failure bad(const std::string& why) { return Failure(FailureKind::usage, why); }

bool is_made_of(std::string_view text, std::string_view more) {
    auto allowed = [more](char c) {
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        return is_word || more.find(c) != more.npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

Result<std::string> clean_endpoint(const std::string& endpoint, const std::string& scheme) {
    bool has_scheme = endpoint.find("://") != endpoint.npos;
    auto text = has_scheme ? endpoint : (scheme.empty() ? "https" : scheme) + "://" + endpoint;
    auto url = http::parse_url(text);
    if (!url) return bad("its endpoint is not usable: " + url.error().cause());
    if (url->credentials) return bad("its endpoint has a login in it; keys of S3 come from elsewhere");
    if (text.find_first_of("?#") != text.npos) return bad("its endpoint has neither '?' nor '#'");
    auto clean = url->to_string();
    while (clean.ends_with('/')) clean.pop_back();
    return clean;
}

Result<void> set_addressing(S3Place& place, const std::string& value) {
    using Addressing = S3Place::Addressing;
    if (value != "auto" && value != "path" && value != "virtual")
        return bad("its addressing-style is auto, path or virtual");
    place.addressing = value == "path"      ? Addressing::path
                       : value == "virtual" ? Addressing::virtual_host
                                            : Addressing::automatic;
    return {};
}

Result<void> set_compression(S3Place& place, const std::string& value) {
    auto compression = codec::parse_compression(value);
    bool is_ours = compression == codec::Compression::zstd || compression == codec::Compression::xz ||
                   compression == codec::Compression::none;
    if (!is_ours) return bad("its compression is zstd, xz or none");
    place.compression = compression;
    return {};
}

Result<void> set_parameter(S3Place& place, std::string_view key, const std::string& value, std::string& scheme) {
    if (key == "endpoint") place.endpoint = value;
    if (key == "region") {
        if (!is_made_of(value, "-")) return bad("its region is no name of a region");
        place.region = value;
    }
    if (key == "profile") {
        if (!is_made_of(value, "-_.@+")) return bad("its profile is no name of a profile");
        place.profile = value;
    }
    if (key == "scheme") {
        if (value != "http" && value != "https") return bad("its scheme is https or http");
        scheme = value;
    }
    if (key == "storage-class") {
        if (!is_made_of(value, "_")) return bad("its storage-class is no name of one");
        place.storage_class = value;
    }
    if (key == "addressing-style") return set_addressing(place, value);
    if (key == "compression") return set_compression(place, value);
    return {};
}

} // namespace

std::string S3Place::to_string() const {
    return "s3://" + bucket + (endpoint.empty() ? std::string() : "?endpoint=" + endpoint);
}

std::string S3Place::base(const std::string& in_region) const {
    bool is_aws = endpoint.empty();
    auto server = endpoint;
    if (is_aws)
        server = "https://s3." + in_region + (in_region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com");
    // No certificate for "*.s3…" fits a name with a dot in it.
    bool by_host = addressing == Addressing::virtual_host ||
                   (addressing == Addressing::automatic && is_aws && bucket.find('.') == bucket.npos);
    if (by_host) return server.insert(server.find("://") + 3, bucket + ".");
    return server + "/" + bucket;
}

Result<S3Place> parse_s3_place(std::string_view bucket, std::string_view parameters) {
    S3Place place;
    while (bucket.ends_with('/')) bucket.remove_suffix(1);
    if (bucket.find('/') != bucket.npos) return bad("behind s3:// stands the name of a bucket, and nothing below it");
    if (!is_made_of(bucket, "-._") || bucket.size() > 255 || bucket.starts_with('.'))
        return bad("the name of a bucket consists of letters, digits, '-', '.' and '_'");
    place.bucket = bucket;
    std::string scheme;
    for (auto parameter : split(parameters, '&')) {
        auto equals = std::min(parameter.find('='), parameter.size());
        auto encoded = boost::urls::make_pct_string_view(parameter.substr(std::min(equals + 1, parameter.size())));
        if (!encoded) return bad("a '%' in it is not followed by two hexadecimal digits");
        auto value = encoded->decode();
        if (!value.empty()) TRY_VOID(set_parameter(place, parameter.substr(0, equals), value, scheme));
    }
    if (!place.endpoint.empty()) {
        TRY(endpoint, clean_endpoint(place.endpoint, scheme));
        place.endpoint = std::move(endpoint);
    }
    return place;
}

} // namespace cachefill::cache
