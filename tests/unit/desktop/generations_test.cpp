#include "base/files.hpp"
#include "desktop.hpp"
#include "desktop/generations.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::desktop;
using namespace cachefill::test;

namespace {

namespace fs = std::filesystem;

struct Machine {
    TemporaryDirectory directory = TemporaryDirectory::make("generations").value();
    ProfilePlaces places{
        .state = directory.path() / "var/nix",
        .homes = {{directory.path() / "home/alex", directory.path() / "home/alex/.local/state", ::geteuid()}},
        .users = {{"bob", ::geteuid()}},
        .run = directory.path() / "run",
        .root = {}};

    void link(const fs::path& where, const std::string& name, std::time_t made) {
        point(where, path(name).to_string(), made);
    }
    void point(const fs::path& where, const fs::path& target, std::time_t made) {
        fs::create_directories(where.parent_path());
        fs::create_symlink(target, where);
        struct timespec times[2] = {{made, 0}, {made, 0}};
        BOOST_REQUIRE(::utimensat(AT_FDCWD, where.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
    }
    std::vector<std::string> found() const {
        std::vector<std::string> names;
        for (const auto& generation : find_generations(places))
            names.push_back(generation.name + " = " + std::string(generation.path.name()));
        return names;
    }
};

using Names = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(generations, Machine)

BOOST_AUTO_TEST_CASE(systems_and_homes_of_every_kind_are_found_once_each_oldest_first) {
    auto profiles = places.state / "profiles";
    link(profiles / "system-2-link", "nixos-two", 200);
    link(profiles / "system-1-link", "nixos-one", 100);
    point(profiles / "system", "system-2-link", 200);
    link(profiles / "system-profiles/test-1-link", "nixos-test", 300);
    link(profiles / "per-user/bob/home-manager-4-link", "home-bob", 400);
    link(profiles / "per-user/bob/profile-9-link", "user-environment", 50);
    link(places.homes[0].state / "nix/profiles/home-manager-7-link", "home-alex", 500);
    link(places.homes[0].state / "nix/profiles/profile-7-link", "other", 501);
    BOOST_TEST(found() == (Names{"system-1 = nixos-one", "system-2 = nixos-two", "test-1 = nixos-test",
                                 "home-manager-4 of bob = home-bob", "home-manager-7 of alex = home-alex"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(profiles_of_users_whom_nobody_named_do_not_count_and_they_are_known) {
    auto users = places.state / "profiles/per-user";
    link(users / "bob/home-manager-4-link", "home-bob", 400);
    link(users / "carol/home-manager-1-link", "home-carol", 500);
    link(users / "dave/profile-1-link", "no-home", 500);
    BOOST_TEST(found() == Names{"home-manager-4 of bob = home-bob"}, boost::test_tools::per_element());
    BOOST_TEST(users_left_out(places) == Names{"carol"}, boost::test_tools::per_element());
    places.users.push_back({"carol", ::geteuid()});
    BOOST_TEST(found().size() == 2U);
    BOOST_TEST(users_left_out(places).empty());
}

BOOST_AUTO_TEST_CASE(links_and_folders_of_somebody_else_do_not_count) {
    constexpr unsigned nobody_here = 54321;
    auto folder = places.state / "profiles/per-user/bob";
    link(folder / "home-manager-4-link", "home-bob", 400);
    if (::geteuid() != 0) { // nothing can be given away: bob is somebody else
        places.users = {{"bob", nobody_here}};
        BOOST_TEST(found().empty());
        return;
    }
    places.users = {{"bob", nobody_here + 1}};
    BOOST_TEST(found().size() == 1U); // root's
    BOOST_REQUIRE(::lchown((folder / "home-manager-4-link").c_str(), nobody_here, nobody_here) == 0);
    BOOST_TEST(found().empty());
    places.users = {{"bob", nobody_here}};
    BOOST_TEST(found().size() == 1U);
    BOOST_REQUIRE(::chown(folder.c_str(), nobody_here + 1, nobody_here) == 0);
    BOOST_TEST(found().empty());
    link(places.state / "profiles/system-1-link", "nixos-one", 100);
    BOOST_TEST(found().size() == 1U);
    BOOST_REQUIRE(::lchown((places.state / "profiles/system-1-link").c_str(), nobody_here, nobody_here) == 0);
    BOOST_TEST(found().empty());
    link(places.run / "current-system", "nixos-now", 100);
    BOOST_TEST(found().size() == 1U);
    BOOST_REQUIRE(::lchown((places.run / "current-system").c_str(), nobody_here, nobody_here) == 0);
    BOOST_TEST(found().empty());
}

BOOST_AUTO_TEST_CASE(a_home_of_somebody_else_does_not_count_because_it_is_ours_by_a_variable) {
    if (::geteuid() != 0) return; // only root can give it away
    constexpr unsigned kim = 54321;
    auto home = directory.path() / "home/kim";
    auto of_root = [&](std::map<std::string, std::string> more) {
        more["HOME"] = home.string();
        auto usual = usual_places(directory.path(), Environment(std::move(more)), {}).value();
        places.homes = usual.homes;
        return found();
    };
    auto profiles = home / ".local/state/nix/profiles";
    link(profiles / "home-manager-1-link", "home-kim", 100);
    BOOST_TEST(of_root({}).size() == 1U); // root's own links
    for (const auto& place : {home, profiles, profiles / "home-manager-1-link"})
        BOOST_REQUIRE(::lchown(place.c_str(), kim, kim) == 0);
    BOOST_TEST(of_root({}).empty());
    BOOST_TEST(users_left_out(places) == Names{"kim"}, boost::test_tools::per_element());
    places.homes[0].owner = kim; // as push.users makes it
    BOOST_TEST(found().size() == 1U);
    BOOST_TEST(users_left_out(places).empty());
    of_root({{"XDG_STATE_HOME", "relative"}}); // counts for nothing, as the specification has it
    BOOST_TEST(places.homes[0].state == home / ".local/state");
}

BOOST_AUTO_TEST_CASE(a_user_whom_the_machine_does_not_know_is_an_error) {
    Environment environment;
    auto unknown = usual_places({}, environment, {"no-such-user"});
    BOOST_REQUIRE(!unknown);
    BOOST_TEST(unknown.error().cause().find("knows no user 'no-such-user'") != std::string::npos);
    BOOST_TEST((unknown.error().kind() == FailureKind::usage));
    auto known = usual_places({}, environment, {"daemon"});
    BOOST_REQUIRE(known);
    BOOST_TEST(known->users.back().name == "daemon");
    BOOST_TEST(known->users.front().name == "root");
}

BOOST_AUTO_TEST_CASE(a_generation_is_as_old_as_its_link_to_the_millisecond) {
    auto where = places.state / "profiles/system-1-link";
    link(where, "nixos-one", 100);
    struct timespec times[2] = {{100, 0}, {100, 345'678'901}};
    BOOST_REQUIRE(::utimensat(AT_FDCWD, where.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
    BOOST_TEST(find_generations(places).at(0).made.time_since_epoch().count() == 100'345);
}

BOOST_AUTO_TEST_CASE(a_running_system_without_a_generation_counts_and_one_with_a_generation_only_once) {
    link(places.state / "profiles/system-1-link", "nixos-one", 100);
    link(places.run / "current-system", "nixos-tested", 150);
    BOOST_TEST(found() == (Names{"system-1 = nixos-one", "the running system = nixos-tested"}),
               boost::test_tools::per_element());
    fs::remove(places.run / "current-system");
    link(places.run / "current-system", "nixos-one", 999); // made anew at every boot
    BOOST_TEST(found() == Names{"system-1 = nixos-one"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_booted_next_counts_before_it_runs) {
    link(places.state / "profiles/system-1-link", "nixos-one", 100);
    link(places.run / "current-system", "nixos-one", 100);
    link(places.state / "profiles/system-2-link", "nixos-next", 200); // nh os boot
    BOOST_TEST(found().size() == 2U);
    BOOST_TEST(found().back() == "system-2 = nixos-next");
}

BOOST_AUTO_TEST_CASE(the_current_ones_are_the_running_system_and_this_users_home) {
    link(places.run / "current-system", "nixos-now", 100);
    point(places.homes[0].state / "nix/profiles/home-manager", "home-manager-7-link", 500);
    link(places.homes[0].state / "nix/profiles/home-manager-7-link", "home-alex", 500);
    auto current = find_current(places);
    BOOST_REQUIRE(current.size() == 2U);
    BOOST_TEST((current[0].path == path("nixos-now")));
    BOOST_TEST((current[1].path == path("home-alex")));
}

BOOST_AUTO_TEST_CASE(links_that_lead_nowhere_and_machines_without_profiles_are_no_trouble) {
    BOOST_TEST(found().empty());
    BOOST_TEST(find_current(places).empty());
    point(places.state / "profiles/system-1-link", "/somewhere/else", 100);
    point(places.state / "profiles/system-2-link", "system-2-link", 100); // to itself
    BOOST_TEST(found().empty());
}

BOOST_AUTO_TEST_CASE(a_home_whose_state_lies_elsewhere_is_found_there) {
    auto state = directory.path() / "state";
    Environment environment({{"HOME", places.homes[0].directory.string()}, {"XDG_STATE_HOME", state.string()}});
    auto usual = usual_places(directory.path(), environment, {}).value();
    BOOST_REQUIRE(usual.homes.size() == 1U);
    point(state / "nix/profiles/home-manager", "home-manager-7-link", 500);
    link(state / "nix/profiles/home-manager-7-link", "home-alex", 500);
    auto current = find_current(usual);
    BOOST_REQUIRE(current.size() == 1U);
    BOOST_TEST(current[0].path.name() == "home-alex");
    BOOST_TEST(find_generations(usual).size() == 1U);
}

BOOST_AUTO_TEST_CASE(links_below_another_root_name_places_below_it) {
    Environment environment({{"HOME", "/nonexistent/alex"}, {"NIX_STATE_DIR", "/nonexistent/state"}});
    auto usual = usual_places(directory.path(), environment, {}).value();
    point(usual.run / "current-system", "/nix/var/nix/profiles/system", 500);
    point(usual.state / "profiles/system", "system-1-link", 500);
    link(usual.state / "profiles/system-1-link", "nixos-one", 500);
    auto current = find_current(usual);
    BOOST_REQUIRE(current.size() == 1U);
    BOOST_TEST(current[0].path.name() == "nixos-one");
}

BOOST_AUTO_TEST_SUITE_END()
