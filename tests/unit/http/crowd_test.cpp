// Servers that take only so much at once, for real: nothing is lost on them.
#include "async/task_group.hpp"
#include "base/text.hpp"
#include "harness.hpp"
#include "http/place.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

using namespace cachefill;
using namespace cachefill::test;
using http::Client;
using http::ClientSettings;
using http::Method;
using http::Request;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

struct Limits {
    std::size_t workers = 1;       // threads, each with one connection until that is closed
    int listen_queue = 5;          // as Python's socketserver has it
    bool keeps_open = true;        // else HTTP/1.0
    std::size_t refuses_above = 0; // connections at once: what comes on top is reset
};

// A server of blocking threads, as simple ones are.
class SimpleServer {
  public:
    explicit SimpleServer(Limits limits) : limits_(limits), listener_(loop_) {
        listener_.open(tcp::v4());
        listener_.bind({asio::ip::address_v4::loopback(), 0});
        listener_.listen(limits.listen_queue);
        for (std::size_t i = 0; i < limits.workers; ++i) threads_.emplace_back([this] { work(); });
    }
    SimpleServer(const SimpleServer&) = delete;
    SimpleServer& operator=(const SimpleServer&) = delete;
    ~SimpleServer() {
        ends_ = true;
        ::shutdown(listener_.native_handle(), SHUT_RDWR); // wakes those in accept()
        {
            std::lock_guard lock(mutex_);
            for (auto* socket : open_) ::shutdown(socket->native_handle(), SHUT_RDWR);
        }
        for (auto& thread : threads_) thread.join();
    }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(listener_.local_endpoint().port()); }
    std::size_t answers() const { return answers_; }
    std::size_t most_connections() const { return most_; }

  private:
    void work() {
        while (!ends_) {
            tcp::socket socket(loop_);
            boost::system::error_code error;
            listener_.accept(socket, error);
            if (error) continue;
            std::size_t count = 0;
            {
                std::lock_guard lock(mutex_);
                open_.insert(&socket);
                count = open_.size();
                most_ = std::max<std::size_t>(most_, count);
            }
            if (limits_.refuses_above > 0 && count > limits_.refuses_above)
                socket.set_option(asio::socket_base::linger(true, 0), error);
            else
                serve(socket);
            std::lock_guard lock(mutex_);
            open_.erase(&socket);
            socket.close(error);
        }
    }

    void serve(tcp::socket& socket) {
        std::string received;
        boost::system::error_code error;
        do {
            auto size = asio::read_until(socket, asio::dynamic_buffer(received), "\r\n\r\n", error);
            if (error) return;
            received.erase(0, size);
            ++answers_;
            std::string answer =
                limits_.keeps_open ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" : "HTTP/1.0 200 OK\r\n\r\nok";
            asio::write(socket, asio::buffer(answer), error);
        } while (limits_.keeps_open && !error && !ends_);
    }

    Limits limits_;
    asio::io_context loop_;
    tcp::acceptor listener_;
    std::atomic<bool> ends_ = false;
    std::atomic<std::size_t> answers_ = 0;
    std::atomic<std::size_t> most_ = 0;
    std::mutex mutex_;
    std::set<tcp::socket*> open_;
    std::vector<std::thread> threads_;
};

async::Task<void> ask(Client& client, std::string url, std::size_t& good, std::string& trouble) {
    Request request(Method::get, std::move(url));
    auto response = co_await client.send(request);
    if (response && response->status == 200)
        ++good;
    else
        trouble = text_of(response);
}

void ask_all(const std::string& url, std::size_t questions, ClientSettings settings = {}) {
    std::size_t good = 0;
    std::string trouble;
    auto body = [&](Client& client) -> async::Task<void> {
        async::TaskGroup group(co_await async::asio::this_coro::executor);
        for (std::size_t i = 0; i < questions; ++i)
            group.spawn(ask(client, url + "/" + std::to_string(i), good, trouble));
        co_await group.join();
    };
    with_client(settings, body);
    BOOST_TEST(good == questions, trouble);
}

} // namespace

BOOST_AUTO_TEST_SUITE(http_crowd)

BOOST_AUTO_TEST_CASE(one_worker_a_short_queue_and_a_connection_for_each_answer) {
    SimpleServer server(Limits{.workers = 1, .keeps_open = false});
    ask_all(server.url(), 401);
    BOOST_TEST(server.answers() == 401);
}

BOOST_AUTO_TEST_CASE(five_workers_that_stay_with_their_connections) {
    SimpleServer server(Limits{.workers = 5});
    ask_all(server.url(), 401);
    BOOST_TEST(server.answers() == 401);
}

