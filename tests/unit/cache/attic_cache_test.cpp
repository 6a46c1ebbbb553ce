// What is attic's own; what every backend promises is in contract_test.cpp.
#include "base/text.hpp"
#include "cache/attic_api.hpp"
#include "cache/nar_look.hpp"
#include "cache/put_answer.hpp"
#include "codec/encoding.hpp"
#include "unit/cache/attic_backend.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::PublishOutcome;

namespace {

struct Fixture {
    explicit Fixture(std::function<void(AtticServerSettings&)> adapt = {}) {
        auto settings = AtticBackend::settings(directory.path());
        if (adapt) adapt(settings);
        backend.emplace(std::move(settings));
    }
    DeskSettings desk(const std::string& token = "push-token") const {
        auto settings = desk_settings(*backend, directory.path());
        settings.credentials = backend->credentials(token);
        return settings;
    }
    AtticServer& server() { return backend->server(); }

    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-attic").value();
    std::optional<AtticBackend> backend;
};

constexpr std::size_t piece = 1 << 20;

// As the pipeline brings it: in pieces, and a second time if need be. The failure of whatever failed.
Task<Result<PublishOutcome>> stream(Desk& desk, Sample sample) {
    cache::UploadRequest request(sample.info.path, sample.info.nar_size, codec::Compression::none);
    request.described = sample.info;
    request.streamed_nar = sample.info.nar_hash;
    CO_TRY(upload, co_await desk.cache.begin_upload(std::move(request)));
    Result<void> sent;
    for (std::size_t at = 0; sent && at < sample.nar.size(); at += piece) {
        auto bytes = sample.nar.substr(at, piece);
        auto permit = co_await desk.budget.acquire(bytes.size());
        cache::Chunk chunk(std::move(bytes), std::move(permit));
        sent = co_await upload->write(std::move(chunk));
    }
    auto hash = sample.info.nar_hash;
    if (sent) sent = co_await upload->finish(hash, sample.nar.size());
    if (!sent) {
        co_await upload->abort();
        co_return std::move(sent).error();
    }
    auto outcome = co_await upload->publish(sample.info);
    co_await upload->abort();
    co_return outcome;
}

Task<Result<PublishOutcome>> push_it(Desk& desk, Sample sample) {
    co_return co_await push(desk.cache, desk.budget, std::move(sample), codec::Compression::none);
}

CachixFault fault_of_put(int status, int times = 1) {
    CachixFault fault;
    fault.match = "PUT *";
    fault.times = times;
    fault.status = status;
    fault.lose_reply = status == 0;
    return fault;
}

std::string text_of(const Result<PublishOutcome>& outcome) {
    return outcome ? "no failure" : outcome.error().one_line() + " | " + outcome.error().hint();
}

Failure failure_of(Fixture& fixture, Sample sample, bool streamed = false) {
    std::optional<Failure> failure;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        std::optional<Result<PublishOutcome>> outcome;
        if (streamed)
            outcome.emplace(co_await stream(desk, sample));
        else
            outcome.emplace(co_await push_it(desk, sample));
        BOOST_REQUIRE(!outcome->has_value());
        failure = outcome->error();
    });
    return *failure;
}

Failure failure_to_open(const DeskSettings& settings) {
    auto opened = try_open(settings);
    BOOST_REQUIRE(!opened.has_value());
    return opened.error();
}

bool says(const Failure& failure, std::string_view what) {
    auto text = render(failure);
    bool found = text.find(what) != std::string::npos;
    BOOST_TEST(found, text + " lacks '" << what << "'");
    return found;
}

std::vector<nix::StorePath> many_paths(std::size_t count) {
    std::vector<nix::StorePath> paths;
    for (std::size_t i = 0; i < count; ++i) {
        auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, std::to_string(i));
        paths.push_back(nix::StorePath::parse_base_name(codec::to_nix32(digest.digest().substr(0, 20)) + "-x").value());
    }
    return paths;
}

} // namespace

BOOST_AUTO_TEST_SUITE(attic_cache)

