#include "options/flake_around.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace cachefill::options;
namespace fs = std::filesystem;

namespace {

class Tree {
  public:
    Tree() : top_(fs::temp_directory_path() / ("cachefill-flake-around-" + std::to_string(::getpid()))) {
        fs::remove_all(top_);
        fs::create_directories(top_);
    }
    ~Tree() { fs::remove_all(top_); }
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    std::string folder(const std::string& name) const {
        fs::create_directories(top_ / name);
        return (top_ / name).string();
    }
    void flake_in(const std::string& name) const { std::ofstream(fs::path(folder(name)) / "flake.nix") << "{ }"; }

  private:
    fs::path top_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(flake_around_a_folder)

BOOST_AUTO_TEST_CASE(a_folder_with_a_flake_stays_as_it_was_written) {
    Tree tree;
    tree.flake_in("fleet");
    tree.flake_in("fleet/inner");
    BOOST_TEST(flake_around(tree.folder("fleet/inner")) == tree.folder("fleet/inner"));
    BOOST_TEST(flake_around(tree.folder("fleet/hosts/../inner") + "/") == tree.folder("fleet/hosts/../inner") + "/");
}

BOOST_AUTO_TEST_CASE(below_a_flake_it_is_the_nearest_one_above) {
    Tree tree;
    tree.flake_in("fleet");
    BOOST_TEST(flake_around(tree.folder("fleet/hosts/nas")) == tree.folder("fleet"));
    BOOST_TEST(flake_around(tree.folder("fleet/hosts") + "/") == tree.folder("fleet"));
    BOOST_TEST(flake_around(tree.folder("fleet/hosts/nas") + "/..") == tree.folder("fleet"));
    tree.flake_in("fleet/hosts");
    BOOST_TEST(flake_around(tree.folder("fleet/hosts/nas")) == tree.folder("fleet/hosts"));
}

BOOST_AUTO_TEST_CASE(a_repository_is_not_left) {
    Tree tree;
    tree.flake_in("fleet");
    tree.folder("fleet/vendor/.git");
    auto inner = tree.folder("fleet/vendor/src");
    BOOST_TEST(flake_around(inner) == inner);
    tree.flake_in("fleet/vendor"); // beside .git it is still inside
    BOOST_TEST(flake_around(inner) == tree.folder("fleet/vendor"));
}

BOOST_AUTO_TEST_CASE(one_that_somebody_else_could_have_put_there_is_named_and_not_taken) {
    Tree tree;
    tree.flake_in("fleet");
    tree.flake_in("open");
    auto inner = tree.folder("open/mine");
    auto mine = tree.folder("fleet/hosts");
    fs::permissions(fs::path(inner).parent_path() / "flake.nix", fs::perms::others_write, fs::perm_options::add);
    BOOST_TEST(flake_around(inner) == inner);
    BOOST_TEST(why_not_around(inner).find("everybody may write to ") == 0U, why_not_around(inner));
    BOOST_TEST(flake_around(inner, Neighbours::none) == tree.folder("open"));
    BOOST_TEST(why_not_around(inner, Neighbours::none).empty());
    BOOST_TEST(why_not_around(tree.folder("open")).empty()); // whoever stands in it, or names it, means it
    BOOST_TEST(why_not_around(mine).empty());
    fs::permissions(tree.folder("fleet"), fs::perms::others_write, fs::perm_options::add);
    BOOST_TEST(why_not_around(mine) == "everybody may write to " + tree.folder("fleet"));
    BOOST_TEST(flake_around(mine) == mine);
    if (::geteuid() != 0) return;
    fs::permissions(tree.folder("fleet"), fs::perms::others_write, fs::perm_options::remove);
    BOOST_TEST(::chown((tree.folder("fleet") + "/flake.nix").c_str(), 12345, 12345) == 0);
    BOOST_TEST(why_not_around(mine).find("12345") != std::string::npos, why_not_around(mine));
}

BOOST_AUTO_TEST_CASE(what_is_no_folder_of_a_flake_stays_as_it_is) {
    Tree tree;
    auto alone = tree.folder("nothing/here");
    tree.folder("nothing/.git");
    for (const auto& word :
         {alone, std::string("github:someone/fleet"), std::string("/nonexistent/fleet"), std::string()})
        BOOST_TEST(flake_around(word) == word);
}

BOOST_AUTO_TEST_SUITE_END()
