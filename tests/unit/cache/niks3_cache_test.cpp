// What is niks3's own; what every backend promises is in contract_test.cpp.
#include "cache/nar_look.hpp"
#include "cache/niks3_upload.hpp"
#include "unit/cache/niks3_backend.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::PublishOutcome;

namespace {

struct Fixture {
    explicit Fixture(std::function<void(Niks3ServerSettings&)> adapt = {}) {
        auto settings = Niks3Backend::settings(directory.path());
        if (adapt) adapt(settings);
        backend.emplace(std::move(settings));
    }
    DeskSettings desk(const std::string& token = "push-token") const {
        auto settings = desk_settings(*backend, directory.path());
        settings.credentials = backend->credentials(token);
        return settings;
    }
    Niks3Server& server() { return backend->server(); }

    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-niks3").value();
    std::optional<Niks3Backend> backend;
};

constexpr std::size_t above_one_piece = 12 << 20;

bool says(const Failure& failure, std::string_view what) {
    auto text = render(failure);
    bool found = text.find(what) != std::string::npos;
    BOOST_TEST(found, text + " lacks '" << what << "'");
    return found;
}

Failure failure_to_open(const DeskSettings& settings) {
    auto opened = try_open(settings);
    BOOST_REQUIRE(!opened.has_value());
    return opened.error();
}

CachixFault fault(const std::string& match, int status, std::optional<int> times = 1) {
    CachixFault fault;
    fault.match = match;
    fault.times = times;
    fault.status = status;
    fault.lose_reply = status == 0;
    return fault;
}

void check(const Result<PublishOutcome>& outcome, PublishOutcome wanted) {
    BOOST_TEST((outcome && *outcome == wanted), (outcome ? "another outcome" : render(outcome.error())));
}

Task<bool> is_whole(Desk& desk, nix::StorePath path) {
    auto info = co_await desk.cache.get_narinfo(path);
    if (!info || !*info) co_return false;
    auto checked = co_await desk.cache.check_nar(**info);
    co_return checked.has_value() && (*info)->is_trusted_by(desk.info.public_keys);
}

Task<std::size_t> missing_of(Desk& desk, nix::StorePath path) {
    std::vector<nix::StorePath> paths{path};
    auto missing = co_await desk.cache.query_missing(std::move(paths));
    BOOST_REQUIRE_MESSAGE(missing.has_value(), (missing ? "" : missing.error().one_line()));
    co_return missing->size();
}

std::string narinfo_of(const Sample& sample) { return std::string(sample.info.path.hash_part()) + ".narinfo"; }

} // namespace

BOOST_AUTO_TEST_SUITE(niks3_cache)

BOOST_AUTO_TEST_CASE(what_the_server_says_of_its_cache_is_told) {
    Fixture fixture;
    auto info = try_open(fixture.desk());
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST(info->substituter_url == fixture.server().url() + "/bucket");
    BOOST_TEST(info->public_keys.at(0).to_string() == fixture.server().public_key());
    BOOST_TEST(info->priority == 30);
    BOOST_TEST(info->server_signs);
    BOOST_TEST(info->has_bulk_query);
    BOOST_TEST(!info->bulk_query_sees_archives);
    BOOST_TEST(info->has_pins);
    auto reading = fixture.desk("");
    reading.for_writing = false;
    info = try_open(reading);
    BOOST_REQUIRE(info.has_value());
    BOOST_TEST((info->permission == cache::Permission::read));
    BOOST_TEST(!info->has_bulk_query);
    BOOST_TEST(!info->has_pins);
}

BOOST_AUTO_TEST_CASE(refusals_are_told_before_anything_is_pushed_with_what_to_do) {
    Fixture fixture;
    auto failure = failure_to_open(fixture.desk("geheim"));
    BOOST_TEST((failure.kind() == FailureKind::auth));
    says(failure, "does not accept the token in NIKS3_AUTH_TOKEN");
    BOOST_TEST(render(failure).find("geheim") == std::string::npos);
    failure = failure_to_open(fixture.desk(""));
    says(failure, "there is no token for niks3://");
    says(failure, "id-token: write");

    auto elsewhere = fixture.desk();
    elsewhere.uri = "niks3://" + fixture.server().host() + "/prefix?scheme=http";
    says(failure_to_open(elsewhere), "there is no server of niks3 at http://" + fixture.server().host() + "/prefix");

    Fixture keyless([](Niks3ServerSettings& settings) { settings.signs = false; });
    says(failure_to_open(keyless.desk()), "has no signing key");
}

