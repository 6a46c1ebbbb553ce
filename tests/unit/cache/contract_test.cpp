// What every backend promises, whatever is behind it.
#include "async/task_group.hpp"
#include "base/text.hpp"
#include "cache/nar_look.hpp"
#include "nix/realisation.hpp"
#include "unit/cache/attic_backend.hpp"
#include "unit/cache/backends.hpp"
#include "unit/cache/niks3_backend.hpp"
#include "unit/cache/s3_backend.hpp"

#include <boost/mpl/list.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::NarState;
using cache::PublishOutcome;

namespace {

using Backends = boost::mpl::list<FileBackend, HttpBackend, S3Backend, CachixBackend, AtticBackend, Niks3Backend>;

template <class Backend> void with_backend(const Body& body) {
    auto directory = TemporaryDirectory::make("cachefill-contract").value();
    Backend backend(directory.path());
    at_desk(desk_settings(backend, directory.path()), body);
}

Task<nix::NarInfo> get_served(Desk& desk, nix::StorePath path) {
    auto info = co_await desk.cache.get_narinfo(path);
    BOOST_REQUIRE_MESSAGE(info.has_value(), (info ? "" : info.error().one_line()));
    BOOST_REQUIRE_MESSAGE(info->has_value(), path.to_string() + " is not served");
    co_return **info;
}

Task<bool> is_served(Desk& desk, nix::StorePath path) {
    auto info = co_await desk.cache.get_narinfo(path);
    BOOST_REQUIRE_MESSAGE(info.has_value(), (info ? "" : info.error().one_line()));
    co_return info->has_value();
}

Task<NarState> look(Desk& desk, nix::NarInfo info) {
    auto looked = co_await desk.cache.look_at_nar(std::move(info));
    BOOST_REQUIRE_MESSAGE(looked.has_value(), (looked ? "" : looked.error().one_line()));
    co_return looked->state;
}

// Attic compresses what it gets, by zstd, and takes nothing else than NARs as they are.
bool compresses_itself(const Desk& desk) { return desk.info.preferred_compression == codec::Compression::none; }

codec::Compression as_taken(const Desk& desk, codec::Compression wanted) {
    return compresses_itself(desk) ? codec::Compression::none : wanted;
}

Task<PublishOutcome> push_well(Desk& desk, Sample sample, codec::Compression compression = codec::Compression::zstd) {
    auto outcome = co_await push(desk.cache, desk.budget, std::move(sample), as_taken(desk, compression));
    BOOST_REQUIRE_MESSAGE(outcome.has_value(), (outcome ? "" : outcome.error().one_line()));
    co_return *outcome;
}

Task<void> check_round_trip(Desk& desk, Sample sample, codec::Compression compression) {
    auto outcome = co_await push_well(desk, sample, compression);
    BOOST_TEST((outcome == PublishOutcome::published));
    auto info = co_await get_served(desk, sample.info.path);
    BOOST_TEST((info.path == sample.info.path));
    BOOST_TEST((info.nar_hash == sample.info.nar_hash));
    BOOST_TEST(info.nar_size == sample.info.nar_size);
    BOOST_TEST((info.references == sample.info.references));
    BOOST_TEST((info.compression == (compresses_itself(desk) ? codec::Compression::zstd : compression)));
    BOOST_TEST(info.is_trusted_by(desk.info.public_keys));
    auto state = co_await look(desk, info);
    BOOST_TEST((state == NarState::there));
    auto checked = co_await desk.cache.check_nar(info);
    BOOST_TEST(checked.has_value(), (checked ? "" : checked.error().one_line()));
    BOOST_TEST((checked && checked->empty()));
}

Task<void> push_one(Desk& desk, Sample sample, int& published) {
    auto outcome = co_await push_well(desk, std::move(sample));
    if (outcome == PublishOutcome::published) ++published;
}

Task<void> push_until_cancelled(Desk& desk, Sample sample, bool& aborted) {
    cache::UploadRequest request(sample.info.path, sample.info.nar_size, as_taken(desk, codec::Compression::zstd));
    request.described = sample.info;
    auto started = (co_await desk.cache.begin_upload(std::move(request))).value();
    async::Signal never(desk.executor);
    std::exception_ptr cancelled;
    try {
        for (int i = 0; i < 3; ++i) {
            auto permit = co_await desk.budget.acquire(chunk_size);
            cache::Chunk chunk(std::string(chunk_size, 'x'), std::move(permit));
            auto written = co_await started->write(std::move(chunk));
            BOOST_TEST(written.has_value());
        }
        for (;;) co_await never.wait();
    } catch (const boost::system::system_error&) { // cancelled, as the test wants
        cancelled = std::current_exception();
    }
    co_await async::asio::this_coro::throw_if_cancelled(false);
    co_await started->abort();
    aborted = true;
    std::rethrow_exception(cancelled);
}

} // namespace

BOOST_AUTO_TEST_SUITE(contract)

