#include "async/deadline.hpp"
#include "base/text.hpp"
#include "codec/hash.hpp"
#include "daemon/connection.hpp"
#include "daemon/settings.hpp"
#include "real_nix.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <tuple>

using namespace cachefill;
using namespace cachefill::daemon;
using namespace std::chrono_literals;
using async::Executor;
using async::Task;
using nix::StorePath;
using test::RealNix;
using test::run_task;

namespace {

boost::test_tools::assertion_result nix_is_there(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result result(RealNix::is_there());
    if (!result) result.message() << "there is no nix on PATH and CACHEFILL_REQUIRE_NIX is not set";
    return result;
}

// Runs body(connection) with a fresh connection to `nix`.
void with_connection(const RealNix& nix, const std::function<Task<void>(Connection&)>& body) {
    auto task = [&](Executor) -> Task<void> {
        auto connection = co_await connect(nix.endpoint());
        BOOST_REQUIRE_MESSAGE(connection, (connection ? "" : connection.error().one_line()));
        co_await body(**connection);
    };
    run_task<void>(task);
}

DerivedPath all_outputs(const StorePath& derivation) { return DerivedPath{derivation, {"*"}}; }

Task<BuildResult> build_one(Connection& connection, StorePath derivation) {
    std::vector<DerivedPath> wanted{all_outputs(derivation)};
    auto results = co_await connection.build_paths(wanted, BuildMode::normal);
    BOOST_REQUIRE_MESSAGE(results, (results ? "" : results.error().one_line()));
    BOOST_REQUIRE(results->size() == 1U);
    co_return results->front();
}

std::size_t processes_with(const std::string& word) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        auto command = read_file(entry.path() / "cmdline");
        if (command && command->find(word) != std::string::npos) ++count;
    }
    return count;
}

} // namespace

BOOST_AUTO_TEST_SUITE(nix_daemon, *boost::unit_test::precondition(nix_is_there))

BOOST_AUTO_TEST_CASE(it_greets_with_its_version_and_builds_with_log_lines) {
    RealNix nix;
    auto derivation = nix.instantiate("hello", "echo first; echo second; echo hello > $out");
    auto body = [&](Connection& connection) -> Task<void> {
        BOOST_TEST(connection.nix_version().find('.') != std::string::npos);
        std::vector<std::string> lines;
        std::vector<StorePath> started, stopped;
        std::uint64_t built = 0;
        auto sink = [&](const LogEvent& event) {
            if (event.kind == LogEvent::Kind::build_log_line) lines.push_back(event.text);
            if (event.kind == LogEvent::Kind::build_started) started.push_back(event.path.value());
            if (event.kind == LogEvent::Kind::build_stopped) stopped.push_back(event.path.value());
            if (event.kind == LogEvent::Kind::goals_progress) built = event.done;
        };
        connection.set_log_sink(sink);
        auto result = co_await build_one(connection, derivation);
        BOOST_TEST((result.status == BuildStatus::built));
        BOOST_TEST((lines == std::vector<std::string>{"first", "second"}));
        BOOST_TEST((started == std::vector{derivation}));
        BOOST_TEST((stopped == std::vector{derivation}));
        BOOST_TEST(built == 1U);

        auto outputs = co_await connection.query_derivation_outputs(derivation);
        auto output = outputs.value().at("out").value();
        BOOST_TEST((result.outputs.at("out") == output));
        auto info = co_await connection.query_path_info(output);
        BOOST_REQUIRE(info.value());
        BOOST_TEST((**info).ultimate);
        BOOST_TEST(((**info).deriver == derivation));
        BOOST_TEST(read_file(nix.endpoint().physical(output)).value() == "hello\n");

        auto again = co_await build_one(connection, derivation);
        BOOST_TEST((again.status == BuildStatus::already_valid));
    };
    with_connection(nix, body);
}

