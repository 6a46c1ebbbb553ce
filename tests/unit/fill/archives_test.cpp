#include "cache/cache_uri.hpp"
#include "cache/nar_look.hpp"
#include "fill/archives.hpp"
#include "support/machine.hpp"
#include "support/memory_cache.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using cache::CacheUri;
using cache::NarState;
using event::Severity;
using presence::UnusableNar;
using Step = MemoryCache::Step;

namespace {

UnusableNar unusable(const nix::StorePath& path, NarState state = NarState::gone) {
    return {.info = bare_narinfo(path), .state = state, .why = "its archive is gone"};
}

std::vector<UnusableNar> many(std::size_t count) {
    std::vector<UnusableNar> nars;
    for (std::size_t i = 0; i < count; ++i) nars.push_back(unusable(Machine::some_path("p" + std::to_string(i))));
    return nars;
}

CacheUri uri(std::string_view text) { return CacheUri::parse(text).value(); }
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A machine, a cache that has lost archives, and what is done about that.
struct Scene : Machine {
    std::vector<UnusableNar> left;
    std::map<nix::StorePath, std::function<Result<void>()>> on_publish;
    std::set<nix::StorePath> lost_again, narinfos_gone;
    std::size_t begun = 0;

    void put_back(std::vector<UnusableNar> broken) {
        left = std::move(broken);
        auto body = [&](session::Session& session) -> async::Task<void> {
            MemoryCache cache(session.executor());
            for (const auto& nar : left) {
                cache.put(nar.info.path);
                cache.lost_archives.insert(nar.info.path);
            }
            cache.script = [&](Step step, nix::StorePath path) -> async::Task<Result<void>> {
                if (step == Step::begin) ++begun;
                auto what = on_publish.find(path);
                if (step == Step::publish && what != on_publish.end()) co_return what->second();
                if (step == Step::publish && narinfos_gone.contains(path)) cache.visible.erase(path);
                co_return Result<void>();
            };
            push::PushEnvironment here;
            here.physical = [this](const nix::StorePath& path) { return physical(path); };
            here.path_infos = [this](std::vector<nix::StorePath> paths)
                -> async::Task<Result<std::vector<std::optional<nix::PathInfo>>>> {
                StoreConnection connection(infos);
                co_return co_await connection.query_path_infos(std::move(paths));
            };
            push::PushSettings push;
            co_await fill::put_back(session, cache, left, push, here, messages);
        };
        run(body);
    }
    // As the cache's narinfo has it: this path, with what the store knows of it.
    UnusableNar broken(const nix::StorePath& path, NarState state = NarState::gone) {
        auto nar = unusable(path, state);
        nar.info.compression = codec::Compression::zstd;
        if (auto found = infos.find(path); found != infos.end()) {
            nar.info.nar_hash = found->second.nar_hash;
            nar.info.nar_size = found->second.nar_size;
        }
        return nar;
    }
    std::vector<std::string> names_left() const {
        std::vector<std::string> names;
        for (const auto& nar : left) names.emplace_back(nar.info.path.name());
        return names;
    }
};

using Names = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(archives)

BOOST_AUTO_TEST_CASE(what_puts_an_archive_back_depends_on_the_cache) {
    auto path = Machine::some_path("hello");
    auto narinfo = std::string(path.base_name()).substr(0, 32) + ".narinfo";
    auto nar = unusable(path);
    auto told = fill::describe_unusable(nar, uri("file:///srv/cache"));
    BOOST_TEST((told.severity == Severity::error));
    BOOST_TEST(told.text == "the cache shows " + path.to_string() + ", but nobody can fetch it: its archive is gone");
    BOOST_TEST(has(told.hint, "`cachefill push --cache file:///srv/cache " + path.to_string() + "`"));
    BOOST_TEST(has(told.hint, "remove /srv/cache/" + narinfo));
    told = fill::describe_unusable(nar, uri("https://kim:s3cret@cache.example/x?push=https://kim:s3cret@up.example"));
    BOOST_TEST(has(told.hint, "--cache https://cache.example/x?push=https://up.example "));
    BOOST_TEST(has(told.hint, "remove https://cache.example/x/" + narinfo));
    BOOST_TEST(!has(told.hint + told.text, "s3cret"));
    told = fill::describe_unusable(nar, uri("s3://nix?endpoint=minio.example&region=x"));
    BOOST_TEST(has(told.hint, "--cache s3://nix?endpoint=https://minio.example "));
    BOOST_TEST(has(told.hint, "remove s3://nix/" + narinfo));
    told = fill::describe_unusable(nar, uri("demo"));
    BOOST_TEST(told.hint == "only Cachix can mend that: ask its support");
    nar.state = NarState::encoded;
    told = fill::describe_unusable(nar, uri("https://cache.example"));
    BOOST_TEST(has(told.hint, "send archives as they are"));
    BOOST_TEST(!has(told.hint, "push --cache"));
}

BOOST_AUTO_TEST_CASE(of_many_the_first_are_told_and_the_rest_in_number) {
    auto disk = uri("file:///srv/cache");
    BOOST_TEST(fill::describe_unusable(many(0), disk).empty());
    BOOST_TEST(fill::describe_unusable(many(5), disk).size() == 5U);
    auto told = fill::describe_unusable(many(7), disk);
    BOOST_REQUIRE(told.size() == 6U);
    BOOST_TEST(told.back().text == "so it is with 2 more paths, named as missing");
    auto upstream = fill::describe_unusable_upstream(many(6), "https://u.example");
    BOOST_REQUIRE(upstream.size() == 6U);
    BOOST_TEST((upstream[0].severity == Severity::warning));
    BOOST_TEST(has(upstream[0].text, "upstream https://u.example shows "));
    BOOST_TEST(has(upstream.back().text, "1 more path of upstream https://u.example"));
}

BOOST_AUTO_TEST_CASE(remarks_are_told_one_for_each_sort) {
    presence::NarFindings findings;
    auto a = Machine::some_path("a"), b = Machine::some_path("b"), c = Machine::some_path("c");
    findings.remarks[cache::NarRemark::wrong_file_hash] = {a, b, c};
    findings.remarks[cache::NarRemark::twice_encoded] = {a};
    findings.remarks[cache::NarRemark::not_unpacked] = {a};
    auto told = fill::describe_remarks(findings);
    BOOST_REQUIRE(told.size() == 3U);
    BOOST_TEST(told[0].text == "of " + a.to_string() + " and 2 others: FileHash is wrong");
    BOOST_TEST(told[0].hint == "Nix does not mind, other clients may");
    BOOST_TEST(has(told[1].hint, "2.22"));
    BOOST_TEST(told[2].hint == "");
    BOOST_TEST(fill::describe_remarks({}).empty());
}

BOOST_FIXTURE_TEST_CASE(what_this_machine_has_is_put_back_and_told_once, Scene) {
    auto first = add("first"), second = add("second");
    put_back({broken(first), broken(second)});
    BOOST_TEST((names_left() == Names{}));
    BOOST_REQUIRE(messages.all.size() == 1U);
    BOOST_TEST(has(messages.all[0].text, "showed 2 paths whose archive nobody could fetch"));
    BOOST_TEST(has(messages.all[0].text, "are in their place now"));
}

BOOST_FIXTURE_TEST_CASE(what_is_not_here_or_only_sent_wrongly_is_left_as_it_is, Scene) {
    auto sent_wrongly = add("sent-wrongly");
    put_back({broken(sent_wrongly, NarState::encoded)});
    BOOST_TEST((names_left() == Names{"sent-wrongly"}));
    BOOST_TEST(begun == 0U);
    put_back({broken(some_path("elsewhere"))});
    BOOST_TEST((names_left() == Names{"elsewhere"}));
    BOOST_TEST(begun == 0U);
    BOOST_TEST(messages.all.empty());
}

BOOST_FIXTURE_TEST_CASE(what_the_cache_does_not_take_stays_on_the_list_and_says_why, Scene) {
    auto taken = add("taken"), refused = add("refused");
    on_publish[refused] = [] { return Failure(FailureKind::protocol, "never replaced"); };
    put_back({broken(taken), broken(refused)});
    BOOST_TEST((names_left() == Names{"refused"}));
    BOOST_TEST(has(messages.text(), "never replaced"));
    BOOST_TEST(has(messages.text(), "showed 1 path whose archive"));
}

BOOST_FIXTURE_TEST_CASE(what_is_not_known_to_be_mended_is_not_called_so, Scene) {
    auto path = add("path");
    narinfos_gone = {path};
    put_back({broken(path)});
    BOOST_TEST((names_left() == Names{"path"}));
    BOOST_REQUIRE(messages.all.size() == 1U);
    BOOST_TEST(has(messages.all[0].text, "looking at the archives that were put back"));
    BOOST_TEST(has(messages.all[0].text, "is gone"));
}

BOOST_AUTO_TEST_SUITE_END()
