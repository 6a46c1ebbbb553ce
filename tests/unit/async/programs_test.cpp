#include "async/child_process.hpp"
#include "async/git.hpp"
#include "base/text.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

using namespace cachefill;
using namespace cachefill::async;
using namespace std::chrono_literals;
using test::run_task;
namespace fs = std::filesystem;

namespace {

// Folders with programs in them, and things that are none.
struct Folders {
    Folders() {
        for (const auto* folder : {"first/tool-folder", "second"}) fs::create_directories(place(folder));
        make("first/only-text", 0644);
        make("first/tool", 0755);
        make("second/tool", 0755);
        make("second/other", 0755);
        make("second/only-text", 0755);
        fs::create_directories(place("first/other")); // a folder of a program's name
        fs::create_symlink("nowhere", place("first/dangling"));
    }
    fs::path place(const std::string& name) const { return directory.path() / name; }
    void make(const std::string& name, unsigned mode) const {
        BOOST_REQUIRE(write_file_atomically(place(name), "#!/bin/sh\necho $0\n", mode).has_value());
        fs::permissions(place(name), static_cast<fs::perms>(mode));
    }
    std::string found(const std::string& name) const {
        Environment environment({{"PATH", place("first").string() + ":" + place("second").string()}});
        auto path = find_program(name, environment);
        return path ? path->lexically_relative(directory.path()).string() : "nothing";
    }

    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-programs").value();
};

Result<FinishedProcess> run_script(const std::string& script, std::size_t limit, const fs::path& directory = {}) {
    auto body = [&](Executor) -> Task<Result<FinishedProcess>> {
        ProcessSpec spec;
        spec.arguments = {"sh", "-c", script};
        spec.environment.set("PATH", "/usr/bin:/bin");
        spec.directory = directory;
        co_return co_await run_process(std::move(spec), 20s, limit);
    };
    return run_task<Result<FinishedProcess>>(body);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(programs, Folders)

BOOST_AUTO_TEST_CASE(a_program_is_the_first_of_its_name_that_can_be_run) {
    BOOST_TEST(found("tool") == "first/tool");
    BOOST_TEST(found("only-text") == "second/only-text"); // the first may not be run
    BOOST_TEST(found("other") == "second/other");         // the first is a folder
    BOOST_TEST(found("tool-folder") == "nothing");
    BOOST_TEST(found("dangling") == "nothing");
    BOOST_TEST(found("missing") == "nothing");
    BOOST_TEST(found("") == "nothing");
}

BOOST_AUTO_TEST_CASE(a_name_with_a_slash_is_looked_for_nowhere_else) {
    BOOST_TEST(found(place("second/tool").string()) == "second/tool");
    BOOST_TEST(found(place("tool").string()) == "nothing");
    BOOST_TEST(found(place("first/only-text").string()) == "nothing");
    BOOST_TEST(found(place("first").string()) == "nothing");
    BOOST_TEST(!find_program("./no-such-program", Environment()).has_value());
}

BOOST_AUTO_TEST_CASE(without_a_path_the_usual_folders_are_searched) {
    Environment environment;
    BOOST_TEST(find_program("sh", environment).has_value());
    environment.set("PATH", "");
    BOOST_TEST(find_program("sh", environment).has_value());
    environment.set("PATH", place("first").string());
    BOOST_TEST(!find_program("sh", environment).has_value());
}

BOOST_AUTO_TEST_CASE(output_beyond_the_limit_is_dropped_and_the_program_ends_all_the_same) {
    auto finished = run_script("i=0; while [ $i -lt 5000 ]; do echo 0123456789; i=$((i+1)); done; echo err >&2", 100);
    BOOST_REQUIRE(finished.has_value());
    BOOST_TEST(finished->status.success());
    BOOST_TEST(finished->output.size() == 100U);
    BOOST_TEST(finished->output.starts_with("0123456789\n"));
    BOOST_TEST(finished->error == "err\n"); // each stream has a limit of its own
    BOOST_TEST(run_script("echo x", 0)->output == "");
}

BOOST_AUTO_TEST_CASE(a_program_runs_where_it_is_told_to_and_a_folder_that_is_missing_is_told) {
    BOOST_TEST(run_script("pwd", 1000, fs::canonical(directory.path()))->output ==
               fs::canonical(directory.path()).string() + "\n");
    auto refused = run_script("pwd", 1000, place("missing"));
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().kind() == FailureKind::machine));
    BOOST_TEST(refused.error().cause().find("No such file or directory") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_program_cannot_be_started) {
    BOOST_REQUIRE(write_file_atomically(place("first/broken"), "\x7f"
                                                               "ELF and nothing else")
                      .has_value());
    fs::permissions(place("first/broken"), fs::perms::owner_all);
    auto body = [this](Executor) -> Task<Result<FinishedProcess>> {
        ProcessSpec spec;
        spec.arguments = {place("first/broken").string()};
        co_return co_await run_process(std::move(spec), 20s);
    };
    auto refused = run_task<Result<FinishedProcess>>(body);
    BOOST_REQUIRE(!refused);
    BOOST_TEST(refused.error().cause().starts_with("cannot start " + place("first/broken").string() + ": "));
}

BOOST_AUTO_TEST_CASE(git_obeys_no_repository_among_the_files_and_asks_for_no_password) {
    Environment environment({{"GITHUB_TOKEN", "t"}, {"SSH_AUTH_SOCK", "/agent"}, {"GIT_TERMINAL_PROMPT", "1"}});
    auto spec = git_process("/fleet", {"status", "-s"}, environment);
    auto line = join(spec.arguments, " ");
    BOOST_TEST(line.starts_with("git -c safe.bareRepository=explicit -c core.fsmonitor=false -c "), line);
    BOOST_TEST(line.ends_with(" -C /fleet status -s"), line);
    BOOST_TEST(!spec.environment.find("GITHUB_TOKEN").has_value());
    BOOST_TEST((spec.environment.find("SSH_AUTH_SOCK") == "/agent"));
    BOOST_TEST((spec.environment.find("GIT_TERMINAL_PROMPT") == "0")); // whatever stood there
    BOOST_TEST((spec.standard_input == StandardInput::null));
}

BOOST_AUTO_TEST_SUITE_END()
