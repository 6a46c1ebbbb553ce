#include "base/files.hpp"
#include "options/state_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::options;
namespace fs = std::filesystem;

namespace {

struct Places {
    TemporaryDirectory folder = TemporaryDirectory::make("cachefill-state-test").value();
    fs::path place = folder.path() / "state";

    std::string refusal() const {
        auto made = make_state_directory(place);
        return made ? "" : made.error().one_line();
    }
    void let_everybody_write(const fs::path& where) const { BOOST_REQUIRE(::chmod(where.c_str(), 01777) == 0); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(state_directories, Places)

BOOST_AUTO_TEST_CASE(it_is_where_it_is_set_or_where_this_user_keeps_such_things) {
    Settings settings;
    auto of = [&](std::map<std::string, std::string> variables) {
        return state_directory_of(settings, Environment(std::move(variables)));
    };
    BOOST_TEST(of({{"HOME", "/home/kim"}, {"XDG_STATE_HOME", "/s"}, {"STATE_DIRECTORY", "/var/lib/x:/y"}}) ==
               "/var/lib/x");
    BOOST_TEST(of({{"HOME", "/home/kim"}, {"XDG_STATE_HOME", "/s"}}) == "/s/cachefill");
    BOOST_TEST(of({{"HOME", "/home/kim"}, {"USER", "kim"}}) == "/home/kim/.local/state/cachefill");
    BOOST_TEST(of({{"HOME", "/home/kim"}, {"XDG_STATE_HOME", "relative"}}) == "/home/kim/.local/state/cachefill");
    // A name that everybody can guess, in a folder that everybody may write to, is nobody's state.
    auto without_home = of({});
    BOOST_TEST((without_home.empty() || without_home.string().find(fs::temp_directory_path().string()) != 0));
    settings.state_directory = "/elsewhere";
    BOOST_TEST(of({{"STATE_DIRECTORY", "/var/lib/x"}}) == "/elsewhere");
}

BOOST_AUTO_TEST_CASE(a_new_one_is_for_its_owner_alone) {
    BOOST_TEST(refusal() == "");
    struct stat status {};
    BOOST_REQUIRE(::stat(place.c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777) == 0700);
    BOOST_TEST(refusal() == "");
}

BOOST_AUTO_TEST_CASE(one_that_others_may_write_to_or_could_have_put_there_is_not_used) {
    fs::create_directory(place);
    let_everybody_write(place);
    BOOST_TEST(refusal().find("everybody may write to " + place.string()) != std::string::npos);
    fs::remove(place);
    fs::create_directory(folder.path() / "target");
    fs::create_directory_symlink(folder.path() / "target", place);
    BOOST_TEST(refusal() == "");        // who could write here is the owner
    let_everybody_write(folder.path()); // as /tmp is: what is ours stays ours
    BOOST_TEST(refusal() == "");
    BOOST_REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
    BOOST_TEST(refusal().find("everybody may write to " + folder.path().string()) != std::string::npos);
    BOOST_TEST(make_state_directory(place, true).has_value()); // in a step
}

BOOST_AUTO_TEST_CASE(one_that_a_group_of_others_may_write_to_is_not_used) {
    if (::geteuid() != 0) return; // only root can give it to any group
    fs::create_directory(place);
    BOOST_REQUIRE(::chown(place.c_str(), 0, 12345) == 0);
    BOOST_REQUIRE(::chmod(place.c_str(), 0755) == 0);
    BOOST_TEST(refusal() == "");
    BOOST_REQUIRE(::chmod(place.c_str(), 0775) == 0);
    BOOST_TEST(refusal().find("the group 12345 may write to " + place.string() + "") != std::string::npos);
    BOOST_REQUIRE(::chown(place.c_str(), 0, 0) == 0);
    BOOST_TEST(refusal() == "");
}

BOOST_AUTO_TEST_CASE(one_of_another_user_is_not_used) {
    if (::geteuid() != 0) return; // only root can give it away
    fs::create_directory(place);
    BOOST_REQUIRE(::chown(place.c_str(), 12345, 12345) == 0);
    BOOST_TEST(refusal().find("" + place.string() + " belongs to the user with the number 12345") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_another_user_left_in_it_is_not_used) {
    if (::geteuid() != 0) return; // only root can give it away
    BOOST_TEST(refusal() == "");
    auto give = [](const fs::path& left) { BOOST_REQUIRE(::lchown(left.c_str(), 12345, 12345) == 0); };
    fs::create_symlink(folder.path() / "elsewhere", place / "history.sqlite");
    BOOST_TEST(refusal() == "");
    give(place / "history.sqlite");
    BOOST_TEST(refusal().find("history.sqlite in it belongs to the user with the number 12345") != std::string::npos);
    fs::remove(place / "history.sqlite");
    fs::create_directory(place / "roots");
    give(place / "roots");
    BOOST_TEST(refusal().find("roots in it belongs to") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_link_of_another_user_is_not_followed_at_the_end_nor_on_the_way) {
    if (::geteuid() != 0) return; // only root can give it away
    // As root with a user's HOME: all that is written would go where that user's link leads.
    fs::create_directories(folder.path() / "target/state");
    fs::create_directory_symlink(folder.path() / "target/state", place);
    BOOST_TEST(refusal() == "");
    BOOST_REQUIRE(::lchown(place.c_str(), 12345, 12345) == 0);
    BOOST_TEST(refusal().find("is a link of the user with the number 12345") != std::string::npos);

    fs::create_directory_symlink(folder.path() / "target", folder.path() / "way");
    place = folder.path() / "way/new/state";
    BOOST_REQUIRE(::lchown((folder.path() / "way").c_str(), 12345, 12345) == 0);
    BOOST_TEST(refusal().find("is a link of the user with the number 12345") != std::string::npos);
    BOOST_TEST(!fs::exists(folder.path() / "target/new")); // nothing was made behind it
}

BOOST_AUTO_TEST_SUITE_END()
