#include "cache/aws_identity.hpp"

#include "base/text.hpp"
#include "cache/aws_profile.hpp"
#include "cache/token_store.hpp"

namespace cachefill::cache {

namespace {

// What a container may be told to ask by a path alone: ECS.
constexpr std::string_view container_server = "http://169.254.170.2";
constexpr std::string_view instance_server = "http://169.254.169.254";
constexpr std::string_view usual_session = "cachefill";

std::string first_of(const std::string& a, const std::string& b) { return a.empty() ? b : a; }

std::string sts_server(const Environment& environment, const std::string& region) {
    auto given = first_of(environment.get_or("AWS_ENDPOINT_URL_STS"), environment.get_or("AWS_ENDPOINT_URL"));
    if (!given.empty()) return given;
    auto end = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
    return "https://sts." + first_of(region, "us-east-1") + end;
}

Result<std::optional<AwsKey>> key_in_variables(const Environment& environment) {
    AwsKey key;
    TRY(id, parse_token(environment.get_or("AWS_ACCESS_KEY_ID"), "AWS_ACCESS_KEY_ID"));
    TRY(secret, parse_token(environment.get_or("AWS_SECRET_ACCESS_KEY"), "AWS_SECRET_ACCESS_KEY"));
    TRY(token, parse_token(environment.get_or("AWS_SESSION_TOKEN"), "AWS_SESSION_TOKEN"));
    if (id.empty() && secret.empty()) return std::optional<AwsKey>();
    if (id.empty() || secret.empty())
        return Failure(FailureKind::usage, std::string("of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only ") +
                                               (id.empty() ? "the second" : "the first") + " is set")
            .with_hint("a key of S3 is both");
    key.id = id.reveal();
    key.secret = std::move(secret);
    key.session_token = std::move(token);
    key.source = "AWS_ACCESS_KEY_ID";
    return std::optional<AwsKey>(std::move(key));
}

std::string setting(const AwsProfile& profile, const std::string& name) {
    auto found = profile.settings.find(name);
    return found == profile.settings.end() ? std::string() : found->second;
}

// What a profile without a key of its own says of how to get one, where that is not done here.
Result<void> check_supported(const AwsProfile& profile, const std::string& name) {
    constexpr std::pair<std::string_view, std::string_view> others[] = {
        {"source_profile", "takes on a role by way of another profile (source_profile)"},
        {"credential_source", "takes on a role by way of this machine's (credential_source)"},
        {"credential_process", "has a program that makes its keys (credential_process)"},
        {"sso_session", "logs in by AWS SSO (sso_session)"},
        {"sso_start_url", "logs in by AWS SSO (sso_start_url)"},
        {"login_session", "logs in by 'aws login' (login_session)"},
    };
    for (const auto& [key, what] : others) {
        if (setting(profile, std::string(key)).empty()) continue;
        return Failure(FailureKind::usage,
                       "the profile '" + name + "' of ~/.aws " + std::string(what) + ", which cachefill does not do")
            .with_hint("let AWS's own program do it: eval \"$(aws configure export-credentials --profile " + name +
                       " --format env)\"");
    }
    return {};
}

void take_web_identity(AwsIdentity& identity, const AwsProfile& profile, const Environment& environment) {
    AwsIdentity::WebIdentity web;
    web.token_file = setting(profile, "web_identity_token_file");
    web.role = setting(profile, "role_arn");
    if (web.token_file.empty() || web.role.empty()) return;
    web.session_name = first_of(setting(profile, "role_session_name"), std::string(usual_session));
    web.server = sts_server(environment, identity.region);
    identity.web_identity = std::move(web);
}

Result<void> take_profile(AwsIdentity& identity, const Environment& environment, const std::string& name,
                          bool is_asked_for) {
    auto profile = read_aws_profile(environment, name);
    identity.passed_over = profile.passed_over;
    identity.region = first_of(identity.region, setting(profile, "region"));
    if (!profile.is_there && is_asked_for) {
        Failure failure(FailureKind::usage, "there is no profile '" + name + "' in ~/.aws");
        if (!profile.passed_over.empty())
            return std::move(failure).with_hint("not taken: " + join(profile.passed_over, "; "));
        return std::move(failure).with_hint("'aws configure --profile " + name +
                                            "' makes it; in a step of GitHub Actions AWS_SHARED_CREDENTIALS_FILE "
                                            "names the file");
    }
    if (profile.key) {
        identity.key = std::move(profile.key);
        identity.key->source += name == "default" ? std::string() : " (profile " + name + ")";
        return {};
    }
    take_web_identity(identity, profile, environment);
    if (identity.web_identity || !profile.is_there) return {};
    return check_supported(profile, name);
}

void take_variables_of_web_identity(AwsIdentity& identity, const Environment& environment) {
    AwsIdentity::WebIdentity web;
    web.token_file = environment.get_or("AWS_WEB_IDENTITY_TOKEN_FILE");
    web.role = environment.get_or("AWS_ROLE_ARN");
    if (web.token_file.empty()) {
        web.request_url = environment.get_or("ACTIONS_ID_TOKEN_REQUEST_URL");
        web.request_token = Secret(environment.get_or("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
    }
    bool has_token = !web.token_file.empty() || (!web.request_url.empty() && !web.request_token.empty());
    if (!has_token || web.role.empty()) return;
    web.session_name = environment.get_or("AWS_ROLE_SESSION_NAME", std::string(usual_session));
    web.server = sts_server(environment, identity.region);
    identity.web_identity = std::move(web);
}

void take_container(AwsIdentity& identity, const Environment& environment) {
    auto path = environment.get_or("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    auto url = environment.get_or("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (path.empty() && url.empty()) return;
    AwsIdentity::Container container;
    container.url = path.empty() ? url : std::string(container_server) + path;
    container.authorization = Secret(environment.get_or("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    container.authorization_file = environment.get_or("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    identity.container = std::move(container);
}

} // namespace

Result<AwsIdentity> find_aws_identity(const Environment& environment, const S3Place& place) {
    AwsIdentity identity;
    identity.region = first_of(environment.get_or("AWS_REGION"), environment.get_or("AWS_DEFAULT_REGION"));
    if (!place.profile.empty()) {
        TRY_VOID(take_profile(identity, environment, place.profile, true));
        return identity;
    }
    TRY(key, key_in_variables(environment));
    identity.key = std::move(key);
    if (identity.key) return identity;
    take_variables_of_web_identity(identity, environment);
    if (identity.web_identity) return identity;
    auto named = first_of(environment.get_or("AWS_PROFILE"), environment.get_or("AWS_DEFAULT_PROFILE"));
    TRY_VOID(take_profile(identity, environment, first_of(named, "default"), !named.empty()));
    if (identity.key || identity.web_identity) return identity;
    take_container(identity, environment);
    // Another server than AWS's has nothing to do with the machines of AWS.
    bool asks_instance = place.endpoint.empty() && environment.get_or("AWS_EC2_METADATA_DISABLED") != "true";
    if (asks_instance)
        identity.metadata_server =
            environment.get_or("AWS_EC2_METADATA_SERVICE_ENDPOINT", std::string(instance_server));
    return identity;
}

} // namespace cachefill::cache