BOOST_AUTO_TEST_CASE(more_paths_than_one_question_takes_are_all_asked_about) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto first = make_sample("first", 100), last = make_sample("last", 100);
        auto pushed = co_await push(desk.cache, desk.budget, first);
        check(pushed, PublishOutcome::published);
        pushed = co_await push(desk.cache, desk.budget, last);
        check(pushed, PublishOutcome::published);
        std::vector<nix::StorePath> paths{first.info.path};
        for (int i = 0; i < 2100; ++i) {
            auto digest = codec::hash_bytes(codec::HashAlgorithm::sha256, std::to_string(i)).to_nix32();
            auto name = digest.substr(0, nix::hash_part_length) + "-absent";
            paths.push_back(nix::StorePath::parse_base_name(name).value());
        }
        paths.push_back(last.info.path);
        auto absent = std::vector<nix::StorePath>(paths.begin() + 1, paths.end() - 1);
        auto missing = co_await desk.cache.query_missing(std::move(paths));
        BOOST_REQUIRE(missing.has_value());
        std::sort(missing->begin(), missing->end());
        std::sort(absent.begin(), absent.end());
        BOOST_TEST((*missing == absent));
    });
}

BOOST_AUTO_TEST_CASE(where_it_is_read_has_to_be_known) {
    auto is_silent = [](Niks3ServerSettings& settings) { settings.tells_read_url = false; };
    Fixture silent(is_silent);
    says(failure_to_open(silent.desk()), "--cache-url");
    Fixture proxy([&](Niks3ServerSettings& settings) {
        is_silent(settings);
        settings.is_read_proxy = true;
    });
    at_desk(proxy.desk(), [&](Desk& desk) -> Task<void> {
        BOOST_TEST(desk.info.substituter_url == proxy.server().url());
        auto sample = make_sample("proxied", 100);
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        check(outcome, PublishOutcome::published);
        bool whole = co_await is_whole(desk, sample.info.path);
        BOOST_TEST(whole);
    });
}

BOOST_AUTO_TEST_CASE(a_path_is_five_requests_and_leaves_nothing_pending) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto before = fixture.server().count("*");
        auto outcome = co_await push(desk.cache, desk.budget, make_sample("small", 1000));
        check(outcome, PublishOutcome::published);
        BOOST_TEST(fixture.server().count("*") - before == 5U);
    });
    auto state = fixture.server().state();
    BOOST_TEST(state.pending == 0U);
    BOOST_TEST(state.narinfos.size() == 1U);
    BOOST_TEST(fixture.server().logins_at_bucket() == 0U);
}

BOOST_AUTO_TEST_CASE(a_large_nar_goes_up_in_parts_that_may_need_more_addresses_than_were_given) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("large", 40 << 20); // 9 pieces, and addresses for 4
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        check(outcome, PublishOutcome::published);
        BOOST_TEST(fixture.server().count("POST /api/multipart/request-parts") > 0U);
        bool whole = co_await is_whole(desk, sample.info.path);
        BOOST_TEST(whole);
    });
    auto state = fixture.server().state();
    BOOST_TEST(state.uploads == 0U);
    BOOST_TEST(state.pending == 0U);
    BOOST_TEST(fixture.server().logins_at_bucket() == 0U);
}

