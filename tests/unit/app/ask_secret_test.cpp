#include "app/ask_secret.hpp"
#include "base/files.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <unistd.h>

using namespace cachefill;
using namespace std::chrono_literals;

namespace {

// Standard input is a pipe meanwhile.
struct Piped {
    FileDescriptor before{::dup(STDIN_FILENO)}, writer;

    Piped() {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::pipe(ends.data()) == 0);
        FileDescriptor reader(ends[0]);
        writer = FileDescriptor(ends[1]);
        BOOST_REQUIRE(::dup2(reader.get(), STDIN_FILENO) == STDIN_FILENO);
    }
    ~Piped() { ::dup2(before.get(), STDIN_FILENO); }
    void comes(std::string_view text) {
        BOOST_REQUIRE(::write(writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(app_ask_secret, Piped)

BOOST_AUTO_TEST_CASE(the_first_line_is_the_secret) {
    comes("s3cret-word\nmore");
    BOOST_TEST(app::read_secret()->reveal() == "s3cret-word");
}

BOOST_AUTO_TEST_CASE(the_end_ends_it_too) {
    comes("s3cret-word");
    writer.close();
    BOOST_TEST(app::read_secret()->reveal() == "s3cret-word");
}

BOOST_AUTO_TEST_CASE(who_sends_nothing_is_not_waited_for_without_end) {
    comes("s3cret");
    auto given = app::read_secret(1ms);
    BOOST_REQUIRE(!given);
    BOOST_TEST(given.error().cause().starts_with("nothing came on standard input for"), given.error().one_line());
    BOOST_TEST(given.error().one_line().find("s3cret") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
