#include "base/files.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace cachefill;
namespace fs = std::filesystem;

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

} // namespace

BOOST_AUTO_TEST_SUITE(files)

BOOST_AUTO_TEST_CASE(an_atomic_write_replaces_the_whole_file_and_leaves_nothing_beside_it) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto path = directory.path() / "report.json";
    BOOST_TEST(write_file_atomically(path, "first").has_value());
    BOOST_TEST(write_file_atomically(path, "second").has_value());
    BOOST_TEST(read_file(path).value() == "second");
    auto count = std::distance(std::filesystem::directory_iterator(directory.path()), {});
    BOOST_TEST(count == 1);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_says_which_and_why) {
    auto written = write_file_atomically("/nonexistent-directory/x", "content");
    BOOST_REQUIRE(!written);
    BOOST_TEST(written.error().cause().find("/nonexistent-directory/x") != std::string::npos);
    BOOST_TEST(written.error().cause().find("No such file") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_past_the_limit_is_refused) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto path = directory.path() / "big";
    BOOST_TEST(write_file_atomically(path, std::string(2000, 'x')).has_value());
    BOOST_TEST(!read_file(path, 1999).has_value());
    BOOST_TEST(read_file(path, 2000).has_value());
    BOOST_TEST(!read_file("/dev/zero", 1 << 20).has_value());
}

BOOST_AUTO_TEST_CASE(a_pipe_or_a_device_is_no_file_and_is_not_waited_for) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto pipe = directory.path() / "pipe";
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0); // nobody writes to it
    std::filesystem::create_symlink("pipe", directory.path() / "link");
    for (const auto& place : {pipe, directory.path() / "link", std::filesystem::path("/dev/null"), directory.path()}) {
        auto content = read_file(place);
        BOOST_REQUIRE_MESSAGE(!content.has_value(), place);
        BOOST_TEST(content.error().cause().find(place.string()) != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(what_a_person_named_may_be_a_pipe) {
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    FileDescriptor reading(ends[0]), writing(ends[1]);
    BOOST_REQUIRE(::write(writing.get(), "cache: team", 11) == 11);
    writing.close();
    auto name = "/dev/fd/" + std::to_string(reading.get());
    BOOST_TEST(!read_file(name).has_value());
    BOOST_TEST(read_stream(name).value() == "cache: team");
    BOOST_TEST(!read_stream("/dev/zero", 1 << 20).has_value());
}

BOOST_AUTO_TEST_CASE(nobody_is_waited_for_without_end) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto pipe = directory.path() / "pipe";
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0); // nobody writes to it
    auto nothing = read_stream(pipe, 100, std::chrono::milliseconds(20));
    BOOST_REQUIRE(!nothing.has_value());
    BOOST_TEST(nothing.error().cause().find("nothing came from " + pipe.string()) != std::string::npos);
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    FileDescriptor reading(ends[0]), writing(ends[1]);
    BOOST_REQUIRE(::write(writing.get(), "half", 4) == 4); // and no end
    BOOST_TEST(!read_opened(reading, "half", 100, std::chrono::milliseconds(20)).has_value());
}

