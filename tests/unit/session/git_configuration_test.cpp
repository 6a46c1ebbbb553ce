#include "base/files.hpp"
#include "session/git_configuration.hpp"
#include "session/hg_configuration.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <set>

using namespace cachefill;
using namespace cachefill::test;
namespace fs = std::filesystem;

namespace {

// A user whose ~/.gitconfig a test writes.
struct User {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-user-").value();
    Environment environment;

    User() {
        environment.set("HOME", directory.path().string());
        environment.set("PATH", Environment::of_this_process().get_or("PATH"));
        environment.set("GIT_CONFIG_NOSYSTEM", "1");
    }
    void write(const std::string& name, const std::string& text) const {
        fs::create_directories((directory.path() / name).parent_path());
        BOOST_REQUIRE(write_file_atomically(directory.path() / name, text).has_value());
    }
    eval::GitLogins logins() const {
        return run_task<eval::GitLogins>([&](async::Executor) { return session::read_git_logins(environment); });
    }
    bool is_private(const std::string& url) const { return !logins().why_private(url).empty(); }
};

const std::string store_helper = "[credential]\n\thelper = store\n";

} // namespace

BOOST_FIXTURE_TEST_SUITE(session_git_configuration, User)

BOOST_AUTO_TEST_CASE(who_has_set_up_nothing_has_no_logins) {
    BOOST_TEST(!is_private("https://git.example/o/r"));
    environment.set("PATH", "/nowhere"); // nor has who has no git
    BOOST_TEST(!is_private("https://git.example/o/r"));
}

BOOST_AUTO_TEST_CASE(a_login_for_a_host_is_read_from_the_users_configuration) {
    write(".gitconfig", "[http \"https://git.example/\"]\n\textraHeader = Authorization: Basic c2VjcmV0\n");
    auto why = logins().why_private("https://git.example/o/r");
    BOOST_TEST(why != "");
    BOOST_TEST(why.find("c2VjcmV0") == std::string::npos);
    BOOST_TEST(!is_private("https://other.example/o/r"));
}

BOOST_AUTO_TEST_CASE(files_with_gits_logins_are_those_of_the_helper_and_what_it_is_told) {
    write(".gitconfig", "[credential]\n\thelper = store --file ~/logins\n[credential \"https://git.example\"]\n"
                        "\thelper = store --file=/srv/logins\n");
    auto files = session::files_of_git_logins(logins(), environment);
    std::set<fs::path> found(files.begin(), files.end());
    const std::set<fs::path> expected{directory.path() / "logins", "/srv/logins", directory.path() / ".git-credentials",
                                      directory.path() / ".config/git/credentials"};
    BOOST_TEST((found == expected));
}

BOOST_AUTO_TEST_CASE(what_a_file_includes_counts_as_well) {
    write(".gitconfig", "[include]\n\tpath = more\n");
    write("more", "[http \"https://git.example/\"]\n\textraHeader = Authorization: Basic c2VjcmV0\n");
    BOOST_TEST(is_private("https://git.example/o/r"));
}

BOOST_AUTO_TEST_CASE(what_is_included_where_nix_keeps_its_repositories_counts) {
    write("more", "[http \"https://git.example/\"]\n\textraHeader = Authorization: Basic c2VjcmV0\n");
    auto includes_for = [&](const std::string& place) {
        write(".gitconfig", "[includeIf \"gitdir:" + place + "\"]\n\tpath = ~/more\n");
        return is_private("https://git.example/o/r");
    };
    BOOST_TEST(includes_for("~/")); // where there is no cache yet
    fs::create_directories(directory.path() / ".cache/nix/gitv3");
    for (const auto* place : {"~/", "~/.cache/", "~/.cache/nix/gitv3/", "**/gitv3/**"})
        BOOST_TEST(includes_for(place), place);
    BOOST_TEST(!includes_for("~/projects/"));
    BOOST_TEST(fs::is_empty(directory.path() / ".cache/nix/gitv3"));
    fs::create_directories(directory.path() / "elsewhere/nix/gitv3");
    fs::create_symlink("elsewhere", directory.path() / "link");
    environment.set("XDG_CACHE_HOME", (directory.path() / "link").string());
    for (const auto* place : {"~/elsewhere/", "~/link/"}) BOOST_TEST(includes_for(place), place);
    BOOST_TEST(!includes_for("~/.cache/"));
}

