#include "base/files.hpp"
#include "codec/hash.hpp"
#include "eval/locked_sources.hpp"
#include "eval/private_network.hpp"
#include "eval/submodules.hpp"
#include "nix/locked_path.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>

namespace fs = std::filesystem;

using namespace cachefill;
using eval::locked_sources;
using namespace std::string_literals;

namespace {

// Of a folder with one file, which Nix 2.8 put there.
const std::string nar_hash = "sha256-h4gyzSK14DjhF7cBN4VY+Km2ytc4Gg5tV6noZdNPhaY=";
constexpr const char* store_path = "/nix/store/ms37m6i4z2hfa1lm7a6lch7lw9vcr26l-source";

std::string lock(const std::string& locked) {
    return R"({"version": 7, "root": "root", "nodes": {"root": {"inputs": {"x": "x"}}, "x": {"locked": {"narHash": ")" +
           nar_hash + R"(", )" + locked + "}}}}";
}

std::string why_private(const std::string& locked, const eval::PrivateAccess& access = {}) {
    auto sources = locked_sources(lock(locked), access);
    BOOST_REQUIRE(sources.size() == 1U);
    return sources.front().why_private;
}

} // namespace

BOOST_AUTO_TEST_SUITE(locked_inputs)

BOOST_AUTO_TEST_CASE(a_lock_tells_where_the_tree_of_an_input_is) {
    auto hash = codec::Hash::parse(nar_hash);
    BOOST_REQUIRE(hash.has_value());
    BOOST_TEST(nix::locked_path(*hash).to_string() == store_path);
    auto sources = locked_sources(lock(R"("type": "path", "path": "/home/kim/x")"), {});
    BOOST_REQUIRE(sources.size() == 1U);
    BOOST_TEST(sources[0].path.to_string() == store_path);
    BOOST_TEST(sources[0].origin == "the input x (path:/home/kim/x)");
}

