#include "base/secret_variables.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

using namespace cachefill;

namespace {

using Texts = std::vector<std::string>;

Texts found(std::map<std::string, std::string> variables) { return secret_values(Environment(std::move(variables))); }

} // namespace

BOOST_AUTO_TEST_SUITE(secrets)

BOOST_AUTO_TEST_CASE(children_do_not_get_a_credential_by_any_of_its_names) {
    for (const auto* name : {"CACHIX_AUTH_TOKEN",
                             "CACHIX_AUTH_TOKEN_NAS",
                             "CACHIX_SIGNING_KEY",
                             "CACHIX_SIGNING_KEY_NAS",
                             "CACHEFILL_SIGNING_KEY",
                             "CACHEFILL_SIGNING_KEY_NAS",
                             "CACHEFILL_SIGNING_KEY_FILE",
                             "CACHEFILL_SIGNING_KEY_FILE_NAS",
                             "CACHEFILL_BEARER_TOKEN",
                             "CACHEFILL_BEARER_TOKEN_FILE_NAS",
                             "CACHEFILL_TOKEN",
                             "CACHEFILL_NOTIFY",
                             "CACHEFILL_NOTIFY_URL",
                             "CACHEFILL_GITHUB_TOKEN",
                             "GITHUB_TOKEN",
                             "GH_TOKEN",
                             "ATTIC_TOKEN",
                             "NIKS3_AUTH_TOKEN",
                             "NIKS3_AUTH_TOKEN_FILE_NAS",
                             "FLAKEHUB_TOKEN",
                             "SOPS_AGE_KEY",
                             "MY_GITHUB_TOKEN",
                             "github_token",
                             "npm_config__authToken",
                             "NIX_GITHUB_TOKEN",
                             "SSH_PRIVATE_KEY",
                             "DOCKER_AUTH_CONFIG",
                             "R2_SECRET_ACCESS_KEY",
                             "MINIO_ROOT_PASSWORD",
                             "PGPASSWORD",
                             "NIKS3_AUTH_TOKEN",
                             "B2_APPLICATION_KEY",
                             "CLIENT_SECRET",
                             "GPG_PASSPHRASE",
                             "ACTIONS_RUNTIME_TOKEN",
                             "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                             "ACTIONS_CACHE_URL",
                             "INPUT_TOKEN",
                             "INPUT_",
                             "CACHEFILL_INPUT_ANYTHING"})
        BOOST_TEST(is_kept_from_children(name), name);
}

BOOST_AUTO_TEST_CASE(what_nix_and_git_need_reaches_them) {
    for (const auto* name :
         {"PATH", "HOME", "NIX_CONFIG", "NIX_SSL_CERT_FILE", "NIX_PATH", "SSH_AUTH_SOCK", "NETRC", "https_proxy",
          "GIT_SSL_CAINFO", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_PROFILE",
          // Names that only look like one of ours.
          "VAULT_TOKEN_FILE", "SSH_PRIVATE_KEY_PATH", "SECRETS_DIR", "GIT_SSL_CERT_PASSWORD_PROTECTED", "GIT_SSL_KEY",
          "NIX_GITHUB_PRIVATE_PASSWORD", "NIX_GHE_GITHUB_PRIVATE_PASSWORD", "NIXPKGS_ALLOW_UNFREE",
          "NIX_GITHUB_PRIVATE_USERNAME", "SSH_ASKPASS", "MONKEY", "GITHUB_ACTIONS", "GITHUB_SHA", "CACHEFILL_SIGNING",
          "CACHEFILL_CACHE", "ACTION", "INPUTS", ""})
        BOOST_TEST(!is_kept_from_children(name), name);
}

