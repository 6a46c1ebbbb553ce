#include "async/deadline.hpp"
#include "base/files.hpp"
#include "daemon/connection.hpp"
#include "daemon/lasting_connection.hpp"
#include "support/fake_daemon.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace cachefill;
using namespace cachefill::daemon;
using namespace cachefill::test;
using namespace std::chrono_literals;
using async::Executor;
using async::Task;
using nix::StorePath;
using Script = std::vector<FakeDaemon::Step>;
using Body = std::function<Task<void>(Connection&)>;

namespace {

constexpr std::size_t many = 5'000;
const auto hello = StorePath::parse_base_name("j4vaq5dqqcl9szjyp2rpiyv1xy419972-hello.drv").value();

Script after_handshake(Script script) {
    auto steps = FakeDaemon::handshake();
    for (auto& step : script) steps.push_back(std::move(step));
    return steps;
}

// Both sides run beside each other; the fake daemon throws when the client leaves the script.
void converse(Script script, const Body& body) {
    auto client = [](FakeDaemon& fake, const Body& act) -> Task<void> {
        auto connection = co_await connect(fake.endpoint());
        BOOST_REQUIRE_MESSAGE(connection, (connection ? "" : connection.error().one_line()));
        co_await act(**connection);
    };
    auto task = [&](Executor executor) -> Task<void> {
        FakeDaemon fake(executor);
        async::TaskGroup group(executor);
        group.spawn(fake.play(after_handshake(script)));
        group.spawn(client(fake, body));
        co_await group.join();
    };
    run_task<void>(task);
}

boost::test_tools::assertion_result we_are_root(boost::unit_test::test_unit_id) { return ::geteuid() == 0; }

// A process of another user that listens at a socket and answers nothing.
class Listener {
  public:
    Listener(const std::filesystem::path& path, uid_t user) {
        int ready[2];
        BOOST_REQUIRE(::pipe(ready) == 0);
        child_ = ::fork();
        BOOST_REQUIRE(child_ >= 0);
        if (child_ == 0) {
            struct sockaddr_un address {};
            address.sun_family = AF_UNIX;
            std::copy_n(path.c_str(), path.native().size() + 1, address.sun_path);
            bool listens = ::setuid(user) == 0;
            int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
            listens = listens && ::bind(socket, reinterpret_cast<struct sockaddr*>(&address), sizeof address) == 0 &&
                      ::listen(socket, 5) == 0 && ::write(ready[1], "y", 1) == 1;
            while (listens) ::pause();
            ::_exit(1);
        }
        ::close(ready[1]);
        char answer = 0;
        BOOST_REQUIRE(::read(ready[0], &answer, 1) == 1);
        ::close(ready[0]);
    }
    ~Listener() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

