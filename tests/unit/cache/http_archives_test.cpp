// Archives on servers that each answer in their own way: what can be fetched is found to be there, and nothing else.
#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::NarState;

namespace {

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-archives").value();
    HttpBackend backend{temporary.path()};

    std::vector<cache::NarRemark> remarks; // of the last look

    // Pushes a path, lets `around` change what the server is like, then looks at the archive. `bytes` are those of the
    // archive, which the server keeps under its name.
    NarState look(const std::function<void(const nix::NarInfo& info, const std::string& bytes)>& around) {
        auto state = NarState::there;
        backend.intercept({});
        auto body = [&](Desk& desk) -> Task<void> {
            auto sample = make_sample("looked-at", 5000);
            auto pushed = co_await push(desk.cache, desk.budget, sample);
            BOOST_REQUIRE_MESSAGE(pushed.has_value(), (pushed ? "" : pushed.error().one_line()));
            auto info = (co_await desk.cache.get_narinfo(sample.info.path)).value().value();
            around(info, backend.files().at("/" + info.url));
            auto looked = co_await desk.cache.look_at_nar(info);
            BOOST_REQUIRE_MESSAGE(looked.has_value(), (looked ? "" : looked.error().one_line()));
            state = looked->state;
            remarks = looked->remarks;
        };
        auto settings = desk_settings(backend, temporary.path());
        settings.is_hasty = true;
        at_desk(settings, body);
        return state;
    }
    void answer_archives(std::function<std::optional<HttpReply>(const HttpRequest&)> reply) {
        backend.intercept([=](const HttpRequest& request) -> std::optional<HttpReply> {
            if (!request.path().starts_with("/nar/") || request.method == "PUT") return {};
            return reply(request);
        });
    }
};

HttpReply range_of(const HttpRequest& request, const std::string& bytes, const std::string& total) {
    BOOST_TEST(request.header("Range").starts_with("bytes=0-"));
    HttpReply reply(206, bytes.substr(0, 24));
    reply.headers.emplace_back("Content-Range", "bytes 0-23/" + total);
    return reply;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_archives, Fixture)

BOOST_AUTO_TEST_CASE(a_head_that_is_refused_empty_or_wrong_says_nothing) {
    for (int head : {0, 200, 400, 403, 404, 405, 500, 501}) {
        auto around = [&](const nix::NarInfo&, const std::string&) {
            answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
                if (request.method != "HEAD") return {};
                HttpReply reply(head == 0 ? 200 : head);
                if (head == 0) reply.faults.content_length = 0;
                if (head == 200) reply.faults.content_length = 17;
                return reply;
            });
        };
        BOOST_TEST((look(around) == NarState::there), head);
    }
    auto hangs_up = [&](const nix::NarInfo&, const std::string&) {
        answer_archives([](const HttpRequest& request) -> std::optional<HttpReply> {
            HttpReply reply;
            reply.faults.hang_up = true;
            return request.method == "HEAD" ? std::optional(reply) : std::nullopt;
        });
    };
    BOOST_TEST((look(hangs_up) == NarState::there));
}

BOOST_AUTO_TEST_CASE(gone_is_what_get_says) {
    for (int status : {403, 404, 410}) {
        auto around = [&](const nix::NarInfo&, const std::string&) {
            answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
                return HttpReply(request.method == "HEAD" ? 501 : status);
            });
        };
        BOOST_TEST((look(around) == NarState::gone), status);
    }
}

