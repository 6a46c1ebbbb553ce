#include "cache/nar_look.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/mount.h>
#include <sys/stat.h>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::PublishOutcome;
namespace fs = std::filesystem;

namespace {

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-file").value();
    fs::path directory = temporary.path() / "cache";

    DeskSettings settings(bool for_writing = true) const {
        DeskSettings settings;
        settings.uri = "file://" + directory.string();
        settings.for_writing = for_writing;
        return settings;
    }
    void write(const std::string& name, const std::string& text) const {
        BOOST_REQUIRE(write_file_atomically(directory / name, text));
    }
    std::string read(const fs::path& path) const { return read_file(path).value(); }
};

std::vector<std::string> names_in(const fs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

void check_failure(const Result<cache::CacheInfo>& opened, FailureKind kind, std::string_view text) {
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == kind), opened.error().one_line());
    BOOST_TEST(opened.error().one_line().find(text) != std::string::npos, opened.error().one_line());
    BOOST_TEST(!opened.error().hint().empty());
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(file_cache, Fixture)

BOOST_AUTO_TEST_CASE(a_key_is_made_beside_the_directory_once_and_told) {
    auto first = try_open(settings());
    BOOST_REQUIRE(first);
    auto secret = directory.string() + ".signing-key";
    BOOST_REQUIRE(first->notes.size() == 1U);
    BOOST_TEST(first->notes[0].find(secret) != std::string::npos);
    struct stat info {};
    BOOST_REQUIRE(::stat(secret.c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 0777) == 0600U);
    BOOST_TEST(read(directory / "public-key") == first->public_keys.at(0).to_string() + "\n");
    BOOST_TEST(first->public_keys[0].name == "cachefill-cache-1");
    BOOST_TEST(read(directory / "nix-cache-info") == "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n");

    auto second = try_open(settings());
    BOOST_REQUIRE(second);
    BOOST_TEST(second->notes.empty());
    BOOST_TEST((second->public_keys == first->public_keys));
    auto reader = try_open(settings(false));
    BOOST_REQUIRE(reader);
    BOOST_TEST((reader->public_keys == first->public_keys));
    BOOST_TEST((reader->permission == cache::Permission::read));
}

BOOST_AUTO_TEST_CASE(a_given_key_is_used_and_no_other_made) {
    auto with_key = settings();
    with_key.credentials.signing_key = nix::SecretKey::generate("mine-1");
    auto opened = try_open(with_key);
    BOOST_REQUIRE(opened);
    BOOST_TEST(opened->public_keys.at(0).name == "mine-1");
    BOOST_TEST(!fs::exists(directory.string() + ".signing-key"));
    with_key.credentials.signing_key = nix::SecretKey::generate("");
    check_failure(try_open(with_key), FailureKind::usage, "has no name");
}

BOOST_AUTO_TEST_CASE(a_trusted_cache_is_written_without_signatures) {
    auto trusted = settings();
    trusted.uri += "?trusted=1&priority=3";
    at_desk(trusted, [](Desk& desk) -> Task<void> {
        BOOST_TEST(desk.info.priority == 3);
        auto sample = make_sample("unsigned", 10);
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_TEST(outcome.has_value());
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((*info)->signatures.empty());
    });
    BOOST_TEST(!fs::exists(directory.string() + ".signing-key"));
}

BOOST_AUTO_TEST_CASE(a_key_file_that_went_bad_is_named) {
    BOOST_REQUIRE(write_file_atomically(directory.string() + ".signing-key", "nonsense"));
    check_failure(try_open(settings()), FailureKind::usage, ".signing-key");
}

BOOST_AUTO_TEST_CASE(reading_where_nothing_is_creates_nothing) {
    for (const auto& place : {directory, directory / "below" / "it"}) {
        auto there = settings(false);
        there.uri = "file://" + place.string();
        at_desk(there, [](Desk& desk) -> Task<void> {
            BOOST_REQUIRE(desk.info.notes.size() == 1U);
            BOOST_TEST(desk.info.notes[0].find("an empty cache") != std::string::npos);
            auto info = co_await desk.cache.get_narinfo(make_sample("any", 10).info.path);
            BOOST_REQUIRE(info.has_value());
            BOOST_TEST(!info->has_value());
        });
    }
    BOOST_TEST(!fs::exists(directory));
}