BOOST_AUTO_TEST_CASE(a_temporary_directory_is_gone_afterwards) {
    std::filesystem::path path;
    {
        auto directory = TemporaryDirectory::make("cachefill-test").value();
        path = directory.path();
        BOOST_TEST(write_file_atomically(path / "x", "y").has_value());
    }
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(what_the_system_refuses_says_what_to_do_about_it) {
    const std::pair<int, std::string_view> table[] = {
        {ENOSPC, "free some space on the file system of /x/y and run again"},
        {EDQUOT, "free some space on the file system of /x/y and run again"},
        {EACCES, "check who owns it and whether this user may use it"},
        {EPERM, "check who owns it and whether this user may use it"},
        {EROFS, "check who owns it and whether this user may use it"},
        {ENOENT, ""},
        {EIO, ""},
    };
    for (auto [error, hint] : table) {
        auto failure = errno_failure("cannot write", "/x/y", error);
        BOOST_TEST((failure.kind() == FailureKind::machine));
        BOOST_TEST(failure.cause() == "cannot write /x/y: " + std::generic_category().message(error));
        BOOST_TEST(failure.hint() == hint);
    }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_a_failure_with_its_name) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto missing = read_file(directory.path() / "missing");
    BOOST_REQUIRE(!missing);
    BOOST_TEST(missing.error().cause() ==
               "cannot open " + (directory.path() / "missing").string() + ": No such file or directory");
    auto folder = read_file(directory.path());
    BOOST_REQUIRE(!folder);
    BOOST_TEST(folder.error().cause() == "cannot read " + directory.path().string() + ": Is a directory");
    fs::create_symlink("loop", directory.path() / "loop");
    BOOST_TEST(!read_file(directory.path() / "loop").has_value());
}

BOOST_AUTO_TEST_CASE(an_address_where_a_file_was_meant_is_named_without_its_login) {
    for (const auto* name :
         {"https://kim:s3cret@host/x", "https://host/x?token=s3cret", "git+https://kim:s3cret@host"}) {
        for (const auto& failed : {read_stream(name, 10), read_file(name, 10)}) {
            BOOST_REQUIRE(!failed.has_value());
            BOOST_TEST(failed.error().one_line().find("s3cret") == std::string::npos, name);
        }
    }
    BOOST_TEST(errno_failure("cannot open", "/srv/a?b=c&d@e", ENOENT).cause().find("/srv/a?b=c&d@e") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_is_read_whole_whatever_is_in_it) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto path = directory.path() / "x";
    std::string bytes;
    for (int i = 0; i < 300'000; ++i) bytes += static_cast<char>(i * 7);
    for (const std::string& content : {std::string(), std::string("\0", 1), std::string("no newline"), bytes}) {
        BOOST_REQUIRE(write_file_atomically(path, content).has_value());
        BOOST_TEST((read_file(path).value() == content));
        BOOST_TEST((read_file(path, content.size()).value() == content));
    }
    BOOST_TEST(read_file("/proc/self/stat").value().size() > 10U); // says that it has 0 bytes
    BOOST_TEST(!read_file("/proc/self/stat", 3).has_value());
}

BOOST_AUTO_TEST_CASE(a_limit_is_told_as_people_write_sizes) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto path = directory.path() / "big";
    BOOST_REQUIRE(write_file_atomically(path, std::string(2049, 'x')).has_value());
    BOOST_TEST(read_file(path, 2048).error().cause() == path.string() + " is larger than 2.0 KiB");
}

BOOST_AUTO_TEST_CASE(a_secret_file_is_nobody_elses_from_the_beginning) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto mode_of = [](const fs::path& path) {
        struct stat info {};
        BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
        return info.st_mode & 0777U;
    };
    auto before = ::umask(022);
    auto path = directory.path() / "token";
    BOOST_REQUIRE(write_file_atomically(path, "old").has_value());
    BOOST_TEST(mode_of(path) == 0644U);
    BOOST_REQUIRE(write_file_atomically(path, "s3cret", 0600).has_value()); // over one that all could read
    BOOST_TEST(mode_of(path) == 0600U);
    ::umask(before);
}

BOOST_AUTO_TEST_CASE(a_write_over_a_link_replaces_the_link_and_not_what_it_leads_to) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    BOOST_REQUIRE(write_file_atomically(directory.path() / "theirs", "theirs").has_value());
    fs::create_symlink("theirs", directory.path() / "link");
    BOOST_REQUIRE(write_file_atomically(directory.path() / "link", "ours").has_value());
    BOOST_TEST(read_file(directory.path() / "theirs").value() == "theirs");
    BOOST_TEST(read_file(directory.path() / "link").value() == "ours");
}

