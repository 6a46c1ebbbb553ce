#include "base/environment.hpp"
#include "base/failure.hpp"
#include "base/foreign_text.hpp"
#include "base/given_url.hpp"
#include "base/quoted_reply.hpp"
#include "base/secret_variables.hpp"
#include "base/text.hpp"
#include "base/units.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(globs_match_whole_names) {
    BOOST_TEST(glob_match("nixos-*", "nixos-desktop"));
    BOOST_TEST(!glob_match("nixos-*", "xnixos-desktop"));
    BOOST_TEST(glob_match("*", ""));
    BOOST_TEST(glob_match("a*b*c", "aXbXbYc"));
    BOOST_TEST(!glob_match("a*b*c", "aXbXbY"));
    BOOST_TEST(glob_match("na?", "nas"));
    BOOST_TEST(!glob_match("na?", "na"));
    BOOST_TEST(glob_match("a*", "a*b"));
    BOOST_TEST(glob_match("*b", "a*b"));
}

BOOST_AUTO_TEST_CASE(a_typo_gets_the_name_that_was_meant) {
    std::vector<std::string> names{"nixos-desktop", "nixos-laptop", "nas"};
    BOOST_TEST(did_you_mean("nixos-dekstop", names).value_or("") == "nixos-desktop");
    BOOST_TEST(did_you_mean("nixos-lap", names).value_or("") == "nixos-laptop");
    BOOST_TEST(!did_you_mean("completely-else", names).has_value());
}

BOOST_AUTO_TEST_CASE(durations_are_read_as_people_write_them) {
    using namespace std::chrono_literals;
    BOOST_TEST((parse_duration("300m") == 300min));
    BOOST_TEST((parse_duration("1h30m") == 90min));
    BOOST_TEST((parse_duration("90") == 90s));
    for (auto nonsense : {"", "m", "30m1h", "-5", "5 m", "1h1h", "99999999999999999999", "99999999999d"})
        BOOST_TEST(!parse_duration(nonsense).has_value(), nonsense);
}

BOOST_AUTO_TEST_CASE(sizes_are_read_as_people_write_them) {
    BOOST_TEST((parse_bytes("64K") == 65536U));
    BOOST_TEST((parse_bytes("5GiB") == 5ULL << 30));
    for (auto nonsense : {"", "K", "5 G", "5Q", "-1", "99999999999999T"})
        BOOST_TEST(!parse_bytes(nonsense).has_value(), nonsense);
}

BOOST_AUTO_TEST_CASE(foreign_text_cannot_steer_the_terminal) {
    BOOST_TEST(sanitize("\x1b[31mred\x1b[0m") == "red");
    BOOST_TEST(sanitize("\x1b]0;title\a!") == "!");
    BOOST_TEST(sanitize("10%\r20%\rdone\r\nnext") == "done\nnext");
    BOOST_TEST(sanitize("a\x80z") == "a\xEF\xBF\xBDz");
    BOOST_TEST(sanitize("\xC2\x9B"
                        "31mx") == "31mx");
    BOOST_TEST(sanitize("a\u0080\u009Fz") == "az");
    BOOST_TEST(sanitize("a\u202E\u2066\u2069\u202A\u200F\u200E\u061Cz") == "az");
    BOOST_TEST(sanitize("späte Äpfel, 東京, •‧‰⁠, עִבְרִית") ==
               "späte Äpfel, 東京, •‧‰⁠, עִבְרִית");
    BOOST_TEST(sanitize("\x1b]8;;never ended\nnext") == "\nnext");
}

BOOST_AUTO_TEST_CASE(urls_lose_their_secrets) {
    BOOST_TEST(redact_url("https://user:pw@host/a?X-Sig=abc&n=1") == "https://host/a?X-Sig=…&n=…");
    BOOST_TEST(redact_url("https://host/a?s3cret&n=1&") == "https://host/a?…&n=…&");
    BOOST_TEST(redact_url("host/a?s3cret-of-1-server") == "host/a?…");
    BOOST_TEST(redact_url("why?") == "why?");
    BOOST_TEST(redact_url("n?s") == "n?s");
    BOOST_TEST(redact_url("https://host/a@b") == "https://host/a@b");
    BOOST_TEST(redact_url("https://[::1]:8080/a@b") == "https://[::1]:8080/a@b");
}

