#include "app/line_input.hpp"
#include "async/task_group.hpp"
#include "captured_output.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <vector>

using namespace cachefill;
using namespace cachefill::app;
using namespace cachefill::test;
using Lines = std::vector<std::string>;

namespace {

async::Task<Lines> read_all(async::Executor executor) {
    auto input = LineInput::open(executor);
    Lines lines;
    while (input) {
        auto line = co_await input->line();
        if (!line) break;
        lines.push_back(std::move(*line));
    }
    co_return lines;
}

Lines lines_of(const std::string& file) {
    CapturedOutput captured(file);
    return run_task<Lines>(read_all);
}

// Our standard input is a pipe for as long as this lives.
struct Pipe {
    Pipe() : before(::dup(0)) {
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        ::dup2(ends[0], 0);
    }
    ~Pipe() {
        ::dup2(before, 0);
        for (int fd : {before, ends[0], ends[1]}) ::close(fd);
    }
    int before;
    int ends[2] = {-1, -1};
};

} // namespace

BOOST_AUTO_TEST_SUITE(line_input)

BOOST_AUTO_TEST_CASE(of_a_file) {
    BOOST_TEST(lines_of("") == Lines());
    BOOST_TEST(lines_of("one\n\ntwo\n") == (Lines{"one", "", "two"}));
    BOOST_TEST(lines_of("one\ntwo") == (Lines{"one", "two"}));
    std::size_t bytes = 0;
    const auto pieces = lines_of(std::string(3 * LineInput::longest, 'x'));
    for (const auto& piece : pieces) bytes += piece.size();
    BOOST_TEST(pieces.size() > 2U);
    BOOST_TEST(bytes == 3 * LineInput::longest);
    BOOST_TEST(lines_of(std::string(10000, 'x') + "\ny\n") == (Lines{std::string(10000, 'x'), "y"}));
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_line_can_be_stopped_and_the_pipe_stays_as_it_was) {
    Pipe pipe;
    BOOST_TEST_REQUIRE(::write(pipe.ends[1], "begun", 5) == 5);
    bool has_ended = false;
    auto wait = [](async::Executor executor, bool& ended) -> async::Task<void> {
        (void)co_await read_all(executor);
        ended = true;
    };
    auto stop = [&](async::Executor executor) -> async::Task<void> {
        async::TaskGroup group(executor);
        group.spawn(wait(executor, has_ended));
        BOOST_TEST(group.size() == 1U);
        group.cancel();
        co_await group.join();
    };
    run_task<void>(stop);
    BOOST_TEST(has_ended); // by what it was told, and at its next await it would have thrown
    BOOST_TEST((::fcntl(0, F_GETFL) & O_NONBLOCK) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
