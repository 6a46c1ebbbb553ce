// Archives that go to a bucket in parts while they are still being made.
#include "cache/file_stream.hpp"
#include "cache/s3_multipart.hpp"
#include "cache/s3_part_stream.hpp"
#include "s3_parts_scene.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::PublishOutcome;
using cache::S3PartStream;

namespace {

constexpr std::size_t piece_size = 100'000;

struct Fixture : S3PartsScene {
    std::string content = make_sample("stream", 9 * piece_size).nar; // so ten pieces, the last of them small

    struct Bench {
        S3PartStream& stream;
        async::Limiter& budget;
    };
    void with_stream(const std::function<Task<void>(Bench&)>& body) {
        with_way([&](Way& way) -> Task<void> {
            async::Limiter budget(way.executor, 100 * piece_size);
            cache::S3Multipart multipart(way.signing, way.workers, way.retry, notes);
            http::Request put(http::Method::put, url());
            S3PartStream stream(way.executor, multipart, std::move(put));
            Bench bench{stream, budget};
            co_await body(bench);
            BOOST_TEST(budget.in_use() == 0U);
        });
    }
    Task<bool> write_pieces(Bench& bench, std::size_t count) {
        for (std::size_t i = 0; i < count && i * piece_size < content.size(); ++i) {
            auto bytes = content.substr(i * piece_size, piece_size);
            auto permit = co_await bench.budget.acquire(bytes.size());
            cache::Chunk chunk(std::move(bytes), std::move(permit));
            if (!co_await bench.stream.write(std::move(chunk))) co_return false;
            // Those in flight, and the one that may be written next.
            BOOST_TEST(bench.budget.in_use() <= S3PartStream::parts_in_flight * piece_size);
        }
        co_return true;
    }
    Sent send() {
        std::optional<Sent> answer;
        with_stream([&](Bench& bench) -> Task<void> {
            static_cast<void>(co_await write_pieces(bench, content.size()));
            answer.emplace(co_await bench.stream.finish());
        });
        return std::move(*answer);
    }
    bool leaves_nothing() {
        return backend.open_uploads() == 0U && stored().empty() && std::filesystem::is_empty(notes);
    }
};

// In pieces as the pipeline makes them, uncompressed, and a second time as a whole if that is wanted.
class Pusher {
  public:
    Pusher(Desk& desk, const Sample& sample) : desk_(desk), sample_(sample) {}

    // `in_between` is called when the last piece has been taken, and before the end is known.
    Task<Result<PublishOutcome>> push(std::function<void()> in_between = [] {}) {
        auto sent = co_await send(true, in_between);
        was_sent_twice = !sent && upload_->is_wanted_whole();
        if (was_sent_twice) sent = co_await send(false, in_between);
        if (!sent) {
            co_await upload_->abort();
            co_return std::move(sent).error();
        }
        co_return co_await upload_->publish(sample_.info);
    }
    bool was_sent_twice = false;

  private:
    Task<Result<void>> send(bool streamed, std::function<void()>& in_between) {
        cache::UploadRequest request(sample_.info.path, sample_.info.nar_size, codec::Compression::none);
        if (streamed) request.streamed_nar = sample_.info.nar_hash;
        CO_TRY(started, co_await desk_.cache.begin_upload(std::move(request)));
        upload_ = std::move(started);
        for (std::size_t at = 0; at < sample_.nar.size(); at += chunk_size) {
            auto bytes = sample_.nar.substr(at, chunk_size);
            auto permit = co_await desk_.budget.acquire(bytes.size());
            cache::Chunk chunk(std::move(bytes), std::move(permit));
            CO_TRY_VOID(co_await upload_->write(std::move(chunk)));
        }
        in_between();
        auto hash = sample_.info.nar_hash;
        co_return co_await upload_->finish(hash, sample_.nar.size());
    }

    Desk& desk_;
    const Sample& sample_;
    std::unique_ptr<cache::Upload> upload_;
};

struct CacheFixture : Fixture {
    std::string url_of(const Sample& sample) {
        auto text = backend.files().at("/" + std::string(sample.info.path.hash_part()) + ".narinfo");
        return nix::NarInfo::parse(text).value().url;
    }
    bool push_well(
        const Sample& sample, std::function<void()> in_between = [] {}) {
        bool was_sent_twice = false;
        auto settings = desk_settings(backend, temporary.path());
        settings.retry.budget = std::chrono::milliseconds(300);
        at_desk(settings, [&](Desk& desk) -> Task<void> {
            Pusher pusher(desk, sample);
            auto outcome = co_await pusher.push(in_between);
            BOOST_TEST((outcome && *outcome == PublishOutcome::published), (outcome ? "" : outcome.error().one_line()));
            was_sent_twice = pusher.was_sent_twice;
        });
        BOOST_TEST((backend.files().at("/" + url_of(sample)) == sample.nar));
        BOOST_TEST(backend.open_uploads() == 0U);
        return was_sent_twice;
    }
    std::string name_as_whole(const Sample& sample) const {
        return "nar/" + sample.info.nar_hash.to_nix32() + ".nar"; // uncompressed, so it is the file's hash, too
    }
};

Sample large(const std::string& name) { return make_sample(name, 17 << 20); }

} // namespace

