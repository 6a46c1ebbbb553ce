#include "cache/nar_look.hpp"
#include "codec/encoding.hpp"
#include "unit/cache/backends.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::PublishOutcome;

namespace {

struct Fixture {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-cachix").value();

    CachixServerSettings server_settings() const { return CachixBackend::settings(temporary.path()); }
    DeskSettings settings(const CachixBackend& backend) const { return desk_settings(backend, temporary.path()); }
};

void check_failure(const Failure& failure, FailureKind kind, std::string_view text) {
    BOOST_TEST((failure.kind() == kind), to_string(failure.kind()) << ": " << failure.one_line());
    BOOST_TEST(failure.one_line().find(text) != std::string::npos, failure.one_line());
}

CachixFault once(std::string match) {
    CachixFault fault;
    fault.match = std::move(match);
    fault.times = 1;
    return fault;
}

Task<void> push_well(Desk& desk, Sample sample) {
    auto outcome = co_await push(desk.cache, desk.budget, std::move(sample));
    BOOST_REQUIRE_MESSAGE(outcome.has_value(), (outcome ? "" : outcome.error().one_line()));
    BOOST_TEST((*outcome == PublishOutcome::published));
}

// Everything that can be asked of a cache, once.
Task<void> use_all(Desk& desk, std::string name) {
    auto sample = make_sample(name, 6 << 20);
    std::vector<nix::StorePath> asked{sample.info.path};
    auto missing = co_await desk.cache.query_missing(std::move(asked));
    BOOST_REQUIRE_MESSAGE(missing.has_value(), (missing ? "" : missing.error().one_line()));
    BOOST_TEST(missing->size() == 1U);
    co_await push_well(desk, sample);
    auto info = co_await desk.cache.get_narinfo(sample.info.path);
    BOOST_REQUIRE_MESSAGE(info.has_value(), (info ? "" : info.error().one_line()));
    BOOST_REQUIRE(info->has_value());
    auto checked = co_await desk.cache.check_nar(**info);
    BOOST_TEST(checked.has_value(), (checked ? "" : checked.error().one_line()));
    auto pinned = co_await desk.cache.pin("main", sample.info.path, 2);
    BOOST_TEST(pinned.has_value(), (pinned ? "" : pinned.error().one_line()));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(cachix_cache, Fixture)

BOOST_AUTO_TEST_CASE(what_the_cache_is_is_learned_on_opening) {
    auto xz = server_settings();
    xz.preferred = codec::Compression::xz;
    CachixBackend backend(xz);
    auto info = try_open(settings(backend));
    BOOST_REQUIRE(info);
    BOOST_TEST(info->name == "demo");
    BOOST_TEST(info->substituter_url == backend.server().uri());
    BOOST_TEST(info->public_keys.at(0).to_string() == backend.server().public_key().value());
    BOOST_TEST(info->is_public);
    BOOST_TEST((info->preferred_compression == codec::Compression::xz));
    BOOST_TEST(info->priority == 41);
    BOOST_TEST(info->server_signs);
    BOOST_TEST(info->has_pins);
    BOOST_TEST(info->has_bulk_query);
    BOOST_TEST(info->hides_incomplete_closures);
}

BOOST_AUTO_TEST_CASE(an_unknown_cache_and_a_refused_token_are_told_as_what_they_may_be) {
    CachixBackend backend(server_settings());
    auto unknown = settings(backend);
    unknown.uri = "nosuch";
    auto opened = try_open(unknown);
    BOOST_REQUIRE(!opened);
    check_failure(opened.error(), FailureKind::auth, "'nosuch' accepts, or there is no such cache");
    auto refused = settings(backend);
    refused.credentials.token = Secret("geheim");
    refused.credentials.token_source = "the file /run/token";
    opened = try_open(refused);
    BOOST_REQUIRE(!opened);
    check_failure(opened.error(), FailureKind::auth,
                  "the token in the file /run/token is none that the Cachix cache 'demo'");
    BOOST_TEST(render(opened.error()).find("geheim") == std::string::npos);
    BOOST_TEST(opened.error().hint().find("https://app.cachix.org") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(whoever_wants_to_write_is_told_that_there_is_no_token_or_that_it_only_reads) {
    CachixBackend backend(server_settings());
    auto without = settings(backend);
    without.credentials.token.reset();
    without.credentials.passed_over = {"/h/.netrc is no regular file"};
    auto opened = try_open(without);
    BOOST_REQUIRE(!opened);
    check_failure(opened.error(), FailureKind::auth, "there is no token for the Cachix cache 'demo'");
    BOOST_TEST(opened.error().cause().find("/h/.netrc is no regular file") != std::string::npos);
    BOOST_TEST(opened.error().hint().find("cachefill login demo") != std::string::npos);
    auto reading = settings(backend);
    reading.credentials.token = Secret("read-token");
    reading.credentials.token_source = "CACHIX_AUTH_TOKEN_DEMO";
    opened = try_open(reading);
    BOOST_REQUIRE(!opened);
    check_failure(opened.error(), FailureKind::auth, "the token in CACHIX_AUTH_TOKEN_DEMO may only read");
}

BOOST_AUTO_TEST_CASE(a_key_that_was_only_found_is_left_alone_where_it_does_not_fit) {
    CachixBackend backend(server_settings()); // Cachix signs
    auto guessing = settings(backend);
    guessing.credentials.signing_key = nix::SecretKey::generate("");
    BOOST_TEST(!try_open(guessing));
    guessing.credentials.key_is_a_guess = true;
    auto opened = try_open(guessing);
    BOOST_REQUIRE(opened);
    BOOST_TEST(opened->server_signs);
}

BOOST_AUTO_TEST_CASE(a_token_that_may_only_read_is_known_before_and_refused_after) {
    CachixBackend backend(server_settings());
    auto reading = settings(backend);
    reading.credentials.token = Secret("read-token");
    reading.for_writing = false;
    at_desk(reading, [&](Desk& desk) -> Task<void> {
        BOOST_TEST((desk.info.permission == cache::Permission::read));
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("refused", 10));
        BOOST_REQUIRE(!outcome.has_value());
        check_failure(outcome.error(), FailureKind::auth, "'demo'");
    });
    BOOST_TEST(backend.server().published().empty());
}

BOOST_AUTO_TEST_CASE(a_private_cache_is_read_with_the_token_only) {
    auto is_private = server_settings();
    is_private.is_private = true;
    CachixBackend backend(is_private);
    at_desk(settings(backend), [&](Desk& desk) -> Task<void> {
        BOOST_TEST(!desk.info.is_public);
        co_await use_all(desk, "private");
    });
    auto without = settings(backend);
    without.credentials.token.reset();
    auto opened = try_open(without);
    BOOST_REQUIRE(!opened);
    check_failure(opened.error(), FailureKind::auth, "or it is private");
}

BOOST_AUTO_TEST_CASE(a_self_signed_cache_gets_our_signature) {
    auto self_signed = server_settings();
    self_signed.self_signed = true;
    CachixBackend backend(self_signed);
    auto key = nix::SecretKey::generate(""); // the bare spelling that Cachix hands out
    auto ours = settings(backend);
    ours.credentials.signing_key = key;
    check_failure(try_open(ours).error(), FailureKind::usage, "none");
    backend.server().set_public_key(key.public_key().bytes);
    at_desk(ours, [&](Desk& desk) -> Task<void> {
        BOOST_TEST(!desk.info.server_signs);
        auto sample = make_sample("signed-by-us", 10);
        co_await push_well(desk, sample);
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((*info)->is_trusted_by(desk.info.public_keys));
    });
    // Without our key the server refuses, and the reason is guessed at.
    at_desk(settings(backend), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("unsigned", 10));
        BOOST_REQUIRE(!outcome.has_value());
        BOOST_TEST(outcome.error().hint().find("CACHIX_SIGNING_KEY") != std::string::npos, render(outcome.error()));
    });
    BOOST_TEST(backend.server().open_uploads() == 0U);
}

BOOST_AUTO_TEST_CASE(a_key_that_does_not_fit_is_refused_before_anything_is_pushed) {
    CachixBackend backend(server_settings());
    auto wrong = settings(backend);
    wrong.credentials.signing_key = nix::SecretKey::generate("demo.cachix.org-1");
    auto opened = try_open(wrong);
    BOOST_REQUIRE(!opened);
    check_failure(opened.error(), FailureKind::usage, backend.server().public_key().value());
    BOOST_TEST(backend.server().count("POST *") == 0U);
    wrong.for_writing = false; // somebody who only looks needs no fitting key
    BOOST_TEST(try_open(wrong).has_value());
}

BOOST_AUTO_TEST_CASE(a_large_nar_goes_up_in_parts_that_are_asked_for_one_by_one_and_completed_last) {
    CachixBackend backend(server_settings());
    at_desk(settings(backend),
            [](Desk& desk) -> Task<void> { co_await push_well(desk, make_sample("parts", 23 << 20)); });
    auto& server = backend.server();
    BOOST_TEST(server.count("POST */multipart-nar") == 1U);
    BOOST_TEST(server.count("PUT /r2/*") == 5U); // the last one shorter
    BOOST_TEST(server.log().back().path.ends_with("/complete"));
    BOOST_TEST(server.log().back().published == make_sample("parts", 0).info.path.hash_part());
    BOOST_TEST(server.open_uploads() == 0U);
    // "when about to be sent": never more URLs out than parts in flight
    int urls_out = 0;
    for (const auto& entry : server.log()) {
        if (entry.query.find("partNumber") != std::string::npos && entry.port == "api") ++urls_out;
        if (entry.port == "r2") --urls_out;
        BOOST_TEST(urls_out <= 4);
    }
}

BOOST_AUTO_TEST_CASE(an_exact_multiple_of_the_part_size_has_no_empty_last_part) {
    CachixBackend backend(server_settings());
    at_desk(settings(backend), [](Desk& desk) -> Task<void> {
        cache::UploadRequest request(make_sample("exact", 0).info.path, 1, codec::Compression::zstd);
        auto started = (co_await desk.cache.begin_upload(std::move(request))).value();
        std::string all(2 * chunk_size, 'x');
        for (int i = 0; i < 2; ++i) {
            auto permit = co_await desk.budget.acquire(chunk_size);
            cache::Chunk chunk(all.substr(0, chunk_size), std::move(permit));
            auto written = co_await started->write(std::move(chunk));
            BOOST_TEST(written.has_value());
        }
        auto finished = co_await started->finish(codec::hash_bytes(codec::HashAlgorithm::sha256, all), all.size());
        BOOST_TEST(finished.has_value());
        co_await started->abort();
    });
    BOOST_TEST(backend.server().count("PUT /r2/*") == 2U);
    BOOST_TEST(backend.server().open_uploads() == 0U);
}

BOOST_AUTO_TEST_CASE(every_request_survives_one_fault_of_each_kind) {
    CachixBackend backend(server_settings());
    auto hasty = settings(backend);
    hasty.is_hasty = true;
    hasty.retry.budget = std::chrono::seconds(60);
    std::vector<std::pair<std::string, CachixFault>> kinds;
    auto kind = [&](const std::string& name) -> CachixFault& {
        kinds.emplace_back(name, once(""));
        return kinds.back().second;
    };
    kind("unavailable").status = 503;
    kind("internal error").status = 500;
    kind("bad gateway").status = 502;
    kind("too many").status = 429;
    kind("reset").http.reset = true;
    kind("hang up").http.hang_up = true;
    kind("silence").http.never_answer = true;
    kind("cut head").http.reset_after = 20;
    kind("stall").http.stall_after = 30;
    kind("truncated").http.truncate_body = 1;
    kind("lost").lose_reply = true;
    // `complete` first, or the rule for parts' URLs would act on it.
    const std::vector<std::string> requests{"GET /api/v1/cache/demo", "POST */narinfo",         "POST */multipart-nar",
                                            "POST */complete",        "POST */multipart-nar/*", "PUT /r2/*",
                                            "GET /c/demo/*.narinfo",  "GET /c/demo/*.zst",      "POST */pin"};
    int round = 0;
    for (const auto& [name, fault] : kinds) {
        bool is_silent = fault.http.never_answer || fault.http.stall_after;
        std::vector<CachixFault> rules;
        for (const auto& request : requests) {
            // Silence is told by waiting, so not everywhere.
            if (is_silent && !request.ends_with("/narinfo") && !request.ends_with("/complete") &&
                !request.starts_with("PUT") && !request.ends_with(".zst"))
                continue;
            rules.push_back(fault);
            rules.back().match = request;
        }
        BOOST_TEST_CONTEXT(name) {
            backend.server().set_faults(rules);
            auto sample_name = "fault-" + std::to_string(++round);
            at_desk(hasty, [&](Desk& desk) -> Task<void> { co_await use_all(desk, sample_name); });
        }
    }
    BOOST_TEST(backend.server().published().size() == kinds.size());
}

BOOST_AUTO_TEST_CASE(a_slow_answer_is_waited_for_as_long_as_it_moves) {
    CachixBackend backend(server_settings());
    auto hasty = settings(backend);
    hasty.is_hasty = true;
    auto slow = once("GET /c/demo/*.zst");
    slow.http.bytes_per_second = 50'000;
    backend.server().set_faults({slow});
    at_desk(hasty, [](Desk& desk) -> Task<void> {
        auto sample = make_sample("slow", 60'000); // longer than the client lets pass without a byte
        co_await push_well(desk, sample);
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        auto checked = co_await desk.cache.check_nar(**info);
        BOOST_TEST(checked.has_value(), (checked ? "" : checked.error().one_line()));
    });
    BOOST_TEST(backend.server().count("GET /c/demo/*.zst") == 1U);
}

BOOST_AUTO_TEST_CASE(retry_after_is_obeyed) {
    CachixBackend backend(server_settings());
    auto fault = once("POST */narinfo");
    fault.status = 429;
    fault.retry_after = 1;
    backend.server().set_faults({fault});
    at_desk(settings(backend), [](Desk& desk) -> Task<void> {
        auto start = std::chrono::steady_clock::now();
        std::vector<nix::StorePath> asked{make_sample("asked", 0).info.path};
        auto missing = co_await desk.cache.query_missing(std::move(asked));
        BOOST_TEST(missing.has_value());
        BOOST_TEST((std::chrono::steady_clock::now() - start >= std::chrono::seconds(1)));
    });
}

BOOST_AUTO_TEST_CASE(an_expired_url_is_asked_for_anew) {
    CachixBackend backend(server_settings());
    auto fault = once("POST */multipart-nar/*");
    fault.expired_url = true;
    fault.times = 2;
    backend.server().set_faults({fault});
    at_desk(settings(backend), [](Desk& desk) -> Task<void> { co_await push_well(desk, make_sample("expired", 10)); });
    BOOST_TEST(backend.server().count("PUT /r2/*") == 3U);
    BOOST_TEST(backend.server().count("POST */multipart-nar/*") == 4U); // three URLs and complete
}

BOOST_AUTO_TEST_CASE(urls_that_are_always_refused_are_given_up_soon_and_the_upload_aborted) {
    CachixBackend backend(server_settings());
    CachixFault fault;
    fault.match = "PUT /r2/*";
    fault.status = 403;
    backend.server().set_faults({fault});
    at_desk(settings(backend), [](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("refused", 10));
        BOOST_REQUIRE(!outcome.has_value());
        check_failure(outcome.error(), FailureKind::auth, "sending part 1");
    });
    BOOST_TEST(backend.server().count("PUT /r2/*") == 4U);
    BOOST_TEST(backend.server().open_uploads() == 0U);
}

BOOST_AUTO_TEST_CASE(a_lost_reply_to_complete_is_resolved_by_looking) {
    CachixBackend backend(server_settings());
    auto fault = once("POST */complete");
    fault.lose_reply = true;
    backend.server().set_faults({fault});
    at_desk(settings(backend), [](Desk& desk) -> Task<void> { co_await push_well(desk, make_sample("lost", 10)); });
    BOOST_TEST(backend.server().count("POST */complete") == 1U);
    BOOST_TEST(backend.server().published().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_complete_that_never_works_is_aborted) {
    CachixBackend backend(server_settings());
    CachixFault fault;
    fault.match = "POST */complete";
    fault.status = 500;
    backend.server().set_faults({fault});
    auto impatient = settings(backend);
    impatient.retry.budget = std::chrono::milliseconds(200);
    at_desk(impatient, [](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("never", 10));
        BOOST_REQUIRE(!outcome.has_value());
        check_failure(outcome.error(), FailureKind::network, "publishing /nix/store/");
        check_failure(outcome.error(), FailureKind::network, "tries");
    });
    BOOST_TEST(backend.server().count("POST */abort") == 1U);
    BOOST_TEST(backend.server().open_uploads() == 0U);
}

BOOST_AUTO_TEST_CASE(a_part_that_never_arrives_fails_and_aborts_the_upload) {
    CachixBackend backend(server_settings());
    CachixFault fault;
    fault.match = "PUT /r2/*";
    fault.skip = 2;
    fault.status = 503;
    backend.server().set_faults({fault});
    auto impatient = settings(backend);
    impatient.retry.budget = std::chrono::milliseconds(200);
    at_desk(impatient, [](Desk& desk) -> Task<void> {
        auto sample = make_sample("stuck", 30 << 20);
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        BOOST_REQUIRE(!outcome.has_value());
        check_failure(outcome.error(), FailureKind::network, "sending part");
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_TEST((info && !*info));
    });
    BOOST_TEST(backend.server().open_uploads() == 0U);
}

BOOST_AUTO_TEST_CASE(a_wrong_file_hash_is_refused_by_the_server_and_reported) {
    CachixBackend backend(server_settings());
    at_desk(settings(backend), [](Desk& desk) -> Task<void> {
        auto sample = make_sample("hash", 10);
        cache::UploadRequest request(sample.info.path, sample.info.nar_size, codec::Compression::zstd);
        auto started = (co_await desk.cache.begin_upload(std::move(request))).value();
        cache::Chunk chunk("abc", {});
        auto written = co_await started->write(std::move(chunk));
        BOOST_TEST(written.has_value());
        auto finished = co_await started->finish(sample.info.nar_hash, 3);
        BOOST_TEST(finished.has_value());
        auto outcome = co_await started->publish(sample.info);
        BOOST_REQUIRE(!outcome.has_value());
        check_failure(outcome.error(), FailureKind::protocol, "cFileHash");
    });
    BOOST_TEST(backend.server().open_uploads() == 0U);
}

BOOST_AUTO_TEST_CASE(thousands_are_asked_in_few_requests_and_upstream_ones_are_claimed) {
    auto with_upstream = server_settings();
    auto list = temporary.path() / "upstream";
    std::vector<nix::StorePath> paths;
    std::string upstream;
    for (int i = 0; i < 13'869; ++i) {
        paths.push_back(
            nix::StorePath::parse_base_name(
                codec::to_nix32(codec::hash_bytes(codec::HashAlgorithm::sha1, std::to_string(i)).digest()) + "-x")
                .value());
        if (i % 3 == 0) upstream += std::string(paths.back().hash_part()) + "\n";
    }
    BOOST_REQUIRE(write_file_atomically(list, upstream));
    with_upstream.upstreams = {list};
    CachixBackend backend(with_upstream);
    at_desk(settings(backend), [&](Desk& desk) -> Task<void> {
        auto missing = co_await desk.cache.query_missing(paths);
        BOOST_REQUIRE(missing.has_value());
        BOOST_TEST(missing->size() == 9246U);
        BOOST_TEST((missing->at(0) == paths[1]));
    });
    BOOST_TEST(backend.server().count("POST */narinfo") == 2U);
}

BOOST_AUTO_TEST_CASE(a_narinfo_shows_when_its_closure_is_complete) {
    auto with_upstream = server_settings();
    auto upstream_path = make_sample("upstream", 10).info.path;
    auto list = temporary.path() / "upstream";
    BOOST_REQUIRE(write_file_atomically(list, std::string(upstream_path.hash_part()) + "\n"));
    with_upstream.upstreams = {list};
    CachixBackend backend(with_upstream);
    at_desk(settings(backend), [&](Desk& desk) -> Task<void> {
        auto leaf = make_sample("leaf", 10);
        auto middle = make_sample("middle", 10, {leaf.info.path, upstream_path});
        auto top = make_sample("top", 10, {middle.info.path});
        co_await push_well(desk, top);
        co_await push_well(desk, middle);
        auto info = co_await desk.cache.get_narinfo(top.info.path);
        BOOST_TEST((info && !*info));
        backend.server().set_gate(false);
        info = co_await desk.cache.get_narinfo(top.info.path);
        BOOST_TEST((info && *info));
        backend.server().set_gate(true);
        co_await push_well(desk, leaf);
        info = co_await desk.cache.get_narinfo(top.info.path);
        BOOST_TEST((info && *info));
        backend.server().remove(std::string(leaf.info.path.hash_part()));
        info = co_await desk.cache.get_narinfo(top.info.path);
        BOOST_TEST((info && !*info));
    });
}

BOOST_AUTO_TEST_CASE(pins_hold_what_is_there) {
    CachixBackend backend(server_settings());
    at_desk(settings(backend), [](Desk& desk) -> Task<void> {
        auto sample = make_sample("pinned", 10);
        auto too_early = co_await desk.cache.pin("main-host", sample.info.path, 2);
        BOOST_REQUIRE(!too_early.has_value());
        check_failure(too_early.error(), FailureKind::protocol, "pinning /nix/store/");
        co_await push_well(desk, sample);
        auto pinned = co_await desk.cache.pin("main-host", sample.info.path, 2);
        BOOST_TEST(pinned.has_value());
    });
    BOOST_TEST(backend.server().pins().at("main-host") == make_sample("pinned", 0).info.path.to_string());
}

BOOST_AUTO_TEST_CASE(html_instead_of_an_answer_is_told_as_that) {
    CachixBackend backend(server_settings());
    CachixFault html;
    html.status = 200;
    html.body = "<html>proxy</html>";
    backend.server().set_faults({html});
    auto opened = try_open(settings(backend));
    BOOST_REQUIRE(!opened);
    check_failure(opened.error(), FailureKind::protocol, "answered HTML instead of JSON");
    backend.server().set_faults({});
    at_desk(settings(backend), [&](Desk& desk) -> Task<void> {
        backend.server().set_faults({html});
        auto path = make_sample("any", 0).info.path;
        std::vector<nix::StorePath> asked{path};
        auto missing = co_await desk.cache.query_missing(std::move(asked));
        check_failure(missing.error(), FailureKind::protocol, "answered HTML instead of JSON");
        auto info = co_await desk.cache.get_narinfo(path);
        check_failure(info.error(), FailureKind::protocol, "answered HTML instead of a narinfo");
        html.body = "[\"00000000000000000000000000000000\"]";
        backend.server().set_faults({html});
        asked = {path};
        missing = co_await desk.cache.query_missing(std::move(asked));
        check_failure(missing.error(), FailureKind::protocol, "was not asked for");
    });
}

BOOST_AUTO_TEST_CASE(only_what_cachix_knows_is_a_compression) {
    CachixBackend backend(server_settings());
    at_desk(settings(backend), [](Desk& desk) -> Task<void> {
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("plain", 10), codec::Compression::none);
        BOOST_REQUIRE(!outcome.has_value());
        check_failure(outcome.error(), FailureKind::usage, "zstd and xz");
    });
}

BOOST_AUTO_TEST_SUITE_END()
