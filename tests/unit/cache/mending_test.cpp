// Narinfos that stand while their archives are gone or cut off.
#include "cache/nar_look.hpp"
#include "unit/cache/backends.hpp"

#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using async::Task;
using cache::NarState;
using cache::PublishOutcome;

namespace {

using Backends = boost::mpl::list<FileBackend, HttpBackend>;

// A cache with one path in it, whose files can be changed behind its back.
template <class Backend> struct Shelf {
    TemporaryDirectory temporary = TemporaryDirectory::make("cachefill-mending").value();
    Backend backend{temporary.path()};
    Sample sample = make_sample("mended", 50'000);

    void put(const std::string& name, const std::string& content) {
        if constexpr (std::is_same_v<Backend, HttpBackend>)
            backend.put("/" + name, content);
        else
            BOOST_TEST(write_file_atomically(backend.directory() / name, content).has_value());
    }
    std::string narinfo() const { return std::string(sample.info.path.hash_part()) + ".narinfo"; }

    void at(const Body& body) { at_desk(desk_settings(backend, temporary.path()), body); }

    Task<nix::NarInfo> get(Desk& desk) {
        auto info = co_await desk.cache.get_narinfo(sample.info.path);
        BOOST_REQUIRE((info && *info));
        co_return **info;
    }
    Task<Result<PublishOutcome>> mend(Desk& desk, nix::NarInfo broken, codec::Compression compression) {
        CO_TRY(packed, pack(sample, compression));
        cache::UploadRequest request(sample.info.path, sample.info.nar_size, compression);
        request.mends = std::move(broken);
        CO_TRY(started, co_await desk.cache.begin_upload(std::move(request)));
        auto hash = codec::hash_bytes(codec::HashAlgorithm::sha256, packed);
        auto size = packed.size();
        cache::Chunk chunk(std::move(packed), {});
        CO_TRY_VOID(co_await started->write(std::move(chunk)));
        CO_TRY_VOID(co_await started->finish(hash, size));
        co_return co_await started->publish(sample.info);
    }
    static Result<std::string> pack(const Sample& sample, codec::Compression compression) {
        codec::CompressionSettings settings;
        settings.method = compression;
        settings.level = 1;
        TRY(compressor, codec::make_compressor(settings));
        std::string packed;
        TRY_VOID(compressor->write(sample.nar, packed));
        TRY_VOID(compressor->finish(packed));
        return packed;
    }
    Task<void> check_whole(Desk& desk) {
        auto info = co_await get(desk);
        auto looked = co_await desk.cache.look_at_nar(info);
        BOOST_TEST((looked && looked->state == NarState::there));
        auto checked = co_await desk.cache.check_nar(info);
        BOOST_TEST((checked && checked->empty()), (checked ? "" : checked.error().one_line()));
        BOOST_TEST(info.is_trusted_by(desk.info.public_keys));
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(mending)

BOOST_AUTO_TEST_CASE_TEMPLATE(the_same_archive_goes_back_and_the_narinfo_stays_as_it_is, Backend, Backends) {
    Shelf<Backend> shelf;
    shelf.at([&](Desk& desk) -> Task<void> {
        auto pushed = co_await push(desk.cache, desk.budget, shelf.sample);
        BOOST_REQUIRE(pushed.has_value());
        auto before = co_await shelf.get(desk);
        shelf.put(before.url, "half");
        auto looked = co_await desk.cache.look_at_nar(before);
        BOOST_TEST((looked && looked->state == NarState::wrong_size));
        auto outcome = co_await shelf.mend(desk, before, codec::Compression::zstd);
        BOOST_TEST((outcome && *outcome == PublishOutcome::published), (outcome ? "" : outcome.error().one_line()));
        co_await shelf.check_whole(desk);
        auto after = co_await shelf.get(desk);
        BOOST_TEST(after.to_string() == before.to_string());
    });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(another_archive_of_the_same_path_corrects_what_the_narinfo_says_of_the_file, Backend,
                              Backends) {
    for (auto compression : {codec::Compression::zstd, codec::Compression::xz}) {
        Shelf<Backend> shelf;
        shelf.at([&](Desk& desk) -> Task<void> {
            auto pushed = co_await push(desk.cache, desk.budget, shelf.sample);
            BOOST_REQUIRE(pushed.has_value());
            auto before = co_await shelf.get(desk);
            before.file_hash = shelf.sample.info.nar_hash; // as another program's compressor made it
            before.file_size = 4711;
            shelf.put(before.url, "half");
            shelf.put(shelf.narinfo(), before.to_string() + "System: x86_64-linux\n");
            auto outcome = co_await shelf.mend(desk, before, compression);
            BOOST_TEST((outcome && *outcome == PublishOutcome::published), (outcome ? "" : outcome.error().one_line()));
            co_await shelf.check_whole(desk);
            auto after = co_await shelf.get(desk);
            bool is_same_method = compression == before.compression;
            BOOST_TEST((after.url == before.url) == is_same_method); // who knows the old narinfo still finds it
            BOOST_TEST(after.fingerprint() == before.fingerprint());
            BOOST_TEST(after.signatures == before.signatures, boost::test_tools::per_element());
        });
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_was_built_with_another_result_mends_nothing, Backend, Backends) {
    Shelf<Backend> shelf;
    shelf.at([&](Desk& desk) -> Task<void> {
        auto pushed = co_await push(desk.cache, desk.budget, shelf.sample);
        BOOST_REQUIRE(pushed.has_value());
        auto before = co_await shelf.get(desk);
        shelf.put(before.url, "half");
        shelf.sample = make_sample("mended", 60'000); // the same path, another content
        auto outcome = co_await shelf.mend(desk, before, codec::Compression::zstd);
        BOOST_REQUIRE(!outcome);
        BOOST_TEST(outcome.error().hint().find(shelf.narinfo()) != std::string::npos, outcome.error().hint());
        auto after = co_await shelf.get(desk);
        BOOST_TEST(after.to_string() == before.to_string());
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_replaces_nothing_is_told_what_to_remove) {
    Shelf<HttpBackend> shelf;
    shelf.at([&](Desk& desk) -> Task<void> {
        auto pushed = co_await push(desk.cache, desk.budget, shelf.sample);
        BOOST_REQUIRE(pushed.has_value());
        auto before = co_await shelf.get(desk);
        shelf.put(before.url, "half");
        shelf.backend.intercept([](const HttpRequest& request) -> std::optional<HttpReply> {
            return request.method == "PUT" ? std::optional(HttpReply(409, "exists")) : std::nullopt;
        });
        auto outcome = co_await shelf.mend(desk, before, codec::Compression::zstd);
        BOOST_REQUIRE(!outcome);
        BOOST_TEST(outcome.error().hint().find("remove " + before.url) != std::string::npos, outcome.error().hint());
    });
}

BOOST_AUTO_TEST_SUITE_END()
