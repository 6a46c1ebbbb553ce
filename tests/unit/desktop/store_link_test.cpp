#include "base/files.hpp"
#include "desktop.hpp"
#include "desktop/store_link.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::desktop;
using namespace cachefill::test;
namespace fs = std::filesystem;

namespace {

struct Links {
    TemporaryDirectory directory = TemporaryDirectory::make("store-link").value();
    fs::path root = directory.path() / "root";
    std::string one = path("one").to_string();
    std::string two = path("two").to_string();

    Links() {
        fs::create_directories(root.string() + "/nix/store");
        fs::create_directories(root / "nix/var/nix/profiles");
    }
    std::string lead(const fs::path& name, const fs::path& below) const {
        auto found = store_path_at(name, below);
        if (!found) BOOST_TEST((found.error().kind() == FailureKind::usage));
        return found ? found->to_string() : found.error().one_line();
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_link, Links)

BOOST_AUTO_TEST_CASE(what_lies_in_the_store_is_meant_itself) {
    BOOST_TEST(lead(one, {}) == one); // need not be there
    BOOST_TEST(lead(one + "/bin/x", {}) == one);
    BOOST_TEST(lead(root.string() + one, root) == one);
    auto none = directory.path() / "not-there"; // nor need the store, as where Nix works without a /nix
    BOOST_TEST(lead(none.string() + one, none) == one);
    fs::create_symlink(two, root.string() + one); // a store path that is a link
    fs::create_symlink(one, directory.path() / "result");
    BOOST_TEST(lead(one, root) == one);
    BOOST_TEST(lead(root.string() + one, root) == one);
    BOOST_TEST(lead(directory.path() / "result", root) == one);
    BOOST_TEST(lead(directory.path() / "result/bin", root) == one);
}

BOOST_AUTO_TEST_CASE(links_are_followed_by_way_of_profiles_below_the_root) {
    fs::create_symlink("/nix/var/nix/profiles/system", directory.path() / "link");
    fs::create_symlink("system-1-link", root / "nix/var/nix/profiles/system");
    fs::create_symlink(one, root / "nix/var/nix/profiles/system-1-link");
    BOOST_TEST(lead(directory.path() / "link", root) == one);
    BOOST_TEST(lead(root / "nix/var/nix/profiles/../profiles/./system", root) == one);
    fs::create_directory_symlink(directory.path() / "root", directory.path() / "other");
    BOOST_TEST(lead(directory.path() / "other/nix/var/nix/profiles/system", directory.path() / "other") == one);
}

BOOST_AUTO_TEST_CASE(what_leads_nowhere_is_told) {
    fs::create_symlink("loop", directory.path() / "loop");
    fs::create_symlink("/nonexistent", directory.path() / "dangling");
    for (const std::string name : {"loop", "dangling", "gone", "root"})
        BOOST_TEST(lead(directory.path() / name, root).find("/" + name + "'") != std::string::npos, name);
    BOOST_TEST(lead("/nonexistent", {}).find("there is nothing") != std::string::npos);
    // Meant for a cache's address, which belongs elsewhere.
    BOOST_TEST(lead("kim:s3cret@host", {}).ends_with("there is nothing at 'host'"));
}

BOOST_AUTO_TEST_SUITE_END()
