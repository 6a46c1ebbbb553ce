#include "eval/credential_store.hpp"
#include "eval/git_logins.hpp"
#include "eval/git_variables.hpp"
#include "eval/locked_sources.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using eval::GitLogins;

namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

GitLogins logins_of(const Entries& entries) {
    std::string listing;
    for (const auto& [key, value] : entries) listing += key + "\n" + value + '\0';
    return GitLogins::from_config(listing);
}

bool is_private(const Entries& entries, const std::string& url) { return !logins_of(entries).why_private(url).empty(); }

} // namespace

BOOST_AUTO_TEST_SUITE(git_logins)

BOOST_AUTO_TEST_CASE(what_everybody_has_set_up_says_nothing_of_a_repository) {
    for (const Entries& entries :
         {Entries{{"user.name", "kim"}, {"credential.helper", "cache"}, {"alone", ""}},
          Entries{{"credential.https://github.com.helper", "!gh auth git-credential"}},
          Entries{{"url.git@github.com:.insteadof", "https://github.com/"}},
          Entries{{"url.ssh://git@github.com/.pushinsteadof", "https://github.com/"}},
          Entries{{"http.https://github.com/.proxy", "http://proxy"}},
          Entries{{"credential.https://github.com.username", "kim"}},
          Entries{{"http.extraheader", "Accept-Language: de"}}, Entries{{"http.extraheader", ""}},
          Entries{{"http.emptyauth", "auto"}}, Entries{{"http.delegation", "none"}}, Entries{{"http.cookiefile", ""}},
          Entries{{"http.https://git.example.org/.extraheader", "Authorization: basic x"}}})
        BOOST_TEST(!is_private(entries, "https://github.com/NixOS/nixpkgs"), entries.back().first);
}

BOOST_AUTO_TEST_CASE(a_way_of_its_own_to_a_host_makes_it_private) {
    const std::string host = "https://git.example.org", url = host + "/kim/x.git";
    for (const Entries& entries :
         {Entries{{"http." + host + ".proxy", "socks5h://127.0.0.1:1080"}}, Entries{{"http." + host + ".proxy", ""}},
          Entries{{"http.https://*.example.org/.proxy", "http://proxy"}},
          Entries{{"http." + host + ".sslcainfo", "/x"}}, Entries{{"http." + host + ".sslverify", "false"}},
          Entries{{"http." + host + ".pinnedpubkey", "sha256//x"}}, Entries{{"http." + host + ".sslkey", "/x"}},
          Entries{{"credential." + host + ".username", "kim"}}, Entries{{"credential.git.example.org.username", "kim"}},
          Entries{{"core.gitproxy", "/usr/bin/tunnel for example.org"}},
          Entries{{"core.gitproxy", "\"tunnel\" for git.Example.org"}}}) {
        BOOST_TEST(is_private(entries, url), entries.back().first);
        BOOST_TEST(!is_private(entries, "https://git.example.net/x"), entries.back().first);
        BOOST_TEST(!is_private(entries, "https://gitexample.org/x"), entries.back().first);
    }
    BOOST_TEST(is_private({{"core.gitproxy", "tunnel for example.org"}}, "git://git.example.org/x"));
    for (const Entries& entries : // ways to everything
         {Entries{{"http.proxy", "http://proxy"}}, Entries{{"http.sslcainfo", "/etc/ssl/certs/ca.crt"}},
          Entries{{"http.sslverify", "false"}}, Entries{{"http." + host + ".sslverify", "true"}},
          Entries{{"core.gitproxy", "tunnel"}}, Entries{{"credential.username", "kim"}}})
        BOOST_TEST(!is_private(entries, url), entries.back().first);
}