BOOST_AUTO_TEST_CASE(half_an_archive_is_none) {
    auto cut = [&](const nix::NarInfo& info, const std::string& bytes) {
        backend.put("/" + info.url, bytes.substr(0, bytes.size() / 2));
    };
    BOOST_TEST((look(cut) == NarState::wrong_size));
    auto empty = [&](const nix::NarInfo& info, const std::string&) { backend.put("/" + info.url, ""); };
    BOOST_TEST((look(empty) == NarState::wrong_size));
    auto cut_behind_ranges = [&](const nix::NarInfo&, const std::string& bytes) {
        answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
            if (request.method == "HEAD") return HttpReply(405);
            return range_of(request, bytes, std::to_string(bytes.size() / 2));
        });
    };
    BOOST_TEST((look(cut_behind_ranges) == NarState::wrong_size));
    auto nothing_to_give = [&](const nix::NarInfo&, const std::string&) {
        answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
            HttpReply reply(request.method == "HEAD" ? 405 : 416);
            reply.headers.emplace_back("Content-Range", "bytes */0");
            return reply;
        });
    };
    BOOST_TEST((look(nothing_to_give) == NarState::wrong_size));
}

BOOST_AUTO_TEST_CASE(a_range_tells_the_length_and_so_does_an_answer_that_is_not_read_to_its_end) {
    for (auto total : {"true", "*"}) {
        auto ranges = [&](const nix::NarInfo&, const std::string& bytes) {
            auto length = total == std::string("true") ? std::to_string(bytes.size()) : total;
            answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
                return request.method == "HEAD" ? HttpReply(405) : range_of(request, bytes, length);
            });
        };
        BOOST_TEST((look(ranges) == NarState::there), total);
    }
    auto endless = [&](const nix::NarInfo&, const std::string& bytes) {
        answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
            if (request.method == "HEAD") return HttpReply(403);
            HttpReply reply(200, bytes);
            reply.faults.stall_after = 2000; // all that comes of it, ever
            return reply;
        });
    };
    BOOST_TEST((look(endless) == NarState::there));
}

BOOST_AUTO_TEST_CASE(a_server_that_refuses_ranges_is_asked_for_all_and_listened_to_for_the_beginning) {
    for (int refusal : {400, 405, 406, 501}) {
        auto around = [&](const nix::NarInfo&, const std::string& bytes) {
            answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
                if (request.method == "HEAD") return HttpReply(405);
                return request.header("Range").empty() ? HttpReply(200, bytes) : HttpReply(refusal);
            });
        };
        BOOST_TEST((look(around) == NarState::there), refusal);
        auto always = [&](const nix::NarInfo&, const std::string&) {
            answer_archives([=](const HttpRequest&) -> std::optional<HttpReply> { return HttpReply(refusal); });
        };
        if (refusal < 500) BOOST_TEST((look(always) == NarState::gone), refusal);
    }
}

// To Nix (2.8, 2.26 and 2.34) the first two are errors, and the others empty files.
BOOST_AUTO_TEST_CASE(what_is_only_accepted_or_was_changed_on_the_way_or_has_no_content_is_no_file) {
    for (int status : {202, 203, 204, 205}) {
        auto around = [&](const nix::NarInfo&, const std::string& bytes) {
            answer_archives([=](const HttpRequest&) -> std::optional<HttpReply> { return HttpReply(status, bytes); });
        };
        BOOST_TEST((look(around) == NarState::gone), status);
    }
}

BOOST_AUTO_TEST_CASE(an_archive_whose_encoding_nobody_knows_cannot_be_had) {
    auto around = [&](const nix::NarInfo&, const std::string& bytes) {
        answer_archives([=](const HttpRequest&) -> std::optional<HttpReply> {
            HttpReply reply(200, bytes);
            reply.headers.emplace_back("Content-Encoding", "aws-chunked");
            return reply;
        });
    };
    BOOST_TEST((look(around) == NarState::gone));
}

BOOST_AUTO_TEST_CASE(once_ranges_are_offered_nothing_else_is_asked_for) {
    at_desk(desk_settings(backend, temporary.path()), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("ranges", 5000);
        auto pushed = co_await push(desk.cache, desk.budget, sample);
        BOOST_REQUIRE(pushed.has_value());
        auto info = (co_await desk.cache.get_narinfo(sample.info.path)).value().value();
        auto bytes = backend.files().at("/" + info.url);
        answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
            if (request.method == "GET") return range_of(request, bytes, std::to_string(bytes.size()));
            HttpReply reply(200, bytes);
            reply.headers.emplace_back("Accept-Ranges", "bytes");
            return reply;
        });
        auto before = backend.server().log().size();
        for (int i = 0; i < 5; ++i) {
            auto looked = co_await desk.cache.look_at_nar(info);
            BOOST_TEST((looked && looked->state == NarState::there));
        }
        BOOST_TEST(backend.server().log().size() == before + 5);
        BOOST_TEST(backend.server().log().back().method == "GET");
    });
}

