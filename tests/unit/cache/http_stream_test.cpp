// Archives that are sent to a plain cache while they are still being compressed.
#include "cache/http_upload.hpp"
#include "cache/narinfo_record.hpp"
#include "cache/put_stream.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::PublishOutcome;

namespace {

using Reply = std::optional<HttpReply>;

constexpr std::size_t piece_size = 256 * 1024;

// As the pipeline sends it: once as it comes, and, if that is not what the cache wants, once more as a whole.
class Sender {
  public:
    Sender(Desk& desk, Sample sample) : desk_(desk), sample_(std::move(sample)) {
        codec::CompressionSettings settings;
        settings.level = 1;
        auto compressor = codec::make_compressor(settings).value();
        compressor->write(sample_.nar, file_).has_value();
        compressor->finish(file_).has_value();
    }

    Task<Result<PublishOutcome>> push() {
        CO_TRY_VOID(co_await upload());
        co_return co_await publish();
    }
    Task<Result<void>> upload() {
        auto sent = co_await send(true);
        is_sent_twice_ = !sent && upload_ && upload_->is_wanted_whole();
        if (is_sent_twice_) sent = co_await send(false);
        if (!sent && upload_) co_await upload_->abort();
        co_return sent;
    }
    Task<Result<PublishOutcome>> publish() { co_return co_await upload_->publish(sample_.info); }
    // Only so many pieces, and then nothing more.
    Task<void> break_off(std::size_t pieces) {
        upload_ = (co_await begin(true)).value();
        for (std::size_t i = 0; i < pieces; ++i) {
            auto written = co_await write_piece(i * piece_size);
            BOOST_TEST(written.has_value());
        }
        co_await upload_->abort();
    }

    bool is_sent_twice() const { return is_sent_twice_; }
    const std::string& file() const { return file_; }

  private:
    Task<Result<std::unique_ptr<cache::Upload>>> begin(bool streamed) {
        cache::UploadRequest request(sample_.info.path, sample_.info.nar_size, codec::Compression::zstd);
        if (streamed) request.streamed_nar = sample_.info.nar_hash;
        co_return co_await desk_.cache.begin_upload(std::move(request));
    }
    Task<Result<void>> write_piece(std::size_t at) {
        auto bytes = file_.substr(at, piece_size);
        auto permit = co_await desk_.budget.acquire(bytes.size());
        cache::Chunk chunk(std::move(bytes), std::move(permit));
        co_return co_await upload_->write(std::move(chunk));
    }
    Task<Result<void>> send(bool streamed) {
        CO_TRY(started, co_await begin(streamed));
        upload_ = std::move(started);
        for (std::size_t at = 0; at < file_.size(); at += piece_size) CO_TRY_VOID(co_await write_piece(at));
        auto hash = codec::hash_bytes(codec::HashAlgorithm::sha256, file_);
        co_return co_await upload_->finish(hash, file_.size());
    }

    Desk& desk_;
    Sample sample_;
    std::string file_;
    std::unique_ptr<cache::Upload> upload_;
    bool is_sent_twice_ = false;
};

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-stream").value();
    HttpBackend backend{temporary.path()};
    bool was_sent_twice = false;

    void at(const Body& body) {
        auto settings = desk_settings(backend, temporary.path());
        settings.retry.budget = std::chrono::milliseconds(300);
        at_desk(settings, body);
    }
    Task<void> push_well(Desk& desk, Sample sample) {
        Sender sender(desk, sample);
        auto outcome = co_await sender.push();
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), (outcome ? "" : outcome.error().one_line()));
        was_sent_twice = sender.is_sent_twice();
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_REQUIRE((info && *info));
        BOOST_TEST((**info).file_size.value_or(0) == sender.file().size());
        auto checked = co_await desk.cache.check_nar(**info);
        BOOST_TEST((checked && checked->empty()), (checked ? "" : checked.error().one_line()));
    }
    std::string url_of(const Sample& sample) const {
        auto text = backend.files().at("/" + cache::narinfo_name(sample.info.path));
        return nix::NarInfo::parse(text).value().url;
    }
    std::string name_as_whole(const Sample& sample) const {
        auto text = backend.files().at("/" + cache::narinfo_name(sample.info.path));
        return "nar/" + nix::NarInfo::parse(text).value().file_hash->to_nix32() + ".nar.zst";
    }
    std::size_t count(const std::string& method, const std::string& part, bool chunked = false) {
        std::size_t found = 0;
        for (const auto& request : backend.server().log()) {
            bool matches = request.method == method && request.target.find(part) != std::string::npos;
            if (matches && (!chunked || request.header("Transfer-Encoding") == "chunked")) ++found;
        }
        return found;
    }
    // What the server says to a file without a length.
    void answer_chunks(std::function<Reply(const HttpRequest&)> answer) {
        backend.intercept([answer = std::move(answer)](const HttpRequest& request) -> Reply {
            bool is_chunked = request.method == "PUT" && request.header("Transfer-Encoding") == "chunked";
            return is_chunked ? answer(request) : Reply();
        });
    }
};

