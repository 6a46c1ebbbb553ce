#include "cache/aws_signature.hpp"

#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "codec/hash.hpp"
#include "http/client.hpp"
#include "http/url.hpp"

#include <boost/url/pct_string_view.hpp>

#include <algorithm>
#include <array>
#include <ctime>

namespace cachefill::cache {

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

// What is no escape stays as it is.
std::string decoded(std::string_view text) {
    auto encoded = boost::urls::make_pct_string_view(text);
    return encoded ? encoded->decode() : std::string(text);
}

std::string encoded_path(std::string_view path) {
    std::string text;
    bool is_first = true;
    for (auto segment : split(path, '/')) {
        if (!std::exchange(is_first, false)) text += '/';
        text += percent_encode(decoded(segment));
    }
    return text;
}

std::string hex_sha256(std::string_view bytes) {
    return codec::hash_bytes(codec::HashAlgorithm::sha256, bytes).to_base16();
}

std::string joined_names(const std::vector<http::Header>& headers) {
    std::string names;
    for (const auto& header : headers) names += (names.empty() ? "" : ";") + header.name;
    return names;
}

// The last line but one, see canonical_request().
std::string_view signed_names(std::string_view canonical) {
    auto lines = split(canonical, '\n');
    return lines.size() < 2 ? std::string_view() : lines[lines.size() - 2];
}

bool is_amz(const std::string& name) { return to_lower(name).starts_with("x-amz-"); }

} // namespace

std::string aws_time(std::chrono::system_clock::time_point time) {
    auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    auto size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
    return std::string(text.data(), size);
}

std::string aws_target(std::string_view target) {
    auto question = std::min(target.find('?'), target.size());
    auto text = encoded_path(target.substr(0, question));
    if (question == target.size()) return text;
    std::vector<std::pair<std::string, std::string>> parameters;
    for (auto parameter : split(target.substr(question + 1), '&')) {
        if (parameter.empty()) continue;
        auto equals = std::min(parameter.find('='), parameter.size());
        auto value = parameter.substr(std::min(equals + 1, parameter.size()));
        parameters.emplace_back(percent_encode(decoded(parameter.substr(0, equals))), percent_encode(decoded(value)));
    }
    std::sort(parameters.begin(), parameters.end());
    char before = '?';
    for (const auto& [name, value] : parameters) text += std::exchange(before, '&') + name + "=" + value;
    return text;
}

std::string canonical_request(http::Method method, const std::string& target, std::vector<http::Header> headers,
                              std::string_view payload_hash) {
    for (auto& header : headers) {
        header.name = to_lower(header.name);
        std::string value;
        for (auto word : split_words(header.value)) value += (value.empty() ? "" : " ") + std::string(word);
        header.value = std::move(value);
    }
    auto by_name = [](const http::Header& a, const http::Header& b) { return a.name < b.name; };
    std::sort(headers.begin(), headers.end(), by_name);
    auto question = std::min(target.find('?'), target.size());
    std::string text(http::to_string(method));
    text += "\n" + target.substr(0, question) + "\n" + target.substr(std::min(question + 1, target.size())) + "\n";
    for (const auto& header : headers) text += header.name + ":" + header.value + "\n";
    text += "\n" + joined_names(headers) + "\n";
    return text.append(payload_hash);
}

std::string aws_authorization(const std::string& canonical, const AwsKey& key, const AwsScope& scope,
                              const std::string& time) {
    auto day = time.substr(0, 8);
    auto place = day + "/" + scope.region + "/" + scope.service + "/aws4_request";
    auto to_sign = std::string(algorithm) + "\n" + time + "\n" + place + "\n" + hex_sha256(canonical);
    Secret step("AWS4" + std::string(key.secret.reveal()));
    for (const auto& word : {day, scope.region, scope.service, std::string("aws4_request")})
        step = Secret(std::string(codec::hmac_sha256(step.reveal(), word).digest()));
    return std::string(algorithm) + " Credential=" + key.id + "/" + place +
           ", SignedHeaders=" + std::string(signed_names(canonical)) +
           ", Signature=" + codec::hmac_sha256(step.reveal(), to_sign).to_base16();
}

Result<void> sign_for_s3(http::Request& request, const std::string& payload_hash, const AwsKey& key,
                         const AwsScope& scope, std::chrono::system_clock::time_point now) {
    TRY(url, http::parse_url(request.url));
    url.target = aws_target(url.target);
    request.url = url.to_string();
    auto time = aws_time(now);
    request.headers.push_back({"x-amz-date", time});
    request.headers.push_back({"x-amz-content-sha256", payload_hash});
    if (!key.session_token.empty())
        request.headers.push_back({"x-amz-security-token", std::string(key.session_token.reveal())});
    std::vector<http::Header> signed_headers{{"host", url.authority()}};
    for (const auto& header : request.headers)
        if (is_amz(header.name)) signed_headers.push_back(header);
    auto canonical = canonical_request(request.method, url.target, std::move(signed_headers), payload_hash);
    request.headers.push_back({"Authorization", aws_authorization(canonical, key, scope, time)});
    return {};
}

} // namespace cachefill::cache