BOOST_AUTO_TEST_CASE(what_the_configuration_says_is_told) {
    Fixture fixture([](AtticServerSettings& settings) {
        settings.retention = 30 * 86'400;
        settings.priority = 17;
        settings.is_private = true;
        settings.upstream_key_names = {"cache.nixos.org-1", "nix-community.cachix.org-1"};
    });
    auto info = try_open(fixture.desk());
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST(info->substituter_url == fixture.server().url() + "/team");
    BOOST_REQUIRE(info->public_keys.size() == 1U);
    BOOST_TEST(info->public_keys[0].to_string() == fixture.server().public_key());
    BOOST_TEST(!info->is_public);
    BOOST_TEST(info->priority == 17);
    BOOST_TEST(info->server_signs);
    BOOST_TEST(info->has_bulk_query);
    BOOST_TEST(!info->has_pins);
    BOOST_TEST(!info->keeps_names);
    BOOST_TEST(info->retention == "30 days");
    BOOST_TEST(info->upstream_key_names.size() == 2U);
    BOOST_TEST(try_open(Fixture().desk())->retention == "");
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_say_whether_a_cache_is_public_may_show_it_to_everybody) {
    Fixture fixture([](AtticServerSettings& settings) { settings.tells_public = false; });
    auto info = try_open(fixture.desk());
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST(info->is_public);
}

BOOST_AUTO_TEST_CASE(who_may_only_read_asks_path_by_path) {
    Fixture fixture;
    auto settings = fixture.desk("pull-token");
    settings.for_writing = false;
    auto info = try_open(settings);
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST((info->permission == cache::Permission::read));
    BOOST_TEST(!info->has_bulk_query);
    settings = fixture.desk("");
    settings.for_writing = false;
    BOOST_TEST((try_open(settings)->permission == cache::Permission::read));
    BOOST_TEST(fixture.server().count("POST *") == 1U);
}

BOOST_AUTO_TEST_CASE(refusals_are_told_before_anything_is_pushed_with_what_to_do) {
    Fixture fixture;
    auto failure = failure_to_open(fixture.desk("pull-token"));
    BOOST_TEST((failure.kind() == FailureKind::auth));
    says(failure, "the token in ATTIC_TOKEN may not push to attic://");
    says(failure, "atticadm make-token");
    says(failure_to_open(fixture.desk("")), "without a token nobody may push");

    Fixture closed([](AtticServerSettings& settings) { settings.is_private = true; });
    failure = failure_to_open(closed.desk("geheim"));
    BOOST_TEST((failure.kind() == FailureKind::auth));
    says(failure, "does not accept the token in ATTIC_TOKEN, or it is for other caches");
    BOOST_TEST(render(failure).find("geheim") == std::string::npos);
    says(failure_to_open(closed.desk("")), "there is no token for attic://");

    auto elsewhere = fixture.desk();
    elsewhere.uri = "attic://" + fixture.server().host() + "/Team?scheme=http";
    failure = failure_to_open(elsewhere);
    BOOST_TEST((failure.kind() == FailureKind::not_found));
    says(failure, "no cache 'Team' on the server");
    says(failure, "attic cache create Team");

    elsewhere = fixture.desk();
    elsewhere.credentials.attic.endpoint += "/prefix";
    says(failure_to_open(elsewhere), "there is no server of attic at " + elsewhere.credentials.attic.endpoint);
    elsewhere.credentials.attic.endpoint.clear();
    elsewhere.uri = "attic://nas/team";
    says(failure_to_open(elsewhere), "where attic://nas/team is, is not known here");
}

BOOST_AUTO_TEST_CASE(many_paths_are_asked_about_in_questions_that_the_server_bears) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("present", 100);
        auto pushed = co_await push_it(desk, sample);
        BOOST_TEST(pushed.has_value());
        auto paths = many_paths(60'001);
        paths.push_back(sample.info.path);
        auto before = fixture.server().count("POST *");
        auto missing = co_await desk.cache.query_missing(std::move(paths));
        BOOST_REQUIRE_MESSAGE(missing.has_value(), (missing ? "" : missing.error().one_line()));
        BOOST_TEST(missing->size() == 60'001U);
        BOOST_TEST(fixture.server().count("POST *") - before == 3U);
        BOOST_TEST(fixture.server().forms().most_hashes == 30'000U);
    });
}

BOOST_AUTO_TEST_CASE(a_large_nar_is_streamed_behind_its_description_and_a_small_one_has_it_in_a_header) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto small = make_sample("small", 1000);
        auto outcome = co_await stream(desk, small);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
        auto forms = fixture.server().forms();
        BOOST_TEST(forms.headers == 1);
        BOOST_TEST(forms.chunked == 0);

        auto large = make_sample("large", 5 << 20);
        outcome = co_await stream(desk, large);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
        forms = fixture.server().forms();
        BOOST_TEST(forms.preambles == 1);
        BOOST_TEST(forms.chunked == 1);
        auto info = co_await desk.cache.get_narinfo(large.info.path);
        BOOST_REQUIRE((info && *info));
        auto checked = co_await desk.cache.check_nar(**info);
        BOOST_TEST(checked.has_value(), (checked ? "" : checked.error().one_line()));
    });
}