BOOST_FIXTURE_TEST_SUITE(s3_stream, Fixture)

BOOST_AUTO_TEST_CASE(pieces_are_parts_and_become_the_file) {
    auto sent = send();
    BOOST_TEST(sent.has_value(), text_of(sent));
    BOOST_TEST((stored() == content));
    BOOST_TEST(count("PUT", "partNumber=") == 10U);
    BOOST_TEST(backend.open_uploads() == 0U);
    BOOST_TEST(std::filesystem::is_empty(notes));
}

BOOST_AUTO_TEST_CASE(they_are_sent_before_the_end_is_known_and_are_no_file_before) {
    with_stream([&](Bench& bench) -> Task<void> {
        bool goes_on = co_await write_pieces(bench, S3PartStream::parts_in_flight + 2);
        BOOST_TEST(goes_on);
        BOOST_TEST(count("PUT", "partNumber=") >= 2U);
        BOOST_TEST(stored().empty());
        co_await bench.stream.abort();
    });
    BOOST_TEST(leaves_nothing());
}

BOOST_AUTO_TEST_CASE(a_part_that_is_lost_is_sent_again_by_itself) {
    answer_part("3", S3Backend::error(503, "SlowDown"), 2);
    auto sent = send();
    BOOST_TEST(sent.has_value(), text_of(sent));
    BOOST_TEST((stored() == content));
    BOOST_TEST(count("PUT", "partNumber=") == 12U);
}

BOOST_AUTO_TEST_CASE(a_part_that_is_refused_ends_it_and_leaves_nothing) {
    answer_part("4", S3Backend::error(403, "AccessDenied"));
    auto sent = send();
    BOOST_REQUIRE(!sent);
    BOOST_TEST((sent.error().kind() == FailureKind::auth));
    BOOST_TEST(sent.error().one_line().find("sending part 4") != std::string::npos, text_of(sent));
    BOOST_TEST(leaves_nothing());
}

BOOST_AUTO_TEST_CASE(a_lost_answer_to_complete_is_no_failure) {
    auto asked = lose_answer_to_complete();
    auto sent = send();
    BOOST_TEST(sent.has_value(), text_of(sent));
    BOOST_TEST((stored() == content));
    BOOST_TEST(*asked == 2);
}

BOOST_AUTO_TEST_CASE(a_file_that_came_out_shorter_is_noticed) {
    pretend_to_complete();
    auto sent = send();
    BOOST_REQUIRE(!sent);
    BOOST_TEST(sent.error().cause().find("to 4 bytes instead of") != std::string::npos, text_of(sent));
    BOOST_TEST(backend.open_uploads() == 0U);
}

BOOST_AUTO_TEST_CASE(one_that_somebody_clears_away_may_begin_anew) {
    answer_part("5", S3Backend::error(404, "NoSuchUpload"));
    auto sent = send();
    BOOST_REQUIRE(!sent);
    BOOST_TEST(sent.error().can_heal(), text_of(sent));
    BOOST_TEST(count("PUT", "partNumber=5&") == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(s3_stream_cache, CacheFixture)

BOOST_AUTO_TEST_CASE(a_large_archive_is_sent_while_it_is_made_under_a_name_of_its_own) {
    auto sample = large("streamed");
    std::size_t before_the_end = 0;
    bool was_sent_twice = push_well(sample, [&] { before_the_end = count("PUT", "partNumber="); });
    BOOST_TEST(before_the_end >= 1U);
    BOOST_TEST(!was_sent_twice);
    BOOST_TEST(url_of(sample).starts_with("nar/" + sample.info.nar_hash.to_nix32() + "-"), url_of(sample));
    BOOST_TEST(count("PUT", "partNumber=") == 4U);
    BOOST_TEST(count("PUT", name_as_whole(sample)) == 0U);
}

BOOST_AUTO_TEST_CASE(what_a_spool_can_hold_takes_one_request_and_is_named_by_its_hash) {
    auto sample = make_sample("small", 6 << 20);
    BOOST_TEST(!push_well(sample));
    BOOST_TEST(url_of(sample) == name_as_whole(sample));
    BOOST_TEST(count("POST", "uploads=") == 0U);
}

BOOST_AUTO_TEST_CASE(where_there_are_no_parts_it_goes_as_a_whole) {
    backend.intercept([](const HttpRequest& request) -> Reply {
        if (request.target.find("uploads=") == std::string::npos || request.method != "POST") return {};
        return S3Backend::error(501, "NotImplemented");
    });
    auto sample = large("whole");
    BOOST_TEST(push_well(sample));
    BOOST_TEST(url_of(sample) == name_as_whole(sample));
}

BOOST_AUTO_TEST_CASE(one_that_is_refused_is_not_sent_a_second_time) {
    answer_part("2", S3Backend::error(403, "AccessDenied"));
    at_desk(desk_settings(backend, temporary.path()), [&](Desk& desk) -> Task<void> {
        auto sample = large("refused");
        Pusher pusher(desk, sample);
        auto outcome = co_await pusher.push();
        BOOST_REQUIRE(!outcome);
        BOOST_TEST((outcome.error().kind() == FailureKind::auth));
        BOOST_TEST(!pusher.was_sent_twice);
    });
    BOOST_TEST(backend.open_uploads() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
