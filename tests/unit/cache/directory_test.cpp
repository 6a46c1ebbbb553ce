#include "base/files.hpp"
#include "cache/contained_file.hpp"
#include "cache/directory.hpp"
#include "cache/new_file.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <sys/stat.h>

using namespace cachefill;
using namespace cachefill::cache;
namespace fs = std::filesystem;

namespace {

struct Scene {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-directory-").value();
    Directory cache{directory.path() / "my cache"};

    void write(const std::string& name, const std::string& text) const {
        fs::create_directories(cache.root());
        BOOST_REQUIRE(write_file_atomically(cache.root() / name, text).has_value());
    }
    std::string read(const std::string& name) const { return read_file(cache.root() / name).value_or("none"); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cache_directory, Scene)

BOOST_AUTO_TEST_CASE(who_reads_what_is_not_there_yet_reads_an_empty_cache_and_makes_none) {
    auto opened = cache.open_for_reading();
    BOOST_REQUIRE(opened.has_value());
    BOOST_REQUIRE(opened->notes.size() == 1U);
    BOOST_TEST(opened->notes[0].find("first run that pushes") != std::string::npos);
    BOOST_TEST(!fs::exists(cache.root()));
}

BOOST_AUTO_TEST_CASE(who_writes_makes_it_and_a_key_once_that_only_its_user_can_read) {
    auto first = cache.open_for_writing({}, false);
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(fs::is_directory(cache.nar_directory()));
    BOOST_TEST(read("nix-cache-info").find("StoreDir: /nix/store") != std::string::npos);
    BOOST_REQUIRE(first->made_key.has_value());
    BOOST_TEST(first->made_key->name() == "cachefill-my-cache-1");
    BOOST_TEST(first->notes.size() == 1U);
    BOOST_TEST((fs::status(cache.secret_key_file()).permissions() == (fs::perms::owner_read | fs::perms::owner_write)));
    BOOST_TEST(read("public-key") == first->made_key->public_key().to_string() + "\n");
    BOOST_TEST(cache.secret_key_file().parent_path() != cache.root()); // nobody serves it

    auto second = cache.open_for_writing({}, false);
    BOOST_TEST(second->notes.empty());
    BOOST_TEST(second->made_key->public_key().to_string() == first->made_key->public_key().to_string());
    BOOST_TEST(second->public_keys.size() == 1U);
    BOOST_TEST(cache.open_for_reading()->public_keys.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_key_that_was_given_is_made_public_and_none_is_made) {
    auto key = nix::SecretKey::generate("given-1");
    auto opened = cache.open_for_writing(key, false);
    BOOST_TEST(!opened->made_key.has_value());
    BOOST_TEST(!fs::exists(cache.secret_key_file()));
    BOOST_TEST(read("public-key") == key.public_key().to_string() + "\n");
    auto other = nix::SecretKey::generate("other-1");
    BOOST_TEST(cache.open_for_writing(other, false)->public_keys.size() == 2U); // consumers of before go on
}

BOOST_AUTO_TEST_CASE(where_nobody_looks_at_signatures_there_is_no_key) {
    BOOST_TEST(!cache.open_for_writing({}, true)->made_key.has_value());
    BOOST_TEST(!fs::exists(cache.secret_key_file()));
    BOOST_TEST(!fs::exists(cache.public_key_file()));
}

BOOST_AUTO_TEST_CASE(what_stands_there_is_left_as_it_is) {
    write("nix-cache-info", "StoreDir: /nix/store\nPriority: 7\n");
    auto opened = cache.open_for_writing({}, true);
    BOOST_TEST(opened->info.priority == 7);
    BOOST_TEST(read("nix-cache-info") == "StoreDir: /nix/store\nPriority: 7\n");
}

BOOST_AUTO_TEST_CASE(what_is_no_cache_of_this_store_is_not_opened) {
    write("nix-cache-info", "StoreDir: /other/store\n");
    for (const auto& opened : {cache.open_for_reading(), cache.open_for_writing({}, true)}) {
        BOOST_REQUIRE(!opened.has_value());
        BOOST_TEST((opened.error().kind() == FailureKind::usage));
        BOOST_TEST(opened.error().cause().find("/other/store") != std::string::npos);
    }
    write("nix-cache-info", "");
    write("public-key", "no key");
    BOOST_TEST(!cache.open_for_reading().has_value());
    Directory file(cache.root() / "public-key");
    BOOST_TEST((file.open_for_reading().error().kind() == FailureKind::usage));
    BOOST_TEST(!file.open_for_writing({}, true).has_value());
}

BOOST_AUTO_TEST_CASE(a_secret_key_that_is_none_is_named_and_not_shown) {
    fs::create_directories(cache.root());
    BOOST_REQUIRE(write_file_atomically(cache.secret_key_file(), "own-1:s3cret").has_value());
    auto opened = cache.open_for_writing({}, false);
    BOOST_REQUIRE(!opened.has_value());
    BOOST_TEST(opened.error().one_line().find(cache.secret_key_file().string()) != std::string::npos);
    BOOST_TEST(opened.error().one_line().find("s3cret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_killed_process_left_is_removed_once_it_is_old) {
    auto old = std::string(NewFile::prefix) + "old", young = std::string(NewFile::prefix) + "young";
    write(old, "x");
    write(young, "x");
    write("kept", "x");
    auto two_days_ago = fs::file_time_type::clock::now() - std::chrono::hours(48);
    for (const auto& name : {old, std::string("kept")}) fs::last_write_time(cache.root() / name, two_days_ago);
    BOOST_REQUIRE(cache.open_for_writing({}, true).has_value());
    BOOST_TEST(!fs::exists(cache.root() / old));
    BOOST_TEST(fs::exists(cache.root() / young));
    BOOST_TEST(fs::exists(cache.root() / "kept"));
}

BOOST_AUTO_TEST_CASE(an_archive_lies_in_the_directory_or_nowhere) {
    fs::create_directories(cache.nar_directory());
    write("nar/x.nar.zst", "12345");
    auto opened = cache.open_nar("nar/x.nar.zst");
    BOOST_REQUIRE(opened->has_value());
    BOOST_TEST((*opened)->size == 5U);
    BOOST_TEST(!cache.open_nar("nar/y.nar.zst")->has_value());
    for (const auto* url : {"/etc/passwd", "../x", "nar/../../x", "./x", "https://kim:s3cret@other/x"}) {
        auto place = cache.open_nar(url);
        BOOST_REQUIRE_MESSAGE(!place.has_value(), url);
        BOOST_TEST((place.error().kind() == FailureKind::protocol));
        BOOST_TEST(place.error().cause().find("s3cret") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_narinfo_that_is_not_there_is_absent) {
    auto path = nix::StorePath::parse_base_name(std::string(32, '1') + "-a").value();
    BOOST_TEST(!cache.find_narinfo(path)->has_value());
    write(std::string(32, '1') + ".narinfo", "text");
    BOOST_TEST(cache.find_narinfo(path)->value_or("") == "text");
}

BOOST_AUTO_TEST_CASE(a_link_out_of_the_directory_is_not_followed) {
    auto path = nix::StorePath::parse_base_name(std::string(32, '1') + "-a").value();
    auto outside = directory.path() / "token";
    BOOST_REQUIRE(write_file_atomically(outside, "eyJhbGciOi.secret", 0600));
    fs::create_directories(cache.nar_directory());
    fs::create_symlink(outside, cache.root() / (std::string(32, '1') + ".narinfo"));
    fs::create_symlink("../../token", cache.nar_directory() / "x.nar");
    fs::create_directory_symlink(directory.path(), cache.root() / "up");
    fs::create_symlink(outside, cache.public_key_file());
    for (const auto& failed : {cache.find_narinfo(path), cache.find_text("nar/x.nar"), cache.find_text("up/token")}) {
        BOOST_REQUIRE(!failed);
        BOOST_TEST((failed.error().kind() == FailureKind::protocol));
        BOOST_TEST(failed.error().one_line().find("link out of") != std::string::npos, failed.error().one_line());
    }
    BOOST_TEST(!cache.open_nar("nar/x.nar").has_value());
    BOOST_TEST(!cache.open_nar("up/token").has_value());
    auto opened = cache.open_for_reading();
    BOOST_REQUIRE(!opened);
    BOOST_TEST(render(opened.error()).find("eyJ") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(links_within_and_to_the_directory_are_its_own) {
    fs::create_directories(cache.nar_directory());
    write("nar/x.nar", "12345");
    fs::create_symlink(cache.nar_directory() / "x.nar", cache.root() / "y.nar");
    fs::create_directory_symlink("nar", cache.root() / "old");
    fs::create_symlink("nowhere", cache.root() / "z.nar");
    fs::create_directory_symlink(cache.root(), directory.path() / "link");
    Directory by_link(directory.path() / "link");
    for (const auto& each : {cache, by_link}) {
        BOOST_TEST(each.find_text("y.nar")->value_or("") == "12345");
        BOOST_TEST(each.find_text("old/x.nar")->value_or("") == "12345");
        BOOST_TEST(!each.find_text("z.nar")->has_value());
    }
}

BOOST_AUTO_TEST_CASE(archives_are_not_written_where_they_would_not_be_read) {
    fs::create_directories(cache.root());
    fs::create_directories(directory.path() / "elsewhere");
    fs::create_directory_symlink(directory.path() / "elsewhere", cache.nar_directory());
    auto opened = cache.open_for_writing({}, true);
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::usage));
    BOOST_TEST(!fs::exists(cache.root() / "nix-cache-info"));
    fs::create_directories(cache.root() / "archives");
    fs::remove(cache.nar_directory());
    fs::create_directory_symlink("archives", cache.nar_directory());
    BOOST_TEST(cache.open_for_writing({}, true).has_value());
}

BOOST_AUTO_TEST_CASE(nobody_waits_at_a_pipe) {
    fs::create_directories(cache.nar_directory());
    for (const auto* name : {"nix-cache-info", "nar/x.nar"})
        BOOST_REQUIRE(::mkfifo((cache.root() / name).c_str(), 0600) == 0);
    auto opened = cache.open_for_reading();
    BOOST_REQUIRE(!opened);
    BOOST_TEST(opened.error().one_line().find("no regular file") != std::string::npos, opened.error().one_line());
    BOOST_TEST(!cache.open_nar("nar/x.nar").has_value());
    BOOST_TEST(!cache.find_text("nar").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
