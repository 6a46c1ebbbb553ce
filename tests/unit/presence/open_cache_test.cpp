#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "event/event.hpp"
#include "presence/nar_checks.hpp"
#include "presence/open_cache.hpp"
#include "support/faulty_cache.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using namespace cachefill::presence;
using cache::NarRemark;
using cache::NarState;

namespace {

struct Notes final : event::Sink {
    std::vector<std::string> texts;
    void on_event(const event::Event& event) override {
        if (const auto* message = std::get_if<event::Message>(&event)) texts.push_back(message->text);
    }
};

// A cache that opens, and looks at archives, as the test says.
class ScriptedCache final : public MemoryCache {
  public:
    ScriptedCache(async::Executor executor, std::string_view given)
        : MemoryCache(executor), uri_(cache::CacheUri::parse(given).value()) {}

    Result<cache::CacheInfo> opened = cache::CacheInfo();
    std::map<std::string, cache::NarLook> looks;             // by name; others are there
    std::map<std::string, Result<cache::NarRemarks>> checks; // by name; others are right
    std::optional<Failure> away;
    std::vector<std::string> downloaded;

    const cache::CacheUri& uri() const override { return uri_; }
    async::Task<Result<cache::CacheInfo>> open() override { co_return opened; }
    async::Task<Result<cache::NarLook>> look_at_nar(nix::NarInfo info) override {
        if (away) co_return *away;
        auto found = looks.find(std::string(info.path.name()));
        co_return found == looks.end() ? cache::NarLook() : found->second;
    }
    async::Task<Result<cache::NarRemarks>> check_nar(nix::NarInfo info) override {
        downloaded.emplace_back(info.path.name());
        auto found = checks.find(std::string(info.path.name()));
        co_return found == checks.end() ? Result<cache::NarRemarks>(cache::NarRemarks()) : found->second;
    }

  private:
    cache::CacheUri uri_;
};

nix::StorePath path(const std::string& name) {
    return nix::StorePath::parse_base_name(std::string(32, '1') + "-" + name).value();
}

struct Scene {
    HandClock clock;
    Notes notes;
    std::vector<std::string> downloaded;

    Result<OpenedCache> open(std::string_view uri, Result<cache::CacheInfo> info, Use use,
                             std::vector<nix::PublicKey> keys = {}) {
        std::optional<Result<OpenedCache>> result;
        auto body = [&](async::Executor executor) -> async::Task<void> {
            auto cache = std::make_unique<ScriptedCache>(executor, uri);
            cache->opened = std::move(info);
            auto opened = co_await open_cache(std::move(cache), use, keys, notes);
            // The backend must not outlive its loop.
            if (opened) opened->backend.reset();
            result.emplace(std::move(opened));
        };
        run_by_hand(clock, body);
        return std::move(*result);
    }

