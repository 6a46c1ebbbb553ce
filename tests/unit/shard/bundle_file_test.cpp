#include "async/worker_pool.hpp"
#include "daemon/operations.hpp"
#include "shard/bundle_file.hpp"
#include "shard/packing.hpp"
#include "support/run_task.hpp"
#include "unit/shard/scene.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>

using namespace cachefill;
using namespace cachefill::shard;
using namespace cachefill::test;
namespace fs = std::filesystem;

namespace {

Objects everything_in(Store& store, const nix::StorePath& root) {
    StoreConnection connection(store.infos());
    auto collect = [&](async::Executor) -> async::Task<Result<Objects>> {
        std::vector<nix::StorePath> roots{root};
        co_return co_await collect_objects(connection, std::move(roots));
    };
    return run_task<Result<Objects>>(collect).value();
}

Result<PackedBundle> pack(const fs::path& file, const Objects& objects, const Store& store) {
    auto work = [&](async::Executor executor) -> async::Task<Result<PackedBundle>> {
        async::WorkerPool workers(executor, 1);
        auto bundle = some_bundle();
        bundle.contents = describe_objects(objects);
        co_return co_await pack_bundle(workers, file, bundle, objects, store.endpoint());
    };
    return run_task<Result<PackedBundle>>(work);
}

Result<std::string> read_payload(const fs::path& file) {
    TRY(reader, BundleReader::open(file));
    std::string payload;
    for (bool more = true; more;) {
        TRY(piece, reader.next());
        more = !piece.empty();
        payload += piece;
    }
    return payload;
}

std::string why(const fs::path& file) {
    auto read = read_payload(file);
    if (read) return "nothing";
    BOOST_TEST(!read.error().hint().empty());
    return read.error().one_line();
}

// A source of 3 MiB, and two derivations of which one needs the other.
struct Packed {
    Store store;
    std::string text = std::string(3 << 20, 'x') + "end";
    nix::StorePath source = store.add_text("source", text);
    nix::StorePath inner = store.add_text("inner.drv", "Derive(inner)", {source});
    nix::StorePath outer = store.add_text("outer.drv", "Derive(outer)", {inner, source});
    fs::path file = store.directory() / "bundle";
    Objects objects = everything_in(store, outer);
};

} // namespace

BOOST_AUTO_TEST_SUITE(bundle_file)

BOOST_AUTO_TEST_CASE(what_a_daemon_is_given_comes_back_byte_for_byte) {
    Packed packed;
    auto done = pack(packed.file, packed.objects, packed.store);
    BOOST_REQUIRE_MESSAGE(done, (done ? "" : done.error().one_line()));
    BOOST_TEST(done->file_bytes == fs::file_size(packed.file));
    auto payload = read_payload(packed.file);
    BOOST_REQUIRE_MESSAGE(payload, (payload ? "" : payload.error().one_line()));
    std::string expected;
    for (const auto* path : {&packed.source, &packed.inner, &packed.outer}) {
        auto text = read_file(packed.store.endpoint().physical(*path)).value();
        expected += daemon::path_info_for_import(packed.store.infos().at(*path)) + Store::nar_of(text);
    }
    BOOST_TEST((*payload == expected));
    auto reader = BundleReader::open(packed.file);
    BOOST_REQUIRE(reader);
    const auto& contents = reader->bundle().contents;
    BOOST_TEST(contents.derivations() == 2U);
    BOOST_TEST(contents.sources() == 1U);
    BOOST_TEST(contents.payload_bytes() == expected.size());
}

BOOST_AUTO_TEST_CASE(only_its_owner_may_read_it) {
    Packed packed;
    BOOST_REQUIRE(pack(packed.file, packed.objects, packed.store));
    struct stat info {};
    BOOST_REQUIRE(::stat(packed.file.c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 0777) == 0600U);
}

BOOST_AUTO_TEST_CASE(a_file_is_replaced_whole_and_nothing_but_a_file) {
    Packed packed;
    std::ofstream(packed.file) << "an older one";
    BOOST_REQUIRE(pack(packed.file, packed.objects, packed.store));
    BOOST_TEST(read_payload(packed.file).has_value());
    auto pipe = packed.store.directory() / "pipe";
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    for (const auto& place : {packed.store.directory(), pipe}) {
        auto refused = pack(place, packed.objects, packed.store);
        BOOST_REQUIRE(!refused);
        BOOST_TEST((refused.error().kind() == FailureKind::usage));
    }
}

BOOST_AUTO_TEST_CASE(what_changed_in_the_store_is_noticed_and_leaves_nothing) {
    for (const auto* text : {"shorter", "Derive(INNER)", "much longer than it was"}) {
        Packed packed;
        std::ofstream(packed.store.endpoint().physical(packed.inner)) << text;
        auto refused = pack(packed.file, packed.objects, packed.store);
        BOOST_REQUIRE(!refused);
        BOOST_TEST(refused.error().one_line().find(packed.inner.to_string()) != std::string::npos);
        BOOST_TEST(!fs::exists(packed.file));
        for (const auto& entry : fs::directory_iterator(packed.store.directory()))
            BOOST_TEST(entry.path().filename() == "nix"); // nothing half is left
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_whole_bundle_is_told_with_its_name) {
    Packed packed;
    BOOST_REQUIRE(pack(packed.file, packed.objects, packed.store));
    auto bytes = read_file(packed.file).value();
    auto bad = packed.store.directory() / "bad";
    for (std::size_t length : {std::size_t{0}, std::size_t{3}, bytes.size() / 2, bytes.size() - 1}) {
        std::ofstream(bad) << bytes.substr(0, length);
        BOOST_TEST(why(bad).find("reading the bundle " + bad.string()) != std::string::npos);
    }
    for (auto at = bytes.size() / 8; at < bytes.size(); at += bytes.size() / 8) {
        auto damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        std::ofstream(bad) << damaged;
        BOOST_TEST(why(bad) != "nothing", at);
    }
    std::ofstream(bad) << "not compressed";
    BOOST_TEST(why(bad) != "nothing");
    BOOST_TEST(why(packed.store.directory()).find("it is a folder") != std::string::npos);
    BOOST_TEST(why(packed.store.directory() / "none").find("No such file") != std::string::npos);
    auto pipe = packed.store.directory() / "pipe";
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    BOOST_TEST(why(pipe).find("it is no file") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