BOOST_AUTO_TEST_CASE_TEMPLATE(it_says_what_our_credentials_allow, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        BOOST_TEST((desk.info.permission == cache::Permission::write));
        BOOST_TEST(desk.info.public_keys.size() == 1U);
        BOOST_TEST(!desk.info.substituter_url.empty());
        co_return;
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_nobody_pushed_is_absent, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto sample = make_sample("absent", 100);
        bool served = co_await is_served(desk, sample.info.path);
        BOOST_TEST(!served);
        auto info = sample.info;
        info.url = "nar/" + info.nar_hash.to_nix32() + ".nar.zst";
        auto state = co_await look(desk, info);
        BOOST_TEST((state == NarState::gone));
        auto checked = co_await desk.cache.check_nar(info);
        BOOST_TEST(!checked.has_value());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_small_path_makes_the_round_trip, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto leaf = make_sample("leaf", 1000);
        co_await check_round_trip(desk, leaf, codec::Compression::zstd);
        auto top = make_sample("top", 0, {leaf.info.path, make_sample("top", 0).info.path});
        std::sort(top.info.references.begin(), top.info.references.end());
        co_await check_round_trip(desk, top, codec::Compression::xz);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(forty_mebibytes_make_the_round_trip, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto large = make_sample("large", 40 << 20);
        co_await check_round_trip(desk, std::move(large), codec::Compression::zstd);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(where_outputs_went_is_kept_signed_and_replaced_or_not_at_all, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto id = [](char digit) { return "sha256:" + std::string(64, digit) + "!out"; };
        nix::Realisation told{id('a'), make_sample("one", 1).info.path, {}, {"other-1:AAAA"}};
        told.dependents.emplace(id('b'), make_sample("two", 1).info.path);
        auto absent = co_await desk.cache.get_realisation(told.id);
        BOOST_REQUIRE(absent.has_value());
        BOOST_TEST(!absent->has_value());
        auto put = co_await desk.cache.put_realisation(told);
        BOOST_TEST(put.has_value() == desk.info.keeps_realisations);
        if (!desk.info.keeps_realisations) co_return;

        auto found = co_await desk.cache.get_realisation(told.id);
        BOOST_REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().one_line()));
        BOOST_REQUIRE(found->has_value());
        BOOST_TEST(((*found)->out_path == told.out_path));
        BOOST_TEST(((*found)->dependents == told.dependents));
        BOOST_TEST((*found)->signatures.size() == 2U);
        BOOST_TEST(nix::signed_by_one_of((*found)->fingerprint(), (*found)->signatures, desk.info.public_keys));
        told.out_path = make_sample("three", 1).info.path;
        put = co_await desk.cache.put_realisation(told);
        BOOST_TEST(put.has_value());
        found = co_await desk.cache.get_realisation(told.id);
        BOOST_TEST(((*found)->out_path == told.out_path));
        absent = co_await desk.cache.get_realisation(id('b'));
        BOOST_TEST(!absent->has_value());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(nothing_is_visible_before_publish, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto sample = make_sample("hidden", 5000);
        auto started = co_await upload(desk.cache, desk.budget, sample, as_taken(desk, codec::Compression::zstd));
        BOOST_REQUIRE(started.has_value());
        bool served = co_await is_served(desk, sample.info.path);
        BOOST_TEST(!served);
        auto outcome = co_await (*started)->publish(sample.info);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published));
        served = co_await is_served(desk, sample.info.path);
        BOOST_TEST(served);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_narinfo_is_never_replaced, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto sample = make_sample("twice", 5000);
        auto outcome = co_await push_well(desk, sample);
        BOOST_TEST((outcome == PublishOutcome::published));
        auto first = co_await get_served(desk, sample.info.path);
        auto other = make_sample("twice", 6000); // the same path, another content
        outcome = co_await push_well(desk, other);
        BOOST_TEST((outcome == PublishOutcome::already_there));
        auto second = co_await get_served(desk, sample.info.path);
        BOOST_TEST(first.to_string() == second.to_string());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(many_paths_go_up_at_once, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        async::TaskGroup group(desk.executor);
        std::vector<nix::StorePath> paths;
        int published = 0;
        for (int i = 0; i < 24; ++i) {
            auto sample = make_sample("path-" + std::to_string(i), i % 8 == 0 ? 6 << 20 : 300);
            paths.push_back(sample.info.path);
            group.spawn(push_one(desk, std::move(sample), published));
        }
        co_await group.join();
        BOOST_TEST(published == 24);
        for (const auto& path : paths) {
            auto info = co_await get_served(desk, path);
            auto checked = co_await desk.cache.check_nar(info);
            BOOST_TEST(checked.has_value(), (checked ? "" : checked.error().one_line()));
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_aborted_upload_leaves_nothing_visible, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto sample = make_sample("aborted", 5000);
        auto started = co_await upload(desk.cache, desk.budget, sample, as_taken(desk, codec::Compression::zstd));
        BOOST_REQUIRE(started.has_value());
        co_await (*started)->abort();
        bool served = co_await is_served(desk, sample.info.path);
        BOOST_TEST(!served);
        auto outcome = co_await push_well(desk, sample);
        BOOST_TEST((outcome == PublishOutcome::published));
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_cancelled_upload_can_be_aborted_and_gives_back_its_budget, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        async::TaskGroup group(desk.executor);
        bool aborted = false;
        auto sample = make_sample("cancelled", 100);
        group.spawn(push_until_cancelled(desk, sample, aborted));
        co_await async::sleep_for(std::chrono::milliseconds(20)); // anywhere in it
        group.cancel();
        co_await group.join();
        BOOST_TEST(aborted);
        BOOST_TEST(desk.budget.in_use() == 0U);
        bool served = co_await is_served(desk, sample.info.path);
        BOOST_TEST(!served);
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_nar_that_is_not_what_the_narinfo_says_is_found_out, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto sample = make_sample("wrong", 5000);
        sample.info.nar_hash = make_sample("other", 5000).info.nar_hash;
        if (compresses_itself(desk)) { // and looks at what it gets
            auto refused = co_await push(desk.cache, desk.budget, sample, codec::Compression::none);
            BOOST_REQUIRE(!refused.has_value());
            BOOST_TEST((refused.error().kind() == FailureKind::protocol), refused.error().one_line());
            bool served = co_await is_served(desk, sample.info.path);
            BOOST_TEST(!served);
            co_return;
        }
        co_await push_well(desk, sample);
        auto info = co_await get_served(desk, sample.info.path);
        auto checked = co_await desk.cache.check_nar(info);
        BOOST_REQUIRE(!checked.has_value());
        BOOST_TEST((checked.error().kind() == FailureKind::protocol), checked.error().one_line());
        BOOST_TEST(checked.error().cause().find("NAR's hash") != std::string::npos, checked.error().one_line());

        if (!info.file_size) co_return; // niks3 says nothing of the file, which anybody may have compressed
        *info.file_size += 1;
        auto state = co_await look(desk, info);
        BOOST_TEST((state == NarState::wrong_size));
    });
}

