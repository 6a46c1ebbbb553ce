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