BOOST_AUTO_TEST_CASE(references_too_many_for_a_header_go_before_the_nar_sorted) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto references = many_paths(200);
        std::sort(references.rbegin(), references.rend());
        for (const auto* name : {"small", "large"}) {
            auto sample = make_sample(name, name == std::string("large") ? 3 << 20 : 100, references);
            auto outcome = co_await stream(desk, sample);
            BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
            auto info = co_await desk.cache.get_narinfo(sample.info.path);
            BOOST_REQUIRE((info && *info));
            BOOST_TEST((*info)->is_trusted_by(desk.info.public_keys));
        }
        BOOST_TEST(fixture.server().forms().preambles == 2);
        BOOST_TEST(fixture.server().forms().chunked == 1);
        auto outcome = co_await push_it(desk, make_sample("endless", 10, many_paths(31'000)));
        BOOST_REQUIRE(!outcome.has_value());
        says(outcome.error(), "has 31000 references, whose names are more than attic's server reads");
    });
}

BOOST_AUTO_TEST_CASE(what_the_server_had_already_is_told_apart) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto first = make_sample("first", 3 << 20), second = first;
        second.info.path = make_sample("second", 1).info.path;
        auto outcome = co_await stream(desk, first);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published));
        outcome = co_await stream(desk, second);
        BOOST_TEST((outcome && *outcome == PublishOutcome::deduplicated));
        outcome = co_await stream(desk, second);
        BOOST_TEST((outcome && *outcome == PublishOutcome::already_there));
        BOOST_TEST(fixture.server().published().size() == 2U);
    });
}

BOOST_AUTO_TEST_CASE(a_limit_of_a_proxy_is_named_with_what_to_do) {
    Fixture fixture([](AtticServerSettings& settings) { settings.body_limit = 2 << 20; });
    for (bool streamed : {true, false}) {
        auto failure = failure_of(fixture, make_sample("large", 4 << 20), streamed);
        BOOST_TEST((failure.kind() == FailureKind::protocol));
        BOOST_TEST(cache::is_last_word(failure));
        says(failure, "or a proxy before it, takes no NAR of 4.0 MiB in one request");
        says(failure, "client_max_body_size 0");
    }
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto outcome = co_await push_it(desk, make_sample("small", 100));
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
    });
}

BOOST_AUTO_TEST_CASE(what_can_heal_is_tried_again_and_a_lost_answer_is_looked_into) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        fixture.server().set_faults({fault_of_put(503, 2)});
        auto outcome = co_await push_it(desk, make_sample("busy", 100));
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
        BOOST_TEST(fixture.server().count("PUT *") == 3U);

        fixture.server().set_faults({fault_of_put(0)});
        outcome = co_await stream(desk, make_sample("lost", 3 << 20));
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
        BOOST_TEST(fixture.server().count("PUT *") == 4U);

        fixture.server().set_faults({fault_of_put(500)});
        auto sample = make_sample("broken", 3 << 20);
        outcome = co_await stream(desk, sample);
        BOOST_REQUIRE(!outcome.has_value());
        BOOST_TEST(outcome.error().can_heal());
        outcome = co_await stream(desk, sample);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
    });
}

BOOST_AUTO_TEST_CASE(where_a_length_is_wanted_the_next_try_has_one) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        fixture.server().set_faults({fault_of_put(411)});
        auto sample = make_sample("large", 3 << 20);
        auto outcome = co_await stream(desk, sample);
        BOOST_REQUIRE(!outcome.has_value());
        BOOST_TEST(outcome.error().can_heal());
        outcome = co_await stream(desk, sample);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), text_of(outcome));
        BOOST_TEST(fixture.server().forms().chunked == 0);
    });
}

// The server's answer comes when it has done all its work.
BOOST_AUTO_TEST_CASE(the_wait_after_the_last_byte_grows_with_the_nar) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto uri = cache::CacheUri::parse(fixture.backend->uri()).value();
        cache::AtticApi api(desk.client, {}, uri, fixture.backend->credentials().attic);
        auto info = make_sample("x", 10).info;
        auto usual = api.put_path(info, "{}", true).deadlines;
        info.nar_size = 1ULL << 30;
        auto patient = api.put_path(info, "{}", true).deadlines;
        BOOST_TEST((patient.first_byte - usual.first_byte >= std::chrono::seconds(102)));
        BOOST_TEST((patient.total > patient.first_byte + std::chrono::hours(1)));
        BOOST_TEST((patient.stall == usual.stall));
        co_return;
    });
}