BOOST_AUTO_TEST_CASE(after_a_failure_nothing_is_completed) {
    for (const auto* what : {"PUT /bucket/nar/*", "PUT /bucket/*.narinfo", "POST *sign"}) {
        for (std::size_t size : {std::size_t{1000}, above_one_piece}) {
            Fixture fixture;
            fixture.server().set_faults({fault(what, 403, std::nullopt)});
            at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
                auto sample = make_sample("refused", size);
                auto outcome = co_await push(desk.cache, desk.budget, sample);
                BOOST_REQUIRE(!outcome.has_value());
                BOOST_TEST((outcome.error().kind() != FailureKind::internal));
                if (*what == 'P' && what[1] == 'U') {
                    says(outcome.error(), "the object storage behind niks3://");
                    auto text = render(outcome.error()); // of an address that is good by itself only the host
                    BOOST_TEST(text.find("/bucket/") == std::string::npos, text);
                }
                bool whole = co_await is_whole(desk, sample.info.path);
                BOOST_TEST(!whole);
            });
            BOOST_TEST(fixture.server().count("POST /api/pending_closures/*/complete") == 0U);
        }
    }
}

BOOST_AUTO_TEST_CASE(addresses_that_have_ended_are_asked_for_anew) {
    for (std::size_t size : {std::size_t{1000}, above_one_piece}) {
        Fixture fixture;
        at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
            auto sample = make_sample("slow", size);
            auto started = co_await upload(desk.cache, desk.budget, sample);
            BOOST_REQUIRE(started.has_value());
            fixture.server().expire_addresses();
            auto outcome = co_await (*started)->publish(sample.info);
            check(outcome, PublishOutcome::published);
            auto missing = co_await missing_of(desk, sample.info.path);
            BOOST_TEST(missing == 0U);
        });
        fixture.server().collect_garbage();
        BOOST_TEST(fixture.server().state().narinfos.size() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(parts_get_fresh_addresses_while_they_go_up) {
    Fixture fixture;
    fixture.server().set_faults({fault("PUT /bucket/nar/*", 403, 2)});
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("parts", above_one_piece);
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        check(outcome, PublishOutcome::published);
        BOOST_TEST(fixture.server().count("POST /api/multipart/request-parts") == 3U); // and one for the third part
    });
}

BOOST_AUTO_TEST_CASE(what_the_clean_up_has_taken_meanwhile_is_not_published) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("late", 1000);
        auto started = co_await upload(desk.cache, desk.budget, sample);
        BOOST_REQUIRE(started.has_value());
        fixture.server().collect_garbage();
        auto outcome = co_await (*started)->publish(sample.info);
        BOOST_REQUIRE(!outcome.has_value());
        says(outcome.error(), "has cleaned up what was sent of it");
        BOOST_TEST(fixture.server().count("POST /api/pending_closures/*/complete") == 0U);
        outcome = co_await push(desk.cache, desk.budget, sample);
        check(outcome, PublishOutcome::published);
    });
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_lost_changes_nothing) {
    for (const auto* what :
         {"POST *complete", "POST *sign", "PUT *narinfo", "PUT */nar/*", "POST */pending_closures"}) {
        Fixture fixture;
        fixture.server().set_faults({fault(what, 0)});
        at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
            auto sample = make_sample("lost", above_one_piece);
            auto outcome = co_await push(desk.cache, desk.budget, sample);
            BOOST_TEST(outcome.has_value(), (outcome ? "" : std::string(what) + ": " + render(outcome.error())));
            bool whole = co_await is_whole(desk, sample.info.path);
            BOOST_TEST(whole);
        });
        fixture.server().collect_garbage();
        BOOST_TEST(fixture.server().state().narinfos.size() == 1U, what);
    }
}