// The first question's connection is idle when the others come, and the only worker stays with it until it is closed.
BOOST_AUTO_TEST_CASE(an_idle_connection_of_ours_makes_room_for_another_of_ours) {
    SimpleServer server(Limits{.workers = 1});
    auto body = [&](Client& client) -> async::Task<void> {
        std::size_t good = 0;
        std::string trouble;
        for (int i = 0; i < 2; ++i) {
            async::TaskGroup group(co_await async::asio::this_coro::executor);
            for (int k = 0; k < 3; ++k) group.spawn(ask(client, server.url(), good, trouble));
            co_await group.join();
        }
        BOOST_TEST(good == 6, trouble);
    };
    with_client({}, body);
}

BOOST_AUTO_TEST_CASE(a_server_that_resets_what_is_too_much) {
    SimpleServer server(Limits{.workers = 30, .refuses_above = 3});
    ask_all(server.url(), 401);
    BOOST_TEST(server.answers() == 401);
}

BOOST_AUTO_TEST_CASE(a_server_that_takes_so_many_in_a_second) {
    // One each 5 ms, and as many as have not been asked for lately: what a busy machine keeps waiting comes at once.
    constexpr auto each = 5ms;
    constexpr auto saved = 10 * each;
    auto due = std::chrono::steady_clock::now();
    int refused = 0;
    HttpServer server([&](const HttpRequest&) {
        auto now = std::chrono::steady_clock::now();
        due = std::max(due, now - saved);
        if (due > now) {
            ++refused;
            return HttpReply(refused % 2 == 0 ? 503 : 429, "slow down");
        }
        due += each;
        return HttpReply(200, "ok");
    });
    ask_all(server.url(), 101);
    server.stop();
    BOOST_TEST(refused > 0);
    BOOST_TEST(refused < 101);
}

BOOST_AUTO_TEST_CASE(a_place_that_has_answered_nobody_is_not_crowded) {
    int asked = 0;
    HttpServer server([&](const HttpRequest&) {
        ++asked;
        return HttpReply(503, "away");
    });
    auto response = send_one(get(server));
    BOOST_TEST_REQUIRE(response.has_value(), text_of(response));
    BOOST_TEST(response->status == 503);
    server.stop();
    BOOST_TEST(asked == 1);
}

BOOST_AUTO_TEST_CASE(a_long_pause_that_the_server_asks_for_is_left_to_whoever_asks) {
    int asked = 0;
    HttpServer server([&](const HttpRequest&) {
        HttpReply reply(++asked == 1 ? 200 : 429, "x");
        reply.headers.emplace_back("Retry-After", "30");
        return reply;
    });
    auto body = [&](Client& client) -> async::Task<void> {
        auto first = co_await client.send(get(server));
        BOOST_TEST_REQUIRE(first.has_value(), text_of(first));
        auto second = co_await client.send(get(server));
        BOOST_TEST_REQUIRE(second.has_value(), text_of(second));
        BOOST_TEST(second->status == 429);
    };
    with_client({}, body);
    server.stop();
    BOOST_TEST(asked == 2);
}

BOOST_AUTO_TEST_CASE(what_is_refused_again_and_again_is_told_although_others_are_answered) {
    auto body = [](async::Executor executor) -> async::Task<void> {
        http::Place place(executor, 10);
        auto good = co_await place.wait_for_turn(http::Use::question);
        BOOST_TEST(!place.refused(good, 1)); // nobody has been answered yet
        BOOST_TEST(!place.busy(good, 1, 0ms));
        place.answered(good, 1ms, true);
        auto turn = co_await place.wait_for_turn(http::Use::question);
        BOOST_TEST(place.refused(turn, 1));
        BOOST_TEST(!place.refused(turn, 8));
        BOOST_TEST(place.busy(turn, 1, 0ms));
        BOOST_TEST(!place.busy(turn, 12, 0ms));
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(transfers_and_questions_do_not_wait_for_each_others_turns) {
    auto body = [](async::Executor executor) -> async::Task<void> {
        http::Place place(executor, 20);
        std::vector<http::Place::Turn> turns;
        for (int i = 0; i < 16; ++i) turns.push_back(co_await place.wait_for_turn(http::Use::transfer));
        for (int i = 0; i < 4; ++i) turns.push_back(co_await place.wait_for_turn(http::Use::question));
        BOOST_TEST(turns.size() == 20); // and all of them are not more than allowed
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_SUITE_END()