BOOST_AUTO_TEST_CASE(failures_and_hash_mismatches_are_results_of_their_own) {
    RealNix nix;
    auto good = nix.instantiate("good", "echo > $out");
    auto bad = nix.instantiate("bad", "echo it breaks; exit 7");
    auto dependent =
        nix.run({"nix-instantiate", "--store", nix.store_uri(), "--expr",
                 "derivation { name = \"dependent\"; system = builtins.currentSystem; builder = \"/bin/sh\"; "
                 "args = [ \"-c\" \"echo > $out\" ]; needs = derivation { name = \"culprit\"; system = "
                 "builtins.currentSystem; builder = \"/bin/sh\"; args = [ \"-c\" \"exit 1\" ]; }; }"});
    auto mismatch = nix.instantiate("mismatch", "echo wrong > $out",
                                    "outputHashMode = \"flat\"; outputHashAlgo = \"sha256\"; outputHash = "
                                    "\"0000000000000000000000000000000000000000000000000000\";");
    auto body = [&](Connection& connection) -> Task<void> {
        std::ignore = co_await connection.set_options(Options());
        std::vector<DerivedPath> wanted{all_outputs(good), all_outputs(bad), all_outputs(mismatch),
                                        all_outputs(StorePath::parse(trim(dependent)).value())};
        auto results = co_await connection.build_paths(wanted, BuildMode::normal);
        BOOST_REQUIRE_MESSAGE(results, (results ? "" : results.error().one_line()));
        std::map<std::string, BuildResult> by_path;
        for (auto& result : *results) by_path[result.derived_path] = result;
        BOOST_REQUIRE(by_path.size() == 4U);
        BOOST_TEST((by_path.at(wanted[0].to_wire()).status == BuildStatus::built));
        BOOST_TEST((by_path.at(wanted[1].to_wire()).status == BuildStatus::permanent_failure));
        BOOST_TEST(by_path.at(wanted[1].to_wire()).error_message.find("exit code 7") != std::string::npos);
        BOOST_TEST((by_path.at(wanted[2].to_wire()).status == BuildStatus::output_rejected));
        BOOST_TEST(by_path.at(wanted[2].to_wire()).error_message.find("hash mismatch") != std::string::npos);
        BOOST_TEST((by_path.at(wanted[3].to_wire()).status == BuildStatus::dependency_failed));
        BOOST_TEST(!connection.is_broken());
    };
    with_connection(nix, body);
}

BOOST_AUTO_TEST_CASE(pipelined_questions_are_answered_in_the_order_asked) {
    RealNix nix;
    auto derivation = nix.instantiate("known", "echo > $out");
    auto unknown = StorePath::parse_base_name("00000000000000000000000000000000-unknown").value();
    auto body = [&](Connection& connection) -> Task<void> {
        std::vector<StorePath> paths;
        for (int i = 0; i < 3000; ++i) paths.push_back(i % 3 == 0 ? derivation : unknown);
        auto infos = co_await connection.query_path_infos(paths);
        BOOST_REQUIRE(infos.value().size() == paths.size());
        for (std::size_t i = 0; i < paths.size(); ++i) BOOST_REQUIRE((*infos)[i].has_value() == (i % 3 == 0));
        BOOST_TEST((infos->front()->path == derivation));
        auto rooted = co_await connection.add_temp_roots(paths);
        BOOST_TEST(rooted.has_value());
        auto valid = co_await connection.query_valid_paths(paths);
        BOOST_TEST((valid.value() == std::vector{derivation}));
        auto none = co_await connection.query_path_info(unknown);
        BOOST_TEST(!none.value().has_value());
    };
    with_connection(nix, body);
}

BOOST_AUTO_TEST_CASE(what_was_imported_has_the_content_address_that_nix_left_out) {
    RealNix from, to;
    auto derivation = from.instantiate("made", "echo > $out", "text = builtins.toFile \"text\" \"a text\";");
    auto text =
        StorePath::parse(
            trim(from.run({"nix-store", "--store", from.store_uri(), "-q", "--references", derivation.to_string()})))
            .value();
    to.run({"bash", "-c",
            "nix-store --store '" + from.store_uri() + "' --export " + text.to_string() + " " + derivation.to_string() +
                " | nix-store --store '" + to.store_uri() + "' --import"});
    auto body = [&](Connection& connection) -> Task<void> {
        std::vector<StorePath> paths{text, derivation};
        auto infos = co_await connection.query_path_infos(paths);
        for (const auto& info : infos.value()) BOOST_TEST(info->content_address.starts_with("text:sha256:"));
        auto one = co_await connection.query_path_info(derivation);
        BOOST_TEST((**one).content_address == (*infos)[1]->content_address);
    };
    with_connection(to, body);
}

