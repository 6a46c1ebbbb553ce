#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace cachefill::http {
struct Header;
enum class Method;
struct Request;
} // namespace cachefill::http

// Signature version 4 of AWS, in the Authorization header (docs.aws.amazon.com, "Create a signed AWS API request").
// Pure: no clock, no network.
namespace cachefill::cache {

// What a request is signed with.
struct AwsKey {
    std::string id;
    Secret secret;
    Secret session_token; // empty: none; credentials that end have one
    std::string source;   // where it is from, for people: "AWS_ACCESS_KEY_ID", "the file …"
};

struct AwsScope {
    std::string region;
    std::string service;
};

// "20150830T123600Z"
std::string aws_time(std::chrono::system_clock::time_point time);

// `target` (path and query as in a URL) in the one spelling that is signed: every byte of the path but letters, digits
// and "-_.~/" encoded, whether it was before or not, parameters encoded and sorted, "name=" for one without a value.
// Servers differ in what they would make of another one, so it is the one that is sent, too.
std::string aws_target(std::string_view target);

// What is hashed: `headers` are all those that are signed, the host among them; `target` is of aws_target().
std::string canonical_request(http::Method method, const std::string& target, std::vector<http::Header> headers,
                              std::string_view payload_hash);

// The value of Authorization. `time` is of aws_time(), and stands in the header x-amz-date.
std::string aws_authorization(const std::string& canonical, const AwsKey& key, const AwsScope& scope,
                              const std::string& time);

// Signs `request`, whose body has the hash `payload_hash` (SHA-256 in hexadecimal digits), as S3 wants it: its URL gets
// the spelling of aws_target(), and it the headers x-amz-date, x-amz-content-sha256, x-amz-security-token and
// Authorization. Its other headers that begin with x-amz- are signed, too.
Result<void> sign_for_s3(http::Request& request, const std::string& payload_hash, const AwsKey& key,
                         const AwsScope& scope, std::chrono::system_clock::time_point now);

} // namespace cachefill::cache
