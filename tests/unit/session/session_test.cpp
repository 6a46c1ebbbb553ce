#include "async/task_group.hpp"
#include "base/text.hpp"
#include "cache/make_cache.hpp"
#include "eval/evaluator.hpp"
#include "options/settings.hpp"
#include "presence/opened_cache.hpp"
#include "presence/patience.hpp"
#include "session/outside.hpp"
#include "session/session.hpp"
#include "support/acting_daemon.hpp"
#include "support/http_server.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using session::Session;
using Need = session::Session::Need;
using namespace std::chrono_literals;

namespace {

struct Scene : Machine {
    Scene() {
        settings.min_free = 0;
        settings.cache = GivenUrl("file://" + path("cache").string() + "?trusted=1");
    }
    using Look = std::function<void(Session&, const std::vector<Failure>&)>;
    // The findings of a preflight, with a daemon or without.
    void preflight(Need need, bool has_daemon, Look look) {
        auto work = [&](async::Executor executor) -> async::Task<void> {
            async::SteadyClock clock;
            ActingDaemon daemon(executor, clock);
            async::TaskGroup serving(executor);
            serving.spawn(daemon.serve());
            if (has_daemon) std::filesystem::create_symlink(daemon.endpoint().socket, path("socket"));
            {
                Session session(executor, settings, environment, messages, outside);
                auto on_store = [this] { ++stores; };
                auto findings = co_await session.preflight(need, true, on_store);
                look(session, findings);
            }
            std::filesystem::remove(path("socket"));
            serving.cancel();
            co_await serving.join();
        };
        run_task<void>(work);
    }
    int stores = 0;                            // that answered
    std::shared_ptr<session::Outside> outside; // null: the real one
};

// Keeps how long requests to each cache may be repeated.
struct Budgets : session::Outside {
    std::unique_ptr<cache::BinaryCache> make_cache(const cache::CacheUri& uri, cache::Credentials credentials,
                                                   cache::CacheContext context) override {
        seen.push_back(context.retry.budget);
        return Outside::make_cache(uri, std::move(credentials), std::move(context));
    }
    std::vector<std::chrono::milliseconds> seen;
};

std::string all_of(const std::vector<Failure>& findings) {
    std::string text;
    for (const auto& finding : findings) text += render(finding) + "\n";
    return text;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_FIXTURE_TEST_SUITE(session_preflight, Scene)

BOOST_AUTO_TEST_CASE(a_machine_that_has_everything_has_no_findings) {
    preflight(Need::writing, true, [&](Session& session, const std::vector<Failure>& findings) {
        BOOST_TEST(findings.empty(), all_of(findings));
        BOOST_TEST(session.has_store());
        BOOST_TEST(session.is_trusted());
        BOOST_TEST(session.nix().nix_version == "2.30.1");
        BOOST_TEST(session.endpoint().physical_root == path("root"));
        BOOST_TEST((session.cache_info().permission == cache::Permission::write));
        BOOST_TEST((session.take_cache().backend != nullptr));
        BOOST_TEST(session.eval_settings("x").past_evaluations.parent_path() == path("state"));
        session.close_connection();
        BOOST_TEST(!session.has_store());
    });
    BOOST_TEST(stores == 1);
}

BOOST_AUTO_TEST_CASE(who_only_looks_does_not_wait_for_a_cache_as_long_as_who_fills_it) {
    auto budgets = std::make_shared<Budgets>();
    outside = budgets;
    auto nothing = [](Session&, const std::vector<Failure>&) {};
    preflight(Need::writing, true, nothing);
    preflight(Need::looking, true, nothing);
    settings.retry_budget = 3s;
    preflight(Need::looking, true, nothing);
    BOOST_TEST((budgets->seen == std::vector<std::chrono::milliseconds>{90s, 15s, 3s}));
}

BOOST_AUTO_TEST_CASE(all_findings_are_told_at_once) {
    settings.cache = GivenUrl("ftp://x");
    settings.state_directory = path("settings.json") / "below-a-file";
    preflight(Need::writing, false, [&](Session& session, const std::vector<Failure>& findings) {
        BOOST_TEST(findings.size() == 3U, all_of(findings));
        BOOST_TEST(has(all_of(findings), "--state-directory"));
        BOOST_TEST(has(all_of(findings), "ftp"));
        BOOST_TEST(has(all_of(findings), path("socket").string()));
        BOOST_TEST(!session.has_store());
        BOOST_TEST(session.eval_settings("x").past_evaluations.empty()); // nothing is kept, or believed, there
    });
    BOOST_TEST(stores == 0);
}

BOOST_AUTO_TEST_CASE(without_a_cache_there_is_a_word_on_how_to_name_one) {
    settings.cache = GivenUrl();
    preflight(Need::reading, true, [&](Session&, const std::vector<Failure>& findings) {
        BOOST_REQUIRE(findings.size() == 1U);
        BOOST_TEST((findings[0].kind() == FailureKind::usage));
        BOOST_TEST(has(findings[0].hint(), "CACHEFILL_CACHE"));
    });
}

BOOST_AUTO_TEST_CASE(who_only_looks_goes_on_without_the_cache_and_knows_why) {
    settings.cache = GivenUrl("file:///proc/no-such-place?trusted=1");
    preflight(Need::writing, true, [&](Session& session, const std::vector<Failure>& findings) {
        BOOST_TEST(findings.size() == 1U);
        BOOST_TEST(!session.cache_failure().has_value());
    });
    std::string address;
    {
        HttpServer server([](const HttpRequest&) { return HttpReply(200); });
        address = server.url(); // nobody is there any more
    }
    settings.cache = GivenUrl(address);
    settings.retry_budget = 0s;
    preflight(Need::looking, true, [&](Session& session, const std::vector<Failure>& findings) {
        BOOST_TEST(findings.empty(), all_of(findings));
        BOOST_TEST(session.cache_failure().has_value());
        BOOST_TEST((session.take_cache().backend != nullptr));
    });
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_a_finding_before_anything_is_built) {
    settings.min_free = ~std::uint64_t{0};
    preflight(Need::writing, true, [&](Session&, const std::vector<Failure>& findings) {
        BOOST_REQUIRE(findings.size() == 1U);
        BOOST_TEST(has(findings[0].cause(), "are free in " + path("root/nix/store").string()));
        BOOST_TEST(has(findings[0].hint(), "--min-free"));
    });
}

BOOST_AUTO_TEST_CASE(a_machine_without_nix_is_told_what_is_missing) {
    std::filesystem::remove(path("bin/nix"));
    environment.set("PATH", path("bin").string());
    preflight(Need::writing, true, [&](Session& session, const std::vector<Failure>& findings) {
        BOOST_REQUIRE(findings.size() == 1U);
        BOOST_TEST(has(all_of(findings), "nix"));
        BOOST_TEST(!session.has_store());
        BOOST_TEST(!session.is_trusted());
        BOOST_TEST(!session.may_be_trusted());
    });
}

BOOST_AUTO_TEST_CASE(patience_with_caches_is_what_was_asked_for_and_offline_is_kept) {
    settings.wait_for_caches = 5s;
    settings.offline = true;
    auto body = [](Session& session) -> async::Task<void> {
        auto patience = session.patience();
        BOOST_TEST((patience.away == 5s));
        BOOST_TEST((patience.never_seen == 5s)); // not longer than for one that is known
        BOOST_TEST((patience.one_path == 5s));
        BOOST_TEST(patience.offline);
        BOOST_TEST(!patience.build_unknown);
        co_return;
    };
    run(body);
    settings.wait_for_caches = 1h;
    auto patient = [](Session& session) -> async::Task<void> {
        BOOST_TEST((session.patience().away == 1h));
        BOOST_TEST((session.patience().never_seen == 1min));
        co_return;
    };
    run(patient);
}

BOOST_AUTO_TEST_CASE(an_evaluator_sees_no_secret_of_ours_and_the_store_by_its_full_name) {
    environment.set("CACHIX_AUTH_TOKEN", "s3cret");
    environment.set("SSH_AUTH_SOCK", "/run/agent");
    settings.store = "./here";
    settings.eval_jobs = 3;
    environment.set("AWS_SECRET_ACCESS_KEY", "s3cret");
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "s3cret");
    environment.set("CACHEFILL_SIGNING_KEY_FILE_NAS", "/run/key");
    environment.set("AWS_SHARED_CREDENTIALS_FILE", "/run/aws");
    settings.push_caches = {
        {.name = "nas", .uri = GivenUrl("nas"), .token_file = "/run/token", .signing_key_file = "", .is_optional = {}},
        {.name = "b",
         .uri = GivenUrl("b"),
         .token_file = "",
         .signing_key_file = "/run/cache-token",
         .is_optional = {}}};
    auto body = [&](async::Executor executor) -> async::Task<void> {
        Session session(executor, settings, environment, messages);
        auto eval = session.eval_settings("./flake");
        BOOST_TEST(eval.flake == "./flake");
        BOOST_TEST(eval.store_uri == (std::filesystem::current_path() / "here").string());
        BOOST_TEST(eval.jobs == 3U);
        BOOST_TEST(!eval.environment.find("CACHIX_AUTH_TOKEN").has_value());
        BOOST_TEST(eval.environment.get_or("SSH_AUTH_SOCK") == "/run/agent");
        BOOST_TEST(eval.past_evaluations.empty()); // nobody has looked yet whose state that is
        BOOST_TEST(eval.environment.get_or("AWS_SECRET_ACCESS_KEY") == "s3cret"); // Nix fetches with it
        auto is_closed = [&](const char* file) {
            auto closed = session.eval_settings("x").confining.closed;
            return std::find(closed.begin(), closed.end(), file) != closed.end();
        };
        for (const auto* file : {"/run/key", "/run/token", "/run/cache-token", "/run/aws"})
            BOOST_TEST(is_closed(file), file);
        for (const std::string bucket :
             {"s3://fleet", "S3://fleet", " s3://fleet", "\ts3://fleet?endpoint=x.example "}) {
            settings.cache = GivenUrl();
            settings.also_push = {GivenUrl(bucket)};
            for (const auto* name : {"AWS_SECRET_ACCESS_KEY", "AWS_CONTAINER_AUTHORIZATION_TOKEN"})
                BOOST_TEST(!session.eval_settings("x").environment.find(name).has_value(), bucket);
            std::swap(settings.cache, settings.also_push[0]);
            settings.also_push.clear();
            BOOST_TEST(!session.eval_settings("x").environment.find("AWS_SECRET_ACCESS_KEY").has_value(), bucket);
        }
        settings.store = "unix:///run/socket";
        BOOST_TEST(session.eval_settings("x").store_uri == "unix:///run/socket");
        co_return;
    };
    run_task<void>(body);
}

BOOST_AUTO_TEST_CASE(keys_from_the_options_count_for_the_cache_and_nonsense_does_not) {
    auto key = nix::SecretKey::generate("given-1").public_key().to_string();
    settings.trusted_public_keys = {key, "nonsense"};
    preflight(Need::reading, true, [&](Session& session, const std::vector<Failure>&) {
        auto keys = session.cache_keys();
        BOOST_REQUIRE(!keys.empty());
        BOOST_TEST(keys.back().to_string() == key);
    });
}

BOOST_AUTO_TEST_SUITE_END()