BOOST_AUTO_TEST_CASE(a_file_is_no_empty_cache) {
    BOOST_REQUIRE(write_file_atomically(directory, "a file"));
    check_failure(try_open(settings(false)), FailureKind::usage, "no directory");
}

BOOST_AUTO_TEST_CASE(a_place_that_cannot_be_written_is_named) {
    BOOST_REQUIRE(write_file_atomically(directory, "a file"));
    auto opened = try_open(settings());
    BOOST_REQUIRE(!opened);
    BOOST_TEST((opened.error().kind() == FailureKind::machine));
    BOOST_TEST(opened.error().one_line().find(directory.string()) != std::string::npos, opened.error().one_line());
}

BOOST_AUTO_TEST_CASE(a_cache_of_another_store_is_refused) {
    fs::create_directories(directory);
    write("nix-cache-info", "StoreDir: /gnu/store\n");
    auto opened = try_open(settings());
    BOOST_REQUIRE(!opened);
    BOOST_TEST(opened.error().cause().find("/gnu/store") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_told_and_leaves_nothing_behind) {
    fs::create_directories(directory);
    if (::mount("cachefill-test", directory.c_str(), "tmpfs", 0, "size=2m") != 0) {
        BOOST_TEST_MESSAGE("skipped: mounting a small file system is not permitted here");
        return;
    }
    at_desk(settings(), [](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("too-large", 4 << 20));
        BOOST_REQUIRE(!outcome.has_value());
        BOOST_TEST((outcome.error().kind() == FailureKind::machine));
        BOOST_TEST(outcome.error().cause().find("No space left") != std::string::npos, outcome.error().cause());
        BOOST_TEST(outcome.error().hint().find("free some space") != std::string::npos);
    });
    BOOST_TEST(names_in(directory / "nar").empty());
    ::umount(directory.c_str());
}

BOOST_AUTO_TEST_CASE(what_a_broken_directory_holds_is_told_apart) {
    BOOST_REQUIRE(try_open(settings()));
    auto html = make_sample("html", 10).info.path;
    auto other = make_sample("other", 10).info.path;
    auto outside = make_sample("outside", 10);
    write(std::string(html.hash_part()) + ".narinfo", "<!DOCTYPE html><p>hello");
    const std::vector<std::string> odd_places{"../cache.signing-key", "/nar/x", "nar/../nar/x", "./nar/x",
                                              "file:///nar/x"};
    outside.info.url = odd_places.front();
    write(std::string(other.hash_part()) + ".narinfo", outside.info.to_string());
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto info = co_await desk.cache.get_narinfo(html);
        BOOST_REQUIRE(!info.has_value());
        BOOST_TEST((info.error().kind() == FailureKind::protocol));
        BOOST_TEST(info.error().cause().find("answered HTML instead of a narinfo") != std::string::npos);
        info = co_await desk.cache.get_narinfo(other);
        BOOST_REQUIRE(!info.has_value());
        BOOST_TEST(info.error().one_line().find("another path") != std::string::npos);
        BOOST_TEST(info.error().one_line().find(other.to_string()) != std::string::npos);
        for (const auto& place : odd_places) {
            outside.info.url = place;
            write(std::string(outside.info.path.hash_part()) + ".narinfo", outside.info.to_string());
            info = co_await desk.cache.get_narinfo(outside.info.path);
            BOOST_REQUIRE(info.has_value());
            auto checked = co_await desk.cache.check_nar(**info);
            BOOST_REQUIRE(!checked.has_value());
            BOOST_TEST((checked.error().kind() == FailureKind::protocol));
            BOOST_TEST(checked.error().one_line().find("is no plain path in") != std::string::npos, place);
        }
    });
}

