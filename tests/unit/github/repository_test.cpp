#include "github/repository.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::github;

BOOST_AUTO_TEST_SUITE(github_repository)

namespace {

std::string shown(std::string_view url) {
    auto repository = parse_remote(url);
    return repository ? repository->host + " " + repository->full_name() : "none";
}

Repository on(std::string host) {
    Repository repository;
    repository.host = std::move(host);
    repository.owner = "krit";
    repository.name = "nix";
    return repository;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_spelling_of_a_remote_names_the_same_repository) {
    for (const auto* url :
         {"https://github.com/krit/nix", "https://github.com/krit/nix.git/", "https://token@github.com/krit/nix.git",
          "git@github.com:krit/nix.git", "ssh://git@github.com/krit/nix", "ssh://git@ssh.github.com:443/krit/nix.git",
          "git+ssh://git@github.com/krit/nix?ref=main", "github:krit/nix", "github:krit/nix/develop",
          "git://github.com/krit/nix", "https://GitHub.com/krit/nix\n"})
        BOOST_TEST_CONTEXT(url) BOOST_TEST(shown(url) == "github.com krit/nix");
    BOOST_TEST(shown("https://ghe.example:8443/krit/nix") == "ghe.example:8443 krit/nix");
    BOOST_TEST(shown("ssh://git@ghe.example:2222/krit/nix") == "ghe.example krit/nix");
}

BOOST_AUTO_TEST_CASE(what_is_no_repository_of_a_forge_like_github_is_none) {
    for (const auto* url : {"", "/srv/git/nix.git", "./nix", "file:///srv/git/nix", "https://github.com/krit",
                            "https://gitlab.com/group/sub/nix", "C:/x/y/z", "https://github.com/krit/../nix",
                            "https://evil.example%00.ghe.com/krit/nix", "https://evil.example%2F.ghe.com/krit/nix",
                            "git@evil.example%00.ghe.com:krit/nix", "https://evil.example\\.ghe.com/krit/nix"})
        BOOST_TEST_CONTEXT(url) BOOST_TEST(shown(url) == "none");
}

BOOST_AUTO_TEST_CASE(the_api_lives_where_each_kind_of_github_has_it) {
    Environment environment;
    BOOST_TEST(api_url_of(on("github.com"), environment) == "https://api.github.com");
    BOOST_TEST(api_url_of(on("ghe.example"), environment) == "https://ghe.example/api/v3");
    BOOST_TEST(api_url_of(on("acme.ghe.com"), environment) == "https://api.acme.ghe.com");
    environment.set("GITHUB_API_URL", "http://127.0.0.1:1/");
    BOOST_TEST(api_url_of(on("github.com"), environment) == "http://127.0.0.1:1");
}

BOOST_AUTO_TEST_CASE(a_token_is_taken_from_the_environment_first_and_then_from_nix) {
    Environment environment;
    BOOST_TEST(!find_token(on("github.com"), environment, "ghe.example=a").has_value());
    auto best = find_token(on("github.com"), environment, "github.com=wide github.com/krit=mine gitlab.com=PAT:x");
    BOOST_TEST(best->secret.reveal() == "mine");
    BOOST_TEST(best->source == "Nix's access-tokens");
    environment.set("GITHUB_TOKEN", "two");
    environment.set("GH_TOKEN", "");
    BOOST_TEST(find_token(on("github.com"), environment)->source == "GITHUB_TOKEN");
    environment.set("GH_TOKEN", "one\n");
    BOOST_TEST(find_token(on("github.com"), environment)->secret.reveal() == "one");
    environment.set("GH_ENTERPRISE_TOKEN", "three");
    environment.set("GH_HOST", "ghe.example");
    BOOST_TEST(find_token(on("github.com"), environment)->secret.reveal() == "one");
    BOOST_TEST(find_token(on("ghe.example"), environment)->secret.reveal() == "three");
}

BOOST_AUTO_TEST_CASE(a_token_goes_to_no_host_that_only_a_remote_names) {
    Environment environment;
    environment.set("GH_TOKEN", "for-github");
    environment.set("GITHUB_TOKEN", "for-github-too");
    for (const auto* host : {"evil.example", "github.com.evil.example", "notghe.com", "github.com:8443"})
        BOOST_TEST(!find_token(on(host), environment).has_value(), host);
    BOOST_TEST(find_token(on("github.com"), environment)->secret.reveal() == "for-github");
    BOOST_TEST(find_token(on("acme.ghe.com"), environment)->secret.reveal() == "for-github");
    environment.set("GH_ENTERPRISE_TOKEN", "for-ours");
    BOOST_TEST(!find_token(on("ghe.example"), environment).has_value()); // nobody says that it is
    environment.set("GH_HOST", "ghe.example");
    BOOST_TEST(find_token(on("ghe.example"), environment)->secret.reveal() == "for-ours");
    BOOST_TEST(!find_token(on("evil.example"), environment).has_value());
    // Who sets this says where the token goes.
    environment.set("GITHUB_API_URL", "https://elsewhere.example/api/v3");
    BOOST_TEST(find_token(on("evil.example"), environment)->secret.reveal() == "for-github");
}

BOOST_AUTO_TEST_CASE(an_enterprise_token_goes_to_the_host_of_the_api_that_is_set_and_for_its_repositories_only) {
    Environment environment;
    environment.set("GH_ENTERPRISE_TOKEN", "for-ours");
    environment.set("GITHUB_API_URL", "https://ghe.example/api/v3");
    BOOST_TEST(find_token(on("ghe.example"), environment)->secret.reveal() == "for-ours");
    BOOST_TEST(!find_token(on("evil.example"), environment).has_value());
    environment.set("GH_HOST", "evil.example"); // requests go to the API all the same
    BOOST_TEST(!find_token(on("evil.example"), environment).has_value());
    BOOST_TEST(!find_token(on("ghe.example"), environment).has_value());
    environment.unset("GH_HOST");
    environment.set("GITHUB_API_URL", "https://api.ghe.example");
    BOOST_TEST(find_token(on("ghe.example"), environment)->secret.reveal() == "for-ours");
    // Neither does a token of Nix's go elsewhere than to the host that it is for.
    environment.unset("GH_ENTERPRISE_TOKEN");
    BOOST_TEST(find_token(on("ghe.example"), environment, "ghe.example=nix")->secret.reveal() == "nix");
    BOOST_TEST(!find_token(on("other.example"), environment, "other.example=nix").has_value());
    BOOST_TEST(!find_token(on("github.com"), environment, "github.com=nix").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