BOOST_AUTO_TEST_CASE(what_mercurial_fetches_is_private_where_it_may_have_logins) {
    BOOST_TEST(session::why_hg_is_private(environment) == "");
    write(".hgrc", "[ui]\nusername = kim\n");
    BOOST_TEST(session::why_hg_is_private(environment) == "");
    for (const auto* text : {"[auth]\nx.prefix = *\n", "[ui]\n%include more\n"}) {
        write(".hgrc", text);
        BOOST_TEST(session::why_hg_is_private(environment) != "", text);
    }
    write(".hgrc", "");
    write(".config/hg/hgrc", "[auth]\n");
    BOOST_TEST(session::why_hg_is_private(environment) != "");
    environment.set("XDG_CONFIG_HOME", "/nowhere");
    BOOST_TEST(session::why_hg_is_private(environment) == "");
    environment.set("HGRCPATH", "/nowhere");
    BOOST_TEST(session::why_hg_is_private(environment) != "");
}

BOOST_AUTO_TEST_CASE(of_a_configuration_that_cannot_be_read_everything_may_be_private) {
    write(".gitconfig", "[http\n");
    BOOST_TEST(is_private("https://git.example/o/r"));
}

BOOST_AUTO_TEST_CASE(git_reads_the_netrc_of_the_home_whatever_the_variable_says) {
    write(".netrc", "machine git.example login kim password c2VjcmV0\n");
    write("other", "");
    environment.set("NETRC", (directory.path() / "other").string());
    BOOST_TEST(is_private("https://git.example/o/r"));
    BOOST_TEST(!is_private("https://other.example/o/r"));
}

BOOST_AUTO_TEST_CASE(stored_logins_are_read_where_the_helper_keeps_them) {
    const std::string login = "https://kim:s3cret@git.example\n";
    write(".git-credentials", login);
    BOOST_TEST(!is_private("https://git.example/o/r")); // nobody reads that file
    write(".gitconfig", store_helper);
    BOOST_TEST(is_private("https://git.example/o/r"));
    fs::remove(directory.path() / ".git-credentials");
    BOOST_TEST(!is_private("https://git.example/o/r"));
    write(".config/git/credentials", login);
    BOOST_TEST(is_private("https://git.example/o/r"));
    environment.set("XDG_CONFIG_HOME", (directory.path() / "elsewhere").string());
    BOOST_TEST(!is_private("https://git.example/o/r"));
    write("elsewhere/git/credentials", login);
    BOOST_TEST(is_private("https://git.example/o/r"));
}

BOOST_AUTO_TEST_CASE(a_helper_may_be_told_its_file) {
    const std::string login = "https://kim:s3cret@git.example\n";
    write("logins", login);
    write(".gitconfig", "[credential]\n\thelper = store --file ~/logins\n");
    BOOST_TEST(is_private("https://git.example/o/r"));
    write(".gitconfig", "[credential]\n\thelper = store --file=" + (directory.path() / "logins").string() + "\n");
    BOOST_TEST(is_private("https://git.example/o/r"));
    write(".git-credentials", "https://kim:s3cret@other.example\n");
    BOOST_TEST(!is_private("https://other.example/o/r")); // that is not its file
}

BOOST_AUTO_TEST_CASE(the_repository_somebody_stands_in_does_not_count) {
    write("repository/config", "[http \"https://git.example/\"]\n\textraHeader = Authorization: Basic c2VjcmV0\n");
    write("repository/HEAD", "ref: refs/heads/main\n");
    fs::create_directories(directory.path() / "repository/objects");
    fs::create_directories(directory.path() / "repository/refs");
    environment.set("GIT_DIR", (directory.path() / "repository").string());
    BOOST_TEST(!is_private("https://git.example/o/r"));
}

BOOST_AUTO_TEST_SUITE_END()