BOOST_AUTO_TEST_CASE(temporary_roots_hold_until_the_connection_closes_then_paths_can_be_deleted) {
    RealNix nix;
    auto derivation = nix.instantiate("garbage", "echo > $out");
    auto other = nix.instantiate("rooted", "echo > $out");
    auto task = [&](Executor) -> Task<void> {
        auto holder = co_await connect(nix.endpoint());
        auto collector = co_await connect(nix.endpoint());
        auto link = nix.directory() / "root";
        std::filesystem::create_symlink(other.to_string(), link);
        auto rooted = co_await (**holder).add_indirect_root(link);
        BOOST_TEST(rooted.has_value());
        auto held = co_await (**holder).add_temp_root(derivation);
        BOOST_TEST(held.has_value());
        std::vector<StorePath> candidates{derivation, other};
        auto dead = co_await (**collector).find_dead(candidates);
        BOOST_TEST(dead.value().empty());
        std::vector<StorePath> garbage{derivation};
        auto refused = co_await (**collector).delete_paths(garbage);
        BOOST_REQUIRE(!refused);
        BOOST_TEST((refused.error().kind() == FailureKind::store));
        BOOST_TEST(!(**collector).is_broken());
        holder->reset();
        dead = co_await (**collector).find_dead(candidates);
        BOOST_TEST((dead.value() == garbage));
        auto freed = co_await (**collector).delete_paths(garbage);
        BOOST_TEST(freed.value() > 0U);
        auto left = co_await (**collector).query_valid_paths(candidates);
        BOOST_TEST((left.value() == std::vector{other}));
    };
    run_task<void>(task);
}

BOOST_AUTO_TEST_CASE(cancelling_a_build_breaks_the_connection_and_ends_the_builder) {
    RealNix nix;
    auto marker = "cachefill-marker-" + std::to_string(::getpid());
    auto derivation =
        nix.instantiate("endless", ": " + marker + "; echo begun; while :; do read -t 1 x < /dev/zero || :; done");
    auto task = [&](Executor executor) -> Task<void> {
        auto connection = co_await connect(nix.endpoint());
        async::TaskGroup group(executor);
        auto sink = [&](const LogEvent& event) {
            if (event.kind != LogEvent::Kind::build_log_line) return;
            BOOST_TEST(processes_with(marker) > 0U);
            group.cancel();
        };
        (**connection).set_log_sink(sink);
        auto work = [](Connection& of, StorePath what) -> Task<void> { co_await build_one(of, what); };
        group.spawn(work(**connection, derivation));
        co_await group.join();
        BOOST_TEST((**connection).is_broken());
        auto later = co_await (**connection).query_path_info(derivation);
        BOOST_REQUIRE(!later);
        BOOST_TEST(later.error().cause().find("broken") != std::string::npos);
        connection->reset(); // returns when the daemon has ended
        BOOST_TEST(processes_with(marker) == 0U);
    };
    run_task<void>(task);
}

BOOST_AUTO_TEST_CASE(the_effective_settings_come_typed) {
    RealNix nix;
    auto task = [&](Executor) -> Task<Result<Settings>> { co_return co_await effective_settings(nix.environment()); };
    auto settings = run_task<Result<Settings>>(task);
    BOOST_REQUIRE_MESSAGE(settings, (settings ? "" : settings.error().one_line()));
    BOOST_TEST(settings->nix_version.starts_with("2."));
    BOOST_TEST(settings->substituters.empty());
    BOOST_TEST(settings->max_jobs == 2U);
    BOOST_TEST(settings->sandbox == "true");
    BOOST_TEST(settings->system.find('-') != std::string::npos);
    BOOST_TEST(settings->by_name.at("keep-derivations") == "false");
}

BOOST_AUTO_TEST_SUITE_END()