Sample large(const std::string& name) { return make_sample(name, 3 << 20); }

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_stream, Fixture)

BOOST_AUTO_TEST_CASE(a_large_archive_is_sent_as_it_comes_under_a_name_of_its_own) {
    auto sample = large("streamed");
    at([&](Desk& desk) -> Task<void> {
        co_await push_well(desk, sample);
        auto other = sample; // the same archive
        other.info.path = make_sample("another", 1).info.path;
        co_await push_well(desk, other);
        BOOST_TEST(url_of(sample) != url_of(other));
    });
    BOOST_TEST(!was_sent_twice);
    BOOST_TEST(url_of(sample).starts_with("nar/" + sample.info.nar_hash.to_nix32() + "-"), url_of(sample));
    BOOST_TEST(url_of(sample).ends_with(".nar.zst"));
    BOOST_TEST(count("PUT", "/nar/", true) == 2U);
    BOOST_TEST(count("PUT", "/nar/") == 2U);
}

BOOST_AUTO_TEST_CASE(a_small_one_has_a_length_and_takes_two_requests_after_the_question) {
    auto sample = make_sample("small", 1000);
    at([&](Desk& desk) -> Task<void> {
        // The first ones are asked for a second time, past whatever proxy there may be.
        for (int i = 0; i < 5; ++i) {
            auto earlier = make_sample("earlier" + std::to_string(i), 100);
            auto nobody = co_await desk.cache.get_narinfo(earlier.info.path);
            BOOST_TEST((nobody && !*nobody));
            Sender sender(desk, earlier);
            auto outcome = co_await sender.push();
            BOOST_TEST((outcome && *outcome == PublishOutcome::published));
        }
        auto absent = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((absent && !*absent));
        auto before = backend.server().log().size();
        Sender sender(desk, sample);
        auto outcome = co_await sender.push();
        BOOST_TEST((outcome && *outcome == PublishOutcome::published));
        BOOST_TEST(backend.server().log().size() - before == 2U);
    });
    BOOST_TEST(url_of(sample) == name_as_whole(sample));
    BOOST_TEST(count("PUT", "/nar/", true) == 0U);
}

BOOST_AUTO_TEST_CASE(who_wants_a_length_gets_it_and_is_not_asked_again) {
    for (int status : {411, 501, 400, 404, 405, 307}) {
        answer_chunks([=](const HttpRequest&) -> Reply { return HttpReply(status, "no"); });
        auto before = count("PUT", "/nar/", true);
        auto first = large("first" + std::to_string(status)), second = large("second" + std::to_string(status));
        at([&](Desk& desk) -> Task<void> {
            co_await push_well(desk, first);
            BOOST_TEST(was_sent_twice, status);
            co_await push_well(desk, second);
            BOOST_TEST(!was_sent_twice, status);
        });
        BOOST_TEST(url_of(first) == name_as_whole(first));
        BOOST_TEST(count("PUT", "/nar/", true) - before == 1U);
    }
}

BOOST_AUTO_TEST_CASE(an_outage_is_no_word_about_lengths_until_it_comes_again_and_again) {
    int answers = 0;
    answer_chunks([&](const HttpRequest&) -> Reply { return ++answers == 1 ? Reply(HttpReply(503)) : Reply(); });
    at([&](Desk& desk) -> Task<void> {
        co_await push_well(desk, large("during"));
        BOOST_TEST(was_sent_twice);
        co_await push_well(desk, large("after"));
        BOOST_TEST(!was_sent_twice);
    });
    answer_chunks([](const HttpRequest&) -> Reply { return HttpReply(502); });
    auto before = count("PUT", "/nar/", true);
    at([&](Desk& desk) -> Task<void> {
        for (const auto* name : {"a", "b", "c", "d", "e"}) co_await push_well(desk, large(name));
    });
    BOOST_TEST(count("PUT", "/nar/", true) - before == 3U);
}