BOOST_AUTO_TEST_CASE(a_password_that_breaks_its_url_is_not_shown_either) {
    for (const auto* url : {"https://kim:s3/cret@host/a", "https://kim:s3?cret@host/a", "https://kim:s3#cret@host/a"})
        BOOST_TEST(redact_url(url) == "https://host/a", url);
    BOOST_TEST(redact_url("https://kim:12/cret@host/a") == "https://host/a"); // begins as a port does
    BOOST_TEST(redact_url("https://kim:12?cret@host/a") == "https://host/a");
    BOOST_TEST(redact_url("https://host:8080/a?b=c@d") == "https://host:8080/a?b=…");
    BOOST_TEST(redact_url("https://host/a#kim:s3cret") == "https://host/a#…");
    BOOST_TEST(redact_url("https://kim:s3cret%40host:9/a") == "https://host:9/a");
    BOOST_TEST(redact_url("kim:s3cret%40host/a") == "host/a");
    BOOST_TEST(redact_url("https://host:9/kim%40desk") == "https://host:9/kim%40desk");
    BOOST_TEST(redact_url("https://host/https://kim:s3cret@inner/a?b=c#d") == "https://host/https://inner/a?b=…");
    BOOST_TEST(redact_url("https://kim:s3cret@host/://:s3cret@x/http://://") == "https://host/://x/http://://");
    BOOST_TEST(redact_url("https:///kim:s3cret@host/a") == "https:///host/a");
    BOOST_TEST(redact_url("file:///srv/a:b@c") == "file:///srv/a:b@c");
}

BOOST_AUTO_TEST_CASE(what_was_meant_for_a_url_shows_no_password_either) {
    for (const auto* text : {"kim:s3cret@host/a", "https:/kim:s3cret@host/a", "https:kim:s3cret@host/a",
                             "https//kim:s3cret@host/a", "name=kim:s3@cret@host/a"})
        BOOST_TEST(redact_url(text) == "host/a", text);
    for (const auto* text :
         {"path:/home/kim@desk/nix", "/home/kim@desk:1/nix", "/srv/a:b@c/nix", "./a:b@c", "home:kim@desk",
          "github:kim/nix", "git@host:kim/nix", "kim@desk", "nixos:kim", "https://host:8080",
          "https://host:80: it said no", "./a-directory-of@kim/x", "http://127.0.0.1:44043'", "(https://host:80).",
          ".#homeConfigurations.kim@desk", "christopher.smithson@nixos-laptop", "home-of-somebody-long@desk"})
        BOOST_TEST(redact_url(text) == text);
    BOOST_TEST(redact_url("s3cret-of-many-words@host/a") == "host/a");
    BOOST_TEST(redact_url("https://kim:s3cr") == "https://kim:…"); // a list was split at the ',' of the password
}

// Whatever stands before the name of a cache of attic's, the address of its server as well.
BOOST_AUTO_TEST_CASE(an_address_of_attic_has_no_login_anywhere) {
    for (const auto* url : {"attic://e.example/s3cret@team", "attic://s3cret@srv/team@team", "ATTIC://kim:s3cret@team",
                            "attic://e.example/a/b:s3cret@team", "attic://e.example/s3?cret@team"}) {
        BOOST_TEST(to_lower(redact_url(url)) == "attic://team", url);
        BOOST_TEST(to_lower(GivenUrl(url).shown()) == "attic://team", url);
        BOOST_TEST(clean_foreign(std::string("at '") + url + "'").find("s3cret") == std::string::npos, url);
    }
    BOOST_TEST(redact_url("attic://e.example/team?token=s3cret") == "attic://e.example/team?token=…");
    BOOST_TEST(redact_url("attic://e.example:8080/prefix/team") == "attic://e.example:8080/prefix/team");
}

BOOST_AUTO_TEST_CASE(a_given_address_is_shown_in_one_line) {
    BOOST_TEST(GivenUrl("x\nnext: y").shown() == "x\uFFFDnext: y");
}

BOOST_AUTO_TEST_CASE(what_a_server_said_is_cleaned_before_it_is_cut) {
    BOOST_TEST(quoted_reply("see https://kim:s3cret@h.example/t?token=s3cret", 200) ==
               "see https://…@h.example/t?token=…");
    BOOST_TEST(quoted_reply(R"({"message":"see https:\/\/kim:s3cret@h.example\/t?token=s3cret"})", 200) ==
               R"({"message":"see https://…@h.example/t?token=…"})");
    // Cut in the middle of a login, where it no longer looks like one.
    for (std::size_t longest = 1; longest < 40; ++longest)
        BOOST_TEST(quoted_reply("https://kim:s3cret-s3cret@h.example/ and more", longest).find("s3cr") ==
                       std::string::npos,
                   longest);
    BOOST_TEST(
        quoted_reply(std::string((64 << 10) - 20, ' ') + "x https://kim:s3cret-s3cret@h", 1 << 20).find("s3cr") ==
        std::string::npos);
}

// So the compiler sees who would print a password.
template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
    out << value;
};
static_assert(!Printable<GivenUrl> && !std::is_convertible_v<GivenUrl, std::string> &&
              !std::is_convertible_v<GivenUrl, std::string_view> && !std::is_constructible_v<std::string, GivenUrl> &&
              !std::is_convertible_v<std::string, GivenUrl>);

