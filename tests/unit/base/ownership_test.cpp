#include "base/files.hpp"
#include "base/ownership.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

using namespace cachefill;
namespace fs = std::filesystem;

namespace {

constexpr uid_t somebody = 12345;
constexpr gid_t their_group = 12346;

struct Place {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-ownership").value();
    fs::path top = directory.path();

    fs::path make(const std::string& name, mode_t mode = 0755) const {
        fs::create_directories(top / name);
        ::chmod((top / name).c_str(), mode);
        return top / name;
    }
    void give_away(const fs::path& path) const { BOOST_REQUIRE(::lchown(path.c_str(), somebody, their_group) == 0); }
    void to_group(const fs::path& path, mode_t mode) const {
        BOOST_REQUIRE(::chown(path.c_str(), 0, their_group) == 0);
        BOOST_REQUIRE(::chmod(path.c_str(), mode) == 0);
    }
};

// Only root gives anything away.
boost::test_tools::assertion_result is_root(boost::unit_test::test_unit_id) { return ::geteuid() == 0; }

} // namespace

BOOST_FIXTURE_TEST_SUITE(ownership, Place)

BOOST_AUTO_TEST_CASE(what_nobody_else_can_reach_is_ours_also_where_it_is_not_yet) {
    auto state = make("home/state", 0700);
    BOOST_TEST(why_not_ours_alone(state) == "");
    BOOST_TEST(why_not_ours_alone(state / "not/yet") == "");
    BOOST_TEST(why_not_ours_alone("/") == "");
}

BOOST_AUTO_TEST_CASE(a_folder_on_the_way_that_everybody_may_write_to_is_told) {
    auto shared = make("shared", 0777);
    auto state = make("shared/state", 0700);
    BOOST_TEST(why_not_ours_alone(state) == "everybody may write to " + shared.string());
    BOOST_TEST(why_not_ours_alone(shared / "not-yet") == "everybody may write to " + shared.string());
    ::chmod(shared.c_str(), 01777); // as /tmp
    BOOST_TEST(why_not_ours_alone(state) == "");
    BOOST_TEST(why_not_ours_alone(shared) == "everybody may write to " + shared.string()); // and so into it
}

BOOST_AUTO_TEST_CASE(the_way_through_a_link_counts_as_well) {
    auto shared = make("shared", 0777);
    auto real = make("shared/real", 0700);
    auto home = make("home", 0700);
    fs::create_directory_symlink(real, home / "absolute");
    fs::create_directory_symlink("../shared/real", home / "relative");
    fs::create_directory_symlink("loop", home / "loop");
    BOOST_TEST(why_not_ours_alone(home / "absolute") == "everybody may write to " + shared.string());
    BOOST_TEST(why_not_ours_alone(home / "relative/below") == "everybody may write to " + shared.string());
    BOOST_TEST(why_not_ours_alone(home / "loop") == "");
    ::chmod(shared.c_str(), 0755);
    BOOST_TEST(why_not_ours_alone(home / "relative/../real") == "");
}

BOOST_AUTO_TEST_CASE(what_belongs_to_somebody_else_is_theirs, *boost::unit_test::precondition(is_root)) {
    auto home = make("home");
    auto state = make("home/state", 0700);
    give_away(home);
    BOOST_TEST(why_not_ours_alone(state) == home.string() + " belongs to the user with the number 12345");
    ::chmod(home.c_str(), 01777); // who owns it may take away what is in it all the same
    BOOST_TEST(why_not_ours_alone(state) == home.string() + " belongs to the user with the number 12345");
}

BOOST_AUTO_TEST_CASE(a_link_of_somebody_else_is_theirs, *boost::unit_test::precondition(is_root)) {
    auto real = make("real", 0700);
    auto shared = make("shared", 01777);
    fs::create_directory_symlink(real, shared / "link");
    BOOST_TEST(why_not_ours_alone(shared / "link") == "");
    give_away(shared / "link");
    BOOST_TEST(why_not_ours_alone(shared / "link") ==
               (shared / "link").string() + " is a link of the user with the number 12345");
}

BOOST_AUTO_TEST_CASE(a_group_that_may_write_is_told, *boost::unit_test::precondition(is_root)) {
    auto team = make("team");
    auto state = make("team/state", 0700);
    to_group(team, 02775);
    BOOST_TEST(why_not_ours_alone(state) == "the group 12346 may write to " + team.string());
    to_group(team, 02755);
    BOOST_TEST(why_not_ours_alone(state) == "");
}

BOOST_AUTO_TEST_SUITE_END()