BOOST_AUTO_TEST_CASE(what_is_final_is_said_once) {
    for (int status : {413, 507}) {
        answer_chunks([=](const HttpRequest&) -> Reply { return HttpReply(status, "no"); });
        auto before = count("PUT", "/nar/");
        at([&](Desk& desk) -> Task<void> {
            Sender sender(desk, large("refused" + std::to_string(status)));
            auto outcome = co_await sender.push();
            BOOST_REQUIRE(!outcome);
            BOOST_TEST(outcome.error().http_status() == status);
        });
        BOOST_TEST(count("PUT", "/nar/") - before == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_cut_one_that_the_server_takes_is_never_published) {
    std::map<std::string, std::string> kept;
    // It says yes and keeps a half; keeps nothing; keeps the framing as well.
    for (int kind : {0, 1, 2}) {
        backend.intercept([&kept, kind](const HttpRequest& request) -> Reply {
            auto found = kept.find(request.path());
            if (found != kept.end()) return HttpReply(200, found->second);
            bool is_chunked = request.method == "PUT" && request.header("Transfer-Encoding") == "chunked";
            if (!is_chunked) return {};
            auto body = request.body;
            if (kind != 1) kept[request.path()] = kind == 0 ? body.substr(0, body.size() / 2) : "100\r\n" + body;
            return HttpReply(201);
        });
        auto sample = large("cut" + std::to_string(kind));
        at([&](Desk& desk) -> Task<void> {
            co_await push_well(desk, sample);
            BOOST_TEST(was_sent_twice);
        });
        BOOST_TEST(url_of(sample) == name_as_whole(sample));
    }
}

BOOST_AUTO_TEST_CASE(a_lost_answer_has_it_sent_anew) {
    answer_chunks([](const HttpRequest&) -> Reply {
        HttpReply reply(201);
        reply.faults.reset_after = 10;
        return reply;
    });
    auto sample = large("lost");
    at([&](Desk& desk) -> Task<void> {
        co_await push_well(desk, sample);
        BOOST_TEST(was_sent_twice);
    });
    BOOST_TEST(url_of(sample) == name_as_whole(sample));
}

BOOST_AUTO_TEST_CASE(what_is_broken_off_arrives_nowhere) {
    at([&](Desk& desk) -> Task<void> {
        Sender sender(desk, large("broken-off"));
        co_await sender.break_off(5);
    });
    for (const auto& [path, content] : backend.files()) BOOST_TEST(!path.starts_with("/nar/"), path);
}

BOOST_AUTO_TEST_CASE(a_stream_gives_back_the_memory_of_what_has_gone_out_and_counts_it) {
    at([&](Desk& desk) -> Task<void> {
        http::Request put(http::Method::put, backend.server().url() + "/nar/direct");
        cache::PutStream stream(desk.executor, desk.client, std::move(put));
        for (int i = 0; i < 20; ++i) {
            auto permit = co_await desk.budget.acquire(100'000);
            cache::Chunk chunk(std::string(100'000, 'x'), std::move(permit));
            bool goes_on = co_await stream.write(std::move(chunk));
            BOOST_TEST(goes_on);
            BOOST_TEST(desk.budget.in_use() <= 300'000U); // one is being sent, one waits, and this one
        }
        auto answer = co_await stream.finish();
        BOOST_TEST((answer && answer->is_success()));
        BOOST_TEST(stream.size() == 2'000'000U);
        BOOST_TEST(desk.budget.in_use() == 0U);
    });
    BOOST_TEST(backend.files().at("/nar/direct").size() == 2'000'000U);
}

BOOST_AUTO_TEST_CASE(two_who_push_the_same_at_once_do_not_write_one_file) {
    auto sample = large("race");
    at([&](Desk& desk) -> Task<void> {
        Sender one(desk, sample), other(desk, sample);
        for (auto* sender : {&one, &other}) {
            auto sent = co_await sender->upload();
            BOOST_TEST(sent.has_value());
        }
        auto first = co_await one.publish();
        auto second = co_await other.publish();
        BOOST_TEST((first && *first == PublishOutcome::published));
        BOOST_TEST((second && *second == PublishOutcome::already_there));
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        auto checked = co_await desk.cache.check_nar(**info);
        BOOST_TEST(checked.has_value());
    });
    BOOST_TEST(count("PUT", "/nar/", true) == 2U);
    std::size_t archives = 0;
    for (const auto& [path, content] : backend.files()) archives += path.starts_with("/nar/");
    BOOST_TEST(archives == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