BOOST_AUTO_TEST_CASE(a_word_in_a_name_tells_of_a_secret_wherever_it_stands_and_in_whatever_number) {
    for (const auto* name : {"GITHUB_TOKENS",
                             "CACHIX_AUTH_TOKENS",
                             "GITHUB_TOKEN_HELP",
                             "GITHUB_TOKEN_2",
                             "TOKEN_PROD",
                             "TOKEN_V2",
                             "NETLIFY_TOKEN_VALUE",
                             "ID_TOKEN_1",
                             "SECRETS",
                             "ALL_SECRETS",
                             "SECRET",
                             "CLIENTSECRET",
                             "ClientSecretProd",
                             "GOOGLE_CREDENTIALS",
                             "CREDENTIALS",
                             "GIT_CREDENTIALS",
                             "MYSQL_PWD",
                             "SMTP_PASS",
                             "SSHPASS",
                             "PASS",
                             "PASSWORT",
                             "BORG_PASSCOMMAND",
                             "RAILS_MASTER_KEY",
                             "MINIO_ACCESS_KEY",
                             "SSH_KEY",
                             "SSH_KEYS",
                             "GPG_KEY_BASE64",
                             "OPENAI_API_KEY_PROD",
                             "STRIPE_SK",
                             "AZURE_STORAGE_CONNECTION_STRING",
                             "SENTRY_DSN",
                             "JWT",
                             "CI_JOB_JWT_V2",
                             "SESSION_COOKIE",
                             "KUBE_CONFIG_DATA",
                             "SLACK_WEBHOOK",
                             "TEAMS_WEBHOOK_URL",
                             "BEARER",
                             "DOCKER_AUTH_JSON",
                             "OTP_SEED",
                             "PRIVATEKEY",
                             "privatekey",
                             "AWS_SECURITY_TOKEN",
                             "AWS_SECRET_KEY",
                             "AWS_ACCESS_KEY",
                             "AWS_SECRET_ACCESS_KEY_PROD",
                             "AWS_PROD_SECRET_ACCESS_KEY",
                             "NIX_CONFIG_TOKENS",
                             "my-token"})
        BOOST_TEST(is_kept_from_children(name), name);
    for (const auto* name : {"PWD",
                             "OLDPWD",
                             "GIT_ASKPASS",
                             "SUDO_ASKPASS",
                             "XAUTHORITY",
                             "GIT_CONFIG_KEY_0",
                             "GIT_CONFIG_VALUE_0",
                             "CREDENTIALS_DIRECTORY",
                             "PASSWORD_STORE_DIR",
                             "PGPASSFILE",
                             "TOKEN_FILE_2",
                             "TRUSTED_PUBLIC_KEYS",
                             "GPG_KEY_ID",
                             "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                             "AWS_SHARED_CREDENTIALS_FILE",
                             "OAUTH_TOKEN_URL",
                             "KEYBOARD",
                             "COMPASS",
                             "XDG_SESSION_ID",
                             "LESSKEY",
                             "DBUS_SESSION_BUS_ADDRESS",
                             "CACHEFILL_PINS_KEEP",
                             "CACHEFILL_TRUSTED_PUBLIC_KEYS"})
        BOOST_TEST(!is_kept_from_children(name), name);
}

BOOST_AUTO_TEST_CASE(the_list_has_each_name_once_and_none_that_another_hides) {
    std::set<std::string_view> names;
    auto all = secret_variables();
    for (const auto& secret : all) {
        BOOST_TEST(names.insert(secret.name).second, secret.name << " stands there twice");
        auto first =
            std::find_if(all.begin(), all.end(), [&](const auto& other) { return other.is_called(secret.name); });
        BOOST_TEST(first->name == secret.name, secret.name << " is never reached, " << first->name << " hides it");
    }
}

BOOST_AUTO_TEST_CASE(a_file_with_a_key_is_a_path_and_no_secret) {
    BOOST_TEST(
        found({{"CACHEFILL_SIGNING_KEY_FILE", "/run/key"}, {"CACHEFILL_BEARER_TOKEN_FILE_NAS", "/run/token"}}).empty());
    BOOST_TEST((found({{"CACHEFILL_BEARER_TOKEN_NAS", "t0ken"}}) == Texts{"t0ken"}));
}

