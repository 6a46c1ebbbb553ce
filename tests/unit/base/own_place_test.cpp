#include "base/files.hpp"
#include "base/own_place.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(own_place)

BOOST_AUTO_TEST_CASE(a_place_is_in_the_work_tree_if_its_links_are) {
    auto directory = TemporaryDirectory::make("cachefill-place-").value();
    auto top = directory.path() / "tree";
    for (const auto* folder : {"tree/sub/deep", "tree/.git/hooks", "outside", "tree-beside"})
        fs::create_directories(directory.path() / folder);
    fs::create_symlink("sub/deep", top / "inner");
    fs::create_symlink(top / "sub", top / "absolute");
    fs::create_symlink("../outside", top / "out");
    fs::create_symlink("../outside/nothing", top / "dangling");
    fs::create_symlink("nothing", top / "dangling-inside");
    fs::create_symlink(".git/hooks", top / "hooks");
    fs::create_symlink(directory.path() / "tree-beside", top / "beside");
    fs::create_symlink("loop", top / "loop");
    for (const auto* name : {"", "sub", "sub/new/file", "inner/file", "absolute/file", "new"})
        BOOST_TEST(is_in_work_tree(top / name, top), name);
    for (const auto* name : {"out", "out/file", "dangling", "dangling/file", "hooks", "hooks/new", ".git",
                             ".git/config", "beside", "..", "../outside", "sub/../../outside", "loop", "loop/file"})
        BOOST_TEST(!is_in_work_tree(top / name, top), name);
    BOOST_TEST(!is_in_work_tree(top, top / "nowhere"));
    BOOST_TEST(is_within("/a/b", "/a"));
    BOOST_TEST(!is_within("/ab", "/a"));
}

BOOST_AUTO_TEST_CASE(only_files_of_the_work_tree_are_read) {
    auto directory = TemporaryDirectory::make("cachefill-place-").value();
    auto top = directory.path() / "tree";
    fs::create_directories(top / ".git");
    for (const auto* file : {"tree/flake.lock", "tree/.git/config", "secret"})
        BOOST_REQUIRE(write_file_atomically(directory.path() / file, file));
    fs::create_symlink("flake.lock", top / "inner");
    fs::create_symlink("../secret", top / "out");
    fs::create_symlink(".git/config", top / "kept");
    fs::create_symlink("/dev/tty", top / "terminal");
    BOOST_TEST(read_work_tree_file(top / "flake.lock", top, 100).value() == "tree/flake.lock");
    BOOST_TEST(read_work_tree_file(top / "inner", top, 100).value() == "tree/flake.lock");
    BOOST_TEST(!read_work_tree_file(top / "flake.lock", top, 3).has_value());
    for (const auto* name : {"out", "kept", "terminal", ".git/config", "../secret"}) {
        auto text = read_work_tree_file(top / name, top, 100);
        BOOST_REQUIRE_MESSAGE(!text.has_value(), name);
        BOOST_TEST((text.error().kind() == FailureKind::usage), name);
    }
}

BOOST_AUTO_TEST_SUITE_END()
