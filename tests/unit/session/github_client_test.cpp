#include "base/files.hpp"
#include "session/github_client.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

using namespace cachefill;

namespace {

struct Gh {
    TemporaryDirectory directory = TemporaryDirectory::make("gh").value();

    void write(const std::string& body) const {
        auto file = directory.path() / "gh";
        BOOST_REQUIRE(write_file_atomically(file, "#!/bin/sh\n" + body, 0755));
        BOOST_REQUIRE(::chmod(file.c_str(), 0755) == 0);
    }
    std::optional<github::Token> ask(const std::string& host, std::map<std::string, std::string> more = {}) const {
        github::Repository repository;
        repository.host = host;
        Environment environment(std::move(more));
        environment.set("PATH", directory.path().string());
        return test::run_task<std::optional<github::Token>>(
            [&](async::Executor) { return session::ask_gh_for_token(repository, environment); });
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(github_client)

BOOST_AUTO_TEST_CASE(gh_is_asked_for_the_host_and_sees_none_of_our_tokens) {
    Gh gh;
    BOOST_TEST(!gh.ask("github.com").has_value()); // there is none
    gh.write("[ \"$1 $2 $3\" = 'auth token --hostname' ] && [ -z \"$CACHIX_AUTH_TOKEN\" ] && echo \"of-$4\"\n");
    auto token = gh.ask("github.example", {{"CACHIX_AUTH_TOKEN", "geheim"}});
    BOOST_REQUIRE(token.has_value());
    BOOST_TEST(token->secret.reveal() == "of-github.example");
    BOOST_TEST(token->source == "gh auth token");
    BOOST_TEST(!gh.ask("github.com", {{"GITHUB_API_URL", "https://elsewhere.example"}}).has_value());
}

BOOST_AUTO_TEST_CASE(what_gh_says_when_it_has_none_is_no_token) {
    Gh gh;
    gh.write("echo of-github.com; exit 1\n");
    BOOST_TEST(!gh.ask("github.com").has_value());
    gh.write("echo no oauth token found\n");
    BOOST_TEST(!gh.ask("github.com").has_value());
    gh.write("exit 0\n");
    BOOST_TEST(!gh.ask("github.com").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