BOOST_AUTO_TEST_CASE(what_is_no_narinfo_is_not_quoted_and_an_archive_elsewhere_is_gone) {
    BOOST_REQUIRE(try_open(settings()));
    auto sample = make_sample("elsewhere", 1000);
    auto place = directory / (std::string(sample.info.path.hash_part()) + ".narinfo");
    BOOST_REQUIRE(write_file_atomically(place, "eyJhbGciOi.secret\n"));
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_REQUIRE(!info.has_value());
        BOOST_TEST((info.error().kind() == FailureKind::protocol));
        BOOST_TEST(render(info.error()).find("eyJ") == std::string::npos, render(info.error()));
        BOOST_REQUIRE(write_file_atomically(temporary.path() / "a.nar", sample.nar));
        fs::create_symlink("../../a.nar", directory / "nar/a.nar");
        sample.info.url = "nar/a.nar";
        sample.info.compression = codec::Compression::none;
        auto looked = co_await desk.cache.look_at_nar(sample.info);
        BOOST_REQUIRE(looked.has_value());
        BOOST_TEST((looked->state == cache::NarState::gone));
        auto checked = co_await desk.cache.check_nar(sample.info);
        BOOST_TEST(!checked.has_value());
    });
}

BOOST_AUTO_TEST_CASE(a_corrupt_nar_is_found_and_pushing_again_mends_it) {
    auto sample = make_sample("corrupt", 100'000);
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_REQUIRE(outcome.has_value());
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        auto place = directory / (*info)->url;
        auto bytes = read(place);
        bytes[50'000] = static_cast<char>(bytes[50'000] ^ 1);
        BOOST_REQUIRE(write_file_atomically(place, bytes));
        auto checked = co_await desk.cache.check_nar(**info);
        BOOST_REQUIRE(!checked.has_value());
        BOOST_TEST((checked.error().kind() == FailureKind::protocol));
        outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_TEST((outcome && *outcome == PublishOutcome::already_there));
        checked = co_await desk.cache.check_nar(**info);
        BOOST_TEST(checked.has_value());
    });
}

BOOST_AUTO_TEST_CASE(only_whole_files_and_no_leftovers_are_in_it) {
    at_desk(settings(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("kept", 10));
        BOOST_TEST(outcome.has_value());
        auto started = co_await upload(desk.cache, desk.budget, make_sample("left", 10)); // never published
        BOOST_TEST(started.has_value());
    });
    // A leftover of a killed process goes when it is a day old, not before: it might be somebody's work.
    write("nar/.tmp-old", "x");
    write("nar/.tmp-new", "x");
    fs::last_write_time(directory / "nar/.tmp-old", fs::file_time_type::clock::now() - std::chrono::hours(25));
    BOOST_REQUIRE(try_open(settings()));
    auto names = names_in(directory / "nar");
    BOOST_REQUIRE(names.size() == 3U);
    BOOST_TEST(names[0] == ".tmp-new");
    BOOST_TEST(names_in(directory).size() == 4U); // nar, nix-cache-info, public-key and one narinfo
}

BOOST_AUTO_TEST_CASE(a_directory_that_goes_away_is_no_answer_about_its_paths) {
    at_desk(settings(), [this](Desk& desk) -> Task<void> {
        auto sample = make_sample("here", 10), other = make_sample("other", 10);
        BOOST_TEST((co_await push(desk.cache, desk.budget, sample)).has_value());
        auto absent = co_await desk.cache.get_narinfo(other.info.path);
        BOOST_TEST((absent.has_value() && !absent->has_value()));
        fs::rename(directory, directory.string() + ".aside");
        auto gone = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_REQUIRE(!gone.has_value());
        BOOST_TEST((gone.error().kind() == FailureKind::machine));
        BOOST_TEST(gone.error().one_line().find("is not there any more") != std::string::npos);
    });
}

BOOST_AUTO_TEST_SUITE_END()