BOOST_AUTO_TEST_CASE(a_login_for_the_host_makes_it_private) {
    const std::string url = "https://git.example.org/kim/x.git";
    for (const Entries& entries :
         {Entries{{"http.https://git.example.org/.extraheader", "AUTHORIZATION: basic c2VjcmV0"}},
          Entries{{"http.https://git.example.org/kim.extraheader", "Private-Token: c2VjcmV0"}},
          Entries{{"http.https://*.example.org/.extraheader", "Cookie: c2VjcmV0"}},
          Entries{{"http.extraheader", "Authorization: bearer c2VjcmV0"}},
          Entries{{"http.https://git.example.org.sslcert", "/home/kim/cert.pem"}},
          Entries{{"http.https://git.example.org.cookiefile", "/home/kim/cookies"}},
          Entries{{"credential.https://git.example.org.helper", "!pass c2VjcmV0"}}}) {
        auto why = logins_of(entries).why_private(url);
        BOOST_TEST(why != "", entries.back().first);
        BOOST_TEST(why.find("c2VjcmV0") == std::string::npos);
        BOOST_TEST(!is_private(entries, "https://other.example.net/x") == (entries.back().first != "http.extraheader"));
    }
    // github.com, too, where a header or an owner is named.
    BOOST_TEST(is_private({{"http.https://github.com/.extraheader", "Authorization: x"}}, "https://github.com/kim/x"));
    BOOST_TEST(is_private({{"credential.https://github.com/kim.helper", "x"}}, "https://github.com/kim/x"));
    BOOST_TEST(!is_private({{"credential.https://github.com/kim.helper", "x"}}, "https://github.com/kimberly/x"));
    // As git matches: scheme and port are the same.
    for (const auto* other : {"http://git.example.org/x", "https://git.example.org:8443/x"})
        BOOST_TEST(!is_private({{"http.https://git.example.org/.extraheader", "Authorization: x"}}, other), other);
    BOOST_TEST(is_private({{"http.https://git.example.org/.extraheader", "Authorization: x"}},
                          "https://git.example.org:443/x"));
}

BOOST_AUTO_TEST_CASE(what_is_sent_to_every_host_makes_everything_private) {
    for (const Entries& entries :
         {Entries{{"http.cookiefile", "~/.gitcookies"}}, Entries{{"http.sslcert", "~/client.pem"}},
          Entries{{"http.emptyauth", "true"}}, Entries{{"http.delegation", "always"}},
          Entries{{"http.extraheader", "X-Anything: 1"}}, Entries{{"http.extraheader", "nonsense"}},
          Entries{{"http.extraheader", "User-Agent: ghp_0123456789abcdef"}}})
        BOOST_TEST(is_private(entries, "https://git.example.org/x"), entries.back().first);
    BOOST_TEST(GitLogins::unknown().why_private("https://git.example.org/x") != "");
}

BOOST_AUTO_TEST_CASE(only_headers_known_to_hold_no_login_are_harmless) {
    const std::string key = "http.https://git.example.org/.extraheader";
    for (const auto* header : {"X-Password: x", "X-Session-Id: x", "Authorization: x", "X-Trace: 1"})
        BOOST_TEST(is_private({{key, header}}, "https://git.example.org/x"), header);
    for (const auto* header : {"Accept-Language: de", "cache-control:no-cache", "User-Agent: git/2.39.5 (kim)"})
        BOOST_TEST(!is_private({{key, header}}, "https://git.example.org/x"), header);
    BOOST_TEST(is_private({{"http.https://git.example.org/.emptyauth", "true"}}, "https://git.example.org/x"));
    BOOST_TEST(is_private({{"credential.git.example.org.helper", "x"}}, "https://git.example.org/x"));
    BOOST_TEST(!is_private({{"credential.git.example.org.helper", "x"}}, "https://other.example.org/x"));
    BOOST_TEST(is_private({{"http.curloptresolve", "+git.example.org:443:10.0.0.7"}}, "https://git.example.org/x"));
}