BOOST_AUTO_TEST_CASE(files_of_secrets_are_told_by_their_variables) {
    auto files =
        files_of_secrets(Environment(std::map<std::string, std::string>{{"CACHEFILL_SIGNING_KEY_FILE", "/run/key"},
                                                                        {"AWS_WEB_IDENTITY_TOKEN_FILE", "/run/web"},
                                                                        {"AWS_CONFIG_FILE", "/run/config"},
                                                                        {"CACHEFILL_BEARER_TOKEN_FILE", ""},
                                                                        {"CACHIX_AUTH_TOKEN", "/t0ken"},
                                                                        {"OTHER_FILE", "/run/other"}}));
    std::sort(files.begin(), files.end());
    const std::vector<std::filesystem::path> wanted{"/run/config", "/run/key", "/run/web"};
    BOOST_TEST((files == wanted));
}

BOOST_AUTO_TEST_CASE(a_key_is_secret_without_its_name_too) {
    BOOST_TEST((found({{"CACHEFILL_SIGNING_KEY", "team-1:c2VjcmV0"}}) == Texts{"team-1:c2VjcmV0", "c2VjcmV0"}));
    BOOST_TEST((found({{"CACHIX_SIGNING_KEY_NAS", "c2VjcmV0"}}) == Texts{"c2VjcmV0"}));
    BOOST_TEST((found({{"CACHIX_SIGNING_KEY", "team-1:"}}) == Texts{"team-1:"}));
    BOOST_TEST((found({{"CACHIX_AUTH_TOKEN", "a:b"}}) == Texts{"a:b"})); // a token has no name in it
    BOOST_TEST(found({{"CACHIX_AUTH_TOKEN", ""}, {"GITHUB_TOKEN", ""}}).empty());
}

BOOST_AUTO_TEST_CASE(what_only_its_name_tells_of_is_a_secret_unless_it_is_a_short_word) {
    BOOST_TEST((found({{"NIX_GITHUB_TOKEN", "ghp_abcd"}}) == Texts{"ghp_abcd"}));
    BOOST_TEST((found({{"NIX_GITHUB_PRIVATE_PASSWORD", "ghp_abcd"}}) == Texts{"ghp_abcd"}));
    BOOST_TEST(found({{"SSH_KEY", "/proc/self/status"}}).empty()); // where it is no secret lies
    BOOST_TEST((found({{"SSH_KEY", "/no/such/file"}}) == Texts{"/no/such/file"}));
    BOOST_TEST(found({{"CANCEL_TOKEN", "false"}, {"X_TOKEN_FILE", "/run/secrets/x"}}).empty());
}

BOOST_AUTO_TEST_CASE(credentials_that_children_need_are_masked_all_the_same) {
    BOOST_TEST((found({{"AWS_SECRET_ACCESS_KEY", "wJalr"}}) == Texts{"wJalr"}));
    BOOST_TEST((found({{"AWS_SESSION_TOKEN", "FwoGZ"}}) == Texts{"FwoGZ"}));
}

