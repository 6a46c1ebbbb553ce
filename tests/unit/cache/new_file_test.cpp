#include "cache/new_file.hpp"
#include "cache/spool.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::cache;
namespace fs = std::filesystem;

namespace {

struct Folder {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-new-file-").value();
    fs::path at(const std::string& name) const { return directory.path() / name; }
    std::size_t count() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()));
    }
    std::string content(const std::string& name) const { return read_file(at(name)).value_or("none"); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(new_file, Folder)

BOOST_AUTO_TEST_CASE(nobody_sees_a_file_before_it_has_its_name) {
    auto file = NewFile::create(directory.path()).value();
    BOOST_TEST(file.path().filename().string().starts_with(NewFile::prefix));
    BOOST_TEST(file.write("half").has_value());
    BOOST_TEST(!fs::exists(at("x")));
    BOOST_TEST(file.write(" and half").has_value());
    BOOST_TEST(file.flush().has_value());
    BOOST_TEST(file.rename_to(at("x")).has_value());
    BOOST_TEST(content("x") == "half and half");
    BOOST_TEST(count() == 1U);
}

BOOST_AUTO_TEST_CASE(what_never_got_its_name_leaves_nothing_behind) {
    {
        auto file = NewFile::create(directory.path()).value();
        auto moved = std::move(file);
        BOOST_TEST(moved.write("x").has_value());
        BOOST_TEST(count() == 1U);
    }
    BOOST_TEST(count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_taken_stays_with_whom_it_belongs_to_or_is_taken_over) {
    BOOST_TEST(create_new_file(at("x"), "first").value());
    BOOST_TEST(!create_new_file(at("x"), "second").value());
    BOOST_TEST(content("x") == "first");
    auto file = NewFile::create(directory.path()).value();
    BOOST_TEST(file.write("third").has_value());
    BOOST_TEST(!file.link_to(at("x")).value());
    BOOST_TEST(file.rename_to(at("x")).has_value());
    BOOST_TEST(content("x") == "third");
    BOOST_TEST(count() == 1U);
}

BOOST_AUTO_TEST_CASE(where_it_cannot_be_made_the_place_is_named) {
    auto refused = NewFile::create(at("absent"));
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST((refused.error().kind() == FailureKind::machine));
    BOOST_TEST(refused.error().cause().find(at("absent").string()) != std::string::npos);
    BOOST_TEST(!create_new_file(at("absent/x"), "x").has_value());
    BOOST_TEST(!flush_directory(at("absent")).has_value());
    auto file = NewFile::create(directory.path()).value();
    BOOST_TEST(!file.rename_to(at("absent/x")).has_value());
    BOOST_TEST(!file.link_to(at("absent/x")).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_large_or_short_of_memory_goes_to_a_file_that_leaves_nothing) {
    auto body = [&](async::Executor executor) -> async::Task<void> {
        async::WorkerPool workers(executor, 1);
        async::Limiter memory(executor, 100);
        Spool spool(workers, directory.path(), 1000);
        auto plenty = co_await memory.acquire(10);
        Chunk first("first ", std::move(plenty));
        BOOST_TEST((co_await spool.append(std::move(first))).has_value());
        BOOST_TEST(!spool.is_in_file());
        auto most = co_await memory.acquire(80); // half of it is not free any more
        auto rest = co_await memory.acquire(5);
        Chunk second("second", std::move(rest));
        BOOST_TEST((co_await spool.append(std::move(second))).has_value());
        BOOST_TEST(spool.is_in_file());
        BOOST_TEST(spool.size() == 12U);
        http::Request request(http::Method::put, "http://x");
        spool.send_as_body(request);
        spool.clear();
        BOOST_TEST(!spool.is_in_file());
    };
    test::run_task<void>(body);
    BOOST_TEST(count() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