BOOST_AUTO_TEST_CASE(an_archive_that_is_encoded_on_its_way_has_no_length) {
    auto around = [&](const nix::NarInfo&, const std::string& bytes) {
        auto compressor = codec::make_compressor({.method = codec::Compression::gzip}).value();
        std::string packed;
        BOOST_TEST((compressor->write(bytes, packed).has_value() && compressor->finish(packed).has_value()));
        answer_archives([=](const HttpRequest&) -> std::optional<HttpReply> {
            HttpReply reply(200, packed);
            reply.headers.emplace_back("Content-Encoding", "gzip");
            return reply;
        });
    };
    BOOST_TEST((look(around) == NarState::there));
}

// Nix before 2.22 takes any Content-Encoding as one that hides compression to undo, and undoes that of the archive.
BOOST_AUTO_TEST_CASE(an_archive_with_the_encoding_identity_has_a_length_and_is_remarked_on) {
    for (bool refuses_head : {false, true}) {
        auto around = [&](const nix::NarInfo&, const std::string& bytes) {
            answer_archives([=](const HttpRequest& request) -> std::optional<HttpReply> {
                if (request.method == "HEAD" && refuses_head) return HttpReply(405);
                HttpReply reply(200, bytes);
                reply.headers.emplace_back("Content-Encoding", "identity");
                return reply;
            });
        };
        BOOST_TEST((look(around) == NarState::there));
        BOOST_TEST((remarks == std::vector{cache::NarRemark::twice_encoded}));
    }
}

BOOST_AUTO_TEST_CASE(an_answer_without_content_is_no_archive) {
    for (int status : {200, 204}) {
        auto around = [&](const nix::NarInfo&, const std::string&) {
            answer_archives([=](const HttpRequest&) -> std::optional<HttpReply> {
                HttpReply reply(status);
                reply.until_close = status == 200; // no length
                return reply;
            });
        };
        BOOST_TEST((look(around) == (status == 200 ? NarState::wrong_size : NarState::gone)), status);
    }
}

// An object store signs a URL for one method, and refuses a login that it did not ask for.
BOOST_AUTO_TEST_CASE(a_url_that_is_signed_for_get_is_followed_with_get) {
    std::string archive;
    HttpServer store([&](const HttpRequest& request) {
        if (request.method != "GET" || !request.header("Authorization").empty()) return HttpReply(403, "<Error/>");
        return HttpReply(200, archive);
    });
    auto redirect = [&](const nix::NarInfo&, const std::string& bytes) {
        archive = bytes;
        answer_archives([=, &store](const HttpRequest&) -> std::optional<HttpReply> {
            HttpReply reply(307);
            reply.headers.emplace_back("Location", store.url() + "/object?X-Sig=abc");
            return reply;
        });
    };
    BOOST_TEST((look(redirect) == NarState::there));
    auto half = [&](const nix::NarInfo& info, const std::string& bytes) {
        redirect(info, bytes);
        archive = bytes.substr(0, 100);
    };
    BOOST_TEST((look(half) == NarState::wrong_size));
}

BOOST_AUTO_TEST_CASE(a_page_in_the_place_of_an_archive_is_none) {
    auto around = [&](const nix::NarInfo&, const std::string&) {
        answer_archives([](const HttpRequest&) -> std::optional<HttpReply> {
            HttpReply reply(200, "<!DOCTYPE html><html>Welcome to the hotel</html>");
            reply.chunked = true;
            return reply;
        });
    };
    BOOST_TEST((look(around) == NarState::unreadable));
}

BOOST_AUTO_TEST_SUITE_END()