BOOST_AUTO_TEST_CASE(what_everybody_can_fetch) {
    for (const std::string locked :
         {R"("type": "github", "owner": "NixOS", "repo": "nixpkgs")", R"("type": "gitlab", "owner": "a", "repo": "b")",
          R"("type": "gitlab", "owner": "a", "repo": "b", "host": "gitlab.gnome.org")",
          R"("type": "sourcehut", "owner": "~a", "repo": "b")",
          R"("type": "git", "url": "https://codeberg.org/a/b.git")",
          R"("type": "tarball", "url": "https://releases.nixos.org/nixos.tar.xz")",
          R"("type": "file", "url": "https://172.32.0.1/x")"})
        BOOST_TEST(why_private(locked) == "", locked);
}

BOOST_AUTO_TEST_CASE(what_not_everybody_can_fetch) {
    for (const std::string locked : {R"("type": "path", "path": "/home/kim/x")",
                                     R"("type": "git", "url": "file:///srv/x")",
                                     R"("type": "git", "url": "ssh://git@github.com/a/b")",
                                     R"("type": "git", "url": "git@github.com:a/b")",
                                     R"("type": "git", "url": "https://kim:pw@git.example.org/b")",
                                     R"("type": "hg", "url": "ssh://hg.example.org/b")",
                                     R"("type": "tarball", "url": "http://192.168.1.5/x.tar.gz")",
                                     R"("type": "tarball", "url": "http://nas/x.tar.gz")",
                                     R"("type": "tarball", "url": "http://127.1:8080/x.tar.gz")",
                                     R"("type": "tarball", "url": "http://0x7f.0.0.1/x.tar.gz")",
                                     R"("type": "tarball", "url": "http://0.0.0.0:8080/x.tar.gz")",
                                     R"("type": "tarball", "url": "http://172.31.0.1/x.tar.gz")",
                                     R"("type": "tarball", "url": "http://100.64.1.1/x.tar.gz")",
                                     R"("type": "git", "url": "https://nas.fritz.box/b")",
                                     R"("type": "git", "url": "https://forge.localdomain/b")",
                                     R"("type": "tarball", "url": "http://[::ffff:192.168.1.5]/x.tar.gz")",
                                     R"("type": "tarball", "url": "https://git.nas.tail1234.ts.net/x.tar.gz")",
                                     R"("type": "github", "owner": "a", "repo": "b", "host": "ghe.corp")",
                                     R"("type": "some-new-way")",
                                     R"("x": 1)"})
        BOOST_TEST(why_private(locked) != "", locked);
}

BOOST_AUTO_TEST_CASE(places_of_a_private_network_by_whatever_name) {
    auto git = [](const std::string& host) { return R"("type": "git", "url": "https://)" + host + "/x\""; };
    for (const auto* host :
         {"fritz.box", "home.arpa", "git.kim.i2p", "git.dev.svc", "git.10.0.0.7.nip.io", "git.10-0-0-7.sslip.io",
          "git.example.nip.io", "0a000007.nip.io", "a.192.168.1.7.example.org", "192-168-1-7.example.org", "198.18.0.7",
          "198.19.255.1", "240.0.0.7", "224.0.0.1", "192.0.2.1",
          // No top-level names of the public DNS.
          "git.consul", "git.docker", "git.lab", "git.vpn", "git.intern", "git.dn42", "git.localnet", "git.loc",
          "git.priv", "git.k8s", "git.zt", "git.ns.cluster", "git.wg", "git.x", "git.vm", "git.my-lan", "git.bit"})
        BOOST_TEST(why_private(git(host)) != "", host);
    for (const auto* host : {"git.example.org", "8.8.8.8", "v1.2.3.4.example.org", "release-24-11-2.example.org",
                             "afritz.box", "svc.example.org", "198.20.0.1", "git.lab.example.org", "git.sr.ht", "x.uk",
                             "codeberg.page", "x.xn--p1ai", "kim.dev", "x.zw", "x.ac"})
        BOOST_TEST(why_private(git(host)) == "", host);
}

BOOST_AUTO_TEST_CASE(what_looks_like_a_token_makes_an_address_private_wherever_it_stands) {
    auto why = [](const std::string& rest) {
        return why_private(R"("type": "tarball", "url": "https://git.example.org/)" + rest + "\"");
    };
    for (const auto* rest :
         {"t/glpat-abcdefabcdef0123456789/x.tar.gz", "x.tar.gz;jsessionid=abcdefabcdef0123456789",
          "x.tar.gz#token=abcdefabcdef0123456789", "x.tar.gz#ghp_abcdefabcdef0123456789abcdefabcdef01",
          "x.tar.gz?version=ghp_abcdefabcdef0123456789abcdefabcdef01",
          "x.tar.gz?hash=ghp_abcdefabcdef0123456789abcdefabcdef01", "Zk3v9QmX2rT8bYw5LcN7/x.tar.gz",
          "t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x/x.tar.gz", "%67lpat-abcdefabcdef0123456789/x.tar.gz"}) {
        BOOST_TEST(why(rest) != "", rest);
        auto sources = locked_sources(
            lock(R"("type": "tarball", "url": "https://git.example.org/)" + std::string(rest) + "\""), {});
        BOOST_TEST(sources.at(0).origin.find("abcdefabcdef0123456789") == std::string::npos, rest);
    }
    for (const auto* rest :
         {"nixos/unstable/nixos-24.11pre651234.abcdef012345/nixexprs.tar.xz",
          "f/pinned/NixOS/nixpkgs/0.1.636559%2Brev-2893f56de08021cffd9b6b6dfc70fd9ccd51eb60/"
          "018f1b4a-c8ee-7c8a-8e0c-0123456789ab/source.tar.gz",
          "archive/2893f56de08021cffd9b6b6dfc70fd9ccd51eb60.tar.gz", "nixos-configurations-for-raspberry-pi-4/x",
          "NixOSConfigurationsForRaspberryPi4.tar.gz", "x?rev=2893f56de08021cffd9b6b6dfc70fd9ccd51eb60&ref=a",
          "x?narHash=sha256-h4gyzSK14DjhF7cBN4VY%2BKm2ytc4Gg5tV6noZdNPhaY%3D", "dependabot/npm_and_yarn/x",
          "nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar.xz", "x_20240101T000000Z_2024.tar.gz"})
        BOOST_TEST(why(rest) == "", rest);
}

BOOST_AUTO_TEST_CASE(access_that_only_this_machine_has_makes_it_private) {
    eval::PrivateAccess access{.has_login = [](const std::string& host) { return host == "git.example.org"; },
                               .tokens = {"github.com", "github.com/kim", "gitlab.example.org"}};
    BOOST_TEST(why_private(R"("type": "github", "owner": "NixOS", "repo": "nixpkgs")", access) == "");
    BOOST_TEST(why_private(R"("type": "github", "owner": "kimberly", "repo": "x")", access) == "");
    BOOST_TEST(why_private(R"("type": "github", "owner": "kim", "repo": "x")", access) ==
               "there is an access token for github.com/kim");
    BOOST_TEST(why_private(R"("type": "gitlab", "host": "gitlab.example.org", "owner": "a", "repo": "x")", access) ==
               "there is an access token for gitlab.example.org");
    BOOST_TEST(why_private(R"("type": "git", "url": "https://git.example.org/x")", access) ==
               "a login for git.example.org is set up here (netrc)");
    // In whatever way it is fetched, and however it is written.
    BOOST_TEST(why_private(R"("type": "github", "owner": "Kim", "repo": "x")", access) != "");
    for (const std::string url :
         {"https://gitlab.example.org/a/x.git", "https://github.com/kim/x", "https://GitHub.com/Kim/x.git",
          "https://github.com/kim/x/archive/main.tar.gz", "https://api.github.com/repos/kim/x/tarball/main",
          "https://codeload.github.com/kim/x/tar.gz/main"})
        for (const std::string type : {"git", "tarball", "file"})
            BOOST_TEST(why_private(R"("type": ")" + type + R"(", "url": ")" + url + "\"", access) != "", url);
    BOOST_TEST(why_private(R"("type": "git", "url": "https://github.com/kimberly/x")", access) == "");
    BOOST_TEST(why_private(R"("type": "tarball", "url": "https://api.github.com/repos/NixOS/nixpkgs/x")", access) ==
               "");
}

BOOST_AUTO_TEST_CASE(the_host_of_a_forge_is_read_as_nix_puts_it_into_an_address) {
    eval::PrivateAccess access{.has_login = [](const std::string& host) { return host == "code.example.com"; },
                               .tokens = {"tok.example.com", "port.example.com:8443", "group.example.com:8443/a"}};
    auto judged = [&](const std::string& host) {
        return locked_sources(lock(R"("type": "gitlab", "owner": "a", "repo": "b", "host": ")" + host + "\""), access)
            .at(0);
    };
    for (const auto* host : {"10.0.0.7:8080",
                             "nas.local:8443",
                             "NAS.LOCAL:8443",
                             "nas:80",
                             "code.example.com:8443",
                             "Code.example.com",
                             "tok.example.com:8443",
                             "port.example.com",
                             "port.example.com:8443",
                             "group.example.com",
                             "nas.local/sub",
                             "nas.local./",
                             "gitlab.com/sub",
                             "gitlab.com?x",
                             "gitlab.com#x",
                             "[fd00::1]",
                             "[fd00::1]:8443",
                             "git lab.com",
                             "kim:hunter22pw@gitlab.example.com",
                             "hunter22pw@gitlab.com",
                             "kim:hunter22pw@nas:80",
                             "kim:hunter22pw@",
                             "kim:hunter 22pw@gitlab.com",
                             "gitlab.com/kim:hunter22pw@x",
                             "gitlab.com:hunter22pw"}) {
        auto source = judged(host);
        BOOST_TEST(source.why_private != "", host);
        auto told = source.origin + source.why_private + source.place;
        BOOST_TEST(told.find("22pw") == std::string::npos, told);
    }
    for (const auto* host : {"gitlab.com", "gitlab.example.org:8443", "GitLab.gnome.org"})
        BOOST_TEST(judged(host).why_private == "", host);
    BOOST_TEST(judged("gitlab.example.org:8443").place == "gitlab:a/b?host=gitlab.example.org:8443");
    BOOST_TEST(judged("kim:hunter22pw@gitlab.com").place == "gitlab:a/b?host=gitlab.com");
}

BOOST_AUTO_TEST_CASE(a_login_for_the_hosts_that_nix_asks_of_a_forge_makes_it_private) {
    for (const std::string host : {"github.com", "api.github.com", "codeload.github.com"}) {
        eval::PrivateAccess access{.has_login = [&](const std::string& asked) { return asked == host; }, .tokens = {}};
        BOOST_TEST(why_private(R"("type": "github", "owner": "a", "repo": "b")", access) != "", host);
    }
}

BOOST_AUTO_TEST_CASE(no_password_in_what_is_told_of_them) {
    auto sources = locked_sources(lock(R"("type": "git", "url": "https://kim:secret@git.example.org/b")"), {});
    BOOST_REQUIRE(sources.size() == 1U);
    BOOST_TEST(sources[0].origin.find("secret") == std::string::npos);
    BOOST_TEST(sources[0].why_private == "it is fetched with a login in its address");
}

BOOST_AUTO_TEST_CASE(a_parameter_that_may_be_a_login_keeps_a_source_here) {
    auto judged = [](const std::string& type, const std::string& query) {
        return locked_sources(lock("\"type\": \"" + type + R"(", "url": "https://example.org/x?)" + query + '"'), {})
            .at(0);
    };
    for (const std::string type : {"tarball", "file", "git", "hg"}) {
        for (const auto* query : {"of=s3cret", "s3cret", "pwd=s3cret", "jwt=s3cret", "rev=1&session=s3cret"}) {
            auto source = judged(type, query);
            BOOST_TEST(source.why_private != "", query);
            BOOST_TEST((source.origin + source.why_private).find("s3cret") == std::string::npos, query);
        }
        for (const auto* query :
             {"rev=1&revCount=2&lastModified=3&ref=a", "narHash=sha256-h4gyzSK1=", "dir=a", "archive=tar"})
            BOOST_TEST(judged(type, query).why_private == "", query);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_lock_names_nothing) {
    for (const std::string text :
         {"", "null", "[]", "{}", R"({"nodes": 3})", R"({"nodes": {"x": 3}})", R"({"nodes": {"x": {"locked": 3}}})",
          R"({"nodes": {"x": {"locked": {"narHash": "sha256-"}}}})", R"({"nodes": {"x": {"locked": {"narHash": 3}}}})"})
        BOOST_TEST(locked_sources(text, {}).empty(), text);
}

BOOST_AUTO_TEST_CASE(a_netrc_that_cannot_be_read_may_name_any_host_but_those_of_the_public_forges) {
    eval::PrivateAccess access;
    access.has_unseen_logins = true;
    const std::string not_read = "whether a login for files.example.org is set up here (netrc) cannot be read";
    BOOST_TEST(why_private(R"("type": "tarball", "url": "https://files.example.org/x.tar.gz")", access) == not_read);
    BOOST_TEST(why_private(R"("type": "git", "url": "https://files.example.org/x")", access) == not_read);
    for (const std::string type : {"github", "gitlab", "sourcehut"})
        BOOST_TEST(why_private("\"type\": \"" + type + R"(", "owner": "kim", "repo": "fleet")", access) == "", type);
    BOOST_TEST(why_private(R"("type": "github", "owner": "NixOS", "repo": "nixpkgs", "host": "h.example")", access) !=
               "");
    access.has_login = [](const std::string& host) { return host == "github.com"; };
    BOOST_TEST(why_private(R"("type": "github", "owner": "NixOS", "repo": "nixpkgs")", access) != "");
}

BOOST_AUTO_TEST_CASE(an_owners_token_counts_however_the_repository_is_called) {
    eval::PrivateAccess access;
    access.tokens = {"github.com/Acme", "gitlab.com/team/sub", "git.example.org"};
    auto is_private = [&](const std::string& url) {
        bool is_by_git = !why_private(R"("type": "git", "url": ")" + url + "\"", access).empty();
        BOOST_TEST(is_by_git == !why_private(R"("type": "tarball", "url": ")" + url + "\"", access).empty(), url);
        return is_by_git;
    };
    for (const auto* place :
         {"github.com//acme/x.git", "github.com/./acme/x.git", "github.com/a/../acme/x", "github.com/%61cme/x",
          "www.github.com/acme/x/archive/main.tar.gz", "raw.githubusercontent.com/acme/x/main/x.tar.gz",
          "media.githubusercontent.com/media/acme/x/main/x", "codeload.github.com/ACME/x/tar.gz/main",
          "api.github.com/repos/acme/x/tarball", "api.github.com//repos/acme/x",
          "api.github.com/repositories/7/tarball",
          "objects.githubusercontent.com/github-production-release-asset/7/x.tar.gz", "gist.github.com/acme/7",
          "gitlab.com/api/v4/projects/team%2Fsub%2Fx/repository/archive", "gitlab.com/api/v4/projects/7/repository",
          "www.gitlab.com/team/sub/x", "git.example.org/any", "git.example.org./any", "raw.git.example.org/any"})
        BOOST_TEST(is_private(std::string("https://") + place), place);
    for (const auto* place : {"github.com/acmes/x", "github.com/other/acme", "www.github.com/other/x",
                              "raw.githubusercontent.com/other/acme/x", "gitlab.com/team/other", "gitlab.com/acme/x",
                              "api.github.com/repos/other/x", "gitlab.com/api/v4/projects/team%2Fother"})
        BOOST_TEST(!is_private(std::string("https://") + place), place);
    BOOST_TEST(why_private(R"("type": "github", "owner": "./acme", "repo": "x")", access) ==
               "there is an access token for github.com/Acme");
}

BOOST_AUTO_TEST_CASE(a_tree_is_as_private_as_its_submodules) {
    auto tree = TemporaryDirectory::make("submodules").value();
    fs::create_directories(tree.path() / "lib/inner");
    auto write = [&](const char* where, const std::string& text) {
        std::ofstream(tree.path() / where / ".gitmodules", std::ios::trunc) << text;
    };
    auto module = [](const std::string& path, const std::string& url) {
        return "[submodule \"x\"]\n\tpath = " + path + "\n\turl = " + url + "\n";
    };
    eval::PrivateAccess access{
        .has_login = [](const std::string& host) { return host == "private.example.org"; },
        .tree = [&](const nix::StorePath&) { return tree.path(); },
    };
    auto why = [&] {
        return why_private(R"("type": "git", "submodules": true, "url": "https://example.org/team/a.git")", access);
    };
    BOOST_TEST(why() == ""); // none in it
    write(".", module("lib", "../b.git") + module("\"lib\"", "https://example.org/c"));
    const std::vector<std::string> both{"https://example.org/team/b.git", "https://example.org/c"};
    BOOST_TEST(eval::submodule_urls(tree.path(), "https://example.org/team/a.git").value() == both);
    BOOST_TEST(why() == "");
    write("lib", module("inner", "ssh://git@example.org/d"));
    BOOST_TEST(why() == "of its submodule ssh://example.org/d, it is fetched by ssh");
    write("lib", module("inner", "../../d"));
    BOOST_TEST(why() == "");
    write("lib/inner", module("x", "git@example.org:team/e"));
    BOOST_TEST(why() == "of its submodule git@example.org:team/e, it comes from a place of this machine");
    fs::remove(tree.path() / "lib/inner/.gitmodules");
    write(".", module("lib", "https://private.example.org/b"));
    BOOST_TEST(
        why() ==
        "of its submodule https://private.example.org/b, a login for private.example.org is set up here (netrc)");
    const std::string not_seen = "where its submodules come from cannot be seen";
    for (const auto& text : {module("../lib", "../b.git"), module("/lib", "../b.git"), module("lib", ""),
                             module("lib", "..\\x"), std::string("[submodule")}) {
        write(".", text);
        BOOST_TEST(why() == not_seen, text);
    }
    // What git reads in another way than line by line, or may.
    const auto plain = module("lib", "https://example.org/c");
    for (const auto& text :
         {"\v" + module("lib", "ssh://h/b"), plain + "\tbranch = x\\\n\turl = https://example.org/d\n",
          plain + "[x \"y\"] url = ssh://h/b # ]\n", plain + "[submodule \"y\"] url = ssh://h/b # \"]\n",
          plain + "\turl = ssh://h/b\n", plain + "[submodule.y]\n\turl = ssh://h/b\n\tpath = y\n",
          "\tpath = x\n" + plain, plain + "[include]\n\tpath = other\n", plain + "\furl = ssh://h/b\n",
          "[submodule \"l\"]\r\tpath = l\r\turl = ssh://h/b\r"s, plain + "ur\0l = x\n"s}) {
        write(".", text);
        BOOST_TEST(why() == not_seen, text);
    }
    for (const auto& text : {"\xEF\xBB\xBF" + plain, plain + "[diff]\n\turl = ssh://h/b\n",
                             plain + "\tbranch = main ; as they call it\n\tshallow\n", "; of all\n\t# x\n\n" + plain}) {
        write(".", text);
        BOOST_TEST(why() == "", text);
    }
    write(".", "\xEF\xBB\xBF" + module("lib", "ssh://h/b"));
    BOOST_TEST(why() == "of its submodule ssh://h/b, it is fetched by ssh");
    write(".", "[SubModule \"l\"]\r\n\tPATH = l\r\n\tURL = ssh://h/b\r\n");
    BOOST_TEST(why() == "of its submodule ssh://h/b, it is fetched by ssh");
    fs::remove(tree.path() / ".gitmodules");
    fs::create_symlink("/dev/null", tree.path() / ".gitmodules");
    BOOST_TEST(why() == not_seen);
    BOOST_TEST(why_private(R"("type": "git", "submodules": true, "url": "https://example.org/a")") == not_seen);
    BOOST_TEST(why_private(R"("type": "git", "url": "https://example.org/a")") == "");
}

BOOST_AUTO_TEST_CASE(an_input_without_a_hash_is_where_the_archive_says) {
    const std::string without_hashes = R"({"version": 7, "root": "root", "nodes": {
        "root": {"inputs": {"x": "x_2", "z": ["x", "y"]}},
        "x_2": {"inputs": {"y": "y"}, "locked": {"type": "git", "url": "ssh://git@example.org/x", "rev": "1"}},
        "y": {"locked": {"type": "github", "owner": "o", "repo": "y", "rev": "2"}}}})";
    const std::string archive = R"({"path": "/nix/store/00000000000000000000000000000000-source", "inputs": {
        "x": {"path": "/nix/store/11111111111111111111111111111111-source", "inputs": {
              "y": {"path": "/nix/store/22222222222222222222222222222222-source", "inputs": {}}}},
        "z": {"path": "/nix/store/22222222222222222222222222222222-source", "inputs": {}}}})";
    BOOST_TEST(locked_sources(without_hashes, {}).empty());
    auto sources = locked_sources(without_hashes, {}, archive);
    BOOST_REQUIRE(sources.size() == 2U);
    BOOST_TEST(sources[0].path.to_string() == "/nix/store/11111111111111111111111111111111-source");
    BOOST_TEST(sources[0].why_private == "it is fetched by ssh");
    BOOST_TEST(sources[1].path.to_string() == "/nix/store/22222222222222222222222222222222-source");
    BOOST_TEST(sources[1].why_private == "");
    for (const char* broken : {"", "[]", "{", R"({"inputs": 3})", R"({"inputs": {"x": []}})"})
        BOOST_TEST(locked_sources(without_hashes, {}, broken).empty(), broken);
}

BOOST_AUTO_TEST_CASE(a_group_of_a_forge_is_known_however_it_is_written) {
    eval::PrivateAccess access{.has_login = {}, .tokens = {"gitlab.com/team"}};
    for (const char* locked :
         {R"("type": "gitlab", "owner": "team%2Fsub", "repo": "a")",
          R"("type": "gitlab", "owner": "team", "repo": "a")",
          R"("type": "tarball", "url": "https://gitlab.com/api/v4/projects/team%2Fa/repository/archive.tar.gz")"})
        BOOST_TEST(why_private(locked, access) == "there is an access token for gitlab.com/team", locked);
    BOOST_TEST(why_private(R"("type": "gitlab", "owner": "teams", "repo": "a")", access) == "");
}

BOOST_AUTO_TEST_SUITE_END()