BOOST_AUTO_TEST_CASE(a_path_that_was_not_completed_counts_as_missing_and_the_clean_up_does_not_get_it) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("killed", 1000);
        fixture.server().set_faults({fault("POST *complete", 400)});
        auto outcome = co_await push(desk.cache, desk.budget, sample); // as if it had been killed just then
        BOOST_REQUIRE(!outcome.has_value());
        bool whole = co_await is_whole(desk, sample.info.path);
        BOOST_TEST(whole); // for consumers
        auto missing = co_await missing_of(desk, sample.info.path);
        BOOST_TEST(missing == 1U);
        outcome = co_await push(desk.cache, desk.budget, sample);
        check(outcome, PublishOutcome::published);
        fixture.server().collect_garbage();
        whole = co_await is_whole(desk, sample.info.path);
        BOOST_TEST(whole);
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_believes_what_is_not_so_is_made_to_look) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("lie", 1000);
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        auto missing = co_await missing_of(desk, sample.info.path);
        BOOST_TEST(missing == 0U);
        BOOST_TEST(fixture.server().state().pending == 0U); // a question that was answered with "nothing" is over
        BOOST_TEST(fixture.server().remove(narinfo_of(sample)));
        missing = co_await missing_of(desk, sample.info.path);
        BOOST_TEST(missing == 1U);
        BOOST_TEST(fixture.server().remove("nar/" + sample.info.nar_hash.to_nix32() + ".nar.zst"));
        outcome = co_await push(desk.cache, desk.budget, sample);
        check(outcome, PublishOutcome::published);
        bool whole = co_await is_whole(desk, sample.info.path);
        BOOST_TEST(whole);
    });
}

BOOST_AUTO_TEST_CASE(an_archive_that_was_lost_is_put_back_under_the_narinfo_that_stands) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("mended", 1000);
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        fixture.server().remove("nar/" + sample.info.nar_hash.to_nix32() + ".nar.zst");
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        cache::UploadRequest request(sample.info.path, sample.info.nar_size, codec::Compression::zstd);
        request.mends = **info;
        auto started = (co_await desk.cache.begin_upload(std::move(request))).value();
        codec::CompressionSettings settings;
        std::string file;
        auto compressor = codec::make_compressor(settings).value();
        BOOST_REQUIRE(compressor->write(sample.nar, file).has_value());
        BOOST_REQUIRE(compressor->finish(file).has_value());
        auto size = file.size();
        cache::Chunk chunk(std::move(file), async::Limiter::Permit());
        auto written = co_await started->write(std::move(chunk));
        BOOST_TEST(written.has_value());
        auto finished = co_await started->finish(sample.info.nar_hash, size);
        BOOST_TEST(finished.has_value(), (finished ? "" : render(finished.error())));
        outcome = co_await started->publish(sample.info);
        check(outcome, PublishOutcome::published);
        bool whole = co_await is_whole(desk, sample.info.path);
        BOOST_TEST(whole);
    });
}

BOOST_AUTO_TEST_CASE(the_same_content_under_another_path_is_not_sent_again) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto first = make_sample("first", above_one_piece), second = first;
        second.info.path = make_sample("second", 1).info.path;
        auto outcome = co_await push(desk.cache, desk.budget, first);
        check(outcome, PublishOutcome::published);
        auto before = fixture.server().count("PUT /bucket/nar/*");
        outcome = co_await push(desk.cache, desk.budget, second);
        check(outcome, PublishOutcome::deduplicated);
        BOOST_TEST(fixture.server().count("PUT /bucket/nar/*") == before);
    });
}

BOOST_AUTO_TEST_CASE(whoever_is_first_with_the_same_nar_spares_the_other_the_rest) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto sample = make_sample("shared", above_one_piece);
        cache::UploadRequest request(sample.info.path, sample.info.nar_size, codec::Compression::zstd);
        request.described = sample.info;
        auto slow = (co_await desk.cache.begin_upload(std::move(request))).value();
        auto permit = co_await desk.budget.acquire(chunk_size);
        cache::Chunk chunk(std::string(chunk_size, 'x'), std::move(permit));
        auto written = co_await slow->write(std::move(chunk));
        BOOST_TEST(written.has_value());
        auto outcome = co_await push(desk.cache, desk.budget, sample);
        check(outcome, PublishOutcome::published);
        auto finished = co_await slow->finish(sample.info.nar_hash, chunk_size);
        BOOST_TEST(finished.has_value(), (finished ? "" : render(finished.error())));
        outcome = co_await slow->publish(sample.info);
        BOOST_TEST(outcome.has_value(), (outcome ? "" : render(outcome.error())));
        bool whole = co_await is_whole(desk, sample.info.path);
        BOOST_TEST(whole);
    });
    BOOST_TEST(fixture.server().state().uploads == 0U);
}

