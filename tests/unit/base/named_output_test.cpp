#include "base/files.hpp"
#include "base/named_output.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

using namespace cachefill;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct Folder {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-test").value();
    fs::path place(const char* name) const { return directory.path() / name; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(named_output, Folder)

BOOST_AUTO_TEST_CASE(a_plain_file_is_replaced_whole_and_a_link_to_one_stays_a_link) {
    BOOST_TEST(write_named_file(place("report.json"), "a longer text").has_value());
    BOOST_TEST(write_named_file(place("report.json"), "short").has_value());
    BOOST_TEST(read_file(place("report.json")).value() == "short");
    fs::create_symlink("report.json", place("latest.json"));
    BOOST_TEST(write_named_file(place("latest.json"), "newer").has_value());
    BOOST_TEST(fs::is_symlink(place("latest.json")));
    BOOST_TEST(read_file(place("report.json")).value() == "newer");
}

BOOST_AUTO_TEST_CASE(a_link_of_somebody_else_where_anybody_may_write_is_not_followed) {
    if (::geteuid() != 0) return; // nobody else can make one of another user
    BOOST_REQUIRE(write_named_file(place("own"), "own").has_value());
    fs::create_directory(place("shared"));
    fs::create_directory(place("folder"));
    fs::permissions(place("shared"), fs::perms::all | fs::perms::sticky_bit);
    for (const auto& [link, target] : {std::pair("shared/report", "own"), std::pair("shared/way", "folder")}) {
        fs::create_symlink(directory.path() / target, place(link));
        BOOST_REQUIRE(::lchown(place(link).c_str(), 65534, 65534) == 0);
        fs::create_symlink(place(link), place(target + std::string(".link") == "own.link" ? "to-report" : "to-way"));
    }
    for (const auto* name : {"shared/report", "shared/way/report", "to-report", "to-way/report"}) {
        auto refused = write_named_file(place(name), "text");
        BOOST_REQUIRE_MESSAGE(!refused.has_value(), name);
        BOOST_TEST(refused.error().cause().find("is a link of") != std::string::npos);
        BOOST_TEST(refused.error().cause().find("65534") != std::string::npos);
    }
    BOOST_TEST(read_file(place("own")).value() == "own");
    BOOST_TEST(fs::is_empty(place("folder")));
    // Where nobody else may write it is as its owner, or root, wished.
    fs::permissions(place("shared"), fs::perms::owner_all);
    BOOST_TEST(write_named_file(place("shared/report"), "text").has_value());
    fs::permissions(place("shared"), fs::perms::all | fs::perms::sticky_bit);
    BOOST_REQUIRE(::lchown(place("shared/report").c_str(), 0, 0) == 0);
    BOOST_TEST(write_named_file(place("shared/report"), "more").has_value());
    BOOST_TEST(read_file(place("own")).value() == "more");
}

BOOST_AUTO_TEST_CASE(a_device_stays_what_it_is) {
    BOOST_TEST(write_named_file("/dev/null", "nothing").has_value());
    BOOST_TEST(fs::is_character_file("/dev/null"));
    BOOST_TEST(!write_named_file(directory.path(), "no file").has_value());
    BOOST_TEST(fs::is_directory(directory.path()));
}

BOOST_AUTO_TEST_CASE(a_pipe_is_written_to_while_somebody_reads) {
    auto pipe = place("pipe");
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    auto nobody = write_named_file(pipe, "text");
    BOOST_REQUIRE(!nobody.has_value());
    BOOST_TEST(nobody.error().cause().find("nobody reads from it") != std::string::npos);
    FileDescriptor reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    BOOST_TEST(write_named_file(pipe, "text").has_value());
    char buffer[16];
    BOOST_TEST(::read(reader.get(), buffer, sizeof buffer) == 4);
    BOOST_TEST(fs::is_fifo(pipe));
    std::string more_than_it_holds(4 << 20, 'x');
    auto stuck = write_named_file(pipe, more_than_it_holds, 20ms);
    BOOST_REQUIRE(!stuck.has_value());
    BOOST_TEST(stuck.error().cause().find("took nothing for") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_own_descriptor_is_written_on_where_it_stands) {
    FileDescriptor file(::open(place("log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    BOOST_REQUIRE(::write(file.get(), "before ", 7) == 7);
    BOOST_TEST(write_named_file("/dev/fd/" + std::to_string(file.get()), "after").has_value());
    BOOST_TEST(read_file(place("log")).value() == "before after");
}

BOOST_AUTO_TEST_SUITE_END()
