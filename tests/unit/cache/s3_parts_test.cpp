#include "cache/s3_parts.hpp"
#include "s3_parts_scene.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::S3Parts;

namespace {

constexpr std::size_t part_size = 100'000;

struct Fixture : S3PartsScene {
    std::string content = make_sample("parts", 5 * part_size).nar; // so six parts, the last of them small

    http::Request put() {
        http::Request request(http::Method::put, url());
        request.headers.push_back({"Content-Type", "application/x-nix-nar"});
        request.body_file = temporary.path() / "x.nar";
        BOOST_REQUIRE(write_file_atomically(request.body_file, content));
        return request;
    }
    void with_parts(const std::function<Task<void>(S3Parts&)>& body) {
        with_way([&](Way& way) -> Task<void> {
            S3Parts::Settings settings;
            settings.base = way.base;
            settings.notes = notes;
            settings.larger_than = settings.part_size = part_size;
            settings.retry = way.retry;
            S3Parts parts(way.executor, way.signing, way.workers, settings);
            co_await body(parts);
        });
    }
    Sent send() {
        std::optional<Sent> sent;
        auto request = put();
        with_parts([&](S3Parts& parts) -> Task<void> { sent.emplace(co_await parts.send(request)); });
        return std::move(*sent);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(s3_parts, Fixture)

BOOST_AUTO_TEST_CASE(a_large_file_goes_in_parts_and_a_small_one_whole) {
    auto sent = send();
    BOOST_TEST(sent.has_value(), text_of(sent));
    BOOST_TEST((stored() == content));
    BOOST_TEST(count("PUT", "partNumber=") == 6U);
    BOOST_TEST(backend.open_uploads() == 0U);
    BOOST_TEST(std::filesystem::is_empty(notes));
    content.resize(part_size);
    BOOST_TEST(send().has_value());
    BOOST_TEST((stored() == content));
    BOOST_TEST(count("PUT", "partNumber=") == 6U);
}

BOOST_AUTO_TEST_CASE(a_part_that_is_lost_is_sent_again_by_itself) {
    answer_part("3", S3Backend::error(503, "SlowDown"), 2);
    BOOST_TEST(send().has_value());
    BOOST_TEST((stored() == content));
    BOOST_TEST(count("PUT", "partNumber=") == 8U);
}

BOOST_AUTO_TEST_CASE(a_part_that_is_refused_ends_it_and_leaves_nothing) {
    answer_part("4", S3Backend::error(403, "AccessDenied"));
    auto sent = send();
    BOOST_REQUIRE(!sent);
    BOOST_TEST((sent.error().kind() == FailureKind::auth));
    BOOST_TEST(sent.error().one_line().find("sending part 4 of 6") != std::string::npos, text_of(sent));
    BOOST_TEST(backend.open_uploads() == 0U);
    BOOST_TEST(stored().empty());
}

BOOST_AUTO_TEST_CASE(a_lost_answer_to_complete_is_no_failure) {
    auto asked = lose_answer_to_complete();
    auto sent = send();
    BOOST_TEST(sent.has_value(), text_of(sent));
    BOOST_TEST((stored() == content));
    BOOST_TEST(*asked == 2);
}

BOOST_AUTO_TEST_CASE(an_error_in_an_answer_of_200_is_one) {
    int asked = 0;
    backend.intercept([&](const HttpRequest& request) -> Reply {
        if (!is_complete(request) || ++asked > 1) return {};
        return S3Backend::error(200, "InternalError");
    });
    BOOST_TEST(send().has_value());
    BOOST_TEST(asked == 2);
    backend.intercept([&](const HttpRequest& request) -> Reply {
        if (!is_complete(request)) return {};
        return S3Backend::error(200, "InternalError");
    });
    content += "other"; // what is there is not what was sent
    auto sent = send();
    BOOST_REQUIRE(!sent);
    BOOST_TEST(sent.error().cause().find("InternalError") != std::string::npos, text_of(sent));
    BOOST_TEST(backend.open_uploads() == 0U);
}

BOOST_AUTO_TEST_CASE(a_file_that_came_out_shorter_is_noticed) {
    pretend_to_complete();
    auto sent = send();
    BOOST_REQUIRE(!sent);
    BOOST_TEST(sent.error().cause().find("to 4 bytes instead of") != std::string::npos, text_of(sent));
}

BOOST_AUTO_TEST_CASE(what_is_cancelled_is_cleared_away_when_asked_for) {
    using namespace boost::asio::experimental::awaitable_operators;
    auto request = put();
    with_parts([&](S3Parts& parts) -> Task<void> {
        auto executor = co_await boost::asio::this_coro::executor;
        async::Signal has_come(executor);
        backend.intercept([&](const HttpRequest& came) -> Reply {
            if (!is_part(came, "2")) return {};
            boost::asio::post(executor, [&has_come] { has_come.notify_all(); });
            HttpReply reply(200);
            reply.faults.never_answer = true;
            return reply;
        });
        auto first = co_await (parts.send(request) || has_come.wait());
        BOOST_TEST(first.index() == 1U);
        BOOST_TEST(backend.open_uploads() == 1U);
        co_await parts.abort_cut_off();
        BOOST_TEST(backend.open_uploads() == 0U);
    });
}

BOOST_AUTO_TEST_CASE(what_a_killed_run_of_this_machine_left_is_cleared_away_at_once) {
    std::filesystem::create_directory(notes);
    auto of_others = notes / "s3-others.upload";
    BOOST_REQUIRE(write_file_atomically(of_others, "https://other.example/nix/nar/y.nar\nid\n"));
    BOOST_REQUIRE(write_file_atomically(notes / "s3-killed.upload", url() + "\nupload/7\n"));
    std::size_t aborted = 0;
    with_parts([&](S3Parts& parts) -> Task<void> { aborted = co_await parts.abort_left(); });
    BOOST_TEST(aborted == 1U);
    BOOST_TEST(count("DELETE", "/nix/nar/x.nar?uploadId=upload%2F7") == 1U);
    BOOST_TEST(std::filesystem::exists(of_others));
    BOOST_TEST(!std::filesystem::exists(notes / "s3-killed.upload"));
}

BOOST_AUTO_TEST_CASE(one_that_was_killed_before_it_knew_the_name_of_its_upload_is_found_by_its_file) {
    backend.intercept([](const HttpRequest& request) -> Reply {
        if (request.method != "GET") return {};
        return HttpReply(200, "<L><Upload><Key>nar/x.nar</Key><UploadId>upload/7</UploadId></Upload>"
                              "<Upload><Key>nar/y.nar</Key><UploadId>upload/8</UploadId></Upload></L>");
    });
    std::filesystem::create_directory(notes);
    BOOST_REQUIRE(write_file_atomically(notes / "s3-killed.upload", url() + "\n"));
    std::size_t aborted = 0;
    with_parts([&](S3Parts& parts) -> Task<void> { aborted = co_await parts.abort_left(); });
    BOOST_TEST(aborted == 1U);
    BOOST_TEST(count("DELETE", "/nix/nar/x.nar?uploadId=upload%2F7") == 1U);
    BOOST_TEST(count("GET", "prefix=nar%2Fx.nar&uploads=") == 1U);
    BOOST_TEST(std::filesystem::is_empty(notes));
}

BOOST_AUTO_TEST_CASE(an_upload_that_somebody_clears_away_may_begin_anew) {
    answer_part("5", S3Backend::error(404, "NoSuchUpload"));
    auto sent = send();
    BOOST_REQUIRE(!sent);
    BOOST_TEST(sent.error().can_heal(), text_of(sent));
    BOOST_TEST(count("PUT", "partNumber=5&") == 1U);
}

BOOST_AUTO_TEST_CASE(what_runs_of_long_ago_left_is_cleared_away) {
    backend.intercept([](const HttpRequest& request) -> Reply {
        if (request.method != "GET") return {};
        auto upload = [](const std::string& key, const std::string& id, const std::string& when) {
            return "<Upload><Key>" + key + "</Key><UploadId>" + id + "</UploadId><Initiated>" + when +
                   "</Initiated></Upload>";
        };
        return HttpReply(200, "<L>" + upload("nar/a.nar.zst", "old/1", "2020-01-01T00:00:00.000Z") +
                                  upload("nar/b.nar.zst", "new/2", "2199-01-01T00:00:00.000Z") +
                                  upload("film.mkv", "other/3", "2020-01-01T00:00:00.000Z") + "</L>");
    });
    std::size_t aborted = 0;
    with_parts([&](S3Parts& parts) -> Task<void> { aborted = co_await parts.abort_left(); });
    BOOST_TEST(aborted == 1U);
    BOOST_TEST(count("DELETE", "/nix/nar/a.nar.zst?uploadId=old%2F1") == 1U);
    BOOST_TEST(count("DELETE", "") == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