BOOST_AUTO_TEST_CASE(the_address_of_a_cache_is_shown_without_what_is_secret) {
    BOOST_TEST(GivenUrl("https://kim:s3cret@host/a?push=https://x").shown() == "https://host/a?push=…");
    BOOST_TEST(GivenUrl("kim:s3cret@host").shown() == "host");
    BOOST_TEST(GivenUrl("s3cret@host").shown() == "host"); // the last piece of one that was split at a ','
    BOOST_TEST(GivenUrl("team\x1b[31m").shown() == "team");
    BOOST_TEST(GivenUrl("https://kim:s3cret@host").reveal() == "https://kim:s3cret@host");
    BOOST_TEST((GivenUrl("a") == GivenUrl("a") && !(GivenUrl("a") == GivenUrl("b"))));
}

BOOST_AUTO_TEST_CASE(what_is_known_to_be_secret_is_in_no_word_of_others) {
    hide_in_foreign_text({"hunter2secret", "hunter2secret-longer", "abc"});
    BOOST_TEST(clean_foreign("illegal line 'access-tokens=github.com=hunter2secret' abc hunter2secret-longer") ==
               "illegal line 'access-tokens=github.com=***' abc ***");
    hide_in_foreign_text({});
    BOOST_TEST(clean_foreign("hunter2secret") == "hunter2secret");
}

BOOST_AUTO_TEST_CASE(urls_in_what_others_say_lose_their_secrets) {
    BOOST_TEST(clean_foreign("unable to download 'https://kim:s3cret@example.org/x?ref=a': 401") ==
               "unable to download 'https://…@example.org/x?ref=a': 401");
    BOOST_TEST(clean_foreign("\x1b[35;1mhttp://kim:s3cret@[::1]:80/x\x1b[0m") == "http://…@[::1]:80/x");
    BOOST_TEST(clean_foreign("git+ssh://git@example.org/a and https://b/c@d") ==
               "git+ssh://…@example.org/a and https://b/c@d");
    BOOST_TEST(clean_foreign("ftp://") == "ftp://");
    BOOST_TEST(clean_foreign("unable to download 'https://host/x.tar.gz?token=s3cret': 401") ==
               "unable to download 'https://host/x.tar.gz?token=…': 401");
    BOOST_TEST(clean_foreign("at «https://host/x?s3cret&ref=main»/flake.nix:1 (see https://host/?a=s3cret).") ==
               "at «https://host/x?…&ref=main»/flake.nix:1 (see https://host/?a=…).");
    BOOST_TEST(clean_foreign("github:kim/x?token=s3cret#a, git+file:///f?dir=b#c, https://host/?rev=1;x=s3cret") ==
               "github:kim/x?token=…#…, git+file:///f?dir=b#c, https://host/?rev=…");
    for (const auto* text : {"what? https://host/x?\n\n  a ? b, x?y ‘c’ 'd'", "{ a ? 1 }: a", "", "\n", "»", "?"})
        BOOST_TEST(clean_foreign(text) == text);
    BOOST_TEST(shown_name("kim@größe 東京") == "kim@größe 東京");
    BOOST_TEST(shown_name("a\x1b[31m\r\n\t\x7f\u009b\u202e\u2028\xff!") ==
               "a\uFFFD[31m\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD!");
}

BOOST_AUTO_TEST_CASE(sizes_and_times_read_well) {
    using namespace std::chrono_literals;
    BOOST_TEST(human_bytes(999) == "999 B");
    BOOST_TEST(human_bytes(50'541'363) == "48.2 MiB");
    BOOST_TEST(human_bytes(1024 * 1024 - 1) == "1.0 MiB");
    BOOST_TEST(human_duration(1234ms) == "1.2 s");
    BOOST_TEST(human_duration(245s) == "4 min 05 s");
    BOOST_TEST(human_duration(7800s) == "2 h 10 min");
    BOOST_TEST(counted(1, "path") == "1 path");
    BOOST_TEST(counted(2, "entry", "entries") == "2 entries");
}

BOOST_AUTO_TEST_CASE(long_lines_lose_their_middle) {
    BOOST_TEST(ellipsize("abcdefghij", 5) == "ab…ij");
    BOOST_TEST(ellipsize("äöüßäöüß", 5) == "äö…üß");
    BOOST_TEST(ellipsize("short", 5) == "short");
}

BOOST_AUTO_TEST_CASE(what_was_encoded_is_decoded_and_what_is_no_escape_stays) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    BOOST_TEST(percent_decode(percent_encode(all)) == all);
    BOOST_TEST(percent_decode("100%/%4/%zz/%2f%2F%") == "100%/%4/%zz///%");
    BOOST_TEST(percent_decode("") == "");
}

