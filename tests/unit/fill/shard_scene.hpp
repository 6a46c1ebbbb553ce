#pragma once

#include "options/settings.hpp"
#include "report/shards.hpp"
#include "run_scene.hpp"
#include "shard/shard_log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/test/unit_test.hpp>

namespace cachefill::test {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;
using Said = shard::LogEntry::Said;

// The small fleet; this is shard 1 of 3.
struct Shards : RunScene {
    nix::SecretKey key = nix::SecretKey::generate("own-1");
    report::ShardPlan cut;
    std::vector<std::string> logged;      // what this shard said: the kind of entry, and how many failures
    std::vector<shard::LogEntry> entries; // the same
    std::size_t lines_told = 0;           // of logs

    Shards() {
        make_small_fleet();
        machine.settings.trusted_public_keys = {key.public_key().to_string()};
        own.preferred_compression = codec::Compression::none;
        own.substituter_url = "https://own.example";
        own.on_published = [this](const nix::StorePath& path) { sign(path); };
        cut.shards.resize(3);
        for (std::size_t i = 0; i < 3; ++i) {
            cut.shards[i].number = i + 1;
            cut.shards[i].machine = "x86_64-linux";
        }
    }

    void sign(const nix::StorePath& path) {
        auto& info = own.visible.at(path).info;
        info.signatures = {key.sign(info.fingerprint()).value()};
    }
    void give(std::size_t shard, const Names& names, bool are_copies = false) {
        for (const auto& name : names)
            cut.shards.at(shard - 1).builds.push_back({.derivation = path(name + ".drv").to_string(),
                                                       .name = name,
                                                       .kind = "compile",
                                                       .expected = 10s,
                                                       .measured = true,
                                                       .is_copy = are_copies});
    }
    // Another shard does something at this moment.
    void publish(std::chrono::milliseconds moment, const Names& names) {
        at(moment, [this, names] {
            serve(own, names);
            for (const auto& name : names) sign(path(name));
        });
    }
    void tell(std::chrono::milliseconds moment, std::size_t shard, Said said, const Names& failed = {}) {
        at(moment, [this, shard, said, failed] {
            std::vector<shard::FailedBuild> failures;
            for (const auto& name : failed)
                failures.push_back({.derivation = path(name + ".drv").to_string(),
                                    .name = name,
                                    .error = "exit code 2",
                                    .log_tail = {"no such file"}});
            boost::asio::co_spawn(loop, speak(shard, said, std::move(failures)), boost::asio::detached);
        });
    }
    shard::ShardLog log(std::size_t self) {
        cache::CacheInfo info;
        info.preferred_compression = codec::Compression::none;
        return shard::ShardLog(own, info, {key.public_key()}, "0123", self);
    }
    async::Task<void> speak(std::size_t shard, Said said, std::vector<shard::FailedBuild> failed) {
        auto its = log(shard);
        co_await tell_now(its, said, std::move(failed));
    }
    static async::Task<void> tell_now(shard::ShardLog& log, Said said, std::vector<shard::FailedBuild> failed = {}) {
        shard::LogEntry entry;
        entry.said = said;
        entry.failed = std::move(failed);
        co_await tell_now(log, std::move(entry));
    }
    static async::Task<void> tell_now(shard::ShardLog& log, shard::LogEntry entry) {
        auto told = co_await log.write(std::move(entry));
        BOOST_TEST(told.has_value());
    }

    const report::RunReport& run_shard(std::size_t self = 1) {
        play([this, self](session::Session& session) -> async::Task<void> {
            fill::Run run(session, fill::Extent::fill);
            run.become_shard("0123", cut, self);
            running = &run;
            co_await run.execute();
            running = nullptr;
            report = run.report();
            own.fault.reset(); // to read what was said
            auto its = log(4); // which nobody is
            auto heard = co_await its.read(self);
            logged.clear();
            entries = std::move(heard.value().entries);
            for (const auto& entry : entries) {
                logged.push_back(std::to_string(static_cast<int>(entry.said)) + " " +
                                 std::to_string(entry.failed.size()));
                for (const auto& build : entry.failed) lines_told += build.log_tail.size();
            }
        });
        return report;
    }
    // Without what the shards told each other.
    Names paths_published() const {
        auto names = published();
        std::erase(names, "cachefill-shard.json");
        return sorted(names);
    }
};

} // namespace cachefill::test