BOOST_AUTO_TEST_CASE(the_helper_store_is_known_in_whatever_way_it_is_called) {
    const std::pair<const char*, const char*> table[] = {
        {"store", ""},
        {"/usr/lib/git-core/git-credential-store", ""},
        {"!git credential-store --file ~/.creds", "~/.creds"},
        {"!/opt/git-credential-store --file=/run/logins", "/run/logins"},
        {"store --file=\"$HOME/my creds\"", "~/my creds"},
        {"store --file '/run/my creds'", "/run/my creds"},
        {"store --fi=${HOME}/a\\ b", "~/a b"},
    };
    for (const auto& [helper, file] : table) {
        auto stores = logins_of({{"credential.helper", helper}}).stores();
        BOOST_TEST(stores == std::vector<std::string>{file}, boost::test_tools::per_element());
    }
    // Where its file cannot be told, any host's login may be in it.
    for (const auto* helper : {"store --file=$(cat x)", "store --file logins", "!git credential-store --file $X"})
        BOOST_TEST(is_private({{"credential.helper", helper}}, "https://git.example.org/x"), helper);
    for (const auto* helper : {"storefront", "cache", "!f() { test \"$1\" = store; }; f", "!pass store"})
        BOOST_TEST(!is_private({{"credential.helper", helper}}, "https://git.example.org/x"), helper);
}

BOOST_AUTO_TEST_CASE(a_certificate_that_a_variable_names_counts_as_one_in_the_configuration) {
    auto why = [](const char* variable) {
        Environment environment(std::map<std::string, std::string>{{variable, "/etc/cert.pem"}});
        auto logins = eval::GitLogins::from_config(eval::git_settings_of_variables(environment));
        return logins.why_private("https://git.example.org/x");
    };
    BOOST_TEST(why("GIT_SSL_CERT") == "git shows a certificate or cookies there (http.sslcert)");
    BOOST_TEST(why("GIT_SSL_CAINFO") == ""); // as Nix sets it for everything
    BOOST_TEST(why("GIT_EDITOR") == "");
}

BOOST_AUTO_TEST_CASE(logins_that_the_helper_store_keeps_are_of_their_hosts) {
    auto logins = logins_of({{"credential.helper", "store --file=/run/logins"}});
    BOOST_TEST(logins.stores() == std::vector<std::string>{"/run/logins"}, boost::test_tools::per_element());
    BOOST_TEST(logins_of({{"credential.helper", "store"}}).stores().size() == 1U);
    BOOST_TEST(logins_of({{"credential.helper", "storefront"}}).stores().empty());
    logins.add_stored("https://kim:c2VjcmV0@git.example.org\n\nnonsense\nhttps://kim:x@nas.lan:8443/a\n");
    BOOST_TEST(logins.why_private("https://git.example.org/any") ==
               "git has a login for git.example.org stored (credential.helper)");
    BOOST_TEST(logins.why_private("https://nas.lan:8443/b") != "");
    BOOST_TEST(logins.why_private("https://nas.lan/b") == "");
    BOOST_TEST(logins.why_private("https://github.com/a/b") == "");
}

BOOST_AUTO_TEST_CASE(an_address_is_led_elsewhere_as_git_does_it) {
    auto led = [](const Entries& entries, const std::string& url) { return logins_of(entries).rewritten(url); };
    const Entries two{{"url.https://a.example/.insteadof", "https://x.example/"},
                      {"url.https://b.example/.insteadof", "https://x.example/kim/"},
                      {"url.https://c.example/.insteadof", "https://x.example/kim/"},
                      {"url.https://d.example/.pushinsteadof", "https://x.example/kim/fleet"}};
    BOOST_TEST(led(two, "https://x.example/kim/fleet") == "https://b.example/fleet"); // the longest, the first of these
    BOOST_TEST(led(two, "https://x.example/lee/fleet") == "https://a.example/lee/fleet");
    BOOST_TEST(led(two, "https://y.example/kim/fleet") == "https://y.example/kim/fleet");
    BOOST_TEST(led({{"url./srv/.insteadof", ""}}, "https://y.example/x") == "/srv/https://y.example/x");
    // ssh for all of a public forge says nothing, to another host it does.
    for (const auto* base : {"git@github.com:", "ssh://git@github.com/", "ssh://git@ssh.github.com:443/"})
        BOOST_TEST(led({{std::string("url.") + base + ".insteadof", "https://github.com/"}},
                       "https://github.com/a/b") == "https://github.com/a/b");
    BOOST_TEST(led({{"url.git@corp.example:.insteadof", "https://github.com/"}}, "https://github.com/a/b") ==
               "git@corp.example:a/b");
    BOOST_TEST(led({{"url.git@github.com:kim/.insteadof", "https://github.com/kim/"}}, "https://github.com/kim/x") ==
               "git@github.com:kim/x");
    // What is set up there counts.
    const Entries with_header{{"url.https://mirror.example/.insteadof", "https://x.example/"},
                              {"http.https://mirror.example/.extraheader", "Authorization: x"}};
    BOOST_TEST(is_private(with_header, "https://x.example/a"));
    BOOST_TEST(!is_private(with_header, "https://y.example/a"));
}