    using SetUp = std::function<void(ScriptedCache&)>;
    Result<NarFindings> check(std::vector<std::string> names, Depth depth, SetUp set_up, std::string version = "2.30.1",
                              std::uint64_t size = 100) {
        std::optional<Result<NarFindings>> result;
        auto body = [&](async::Executor executor) -> async::Task<void> {
            ScriptedCache cache(executor, "https://c.example");
            set_up(cache);
            std::vector<nix::NarInfo> infos;
            for (const auto& name : names) {
                cache.put(path(name));
                infos.push_back(cache.visible.at(path(name)).info);
                infos.back().file_size = size;
            }
            result.emplace(co_await check_nars(executor, cache, std::move(infos), depth, version));
            downloaded = cache.downloaded;
        };
        run_by_hand(clock, body);
        return std::move(*result);
    }
};

cache::CacheInfo info_with(cache::Permission permission) {
    cache::CacheInfo info;
    info.name = "demo";
    info.permission = permission;
    return info;
}
cache::NarLook look(NarState state, cache::NarRemarks remarks = {}) {
    cache::NarLook found;
    found.state = state;
    found.why = state == NarState::there ? "" : "why";
    found.remarks = std::move(remarks);
    return found;
}
using Names = std::vector<std::string>;

Names unusable(const NarFindings& findings) {
    Names names;
    for (const auto& nar : findings.unusable) names.emplace_back(nar.info.path.name());
    return names;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(open_cache_and_archives, Scene)

BOOST_AUTO_TEST_CASE(a_cache_comes_with_its_keys_those_given_and_what_it_has_to_say) {
    auto info = info_with(cache::Permission::write);
    auto own = nix::SecretKey::generate("own-1").public_key(), given = nix::SecretKey::generate("given-1").public_key();
    info.public_keys = {own};
    info.notes = {"a signing key was made"};
    auto opened = open("https://c.example", info, Use::fill, {given});
    BOOST_REQUIRE(opened.has_value());
    BOOST_TEST((opened->keys == std::vector{own, given}));
    BOOST_TEST((opened->info.public_keys == std::vector{own}));
    BOOST_TEST((notes.texts == Names{"a signing key was made"}));
}

BOOST_AUTO_TEST_CASE(who_fills_must_be_allowed_to_write_and_who_reads_need_not) {
    for (auto permission : {cache::Permission::none, cache::Permission::read}) {
        BOOST_TEST(open("https://c.example", info_with(permission), Use::read).has_value());
        auto plain = open("https://c.example", info_with(permission), Use::fill);
        BOOST_REQUIRE(!plain.has_value());
        BOOST_TEST((plain.error().kind() == FailureKind::auth));
        BOOST_TEST(plain.error().hint().find("--read-only") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_cache_out_of_reach_is_named_with_what_may_be_wrong) {
    struct Row {
        std::string_view uri;
        Failure failure;
        std::string_view hint;
    };
    for (const auto& row : {Row{"https://c.example", Failure(FailureKind::network, "reset"), "online"},
                            Row{"https://c.example", Failure(FailureKind::timeout, "late"), "online"},
                            Row{"https://c.example", Failure(FailureKind::not_found, "no such host"), "online"},
                            Row{"file:///srv/x", Failure(FailureKind::machine, "no permission"), "may write to"}}) {
        auto opened = open(row.uri, row.failure, Use::fill);
        BOOST_REQUIRE(!opened.has_value());
        BOOST_TEST(opened.error().one_line().find("reaching the cache ") != std::string::npos);
        BOOST_TEST(opened.error().hint().find(row.hint) != std::string::npos);
    }
    auto absent = open("demo", Failure(FailureKind::not_found, "no cache").with_http_status(404), Use::fill);
    BOOST_TEST(absent.error().hint() == ""); // somebody answered
}

BOOST_AUTO_TEST_CASE(archives_that_are_there_are_no_findings_and_cost_no_download) {
    auto found = check({"b", "a"}, Depth::looking, [](ScriptedCache&) {});
    BOOST_TEST(found->unusable.empty());
    BOOST_TEST(found->remarks.empty());
    BOOST_TEST(downloaded.empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_had_is_told_in_order_and_remarks_by_sort) {
    auto found = check({"c", "b", "a", "d"}, Depth::looking, [](ScriptedCache& cache) {
        cache.looks["c"] = look(NarState::gone);
        cache.looks["a"] = look(NarState::unreadable);
        cache.looks["d"] = look(NarState::there, {NarRemark::wrong_file_hash});
        cache.looks["b"] = look(NarState::there, {NarRemark::wrong_file_hash});
    });
    BOOST_TEST((unusable(*found) == Names{"a", "c"}));
    BOOST_TEST(found->unusable[0].why == "why");
    BOOST_TEST((found->remarks.at(NarRemark::wrong_file_hash) == std::vector{path("b"), path("d")}));
}

BOOST_AUTO_TEST_CASE(a_length_that_is_not_the_stated_one_is_settled_by_the_content) {
    auto set_up = [](ScriptedCache& cache) {
        cache.looks["right"] = look(NarState::wrong_size);
        cache.checks.emplace("right", cache::NarRemarks{NarRemark::wrong_file_size});
        cache.looks["cut"] = look(NarState::wrong_size);
        cache.checks.emplace("cut", Failure(FailureKind::protocol, "the NAR's hash is another"));
    };
    auto found = check({"right", "cut", "other"}, Depth::looking, set_up);
    BOOST_TEST((unusable(*found) == Names{"cut"}));
    BOOST_TEST((found->unusable[0].state == NarState::wrong_size));
    BOOST_TEST(found->remarks.at(NarRemark::wrong_file_size).size() == 1U);
    BOOST_TEST(downloaded.size() == 2U);
    // Large ones are taken at the word of their length.
    found = check({"right"}, Depth::looking, set_up, "2.30.1", 1ULL << 40);
    BOOST_TEST((unusable(*found) == Names{"right"}));
    BOOST_TEST(downloaded.empty());
}

BOOST_AUTO_TEST_CASE(in_depth_everything_that_is_there_is_downloaded) {
    auto found = check({"good", "rotten", "vanished", "gone"}, Depth::downloading, [](ScriptedCache& cache) {
        cache.checks.emplace("rotten", Failure(FailureKind::protocol, "the NAR's hash is another"));
        cache.checks.emplace("vanished", Failure(FailureKind::not_found, "404"));
        cache.looks["gone"] = look(NarState::gone);
    });
    BOOST_TEST((unusable(*found) == Names{"gone", "rotten", "vanished"}));
    BOOST_TEST((found->unusable[1].state == NarState::unreadable));
    BOOST_TEST(found->unusable[1].why.find("hash is another") != std::string::npos);
    BOOST_TEST((found->unusable[2].state == NarState::gone));
    BOOST_TEST(downloaded.size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_an_old_nix_cannot_undo_is_unusable_for_it_alone) {
    auto set_up = [](ScriptedCache& cache) { cache.looks["a"] = look(NarState::there, {NarRemark::twice_encoded}); };
    struct Row {
        const char* version;
        bool is_usable;
    };
    for (const auto& row : {Row{"2.8.0", false}, Row{"2.21.4", false}, Row{"2.22.0", true}, Row{"2.34.1", true},
                            Row{"3.0", true}, Row{"", true}, Row{"2.18pre2023", false}}) {
        auto found = check({"a"}, Depth::looking, set_up, row.version);
        BOOST_TEST(found->unusable.empty() == row.is_usable, row.version);
        BOOST_TEST(found->remarks.empty() == !row.is_usable, row.version); // told once
    }
}

BOOST_AUTO_TEST_CASE(a_cache_that_cannot_be_asked_is_a_failure_and_no_finding) {
    auto found = check({"a", "b"}, Depth::looking,
                       [](ScriptedCache& cache) { cache.away = Failure(FailureKind::network, "reset"); });
    BOOST_REQUIRE(!found.has_value());
    BOOST_TEST(found.error().cause() == "reset");
    found = check({"a"}, Depth::downloading,
                  [](ScriptedCache& cache) { cache.checks.emplace("a", Failure(FailureKind::timeout, "late")); });
    BOOST_TEST(!found.has_value());
}

BOOST_AUTO_TEST_SUITE_END()