BOOST_AUTO_TEST_CASE(a_failure_reads_from_the_outside_in) {
    auto failure = Failure(FailureKind::network, "503 Service Unavailable, 5 tries in 31 s")
                       .with_context("PUT nar/x.nar.zst")
                       .with_context("publishing hello")
                       .with_hint("run again");
    BOOST_TEST(render(failure, "cannot push hello") == "error: cannot push hello\n"
                                                       "  while: publishing hello\n"
                                                       "  while: PUT nar/x.nar.zst\n"
                                                       "  cause: 503 Service Unavailable, 5 tries in 31 s\n"
                                                       "  hint:  run again");
}

BOOST_AUTO_TEST_CASE(children_do_not_see_a_login_in_a_setting_of_ours) {
    auto is_seen = [](const std::string& name, const std::string& value) {
        Environment environment;
        environment.set(name, value);
        return environment.without_our_secrets().find(name).has_value();
    };
    for (const auto* value : {"https://kim:s3cret@host", "https://kim:pw@host", "kim:s3cret@host",
                              "https://a.example https://kim:s3cret@host", "a=https://kim:s3cret@host,optional"})
        for (const auto* name : {"CACHEFILL_CACHE", "CACHEFILL_UPSTREAM", "CACHEFILL_PUSH_CACHES"})
            BOOST_TEST(!is_seen(name, value), value);
    for (const auto* name : {"NH_FLAKE", "NH_OS_FLAKE", "NH_HOME_FLAKE", "NH_DARWIN_FLAKE"}) {
        BOOST_TEST(!is_seen(name, "git+https://kim:s3cret@host/fleet"), name);
        BOOST_TEST(!is_seen(name, "kim:s3cret@host"), name);
        BOOST_TEST(is_seen(name, "git+https://host/fleet"), name);
    }
    BOOST_TEST(is_seen("CACHEFILL_CACHE", "https://host"));
    BOOST_TEST(is_seen("https_proxy", "http://kim:s3cret@p")); // Nix and git fetch through it
}

BOOST_AUTO_TEST_CASE(children_do_not_see_our_secrets_but_all_else) {
    Environment environment({{"CACHIX_AUTH_TOKEN", "t"},
                             {"ACTIONS_RUNTIME_TOKEN", "t"},
                             {"GITHUB_TOKEN", "t"},
                             {"GH_TOKEN", "t"},
                             {"CACHEFILL_SIGNING_KEY", "k"},
                             {"NIX_CONFIG", "access-tokens = github.com=x"},
                             {"SSH_AUTH_SOCK", "/run/agent"}});
    auto cleaned = environment.without_our_secrets();
    BOOST_TEST(cleaned.variables().size() == 2U);
    BOOST_TEST(cleaned.get_or("SSH_AUTH_SOCK") == "/run/agent");
}

BOOST_AUTO_TEST_CASE(secrets_are_found_where_they_hide) {
    auto found = [](std::map<std::string, std::string> variables) {
        return secret_values(Environment(std::move(variables)));
    };
    using Texts = std::vector<std::string>;
    BOOST_TEST(
        (found({{"NIX_CONFIG", "max-jobs = 2\n extra-access-tokens = github.com=ghp_x1 gitlab.com=PAT:glpat\n"}}) ==
         Texts{"ghp_x1", "glpat"}));
    BOOST_TEST((found({{"https_proxy", "http://kim:s3cret@proxy:3128"}}) == Texts{"s3cret"}));
    BOOST_TEST((found({{"CACHEFILL_CACHE", "https://kim:s3cret@cache.example.org"}}) == Texts{"s3cret"}));
    BOOST_TEST((found({{"NH_OS_FLAKE", "git+https://kim:s3cret@host/fleet"}}) == Texts{"s3cret"}));
    BOOST_TEST(
        (found({{"INPUT_UPSTREAMS", "https://a.example\nhttps://kim:p%40ss@b.example/x"}}) == Texts{"p%40ss", "p@ss"}));
    BOOST_TEST(
        (found({{"CACHEFILL_CACHE", "https://0123456789abcdef@cache.example.org"}}) == Texts{"0123456789abcdef"}));
    BOOST_TEST(found({{"CACHEFILL_SIGNING_KEY_FILE_NAS", "/run/key"},
                      {"INPUT_HOSTS", "true"},
                      {"HOME", "/x"},
                      {"CACHEFILL_UPSTREAM", "https://cache.nixos.org"},
                      {"EDITOR", "ssh://git@host"}})
                   .empty());
}

BOOST_AUTO_TEST_SUITE_END()