BOOST_AUTO_TEST_CASE(logins_in_settings_of_nix_and_git_are_secrets) {
    BOOST_TEST((found({{"AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2secret"}}) == Texts{"hunter2secret"}));
    BOOST_TEST(!is_kept_from_children("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    BOOST_TEST(
        (found({{"NIX_CONFIG", "extra-substituters = http://kim:pass@127.0.0.1:9/c\nmax-jobs = 4"}}) == Texts{"pass"}));
    auto set_in_git = [](const std::string& key, const std::string& value) {
        return found({{"GIT_CONFIG_COUNT", "1"}, {"GIT_CONFIG_KEY_0", key}, {"GIT_CONFIG_VALUE_0", value}});
    };
    const std::string header = "http.https://x/.extraHeader";
    BOOST_TEST((set_in_git(header, "Authorization: Basic c2VjcmV0") == Texts{"Basic c2VjcmV0", "c2VjcmV0"}));
    BOOST_TEST((set_in_git(header, "X-Token:hunter2") == Texts{"hunter2"}));
    BOOST_TEST((set_in_git("url.https://kim:pass@x/.insteadOf", "https://x/") == Texts{"pass"}));
    BOOST_TEST((set_in_git("url.https://x/.insteadOf", "https://kim:pass@x/") == Texts{"pass"}));
    BOOST_TEST(set_in_git("user.name", "Authorization: Basic").empty());
    BOOST_TEST(found({{"NIX_CONFIG", "access-tokens = github.com ghp_abcdefgh01234567"}}) ==
                   Texts{"ghp_abcdefgh01234567"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(access_tokens_of_nix_are_found_line_by_line) {
    const std::pair<const char*, Texts> table[] = {
        {"access-tokens = github.com=ghp_abc", {"ghp_abc"}},
        {"access-tokens=github.com=ghp_abc", {"ghp_abc"}},
        {"\taccess-tokens =\tgithub.com=ghp_abc\r\nmax-jobs = 4", {"ghp_abc"}},
        {"access-tokens = a=OAuth2:token1 b=PAT:token2 c=token3", {"token1", "token2", "token3"}},
        {"access-tokens = github.com=abc", {}}, // "abc" would be masked in every word
        {"access-tokens = github.com=", {}},
        {"access-tokens =", {}},
        {"access-tokens", {}},
        {"# access-tokens = github.com=ghp_abc", {}},
        {"my-access-tokens = github.com=ghp_abc", {}},
        {"access-tokens = justatoken", {"justatoken"}},
        {"a = b\nextra-access-tokens = x.example/kim=tokenA\naccess-tokens = y=tokenB", {"tokenA", "tokenB"}},
    };
    for (const auto& [config, tokens] : table)
        BOOST_TEST(found({{"NIX_CONFIG", config}}) == tokens, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(passwords_are_found_in_every_url_of_a_text) {
    const std::pair<const char*, Texts> table[] = {
        {"", {}},
        {"https://host/a", {}},
        {"https://kim@host", {}},     // a name
        {"https://kim:pw1@host", {}}, // too short to be masked
        {"https://kim:pass@host", {"pass"}},
        {"https://:pass@host", {"pass"}},
        {"https://kim:a:b:c@host", {"a:b:c"}},
        {"https://kim:a@bcd@host", {"a@bcd"}},
        {"https://kim:p%2Fss%zz@host", {"p%2Fss%zz", "p/ss%zz"}},
        {"https://kim:%70%61%73%73@host", {"%70%61%73%73", "pass"}},
        {"https://a.example https://kim:pass@b.example\thttp://kim:word@c", {"pass", "word"}},
        {"'https://kim:pass@host' \"ftp://x:word@y\"", {"pass", "word"}},
        {"https://proxy/https://kim:pass@inner/x", {"pass"}},
        {"https://host/a@b:c@d", {}},       // in the path
        {"https://host/?q=kim:pass@x", {}}, // in a parameter
        {"kim:pass@host/a", {"pass"}},
        {"0123456789abcdef@host", {"0123456789abcdef"}},
        {"0123456789abcde@host", {}}, // a name may be as long
        {"https://kim:one,two2,three@host", {"one,two2,three", "two2", "three"}},
        {"github:kim/nix", {}},
        {"git@github.com:kim/nix", {}},
    };
    for (const auto& [text, passwords] : table)
        BOOST_TEST(passwords_in(text) == passwords, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_login_in_the_address_of_any_variable_is_a_secret) {
    for (const auto* name : {"https_proxy", "HTTPS_PROXY", "http_proxy", "ALL_PROXY", "Ftp_Proxy", "PROXY", "EDITOR",
                             "DATABASE_URL", "REDIS_URI", "NIX_MIRROR"})
        BOOST_TEST((found({{name, "x http://kim:pass@proxy:3128"}}) == Texts{"pass"}), name);
    for (const auto* value : {"postgres://postgres:postgres@localhost/db", "kim:pass@host", "http://proxy:3128"})
        BOOST_TEST(found({{"DATABASE_URL", value}}).empty(), value);
    BOOST_TEST((found({{"HTTPS_PROXY", "kim:pass@host"}}) == Texts{"pass"})); // meant for an address
    for (const auto* name :
         {"NH_FLAKE", "NH_OS_FLAKE", "CACHEFILL_ANYTHING", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS",
          "AWS_ENDPOINT_URL_S3", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"})
        BOOST_TEST(names_addresses_of_ours(name), name);
    for (const auto* name : {"FLAKE", "NH_FLAKES", "XCACHEFILL_", "cachefill_cache", "AWS_REGION"})
        BOOST_TEST(!names_addresses_of_ours(name), name);
}

BOOST_AUTO_TEST_SUITE_END()