  private:
    pid_t child_ = -1;
};

Result<void> try_to_connect(const Endpoint& endpoint, std::chrono::milliseconds deadline = 10s) {
    auto task = [&](Executor) -> Task<Result<void>> {
        auto connection = co_await connect(endpoint, deadline);
        if (!connection) co_return std::move(connection).error();
        co_return Result<void>();
    };
    return run_task<Result<void>>(task);
}

Failure failure_of_child(const std::string& script, std::chrono::milliseconds deadline = 10s) {
    Endpoint endpoint;
    endpoint.command = {"sh", "-c", script};
    endpoint.environment.set("PATH", "/usr/bin:/bin");
    auto connected = try_to_connect(endpoint, deadline);
    BOOST_REQUIRE(!connected);
    return connected.error();
}

std::string info_request() { return wire(26, hello.to_string()); }
std::string absent() { return wire(frame_last, 0); }
bool mentions(const Failure& failure, const std::string& word) {
    return failure.one_line().find(word) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(connection)

BOOST_AUTO_TEST_CASE(a_socket_of_another_user_in_a_folder_of_everybody_is_no_daemon,
                     *boost::unit_test::precondition(we_are_root)) {
    auto directory = TemporaryDirectory::make("sockets").value();
    auto path = directory.path() / "socket";
    BOOST_REQUIRE(::chmod(directory.path().c_str(), 0777) == 0);
    Listener stranger(path, 54321);
    Endpoint endpoint;
    endpoint.socket = path;
    auto refused = try_to_connect(endpoint, 2s);
    BOOST_REQUIRE(!refused);
    BOOST_TEST(refused.error().one_line().find("is not used: the user with the number 54321 listens there") !=
               std::string::npos);
    BOOST_TEST(refused.error().hint().find("--store") != std::string::npos);
    // Where only its owner may write, whoever listens was let in. (It says nothing, which is another failure.)
    BOOST_REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
    auto silent = try_to_connect(endpoint, 200ms);
    BOOST_REQUIRE(!silent);
    BOOST_TEST(silent.error().one_line().find("is not used") == std::string::npos);
    // A folder of his own is none that was let in, if he could have made it where everybody may.
    auto above = std::filesystem::path(directory.path()) / "shared";
    std::filesystem::create_directories(above / "his");
    BOOST_REQUIRE(::chmod(above.c_str(), 01777) == 0);
    BOOST_REQUIRE(::chown((above / "his").c_str(), 54321, 54321) == 0);
    Listener another(above / "his/socket", 54321);
    endpoint.socket = above / "his/socket";
    auto his = try_to_connect(endpoint, 2s);
    BOOST_REQUIRE(!his);
    BOOST_TEST(his.error().one_line().find("is not used") != std::string::npos, his.error().one_line());
    // Of a folder that root made there nobody else could have been first.
    BOOST_REQUIRE(::chown((above / "his").c_str(), 0, 0) == 0);
    auto let_in = try_to_connect(endpoint, 200ms);
    BOOST_REQUIRE(!let_in);
    BOOST_TEST(let_in.error().one_line().find("is not used") == std::string::npos, let_in.error().one_line());
    // Where a group may write, each of it could.
    BOOST_REQUIRE(::chown((above / "his").c_str(), 0, 54322) == 0);
    BOOST_REQUIRE(::chmod((above / "his").c_str(), 02775) == 0);
    auto of_group = try_to_connect(endpoint, 2s);
    BOOST_REQUIRE(!of_group);
    BOOST_TEST(of_group.error().one_line().find("is not used") != std::string::npos, of_group.error().one_line());
    // But one of his own that only root could have given to him is his.
    BOOST_REQUIRE(::chmod(above.c_str(), 0755) == 0);
    BOOST_REQUIRE(::chown((above / "his").c_str(), 54321, 54322) == 0);
    auto given = try_to_connect(endpoint, 200ms);
    BOOST_REQUIRE(!given);
    BOOST_TEST(given.error().one_line().find("is not used") == std::string::npos, given.error().one_line());
}

BOOST_AUTO_TEST_CASE(a_request_is_answered_and_logs_reach_the_sink) {
    auto body = [](Connection& daemon) -> Task<void> {
        BOOST_TEST(daemon.nix_version() == "2.34.8");
        BOOST_TEST((daemon.trust() == Trust::trusted));
        std::vector<std::string> texts;
        auto sink = [&texts](const LogEvent& event) { texts.push_back(event.text); };
        daemon.set_log_sink(sink);
        auto info = co_await daemon.query_path_info(hello);
        BOOST_TEST(!info.value().has_value());
        BOOST_TEST((texts == std::vector<std::string>{"a word before"}));
        BOOST_TEST(!daemon.is_broken());
    };
    converse({FakeDaemon::expect(info_request()), FakeDaemon::send(wire(frame_next, "a word before\n") + absent()),
              FakeDaemon::wait_for_close()},
             body);
}

BOOST_AUTO_TEST_CASE(after_an_error_the_connection_goes_on) {
    auto body = [](Connection& daemon) -> Task<void> {
        auto refused = co_await daemon.query_path_info(hello);
        BOOST_REQUIRE(!refused);
        BOOST_TEST(refused.error().cause() == "no such thing");
        auto info = co_await daemon.query_path_info(hello);
        BOOST_TEST(info.has_value());
    };
    converse({FakeDaemon::expect(info_request()), FakeDaemon::send(error_frame("no such thing")),
              FakeDaemon::expect(info_request()), FakeDaemon::send(absent()), FakeDaemon::wait_for_close()},
             body);
}

BOOST_AUTO_TEST_CASE(an_error_said_twice_breaks_it_and_the_first_answer_counts) {
    auto body = [](Connection& daemon) -> Task<void> {
        auto refused = co_await daemon.query_path_info(hello);
        BOOST_REQUIRE(!refused);
        BOOST_TEST(refused.error().cause() == "bad argument");
        BOOST_TEST(daemon.is_broken());
        auto later = co_await daemon.query_path_info(hello);
        BOOST_REQUIRE(!later);
        BOOST_TEST((later.error().kind() == FailureKind::store));
        BOOST_TEST(mentions(later.error(), "broken"));
    };
    converse({FakeDaemon::expect(info_request()),
              FakeDaemon::send(error_frame("bad argument") + error_frame("bad argument"))},
             body);
}

BOOST_AUTO_TEST_CASE(of_pipelined_requests_the_first_error_is_reported_and_the_rest_still_read) {
    auto body = [](Connection& daemon) -> Task<void> {
        std::vector<StorePath> paths(3, hello);
        auto infos = co_await daemon.query_path_infos(paths);
        BOOST_REQUIRE(!infos);
        BOOST_TEST(infos.error().cause() == "only this one");
        BOOST_TEST(!daemon.is_broken());
        auto again = co_await daemon.query_path_infos(paths);
        BOOST_TEST(again.value().size() == 3U);
    };
    auto three = info_request() + info_request() + info_request();
    converse({FakeDaemon::expect(three), FakeDaemon::send(absent() + error_frame("only this one") + absent()),
              FakeDaemon::expect(three), FakeDaemon::send(absent() + absent() + absent()),
              FakeDaemon::wait_for_close()},
             body);
}

BOOST_AUTO_TEST_CASE(it_reads_while_it_writes_so_that_nobody_blocks) {
    auto body = [](Connection& daemon) -> Task<void> {
        std::size_t messages = 0;
        auto sink = [&messages](const LogEvent&) { ++messages; };
        daemon.set_log_sink(sink);
        std::vector<StorePath> paths(many, hello);
        auto infos = co_await daemon.query_path_infos(paths);
        BOOST_TEST(infos.value().size() == many);
        BOOST_TEST(messages == 1000U);
    };
    std::string chatter, requests, answers;
    for (int i = 0; i < 1000; ++i) chatter += wire(frame_next, std::string(1000, 'x'));
    for (std::size_t i = 0; i < many; ++i) requests += info_request(), answers += absent();
    converse({FakeDaemon::expect(info_request()), FakeDaemon::send(chatter),
              FakeDaemon::expect(requests.substr(info_request().size())), FakeDaemon::send(answers),
              FakeDaemon::wait_for_close()},
             body);
}

Task<Result<std::string>> next_of(std::vector<std::string>& pieces) {
    if (pieces.empty()) co_return Failure(FailureKind::protocol, "the file ends");
    auto piece = std::move(pieces.front());
    pieces.erase(pieces.begin());
    co_return piece;
}

// Operation 44, without repair and with a look at signatures.
std::string adding() { return wire(44, 0, 0); }

BOOST_AUTO_TEST_CASE(objects_are_added_in_frames_of_which_an_empty_one_is_the_last) {
    auto body = [](Connection& daemon) -> Task<void> {
        std::vector<std::string> pieces{"hello", std::string(100'000, 'x'), ""};
        Payload payload = [&pieces] { return next_of(pieces); };
        auto added = co_await daemon.add_objects(std::move(payload));
        BOOST_TEST(added.has_value());
        auto info = co_await daemon.query_path_info(hello);
        BOOST_TEST(info.has_value());
    };
    converse({FakeDaemon::expect(adding() + wire(5) + "hello" + wire(100'000) + std::string(100'000, 'x') + wire(0)),
              FakeDaemon::send(wire(frame_last)), FakeDaemon::expect(info_request()), FakeDaemon::send(absent()),
              FakeDaemon::wait_for_close()},
             body);
}

BOOST_AUTO_TEST_CASE(a_daemon_that_refuses_objects_is_sent_the_rest_and_goes_on) {
    auto body = [](Connection& daemon) -> Task<void> {
        std::vector<std::string> pieces{"hello", "more", ""};
        Payload payload = [&pieces] { return next_of(pieces); };
        auto added = co_await daemon.add_objects(std::move(payload));
        BOOST_REQUIRE(!added);
        BOOST_TEST(added.error().cause() == "lacks a valid signature");
        auto info = co_await daemon.query_path_info(hello);
        BOOST_TEST(info.has_value());
    };
    converse({FakeDaemon::expect(adding() + wire(5) + "hello"),
              FakeDaemon::send(error_frame("lacks a valid signature")),
              FakeDaemon::expect(wire(4) + "more" + wire(0) + info_request()), FakeDaemon::send(absent()),
              FakeDaemon::wait_for_close()},
             body);
}

BOOST_AUTO_TEST_CASE(half_of_what_is_to_be_added_ends_the_connection) {
    auto body = [](Connection& daemon) -> Task<void> {
        std::vector<std::string> pieces{"hello"};
        Payload payload = [&pieces] { return next_of(pieces); };
        auto added = co_await daemon.add_objects(std::move(payload));
        BOOST_REQUIRE(!added);
        BOOST_TEST(added.error().cause() == "the file ends");
        BOOST_TEST(daemon.is_broken());
    };
    converse({FakeDaemon::expect(adding() + wire(5) + "hello"), FakeDaemon::wait_for_close()}, body);
}

BOOST_AUTO_TEST_CASE(a_second_request_waits_for_the_first) {
    auto body = [](Connection& daemon) -> Task<void> {
        auto executor = co_await boost::asio::this_coro::executor;
        auto ask = [](Connection& of, int& answered) -> Task<void> {
            auto info = co_await of.query_path_info(hello);
            answered += info.has_value();
        };
        int answered = 0;
        async::TaskGroup group(executor);
        for (int i = 0; i < 3; ++i) group.spawn(ask(daemon, answered));
        co_await group.join();
        BOOST_TEST(answered == 3);
    };
    Script script;
    for (int i = 0; i < 3; ++i) {
        script.push_back(FakeDaemon::expect(info_request()));
        script.push_back(FakeDaemon::send(absent()));
    }
    script.push_back(FakeDaemon::wait_for_close());
    converse(script, body);
}

BOOST_AUTO_TEST_CASE(cancelled_in_the_middle_of_a_reply_it_is_closed_and_stays_broken) {
    auto body = [](Connection& daemon) -> Task<void> {
        auto executor = co_await boost::asio::this_coro::executor;
        async::TaskGroup group(executor);
        auto sink = [&group](const LogEvent&) { group.cancel(); };
        daemon.set_log_sink(sink);
        bool came_back = false;
        auto ask = [](Connection& of, bool& flag) -> Task<void> {
            auto info = co_await of.query_path_info(hello);
            flag = true;
        };
        group.spawn(ask(daemon, came_back));
        co_await group.join();
        BOOST_TEST(!came_back);
        BOOST_TEST(daemon.is_broken());
        auto later = co_await daemon.query_path_info(hello);
        BOOST_REQUIRE(!later);
        BOOST_TEST(mentions(later.error(), "cancelled"));
    };
    converse({FakeDaemon::expect(info_request()), FakeDaemon::send(wire(frame_next, "now") + wire(frame_last)),
              FakeDaemon::wait_for_close()},
             body);
}

BOOST_AUTO_TEST_CASE(cancelled_while_waiting_for_its_turn_it_breaks_nothing) {
    auto body = [](Connection& daemon) -> Task<void> {
        auto executor = co_await boost::asio::this_coro::executor;
        async::TaskGroup waiting(executor), first(executor);
        auto sink = [&waiting](const LogEvent&) { waiting.cancel(); };
        daemon.set_log_sink(sink);
        auto ask = [](Connection& of, bool& flag) -> Task<void> {
            auto info = co_await of.query_path_info(hello);
            flag = info.has_value();
        };
        bool answered = false, too = false;
        first.spawn(ask(daemon, answered));
        waiting.spawn(ask(daemon, too));
        co_await waiting.join();
        co_await first.join();
        BOOST_TEST(answered);
        BOOST_TEST(!too);
        BOOST_TEST(!daemon.is_broken());
    };
    converse({FakeDaemon::expect(info_request()), FakeDaemon::send(wire(frame_next, "now")), FakeDaemon::send(absent()),
              FakeDaemon::wait_for_close()},
             body);
}

BOOST_AUTO_TEST_CASE(a_daemon_that_goes_away_in_the_middle_is_a_failure_that_names_the_request) {
    auto body = [](Connection& daemon) -> Task<void> {
        auto info = co_await daemon.query_path_info(hello);
        BOOST_REQUIRE(!info);
        BOOST_TEST((info.error().kind() == FailureKind::store));
        BOOST_TEST(mentions(info.error(), "closed the connection"));
        BOOST_TEST(mentions(info.error(), hello.to_string()));
        BOOST_TEST(daemon.is_broken());
    };
    auto reply = wire(frame_last, 1, "");
    for (std::size_t length : {std::size_t(0), std::size_t(5), reply.size()})
        converse({FakeDaemon::expect(info_request()), FakeDaemon::send(reply.substr(0, length))}, body);
}

BOOST_AUTO_TEST_CASE(a_daemon_that_ends_before_its_first_word_is_not_said_to_refuse_who_may_do_all,
                     *boost::unit_test::precondition(we_are_root)) {
    auto task = [](Executor executor) -> Task<void> {
        FakeDaemon fake(executor);
        async::TaskGroup group(executor);
        group.spawn(fake.play({}));
        auto connection = co_await connect(fake.endpoint());
        co_await group.join();
        BOOST_REQUIRE(!connection);
        BOOST_TEST((connection.error().kind() == FailureKind::store));
        BOOST_TEST(connection.error().hint().find("the daemon's own log says why") != std::string::npos);
        BOOST_TEST(connection.error().hint().find("allowed-users") == std::string::npos, connection.error().hint());
    };
    run_task<void>(task);
    auto child = failure_of_child("exit 3");
    BOOST_TEST(child.hint() == "run 'sh -c exit 3' by hand to see why it ends");
}

BOOST_AUTO_TEST_CASE(a_daemon_that_goes_away_between_requests_is_noticed) {
    auto task = [](Executor executor) -> Task<void> {
        FakeDaemon fake(executor);
        async::TaskGroup group(executor);
        group.spawn(fake.play(FakeDaemon::handshake()));
        auto connection = co_await connect(fake.endpoint());
        co_await group.join();
        BOOST_TEST((**connection).is_broken());
        auto info = co_await (**connection).query_path_info(hello);
        BOOST_TEST(!info.has_value());
    };
    run_task<void>(task);
}

BOOST_AUTO_TEST_CASE(a_lasting_one_is_made_anew_with_its_roots_and_repeats_the_request) {
    auto rooting = wire(11, hello.to_string());
    auto script = [&](bool dies) {
        Script steps{FakeDaemon::expect(rooting), FakeDaemon::send(wire(frame_last, 1))};
        steps.push_back(FakeDaemon::expect(info_request()));
        if (!dies) steps.push_back(FakeDaemon::send(absent()));
        return after_handshake(std::move(steps));
    };
    auto serve = [&](FakeDaemon& fake) -> Task<void> {
        auto first = script(true), second = script(false);
        co_await fake.play(std::move(first));
        co_await fake.play(std::move(second));
    };
    auto client = [](FakeDaemon& fake) -> Task<void> {
        auto connection = co_await connect_lasting(fake.endpoint());
        BOOST_REQUIRE(connection);
        auto rooted = co_await (*connection)->add_temp_root(hello);
        BOOST_TEST(rooted.has_value());
        auto info = co_await (*connection)->query_path_info(hello);
        BOOST_REQUIRE_MESSAGE(info, (info ? "" : info.error().one_line()));
        BOOST_TEST(!info->has_value());
    };
    auto task = [&](Executor executor) -> Task<void> {
        FakeDaemon fake(executor);
        async::TaskGroup group(executor);
        group.spawn(serve(fake));
        group.spawn(client(fake));
        co_await group.join();
    };
    run_task<void>(task);
}

BOOST_AUTO_TEST_CASE(a_lasting_one_whose_daemon_is_gone_says_so) {
    auto client = [](FakeDaemon& fake) -> Task<void> {
        auto connection = co_await connect_lasting(fake.endpoint());
        BOOST_REQUIRE(connection);
        fake.stop_listening();
        auto info = co_await (*connection)->query_path_info(hello);
        BOOST_REQUIRE(!info);
        BOOST_TEST(mentions(info.error(), "daemon"));
    };
    auto task = [&](Executor executor) -> Task<void> {
        FakeDaemon fake(executor);
        async::TaskGroup group(executor);
        group.spawn(fake.play(after_handshake({FakeDaemon::expect(info_request())})));
        group.spawn(client(fake));
        co_await group.join();
    };
    run_task<void>(task);
}

BOOST_AUTO_TEST_CASE(a_daemon_that_is_not_there_is_told_apart_from_one_that_does_not_listen) {
    Endpoint nowhere;
    nowhere.socket = "/nonexistent/nix/socket";
    auto absent_failure = try_to_connect(nowhere);
    BOOST_REQUIRE(!absent_failure);
    BOOST_TEST(mentions(absent_failure.error(), "/nonexistent/nix/socket does not exist"));
    BOOST_TEST(!absent_failure.error().hint().empty());

    auto task = [](Executor executor) -> Task<void> {
        FakeDaemon fake(executor);
        fake.stop_listening();
        auto refused = co_await connect(fake.endpoint());
        BOOST_REQUIRE(!refused);
        BOOST_TEST(mentions(refused.error(), "not running"));
        BOOST_TEST(!refused.error().hint().empty());
    };
    run_task<void>(task);
    nowhere.socket = "/" + std::string(200, 'x');
    BOOST_TEST(mentions(try_to_connect(nowhere).error(), "too long"));
}

BOOST_AUTO_TEST_CASE(a_child_that_dies_before_it_greets_is_quoted) {
    auto failure =
        failure_of_child("printf 'warning: x\\n\\033[31merror:\\033[0m opening lock file: Permission denied\\n'"
                         " >&2; exit 1");
    BOOST_TEST((failure.kind() == FailureKind::store));
    BOOST_TEST(mentions(failure, "warning: x; error: opening lock file: Permission denied"));
    BOOST_TEST(failure.hint().find("owns the Nix store") != std::string::npos);
    auto talkative = failure_of_child("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo end >&2");
    BOOST_TEST(talkative.one_line().size() < 5000U);
    BOOST_TEST(mentions(talkative, "end"));
}

BOOST_AUTO_TEST_CASE(a_child_that_says_nothing_meets_the_deadline) {
    auto failure = failure_of_child("read x; read x; read x; sleep 1000", 100ms);
    BOOST_TEST((failure.kind() == FailureKind::timeout));
}

BOOST_AUTO_TEST_CASE(a_missing_nix_daemon_program_is_advice_to_install_nix) {
    Endpoint endpoint;
    endpoint.command = {"nix-daemon", "--stdio"};
    endpoint.environment.set("PATH", "/nonexistent");
    auto connected = try_to_connect(endpoint);
    BOOST_REQUIRE(!connected);
    BOOST_TEST(mentions(connected.error(), "nix-daemon"));
    BOOST_TEST(connected.error().hint().find("install Nix") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
