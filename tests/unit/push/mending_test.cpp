#include "push/mending.hpp"
#include "pushing.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::push;
using Step = test::MemoryCache::Step;

namespace {

struct Fixture : test::Pushing {
    nix::NarInfo broken(const nix::StorePath& path) {
        cache.put(path);
        cache.lost_archives.insert(path);
        auto info = cache.visible.at(path).info;
        info.compression = codec::Compression::zstd;
        if (auto found = store.infos.find(path); found != store.infos.end()) {
            info.nar_hash = found->second.nar_hash;
            info.nar_size = found->second.nar_size;
        }
        return info;
    }
    std::vector<MendRecord> mend(std::vector<nix::NarInfo> infos) {
        std::vector<MendRecord> records;
        auto body = [&]() -> async::Task<void> {
            records =
                co_await mend_archives(loop.get_executor(), cache, workers, std::move(infos), settings, environment);
        };
        std::exception_ptr error;
        boost::asio::co_spawn(loop, body(), [&](std::exception_ptr thrown) { error = std::move(thrown); });
        loop.run();
        loop.restart();
        if (error) std::rethrow_exception(error);
        return records;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(push_mending, Fixture)

BOOST_AUTO_TEST_CASE(what_the_store_has_goes_back_and_the_rest_is_told_apart) {
    auto here = store.add("here");
    auto refused = store.add("refused");
    auto rebuilt = store.add("rebuilt");
    auto away = store.add("away");
    store.infos.erase(away);
    std::vector<nix::NarInfo> infos{broken(here), broken(away), broken(rebuilt), broken(refused)};
    infos[2].nar_hash = infos[0].nar_hash;
    cache.script = [&](Step step, nix::StorePath path) -> async::Task<Result<void>> {
        if (step == Step::publish && path == refused) co_return Failure(FailureKind::protocol, "never replaced");
        co_return Result<void>();
    };
    auto records = mend(infos);
    BOOST_REQUIRE(records.size() == 4U);
    BOOST_TEST((records[0].outcome == Mending::mended));
    BOOST_TEST((records[1].outcome == Mending::not_here));
    BOOST_TEST((records[2].outcome == Mending::failed));
    BOOST_TEST(records[2].failure->one_line().find("built with another result") != std::string::npos);
    BOOST_TEST((records[3].outcome == Mending::failed));
    BOOST_TEST(records[3].failure->one_line().find("never replaced") != std::string::npos);
    BOOST_TEST(cache.lost_archives.count(here) == 0U);
    BOOST_TEST(cache.lost_archives.size() == 3U);
    BOOST_TEST(cache.times_asked(Step::begin, rebuilt) == 0U); // nothing wrong is put in the place of nothing
    BOOST_TEST(cache.forgotten == 0U);
    BOOST_TEST(cache.open_uploads == 0U);
}

BOOST_AUTO_TEST_CASE(a_compression_that_cannot_be_made_here_becomes_that_of_new_archives) {
    auto path = store.add("old");
    auto info = broken(path);
    info.compression = codec::Compression::bzip2;
    auto records = mend({info});
    BOOST_REQUIRE(records.size() == 1U);
    BOOST_TEST((records[0].outcome == Mending::mended));
}

BOOST_AUTO_TEST_SUITE_END()
