#include "base/files.hpp"
#include "cache/aws_identity.hpp"
#include "cache/aws_profile.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;

namespace {

struct Home {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-aws").value();
    Environment environment;

    Home() {
        std::filesystem::create_directory(directory.path() / ".aws");
        environment.set("HOME", directory.path().string());
    }
    void write(const std::string& name, const std::string& text, unsigned mode = 0600) const {
        BOOST_REQUIRE(write_file_atomically(directory.path() / ".aws" / name, text, mode));
    }
    Result<AwsIdentity> find(const std::string& parameters = {}) const {
        return find_aws_identity(environment, parse_s3_place("b", parameters).value());
    }
};

constexpr const char* two_profiles = "# by hand\n[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key=sd\n\n"
                                     "[home]\naws_access_key_id=AKHOME\naws_secret_access_key = s/h+==\n"
                                     "aws_session_token = th\n";

} // namespace

BOOST_FIXTURE_TEST_SUITE(aws_identity, Home)

BOOST_AUTO_TEST_CASE(a_file_is_read_section_by_section) {
    auto sections =
        parse_aws_file("lost = 1\n[profile home]\nregion = eu-west-1 # near\ns3 =\n  nested = 1\n[ a ]\nK=v=w\n");
    BOOST_TEST(sections["home"]["region"] == "eu-west-1");
    BOOST_TEST(!sections["home"].contains("nested"));
    BOOST_TEST(sections["a"]["k"] == "v=w");
    BOOST_TEST(sections.size() == 2U);
}

BOOST_AUTO_TEST_CASE(variables_go_before_files_and_a_named_profile_before_both) {
    write("credentials", two_profiles);
    BOOST_TEST(find()->key->id == "AKDEFAULT");
    environment.set("AWS_ACCESS_KEY_ID", "AKENV");
    environment.set("AWS_SECRET_ACCESS_KEY", "se\n");
    environment.set("AWS_SESSION_TOKEN", "te");
    auto found = find();
    BOOST_REQUIRE(found);
    BOOST_TEST(found->key->id == "AKENV");
    BOOST_TEST(found->key->secret.reveal() == "se");
    BOOST_TEST(found->key->session_token.reveal() == "te");
    auto named = find("profile=home");
    BOOST_REQUIRE(named);
    BOOST_TEST(named->key->id == "AKHOME");
    BOOST_TEST(named->key->secret.reveal() == "s/h+==");
    BOOST_TEST(named->key->session_token.reveal() == "th");
    BOOST_TEST(named->key->source.find("profile home") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(half_a_key_and_a_profile_that_is_not_there_are_said) {
    environment.set("AWS_PROFILE", "nobody");
    auto nobody = find();
    BOOST_REQUIRE(!nobody);
    BOOST_TEST(nobody.error().cause().find("'nobody'") != std::string::npos);
    environment.set("AWS_ACCESS_KEY_ID", "AK");
    auto half = find();
    BOOST_REQUIRE(!half);
    BOOST_TEST((half.error().kind() == FailureKind::usage));
}

BOOST_AUTO_TEST_CASE(a_key_that_others_may_read_is_not_taken) {
    write("credentials", two_profiles, 0644);
    auto found = find();
    BOOST_REQUIRE(found);
    BOOST_TEST(!found->key);
    BOOST_TEST(found->passed_over.size() == 1U);
    write("config", "[default]\nregion = eu-west-1\naws_access_key_id=A\naws_secret_access_key=B\n", 0644);
    found = find();
    BOOST_REQUIRE(found);
    BOOST_TEST(!found->key);
    BOOST_TEST(found->region == "eu-west-1"); // which is no secret
}

BOOST_AUTO_TEST_CASE(a_step_takes_only_the_files_it_was_handed) {
    write("credentials", two_profiles);
    environment.set("GITHUB_ACTIONS", "true");
    BOOST_TEST(!find()->key);
    environment.set("AWS_SHARED_CREDENTIALS_FILE", (directory.path() / ".aws/credentials").string());
    BOOST_TEST(find()->key->id == "AKDEFAULT");
}

BOOST_AUTO_TEST_CASE(what_is_not_done_here_is_named) {
    for (const std::string setting : {"credential_process = /bin/x", "sso_session = s", "source_profile = home",
                                      "credential_source = Ec2InstanceMetadata", "login_session = x"}) {
        write("config", "[profile other]\nrole_arn = arn\n" + setting + "\n");
        auto found = find("profile=other");
        BOOST_REQUIRE_MESSAGE(!found, setting);
        BOOST_TEST(found.error().cause().find(setting.substr(0, setting.find(' '))) != std::string::npos);
        BOOST_TEST(found.error().hint().find("export-credentials --profile other") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(who_gives_out_keys_is_found) {
    environment.set("AWS_REGION", "eu-west-1");
    BOOST_TEST(find()->metadata_server == "http://169.254.169.254");
    BOOST_TEST(find("endpoint=minio.lan")->metadata_server == "");
    environment.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
    BOOST_TEST(find()->container->url == "http://169.254.170.2/v2/x");
    environment.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token");
    BOOST_TEST(!find()->web_identity); // for which role?
    environment.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/fill");
    auto found = find();
    BOOST_REQUIRE((found && found->web_identity));
    BOOST_TEST(found->web_identity->server == "https://sts.eu-west-1.amazonaws.com");
    BOOST_TEST(!found->container);
    environment.unset("AWS_WEB_IDENTITY_TOKEN_FILE");
    environment.set("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example/x?v=2");
    BOOST_TEST(!find()->web_identity);
    environment.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-step");
    BOOST_TEST(find()->web_identity->request_token.reveal() == "of-the-step");
    write("config", "[profile oidc]\nrole_arn = arn:2\nweb_identity_token_file = /run/two\nregion = cn-north-1\n");
    environment.unset("AWS_REGION");
    auto profile = find("profile=oidc");
    BOOST_REQUIRE((profile && profile->web_identity));
    BOOST_TEST(profile->web_identity->role == "arn:2");
    BOOST_TEST(profile->web_identity->server == "https://sts.cn-north-1.amazonaws.com.cn");
}

BOOST_AUTO_TEST_SUITE_END()
