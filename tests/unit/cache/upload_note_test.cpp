#include "cache/upload_note.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using cache::UploadNote;

BOOST_AUTO_TEST_SUITE(upload_note)

BOOST_AUTO_TEST_CASE(a_note_lives_as_long_as_its_upload_and_is_found_only_after_its_process) {
    auto temporary = TemporaryDirectory::make("cachefill-note").value();
    auto directory = temporary.path() / "spool";
    UploadNote::Text text{"https://b.example/nar/x", "id/1"};
    auto note = UploadNote::write(directory, UploadNote::Text{text.url, ""});
    BOOST_REQUIRE(note);
    auto early = std::filesystem::directory_iterator(directory)->path();
    std::filesystem::copy_file(early, directory / "s3-early.upload");
    BOOST_TEST(UploadNote::find_left(directory, "").front()->text().id == "");
    note->set_id(text.id);
    BOOST_TEST(UploadNote::find_left(directory, "").empty());        // locked
    std::filesystem::copy_file(early, directory / "s3-copy.upload"); // of a process that is no more
    auto left = UploadNote::find_left(directory, "https://b.example/nar/");
    BOOST_REQUIRE(left.size() == 1U);
    BOOST_TEST(left[0]->text().url == text.url);
    BOOST_TEST(left[0]->text().id == text.id);
    BOOST_TEST(UploadNote::find_left(directory, "").empty()); // now ours
    left.clear();
    note.reset();
    BOOST_TEST(std::filesystem::is_empty(directory));
}

BOOST_AUTO_TEST_CASE(what_is_no_note_is_left_alone) {
    auto temporary = TemporaryDirectory::make("cachefill-note").value();
    const auto& directory = temporary.path();
    BOOST_REQUIRE(write_file_atomically(directory / "s3-empty.upload", ""));
    BOOST_REQUIRE(write_file_atomically(directory / "s3-half.upload", "https://b.example/nar/x"));
    BOOST_REQUIRE(write_file_atomically(directory / "other", "https://b.example/nar/x\nid\n"));
    std::filesystem::create_symlink(directory / "other", directory / "s3-link.upload");
    BOOST_TEST(UploadNote::find_left(directory, "").empty());
    BOOST_TEST(std::filesystem::exists(directory / "s3-half.upload"));
    BOOST_TEST(!UploadNote::write({}, {}));
    BOOST_TEST(UploadNote::find_left(directory / "nowhere", "").empty());
}

BOOST_AUTO_TEST_SUITE_END()