// A server that is set so (require-proof-of-possession) answers at once for a NAR that it knows.
BOOST_AUTO_TEST_CASE(a_server_that_wants_no_proof_may_answer_before_the_nar_has_come) {
    auto sample = make_sample("known", 6 << 20);
    auto hash = std::string(sample.info.path.hash_part());
    bool is_there = false;
    HttpServerSettings settings;
    settings.answer_before_body = true;
    HttpServer server(
        [&](const HttpRequest& request) {
            auto key = nix::SecretKey::generate("team").public_key().to_string();
            if (request.method == "GET")
                return HttpReply(200, R"({"substituter_endpoint": "http://127.0.0.1:9/team", "public_key": ")" + key +
                                          R"("})");
            if (request.method == "POST")
                return HttpReply(200,
                                 is_there ? R"({"missing_paths": []})" : R"({"missing_paths": [")" + hash + "\"]}");
            is_there = true;
            return HttpReply(200, R"({"kind": "Deduplicated", "file_size": null, "frac_deduplicated": null})");
        },
        settings);
    DeskSettings desk;
    desk.uri = "attic://" + server.url().substr(7) + "/team?scheme=http";
    at_desk(desk, [&](Desk& at) -> Task<void> {
        auto outcome = co_await stream(at, sample);
        BOOST_TEST((outcome && *outcome == PublishOutcome::deduplicated), text_of(outcome));
    });
}

BOOST_AUTO_TEST_CASE(what_has_moved_is_asked_there_from_then_on) {
    HttpServer server([](const HttpRequest& request) {
        auto path = request.path();
        if (path.starts_with("/old/")) {
            HttpReply reply(308);
            reply.headers.emplace_back("Location", path.substr(4));
            return reply;
        }
        if (request.method == "POST") return HttpReply(200, R"({"missing_paths": []})");
        auto key = nix::SecretKey::generate("team").public_key().to_string();
        return HttpReply(200, R"({"substituter_endpoint": "http://127.0.0.1:9/team", "public_key": ")" + key + R"("})");
    });
    DeskSettings settings;
    settings.uri = "attic://" + server.url().substr(7) + "/old/team?scheme=http";
    settings.credentials.attic.token = Secret("token");
    auto info = try_open(settings);
    BOOST_REQUIRE_MESSAGE(info.has_value(), (info ? "" : info.error().one_line()));
    BOOST_TEST((info->permission == cache::Permission::write));
    BOOST_TEST(server.log().back().target == "/_api/v1/get-missing-paths");
    BOOST_TEST(server.log().back().header("Authorization") == "Bearer token");
}

BOOST_AUTO_TEST_CASE(no_token_goes_where_the_cache_is_said_to_be_read_elsewhere) {
    HttpServer other([](const HttpRequest&) { return HttpReply(404); });
    Fixture fixture([&](AtticServerSettings& settings) {
        settings.substituter_endpoint = other.url() + "/";
        settings.is_private = true;
    });
    auto settings = fixture.desk();
    at_desk(settings, [&](Desk& desk) -> Task<void> {
        BOOST_TEST(desk.info.substituter_url == other.url() + "/team");
        BOOST_REQUIRE(desk.info.notes.size() == 1U);
        BOOST_TEST(desk.info.notes[0].find("no token is sent there") != std::string::npos);
        auto path = make_sample("x", 1).info.path;
        auto info = co_await desk.cache.get_narinfo(path);
        BOOST_TEST((info && !*info));
    });
    BOOST_REQUIRE(!other.log().empty());
    for (const auto& request : other.log()) BOOST_TEST(request.header("Authorization") == "");
}

// As one that only a checkout named.
BOOST_AUTO_TEST_CASE(where_no_login_is_to_go_none_goes) {
    Fixture fixture;
    auto settings = fixture.desk();
    settings.for_writing = false;
    settings.credentials.logins = http::Logins::none;
    auto info = try_open(settings);
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST((info->permission == cache::Permission::read));
    for (const auto& request : fixture.server().server().log()) BOOST_TEST(request.header("Authorization") == "");
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_of_attic_is_named) {
    for (const auto* body : {"<!DOCTYPE html><html>", "[]", "{}", R"({"public_key": "x:y"})"}) {
        HttpServer server([body](const HttpRequest&) { return HttpReply(200, body); });
        DeskSettings settings;
        settings.uri = "attic://" + server.url().substr(7) + "/team?scheme=http";
        settings.retry.budget = std::chrono::milliseconds(0);
        auto failure = failure_to_open(settings);
        BOOST_TEST((failure.kind() == FailureKind::protocol), failure.one_line());
    }
}

BOOST_AUTO_TEST_SUITE_END()
