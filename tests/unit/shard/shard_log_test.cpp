#include "shard/shard_log.hpp"
#include "support/memory_cache.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>

using namespace cachefill;
using namespace cachefill::shard;

namespace {

struct Scene {
    boost::asio::io_context loop;
    test::MemoryCache cache{loop.get_executor()};
    nix::SecretKey key = nix::SecretKey::generate("own-1");

    Scene() {
        cache.on_published = [this](const nix::StorePath& path) {
            auto& info = cache.visible.at(path).info;
            info.signatures = {key.sign(info.fingerprint()).value()};
        };
    }
    ShardLog log(std::size_t self) {
        cache::CacheInfo info;
        info.preferred_compression = codec::Compression::none;
        return ShardLog(cache, info, {key.public_key()}, "0123", self);
    }
    template <class T> T run(async::Task<T> task) {
        std::optional<T> result;
        auto keep = [](async::Task<T> inner, std::optional<T>& out) -> async::Task<void> {
            out.emplace(co_await std::move(inner));
        };
        boost::asio::co_spawn(loop, keep(std::move(task), result), boost::asio::detached);
        loop.restart();
        loop.run();
        return std::move(result).value();
    }
    Result<void> try_to_tell(ShardLog& log, LogEntry::Said said) {
        LogEntry entry;
        entry.said = said;
        return run(log.write(std::move(entry)));
    }
    void tell(ShardLog& log, LogEntry::Said said) { BOOST_TEST(try_to_tell(log, said).has_value()); }
    Result<ShardLog::Read> read(ShardLog& log, std::size_t shard) { return run(log.read(shard)); }
    std::size_t count(ShardLog& log, std::size_t shard) { return read(log, shard).value().entries.size(); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(shard_logs, Scene)

BOOST_AUTO_TEST_CASE(what_one_tells_the_other_hears_once_and_in_order) {
    auto first = log(1), second = log(2);
    BOOST_TEST(count(second, 1) == 0U);
    auto waited_for = second.next(1);
    tell(first, LogEntry::Said::started);
    BOOST_TEST(cache.is_served(waited_for));
    tell(first, LogEntry::Said::finished);
    auto heard = read(second, 1).value();
    BOOST_REQUIRE(heard.entries.size() == 2U);
    BOOST_TEST((heard.entries[0].said == LogEntry::Said::started));
    BOOST_TEST((heard.entries[1].said == LogEntry::Said::finished));
    BOOST_TEST(!heard.complaint.has_value());
    BOOST_TEST(count(second, 1) == 0U);
    BOOST_TEST((second.next(1) == entry_path("0123", 1, 2)));
}

BOOST_AUTO_TEST_CASE(a_second_attempt_goes_on_where_the_first_ended) {
    auto before = log(1);
    tell(before, LogEntry::Said::started);
    tell(before, LogEntry::Said::alive);
    auto again = log(1), other = log(2);
    tell(again, LogEntry::Said::started);
    auto heard = read(other, 1).value();
    BOOST_REQUIRE(heard.entries.size() == 3U);
    BOOST_TEST((heard.entries[2].said == LogEntry::Said::started));
}

BOOST_AUTO_TEST_CASE(what_may_have_arrived_is_followed_and_what_did_not_is_told_again) {
    auto first = log(1), second = log(2);
    tell(first, LogEntry::Said::started);
    auto fail = [](test::MemoryCache::Step step, nix::StorePath) -> async::Task<Result<void>> {
        if (step == test::MemoryCache::Step::publish) co_return Failure(FailureKind::network, "lost");
        co_return Result<void>();
    };
    cache.script = fail;
    BOOST_TEST(!try_to_tell(first, LogEntry::Said::alive).has_value());
    cache.script = {};
    tell(first, LogEntry::Said::alive);
    BOOST_TEST(count(second, 1) == 2U);
    // It arrives, and the answer to that does not.
    auto lost = log(1);
    cache.script = fail;
    BOOST_TEST(!try_to_tell(lost, LogEntry::Said::alive).has_value());
    cache.script = {};
    tell(first, LogEntry::Said::alive);
    tell(lost, LogEntry::Said::finished);
    auto heard = read(second, 1).value();
    BOOST_REQUIRE(heard.entries.size() == 2U);
    BOOST_TEST((heard.entries[1].said == LogEntry::Said::finished));
}

BOOST_AUTO_TEST_CASE(who_is_not_trusted_is_not_heard_and_does_not_silence_those_who_are) {
    auto first = log(1), second = log(2);
    tell(first, LogEntry::Said::started);
    cache.visible.at(entry_path("0123", 1, 0)).info.signatures.clear();
    tell(first, LogEntry::Said::finished);
    auto heard = read(second, 1).value();
    BOOST_REQUIRE(heard.complaint.has_value());
    BOOST_TEST(heard.complaint->one_line().find("is not signed") != std::string::npos);
    BOOST_REQUIRE(heard.entries.size() == 1U);
    BOOST_TEST((heard.entries[0].said == LogEntry::Said::finished));
}

BOOST_AUTO_TEST_SUITE_END()