BOOST_AUTO_TEST_CASE(a_write_that_fails_at_the_end_leaves_nothing_behind) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto path = directory.path() / "taken";
    fs::create_directories(path / "full");
    auto written = write_file_atomically(path, "content");
    BOOST_REQUIRE(!written);
    BOOST_TEST(written.error().cause().starts_with("cannot rename to " + path.string()));
    BOOST_TEST(std::distance(fs::directory_iterator(directory.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(directories_are_made_once_and_not_over_a_file) {
    auto directory = TemporaryDirectory::make("cachefill-test").value();
    auto deep = directory.path() / "a" / "b" / "c";
    BOOST_TEST(cachefill::create_directories(deep).has_value());
    BOOST_TEST(cachefill::create_directories(deep).has_value());
    BOOST_REQUIRE(write_file_atomically(directory.path() / "file", "x").has_value());
    auto over = cachefill::create_directories(directory.path() / "file" / "sub");
    BOOST_REQUIRE(!over);
    BOOST_TEST(over.error().cause() ==
               "cannot create the directory " + (directory.path() / "file" / "sub").string() + ": Not a directory");
}

BOOST_AUTO_TEST_CASE(the_free_space_of_what_is_not_there_is_not_known) {
    auto space = disk_space("/").value();
    BOOST_TEST(space.total_bytes > 0U);
    BOOST_TEST(space.free_bytes <= space.total_bytes);
    BOOST_TEST(disk_space("/nonexistent").error().cause() ==
               "cannot ask for the free space of /nonexistent: No such file or directory");
}

BOOST_AUTO_TEST_CASE(a_descriptor_is_closed_once_by_whoever_has_it) {
    FileDescriptor first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    BOOST_REQUIRE(first.is_open());
    int number = first.get();
    FileDescriptor second(std::move(first));
    BOOST_TEST(!first.is_open()); // NOLINT(bugprone-use-after-move): what a moved one says of itself
    BOOST_TEST(second.get() == number);
    FileDescriptor third(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    int other = third.get();
    third = std::move(second);
    BOOST_TEST(!is_open(other));
    BOOST_TEST(is_open(number));
    auto& same = third;
    third = std::move(same);
    BOOST_TEST(is_open(number));
    int released = third.release();
    BOOST_TEST(!third.is_open());
    BOOST_TEST(is_open(released));
    FileDescriptor(released).close();
    BOOST_TEST(!is_open(released));
    FileDescriptor().close();
}

BOOST_AUTO_TEST_CASE(a_temporary_directory_is_ours_alone_and_moves) {
    auto parent = TemporaryDirectory::make("cachefill-test").value();
    auto first = TemporaryDirectory::make("inner", parent.path()).value();
    auto second = TemporaryDirectory::make("inner", parent.path()).value();
    BOOST_TEST(first.path() != second.path());
    BOOST_TEST(first.path().parent_path() == parent.path());
    BOOST_TEST((fs::status(first.path()).permissions() == fs::perms::owner_all));
    auto old = second.path(), kept = first.path();
    second = std::move(first);
    BOOST_TEST(!fs::exists(old));
    BOOST_TEST(fs::exists(kept));
    auto nowhere = TemporaryDirectory::make("x", parent.path() / "missing");
    BOOST_REQUIRE(!nowhere);
    BOOST_TEST(nowhere.error().cause().starts_with("cannot create a temporary directory in "));
}

BOOST_AUTO_TEST_CASE(a_temporary_directory_goes_with_the_links_in_it_and_not_what_they_lead_to) {
    auto other = TemporaryDirectory::make("cachefill-test").value();
    BOOST_REQUIRE(write_file_atomically(other.path() / "kept", "x").has_value());
    {
        auto directory = TemporaryDirectory::make("cachefill-test").value();
        fs::create_directory_symlink(other.path(), directory.path() / "link");
    }
    BOOST_TEST(fs::exists(other.path() / "kept"));
}

BOOST_AUTO_TEST_SUITE_END()