BOOST_AUTO_TEST_CASE(a_pin_keeps_what_it_leads_to) {
    Fixture fixture;
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> {
        auto leaf = make_sample("leaf", 100), other = make_sample("other", 100);
        auto host = make_sample("host", 100, {leaf.info.path});
        for (const auto& sample : {leaf, host, other}) {
            auto outcome = co_await push(desk.cache, desk.budget, sample);
            check(outcome, PublishOutcome::published);
        }
        auto pinned = co_await desk.cache.pin("main-alex@nas", host.info.path, 3);
        BOOST_TEST(pinned.has_value(), (pinned ? "" : render(pinned.error())));
        auto found = co_await desk.cache.find_name("main-alex@nas");
        BOOST_TEST((found && *found && **found == host.info.path));
        found = co_await desk.cache.find_name("main-alex@laptop");
        BOOST_TEST((found && !*found));
        pinned = co_await desk.cache.pin("x", make_sample("absent", 1).info.path, 1);
        BOOST_REQUIRE(!pinned.has_value());
        BOOST_TEST((pinned.error().kind() == FailureKind::not_found));
    });
    fixture.server().collect_garbage(true);
    BOOST_TEST(fixture.server().state().narinfos.size() == 2U);
    at_desk(fixture.desk(), [&](Desk& desk) -> Task<void> { // a path that is no closure of its own becomes one
        auto pinned = co_await desk.cache.pin("leaf", make_sample("leaf", 100).info.path, 1);
        BOOST_TEST(pinned.has_value(), (pinned ? "" : render(pinned.error())));
    });
    auto reading = fixture.desk("");
    reading.for_writing = false;
    at_desk(reading, [&](Desk& desk) -> Task<void> {
        auto found = co_await desk.cache.find_name("main-alex@nas"); // from the bucket
        BOOST_TEST((found && *found && (*found)->name() == "host"));
    });
}

BOOST_AUTO_TEST_CASE(github_says_who_we_are) {
    Fixture fixture([](Niks3ServerSettings& settings) { settings.oidc_audience = "our-niks3"; });
    auto settings = fixture.desk("");
    settings.uri += "&audience=our-niks3";
    settings.credentials.niks3.request_url = fixture.server().url() + "/_github?api-version=2.0";
    settings.credentials.niks3.request_token = Secret("step-secret");
    auto info = try_open(settings);
    BOOST_REQUIRE_MESSAGE(info.has_value(), (info ? "" : render(info.error())));
    BOOST_TEST((info->permission == cache::Permission::write));

    auto elsewhere = settings;
    elsewhere.uri = fixture.backend->uri();
    says(failure_to_open(elsewhere), "made out for 'our-niks3', which is not its own address");

    settings.credentials.niks3.request_token = Secret("of-another");
    auto failure = failure_to_open(settings);
    says(failure, "GitHub gave no token");
    BOOST_TEST(render(failure).find("of-another") == std::string::npos);

    Fixture without;
    settings.uri = without.backend->uri();
    settings.credentials.niks3.request_token = Secret("step-secret");
    failure = failure_to_open(settings);
    BOOST_TEST((failure.kind() == FailureKind::auth));
    says(failure, "takes no tokens of GitHub");
}

BOOST_AUTO_TEST_CASE(who_is_not_let_in_by_github_is_told_where_that_is_said) {
    Fixture fixture([](Niks3ServerSettings& settings) { settings.oidc_audience = "our-niks3"; });
    fixture.server().set_faults({fault("GET /api/closures/*", 401, std::nullopt)});
    auto settings = fixture.desk("");
    settings.uri += "&audience=our-niks3";
    settings.credentials.niks3.request_url = fixture.server().url() + "/_github";
    settings.credentials.niks3.request_token = Secret("step-secret");
    auto failure = failure_to_open(settings);
    says(failure, "does not accept GitHub's word");
    BOOST_TEST(render(failure).find("github-says-so") == std::string::npos);
    BOOST_TEST(fixture.server().count("GET /api/closures/*") == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