BOOST_AUTO_TEST_CASE(an_address_that_git_is_led_to_is_judged_like_any_other) {
    const std::string hash = "sha256-h4gyzSK14DjhF7cBN4VY+Km2ytc4Gg5tV6noZdNPhaY=";
    auto lock = R"({"nodes": {"x": {"locked": {"narHash": ")" + hash +
                R"(", "type": "git", "url": "https://git.example.org/lib.git"}}}})";
    auto why = [&](const std::string& base, const std::string& prefix) {
        auto logins = logins_of({{"url." + base + ".insteadof", prefix}});
        eval::PrivateAccess access;
        access.has_login = [](const std::string& host) { return host == "known.example"; };
        access.rewritten_by_git = [&](const std::string& url) { return logins.rewritten(url); };
        return eval::locked_sources(lock, access).at(0).why_private;
    };
    for (const auto* base :
         {"file:///srv/", "/srv/", "../", "http://127.0.0.1:80/", "https://nas.lan/", "https://kim:c2VjcmV0@b.example/",
          "https://c2VjcmV0@github.com/", "git@git.example.org:", "ssh://git@git.example.org/",
          "git@github.com:", "https://known.example/", "https://b.example/?token=c2VjcmV0&x=", "ext::c2VjcmV0 "}) {
        auto reason = why(base, "https://git.example.org/");
        BOOST_TEST(reason.find("insteadOf") != std::string::npos, base);
        BOOST_TEST(reason.find("c2VjcmV0") == std::string::npos, base);
        BOOST_TEST(why(base, "https://git.example.org/other") == "", base);
    }
    BOOST_TEST(why("https://mirror.example/", "https://git.example.org/") == "");
}

BOOST_AUTO_TEST_CASE(only_what_git_fetches_is_concerned) {
    eval::PrivateAccess access;
    access.why_by_git = [](const std::string&) { return "git has a login"; };
    auto why = [&](const std::string& locked) {
        const std::string hash = "sha256-h4gyzSK14DjhF7cBN4VY+Km2ytc4Gg5tV6noZdNPhaY=";
        auto lock = R"({"nodes": {"x": {"locked": {"narHash": ")" + hash + R"(", )" + locked + "}}}}";
        return eval::locked_sources(lock, access).at(0).why_private;
    };
    BOOST_TEST(why(R"("type": "git", "url": "https://git.example.org/x")") == "git has a login");
    BOOST_TEST(why(R"("type": "github", "owner": "NixOS", "repo": "nixpkgs")") == "");
    BOOST_TEST(why(R"("type": "tarball", "url": "https://git.example.org/x.tar.gz")") == "");
    access.why_by_hg = [] { return "hg has a login"; };
    BOOST_TEST(why(R"("type": "hg", "url": "https://hg.example.org/x")") == "hg has a login");
    BOOST_TEST(why(R"("type": "git", "url": "https://kim@git.example.org/x")") ==
               "it is fetched with a login in its address");
}

BOOST_AUTO_TEST_SUITE_END()
