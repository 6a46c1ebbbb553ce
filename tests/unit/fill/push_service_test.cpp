#include "async/task_group.hpp"
#include "base/text.hpp"
#include "fill/push_service.hpp"
#include "options/settings.hpp"
#include "support/acting_daemon.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

using namespace cachefill;
using namespace cachefill::test;
using desktop::Settled;
using fill::CacheCarrier;
using namespace std::chrono_literals;

namespace {

// A daemon that knows what the machine's table says, and a carrier to a directory.
struct Scene : Machine {
    options::PushCache cache;
    std::map<std::string, Settled> settled;
    std::map<std::string, std::uint64_t> bytes;
    std::map<std::string, std::string> reasons;
    std::size_t connections = 0;

    Scene() {
        cache.name = "disk";
        cache.uri = GivenUrl("file://" + path("filled").string() + "?trusted=1");
    }
    bool is_filled_with(const nix::StorePath& path) const {
        return std::filesystem::exists(this->path("filled") / (std::string(path.hash_part()) + ".narinfo"));
    }

    using Body = std::function<async::Task<void>(CacheCarrier&)>;
    void with_carrier(Body body) {
        auto work = [&](session::Session& session) -> async::Task<void> {
            async::SteadyClock clock;
            ActingDaemon daemon(session.executor(), clock);
            daemon.on_path_info = [this](const std::string& text) -> std::optional<nix::PathInfo> {
                auto found = infos.find(nix::StorePath::parse(text).value());
                return found == infos.end() ? std::nullopt : std::optional(found->second);
            };
            std::filesystem::create_symlink(daemon.endpoint().socket, path("socket"));
            async::TaskGroup serving(session.executor());
            serving.spawn(daemon.serve());
            {
                CacheCarrier carrier(session, cache, {}, messages);
                co_await body(carrier);
            }
            serving.cancel();
            co_await serving.join();
            connections = daemon.connections;
            std::filesystem::remove(path("socket"));
        };
        run(work);
    }
    async::Task<Result<void>> carry(CacheCarrier& carrier, std::vector<nix::StorePath> paths) {
        desktop::Carrier::OnSettled on_settled = [this](desktop::Settlement settlement) {
            auto name = std::string(settlement.path.name());
            BOOST_TEST(settled.emplace(name, settlement.how).second, name); // once
            bytes[name] = settlement.bytes;
            reasons[name] = settlement.reason;
        };
        co_return co_await carrier.carry(std::move(paths), std::move(on_settled));
    }
};

using Outcomes = std::map<std::string, Settled>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(push_service, Scene)

BOOST_AUTO_TEST_CASE(what_is_carried_goes_up_with_what_it_refers_to_and_is_told_by_itself) {
    auto libc = add("libc"), top = add("top", {libc}), gone = some_path("gone");
    with_carrier([&](CacheCarrier& carrier) -> async::Task<void> {
        std::vector<nix::StorePath> paths{top, gone};
        BOOST_TEST((co_await carry(carrier, std::move(paths))).has_value());
    });
    BOOST_TEST((settled == Outcomes{{"top", Settled::pushed}, {"gone", Settled::gone}})); // nobody asked for libc
    BOOST_TEST(bytes["top"] > 0U);
    BOOST_TEST(is_filled_with(top));
    BOOST_TEST(is_filled_with(libc));
}

BOOST_AUTO_TEST_CASE(what_is_there_already_is_told_so_and_costs_nothing) {
    auto top = add("top");
    with_carrier([&](CacheCarrier& carrier) -> async::Task<void> {
        std::vector<nix::StorePath> paths{top}, again{top};
        BOOST_TEST((co_await carry(carrier, std::move(paths))).has_value());
        settled.clear();
        carrier.rest(); // whatever was remembered is gone
        BOOST_TEST((co_await carry(carrier, std::move(again))).has_value());
    });
    BOOST_TEST((settled == Outcomes{{"top", Settled::present}}));
    BOOST_TEST(bytes["top"] == 0U);
    BOOST_TEST(connections == 2U); // one for each batch
}

BOOST_AUTO_TEST_CASE(where_nothing_is_valid_any_more_the_cache_is_not_even_opened) {
    cache.uri = GivenUrl("file:///proc/no-such-place");
    auto gone = some_path("gone");
    with_carrier([&](CacheCarrier& carrier) -> async::Task<void> {
        std::vector<nix::StorePath> paths{gone};
        BOOST_TEST((co_await carry(carrier, std::move(paths))).has_value());
    });
    BOOST_TEST((settled == Outcomes{{"gone", Settled::gone}}));
}

BOOST_AUTO_TEST_CASE(a_cache_that_cannot_be_opened_settles_nothing) {
    cache.uri = GivenUrl("file:///proc/no-such-place?trusted=1");
    auto top = add("top");
    with_carrier([&](CacheCarrier& carrier) -> async::Task<void> {
        std::vector<nix::StorePath> paths{top};
        auto carried = co_await carry(carrier, std::move(paths));
        BOOST_REQUIRE(!carried.has_value());
        BOOST_TEST((carried.error().kind() == FailureKind::machine));
    });
    BOOST_TEST(settled.empty());
}

BOOST_AUTO_TEST_CASE(what_was_fetched_is_not_ours_to_push) {
    auto fetched = add("fetched");
    infos.at(fetched).ultimate = false;
    with_carrier([&](CacheCarrier& carrier) -> async::Task<void> {
        std::vector<nix::StorePath> paths{fetched};
        BOOST_TEST((co_await carry(carrier, std::move(paths))).has_value());
    });
    BOOST_TEST((settled == Outcomes{{"fetched", Settled::withheld}}));
    BOOST_TEST(reasons["fetched"] != "");
    BOOST_TEST(!is_filled_with(fetched));
}

BOOST_AUTO_TEST_CASE(what_is_damaged_is_never_pushed) {
    auto top = add("top");
    write("root" + top.to_string(), "contend"
                                    "top"); // as long as it was
    with_carrier([&](CacheCarrier& carrier) -> async::Task<void> {
        std::vector<nix::StorePath> paths{top};
        BOOST_TEST((co_await carry(carrier, std::move(paths))).has_value());
    });
    BOOST_TEST((settled == Outcomes{{"top", Settled::withheld}}));
    BOOST_TEST(!is_filled_with(top));
}

BOOST_AUTO_TEST_CASE(a_pipe_is_no_file_to_read_a_secret_from_again_and_again) {
    auto top = add("top");
    auto pipe = path("pipe");
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    for (auto* file : {&cache.token_file, &cache.signing_key_file}) {
        *file = pipe;
        with_carrier([&](CacheCarrier& carrier) -> async::Task<void> {
            std::vector<nix::StorePath> paths{top};
            auto carried = co_await carry(carrier, std::move(paths)); // it says nothing for as long as one waits
            BOOST_REQUIRE(!carried.has_value());
            BOOST_TEST(carried.error().cause() == pipe.string() + " is no plain file, and it is read at every attempt");
        });
        file->clear();
    }
    BOOST_TEST(settled.empty());
}

BOOST_AUTO_TEST_CASE(a_renewed_token_is_seen) {
    cache.token_file = path("token");
    auto body = [&](session::Session& session) -> async::Task<void> {
        CacheCarrier carrier(session, cache, {}, messages);
        auto before = carrier.credentials_fingerprint();
        BOOST_TEST(before == "- -"); // neither is there
        write("token", "first");
        auto first = carrier.credentials_fingerprint();
        BOOST_TEST(first != before);
        BOOST_TEST(carrier.credentials_fingerprint() == first);
        write("token", "second"); // another length
        BOOST_TEST(carrier.credentials_fingerprint() != first);
        co_return;
    };
    run(body);
}

BOOST_AUTO_TEST_CASE(without_a_daemon_nothing_is_known_of_any_path) {
    auto body = [&](session::Session& session) -> async::Task<void> {
        CacheCarrier carrier(session, cache, {}, messages);
        std::vector<nix::StorePath> paths{add("top")};
        auto carried = co_await carry(carrier, std::move(paths));
        BOOST_TEST(!carried.has_value());
    };
    run(body);
    BOOST_TEST(settled.empty());
}

BOOST_AUTO_TEST_SUITE_END()
