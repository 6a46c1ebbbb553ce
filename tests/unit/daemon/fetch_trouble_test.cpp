#include "daemon/fetch_trouble.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::daemon;

namespace {

const std::string path = "/nix/store/v94biz5452k8nc1jxzcgsph5dimaj6q8-fb";
const std::string url = "http://127.0.0.1:44043";
const std::string narinfo = url + "/v94biz5452k8nc1jxzcgsph5dimaj6q8.narinfo";
const std::string nar = url + "/nar/069gk2rqmxp2myc221p4b6hkddmmdg3p09fdrxqcxks6az3kdjm1.nar";
const std::string not_there = "path '" + path + "' does not exist and cannot be created"; // up to 2.26
const std::string nowhere =
    "path '" + path + "' is required, but there is no substituter that can build it"; // 2.34, of the path itself
const std::string reference_failed = "some references of path '" + path + "' could not be realised"; // 2.34

struct Case {
    std::string nix;
    std::vector<std::string> messages;
    std::string error;
    FetchTrouble trouble;
    std::string cache, said;
};

} // namespace

BOOST_AUTO_TEST_SUITE(fetch_trouble)

// Recorded from these versions of Nix, with a substituter that behaves so (ports and paths aside).
BOOST_AUTO_TEST_CASE(what_three_versions_of_nix_say_is_understood) {
    const std::vector<Case> cases{
        // a narinfo with 429
        {"2.8",
         {"warning: error: unable to download '" + narinfo +
          "': HTTP error 429 ('Too Many Requests')\n\n       response body:\n\n       no; retrying in 267 ms"},
         "unable to download '" + narinfo + "': HTTP error 429 ('Too Many Requests')\n\nresponse body:\n\nno",
         FetchTrouble::network,
         url,
         "HTTP error 429 ('Too Many Requests')"},
        {"2.26",
         {},
         "unable to download '" + narinfo + "': HTTP error 429",
         FetchTrouble::network,
         url,
         "HTTP error 429"},
        {"2.34",
         {},
         "unable to download '" + narinfo + "': HTTP error 503",
         FetchTrouble::network,
         url,
         "HTTP error 503"},
        // a connection that is reset
        {"2.8",
         {},
         "unable to download '" + narinfo + "': Failure when receiving data from the peer (56)",
         FetchTrouble::network,
         url,
         "Failure when receiving data from the peer (56)"},
        {"2.26",
         {},
         "unable to download '" + narinfo +
             "': Failure when receiving data from the peer (56) Recv failure: Connection reset by peer",
         FetchTrouble::network,
         url,
         "Failure when receiving data from the peer (56) Recv failure: Connection reset by peer"},
        // an archive with 503: the answer to the request does not tell
        {"2.8",
         {"warning: error: unable to download '" + nar +
              "': HTTP error 503 ('Service Unavailable')\n\n       response body:\n\n       no; retrying in 307 ms",
          "error: unable to download '" + nar +
              "': HTTP error 503 ('Service Unavailable')\n\n       response body:\n\n       no"},
         not_there,
         FetchTrouble::network,
         url,
         "HTTP error 503 ('Service Unavailable')"},
        {"2.34",
         {"error: unable to download '" + nar + "': HTTP error 503\n\n       response body:\n\n       no",
          "error: path '/nix/store/4l62lg0la4wp24vr4m8xxqlbdirfx5ng-fa' is required, but there is no substituter that "
          "can build it"},
         reference_failed,
         FetchTrouble::network,
         url,
         "HTTP error 503"},
        // an archive that breaks off
        {"2.8",
         {"error: unable to download '" + nar + "': HTTP error 200 ('OK') (curl error: Transferred a partial file)"},
         not_there,
         FetchTrouble::network,
         url,
         "HTTP error 200 ('OK') (curl error: Transferred a partial file)"},
        // a cache that is not there at all: the substituter is left out of this daemon's list
        {"2.8",
         {"warning: unable to download '" + url + "/nix-cache-info': Couldn't connect to server (7)"},
         not_there,
         FetchTrouble::network,
         url,
         "Couldn't connect to server (7)"},
        {"2.26",
         {"warning: unable to download '" + url +
          "/nix-cache-info': Could not connect to server (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Could "
          "not connect to server"},
         not_there,
         FetchTrouble::network,
         url,
         "Could not connect to server (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Could not connect to "
         "server"},
        {"2.34",
         {"warning: unable to download 'http://no-such-host.invalid/x/nix-cache-info': Could not resolve hostname (6) "
          "Could not resolve host: no-such-host.invalid; retrying in 352 ms (attempt 1/2)",
          "warning: unable to download 'http://no-such-host.invalid/x/nix-cache-info': Could not resolve hostname (6) "
          "Could not resolve host: no-such-host.invalid"},
         nowhere,
         FetchTrouble::network,
         "http://no-such-host.invalid/x",
         "Could not resolve hostname (6) Could not resolve host: no-such-host.invalid"},
        {"2.8",
         {},
         "substituter 'http://x' is disabled",
         FetchTrouble::network,
         "http://x",
         "substituter 'http://x' is disabled"},
        // nobody has it (404, and what counts as that: 401, 403)
        {"2.8", {}, not_there, FetchTrouble::absent, "", not_there},
        {"2.34", {}, nowhere, FetchTrouble::absent, "", nowhere},
        {"2.8",
         {"error: file 'nar/069gk2rqm.nar' does not exist in binary cache '" + url + "'"},
         not_there,
         FetchTrouble::absent,
         url,
         "file 'nar/069gk2rqm.nar' does not exist in binary cache '" + url + "'"},
        {"2.34",
         {"warning: file 'nar/069gk2rqm.nar' does not exist in binary cache '" + url + "'"},
         reference_failed,
         FetchTrouble::absent,
         url,
         "file 'nar/069gk2rqm.nar' does not exist in binary cache '" + url + "'"},
        {"2.26",
         {},
         "unable to download '" + narinfo + "': HTTP error 400",
         FetchTrouble::absent,
         url,
         "HTTP error 400"},
        // signed by somebody else
        {"2.8",
         {"warning: the substitute for '" + path + "' from '" + url +
          "' is not signed by any of the keys in 'trusted-public-keys'"},
         not_there,
         FetchTrouble::untrusted,
         url,
         "the substitute for '" + path + "' from '" + url +
             "' is not signed by any of the keys in 'trusted-public-keys'"},
        {"2.34",
         {"warning: ignoring substitute for '" + path + "' from '" + url +
          "', as it's not signed by any of the keys in 'trusted-public-keys'"},
         nowhere,
         FetchTrouble::untrusted,
         url,
         "ignoring substitute for '" + path + "' from '" + url +
             "', as it's not signed by any of the keys in 'trusted-public-keys'"},
        // not what was announced
        {"2.8",
         {"error: bad archive: unknown field"},
         not_there,
         FetchTrouble::corrupt,
         "",
         "bad archive: unknown field"},
        {"2.26",
         {"error: bad archive: expected tag ')', got ''"},
         not_there,
         FetchTrouble::corrupt,
         "",
         "bad archive: expected tag ')', got ''"},
        {"2.8",
         {},
         "NAR info file 'v94biz5452k8nc1jxzcgsph5dimaj6q8.narinfo' is corrupt",
         FetchTrouble::corrupt,
         "",
         "NAR info file 'v94biz5452k8nc1jxzcgsph5dimaj6q8.narinfo' is corrupt"},
        {"2.8",
         {"error: hash mismatch importing path '" + path + "';\n  specified: sha256:1\n  got:       sha256:2"},
         not_there,
         FetchTrouble::corrupt,
         "",
         "hash mismatch importing path '" + path + "';"},
        // no room
        {"2.26",
         {"error: writing to file: No space left on device"},
         not_there,
         FetchTrouble::disk,
         "",
         "writing to file: No space left on device"},
        {"2.8",
         {"error (ignored): error: aborting transaction: SQL logic error (in '/nix/var/nix/db/db.sqlite')",
          "error: committing transaction: database or disk is full (in '/nix/var/nix/db/db.sqlite')"},
         not_there,
         FetchTrouble::disk,
         "",
         "committing transaction: database or disk is full (in '/nix/var/nix/db/db.sqlite')"},
        {"any", {}, "something else", FetchTrouble::other, "", "something else"},
    };
    for (const auto& row : cases) {
        BOOST_TEST_CONTEXT(row.nix << ": " << row.error) {
            auto reason = reason_of_failed_fetch(row.messages, row.error);
            BOOST_TEST(to_string(reason.trouble) == to_string(row.trouble));
            BOOST_TEST(reason.cache == row.cache);
            BOOST_TEST(reason.said == row.said);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_try_that_was_repeated_is_not_why_it_failed) {
    auto reason = reason_of_failed_fetch(
        {"warning: unable to download '" + narinfo + "': HTTP error 503; retrying in 285 ms (attempt 1/5)",
         "warning: ignoring substitute for '" + path + "' from '" + url +
             "', as it's not signed by any of the keys in 'trusted-public-keys'"},
        nowhere);
    BOOST_TEST(to_string(reason.trouble) == "untrusted");
}

BOOST_AUTO_TEST_CASE(of_several_substituters_the_one_that_could_not_be_asked_counts) {
    auto reason =
        reason_of_failed_fetch({"warning: unable to download 'https://away.example.org/nix-cache-info': HTTP error 503",
                                "warning: the substitute for '" + path + "' from '" + url +
                                    "' is not signed by any of the keys in 'trusted-public-keys'"},
                               not_there);
    BOOST_TEST(to_string(reason.trouble) == "network");
    BOOST_TEST(reason.in_words() == "https://away.example.org: HTTP error 503");
}

BOOST_AUTO_TEST_CASE(what_nix_will_try_again_is_told_while_it_waits) {
    auto told = trouble_told("warning: unable to download '" + narinfo +
                             "': HTTP error 429\n\nresponse body:\n\nno; retrying in 65063 ms (attempt 1/5)");
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(to_string(told->trouble) == "network");
    BOOST_TEST(told->in_words() == url + ": HTTP error 429");
    BOOST_TEST(!trouble_told("copying path '" + path + "' from '" + url + "'").has_value());
}

BOOST_AUTO_TEST_CASE(no_password_is_told) {
    auto told = trouble_told("warning: unable to download 'http://me:secret@cache.example.org/a/x.narinfo': HTTP error "
                             "503; retrying in 1 ms");
    BOOST_TEST(told->in_words() == "http://cache.example.org/a: HTTP error 503");
    auto other = reason_of_failed_fetch({}, "cannot read http://me:secret@cache.example.org/a");
    BOOST_TEST(other.in_words().find("secret") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
