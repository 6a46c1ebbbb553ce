#include "push/nar_dump.hpp"
#include "trees.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <sys/un.h>

using namespace cachefill;
using namespace cachefill::push;
using test::nix_dump;
using test::put_file;
namespace fs = std::filesystem;

namespace {

struct Tree {
    TemporaryDirectory directory = TemporaryDirectory::make("nar-dump").value();
    fs::path root = directory.path() / "root";
};

Result<std::string> dump(NarDump reader, std::size_t block = 256 * 1024) {
    std::string all;
    std::vector<char> buffer(block);
    for (;;) {
        TRY(count, reader.read(buffer));
        all.append(buffer.data(), count);
        if (count < buffer.size()) return all;
    }
}

Result<std::string> dump(const fs::path& root, std::size_t block = 256 * 1024) { return dump(NarDump(root), block); }

void check_like_nix(const fs::path& root) {
    auto ours = dump(root);
    BOOST_REQUIRE_MESSAGE(ours, (ours ? "" : ours.error().one_line()));
    BOOST_TEST((*ours == nix_dump(root)));
}

FailureKind kind_of_failure(const fs::path& root) {
    auto result = dump(root);
    BOOST_REQUIRE(!result);
    return result.error().kind();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(nar_dump, Tree)

BOOST_AUTO_TEST_CASE(a_nasty_tree_is_dumped_like_nix_does) {
    fs::create_directories(root / "bin");
    fs::create_directories(root / "empty");
    fs::create_directories(root / "a/b/c/d");
    put_file(root / "bin/run", "#!/bin/sh\n", 0755);
    put_file(root / "bin/only-owner", "x", 0744);
    put_file(root / "bin/not-owner", "x", 0655); // executable for others only: not executable
    put_file(root / "nothing", "");
    put_file(root / "a/b/c/d/eight", "12345678");
    put_file(root / "a/b/c/d/nine", "123456789");
    put_file(root / "a.txt", "'a.txt' comes after 'a' and before 'a0'"); // by bytes, not by path
    put_file(root / "a0", "");
    put_file(root / "Z", "upper case first");
    put_file(root / "\xc3\xbcml\xc3\xa4ut", "non-ASCII comes last");
    put_file(root / "\xff\xfe not UTF-8", "as well");
    put_file(root / "new\nline and 'quote'", "");
    fs::create_symlink("bin/run", root / "link");
    fs::create_symlink("/nowhere/at/all", root / "dangling");
    fs::create_directory_symlink("a", root / "to-directory"); // not followed
    check_like_nix(root);
}

BOOST_AUTO_TEST_CASE(a_file_or_a_symlink_can_be_the_root) {
    put_file(root, "only me", 0555);
    check_like_nix(root);
    fs::create_symlink("root", directory.path() / "link");
    check_like_nix(directory.path() / "link");
}

BOOST_AUTO_TEST_CASE(five_thousand_files_are_dumped_like_nix_does) {
    fs::create_directories(root / "lib");
    for (int i = 0; i < 5000; ++i)
        put_file(root / "lib" / ("file-" + std::to_string(i)), std::string(static_cast<std::size_t>(i % 97), 'x'));
    check_like_nix(root);
}

BOOST_AUTO_TEST_CASE(a_big_file_is_dumped_like_nix_does_whatever_the_block_size) {
    put_file(root, test::half_compressible(9'000'011, 1));
    auto expected = nix_dump(root);
    for (std::size_t block : {1UL << 20, 4096UL, 999'983UL}) BOOST_TEST((dump(root, block).value() == expected));
}

BOOST_AUTO_TEST_CASE(a_file_without_read_permission_is_a_failure_that_names_it) {
    if (::geteuid() == 0) return; // root reads everything
    fs::create_directories(root);
    put_file(root / "secret", "x", 0000);
    BOOST_TEST((kind_of_failure(root) == FailureKind::machine));
}

BOOST_AUTO_TEST_CASE(special_files_are_refused) {
    fs::create_directories(root);
    BOOST_REQUIRE(::mkfifo((root / "pipe").c_str(), 0644) == 0);
    auto result = dump(root);
    BOOST_REQUIRE(!result);
    BOOST_TEST((result.error().kind() == FailureKind::store));
    BOOST_TEST(result.error().cause().find("root/pipe is neither") != std::string::npos);
    fs::remove(root / "pipe");

    int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto name = (root / "socket").string();
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    BOOST_REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    BOOST_TEST((kind_of_failure(root) == FailureKind::store));
    ::close(socket);
}

BOOST_AUTO_TEST_CASE(a_path_that_is_valid_but_not_there_is_damage_and_not_a_machine_failure) {
    BOOST_TEST((kind_of_failure(root) == FailureKind::store));
}

BOOST_AUTO_TEST_CASE(a_file_that_changes_its_size_while_it_is_read_is_a_failure) {
    for (auto size : {std::uintmax_t{10}, std::uintmax_t{2'000'000}}) {
        put_file(root, std::string(1'000'000, 'x'));
        NarDump reader(root);
        std::vector<char> buffer(300'000);
        BOOST_REQUIRE(reader.read(buffer).has_value());
        fs::resize_file(root, size);
        auto rest = dump(std::move(reader));
        BOOST_REQUIRE(!rest);
        BOOST_TEST((rest.error().kind() == FailureKind::store));
        BOOST_TEST(rest.error().cause().find("1000000 bytes") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(deeper_nesting_than_nix_unpacks_is_refused) {
    auto deepest = root;
    for (std::size_t i = 1; i < nix::nar_depth_limit; ++i) deepest /= "d";
    fs::create_directories(deepest); // with the root: exactly as deep as allowed
    check_like_nix(root);
    put_file(deepest / "one-more", "");
    BOOST_TEST((kind_of_failure(root) == FailureKind::store));
}

BOOST_AUTO_TEST_CASE(the_suffix_for_case_insensitive_disks_is_no_part_of_the_name) {
    auto hacked = directory.path() / "hacked";
    fs::create_directories(root);
    fs::create_directories(hacked);
    for (auto name : {"B", "a", "c"}) {
        put_file(root / name, name);
        put_file(hacked / name, name);
    }
    put_file(root / "b", "lower");
    put_file(hacked / "b~nix~case~hack~1", "lower");
    BOOST_TEST((dump(NarDump(hacked, CaseHack::strip)).value() == dump(root).value()));
    BOOST_TEST((dump(NarDump(hacked, CaseHack::keep)).value() != dump(root).value()));
    put_file(hacked / "b", "now there are two");
    BOOST_TEST(!dump(NarDump(hacked, CaseHack::strip)));
}

BOOST_AUTO_TEST_SUITE_END()