// Real Nix fetches from all of these.
BOOST_AUTO_TEST_CASE_TEMPLATE(what_nix_does_not_mind_is_a_remark, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto sample = make_sample("odd", 5000);
        co_await push_well(desk, sample);
        auto info = co_await get_served(desk, sample.info.path);
        info.file_hash = sample.info.nar_hash;
        info.file_size = info.file_size.value_or(1) + 1;
        auto checked = co_await desk.cache.check_nar(info);
        BOOST_REQUIRE_MESSAGE(checked.has_value(), (checked ? "" : checked.error().one_line()));
        BOOST_TEST(checked->size() == 2U);
    });
}

// Real Nix 2.26 and 2.34 fetch from none of these.
BOOST_AUTO_TEST_CASE_TEMPLATE(the_compression_must_be_the_stated_one, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        auto packed = make_sample("packed", 5000);
        auto plain = make_sample("plain", 5000);
        co_await push_well(desk, packed);
        auto info = co_await get_served(desk, packed.info.path);
        // bzip2 is what a narinfo without that line says.
        for (auto stated : {codec::Compression::none, codec::Compression::brotli, codec::Compression::xz,
                            codec::Compression::bzip2, codec::Compression::unknown}) {
            info.compression = stated;
            auto state = co_await look(desk, info);
            // Not compressed it has the length of its NAR, if the narinfo says no other.
            bool is_odd = !info.file_size && stated == codec::Compression::none && state == NarState::wrong_size;
            BOOST_TEST((state == NarState::unreadable || is_odd), codec::to_string(stated));
            auto checked = co_await desk.cache.check_nar(info);
            BOOST_TEST(!checked.has_value());
        }
        if (desk.info.server_signs) co_return; // Cachix takes nothing that is not compressed, attic nothing that is
        co_await push_well(desk, plain, codec::Compression::none);
        info = co_await get_served(desk, plain.info.path);
        auto state = co_await look(desk, info);
        BOOST_TEST((state == NarState::there));
        for (auto stated : {codec::Compression::zstd, codec::Compression::bzip2}) {
            info.compression = stated;
            auto checked = co_await desk.cache.check_nar(info);
            BOOST_TEST(!checked.has_value());
        }
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_bulk_query_tells_what_is_missing, Backend, Backends) {
    with_backend<Backend>([](Desk& desk) -> Task<void> {
        if (!desk.info.has_bulk_query) co_return;
        auto present = make_sample("present", 100);
        auto absent = make_sample("absent", 100);
        co_await push_well(desk, present);
        std::vector<nix::StorePath> asked{present.info.path, absent.info.path, absent.info.path};
        auto missing = co_await desk.cache.query_missing(std::move(asked));
        BOOST_REQUIRE(missing.has_value());
        BOOST_TEST((*missing == std::vector{absent.info.path}));
    });
}

BOOST_AUTO_TEST_SUITE_END()
