#pragma once

#include "base/environment.hpp"
#include "cache/aws_signature.hpp"
#include "cache/s3_place.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cachefill::cache {

// Who we are to AWS and its like, as far as that stands in variables and files: a key, or where one can be had. Which
// of them counts is decided in the order they stand here (docs.aws.amazon.com, "Standardized credential providers").
struct AwsIdentity {
    std::optional<AwsKey> key;
    // A token that somebody else gave us (GitHub's OIDC, Kubernetes), for a role.
    struct WebIdentity {
        std::filesystem::path token_file;
        std::string request_url; // instead: where a step of GitHub Actions gets one, with …
        Secret request_token;    // … this, if it has `id-token: write`
        std::string role;
        std::string session_name;
        std::string server; // of STS
    };
    std::optional<WebIdentity> web_identity;
    // What a container is told to ask.
    struct Container {
        std::string url;
        Secret authorization;
        std::filesystem::path authorization_file; // instead; may be replaced meanwhile
    };
    std::optional<Container> container;
    std::string metadata_server; // of the instance; empty: not to be asked

    std::string region;                   // where the bucket's address names none
    std::vector<std::string> passed_over; // files that might have held a key, each with why it was not taken
};

// What an identity is looked for by: AWS_ACCESS_KEY_ID and its like, then ~/.aws/credentials and ~/.aws/config (in a
// step of GitHub Actions only those that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name). A profile that the
// address names goes before all that. A usage failure if a profile that was asked for is not there or needs what is not
// done here, and for half of a key.
Result<AwsIdentity> find_aws_identity(const Environment& environment, const S3Place& place);

} // namespace cachefill::cache
