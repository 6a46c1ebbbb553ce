#include "async/child_process.hpp"
#include "base/files.hpp"
#include "doctor/git_state.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::doctor;
using namespace cachefill::test;
namespace fs = std::filesystem;

namespace {

// A work tree, and beside it a bare repository that it can push to.
struct Scene {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-git-").value();
    Environment environment = Environment::of_this_process();

    Scene() {
        for (const auto* name : {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}) environment.unset(name);
        environment.set("HOME", directory.path().string());
        environment.set("GIT_CONFIG_GLOBAL", "/dev/null");
        environment.set("GIT_CONFIG_NOSYSTEM", "1");
        for (const auto* who : {"AUTHOR", "COMMITTER"}) {
            environment.set("GIT_" + std::string(who) + "_NAME", "Kim");
            environment.set("GIT_" + std::string(who) + "_EMAIL", "kim@example.org");
            environment.set("GIT_" + std::string(who) + "_DATE", "@1750000000 +0000");
        }
        fs::create_directories(tree());
        git({"init", "-q", "-b", "main"});
    }
    fs::path tree() const { return fs::canonical(directory.path()) / "tree"; }

    std::string git(std::vector<std::string> arguments) const {
        async::ProcessSpec spec;
        spec.arguments = {"git", "-C", tree().string()};
        spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
        spec.environment = environment;
        auto run = run_task<Result<async::FinishedProcess>>([&](async::Executor) {
            auto given = spec;
            return async::run_process(std::move(given), std::chrono::seconds(30));
        });
        BOOST_REQUIRE(run.has_value());
        BOOST_REQUIRE_MESSAGE(run->status.success(), run->error);
        auto text = run->output;
        while (text.ends_with('\n')) text.pop_back();
        return text;
    }
    void write(const std::string& name, const std::string& text = "{ }") const {
        fs::create_directories((tree() / name).parent_path());
        BOOST_REQUIRE(write_file_atomically(tree() / name, text).has_value());
    }
    void commit(const std::string& name, const std::string& text = "{ }") const {
        write(name, text);
        git({"add", name});
        git({"commit", "-q", "-m", name});
    }
    void make_remote(const std::string& name = "origin") const {
        auto bare = (directory.path() / (name + ".git")).string();
        git({"init", "-q", "--bare", "-b", "main", bare});
        git({"remote", "add", name, bare});
    }
    std::optional<GitState> state(const fs::path& where = {}) const {
        auto read = run_task<Result<std::optional<GitState>>>(
            [&](async::Executor) { return read_git_state(where.empty() ? tree() : where, environment); });
        BOOST_REQUIRE(read.has_value());
        return *read;
    }
};

using Names = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(git_state, Scene)

BOOST_AUTO_TEST_CASE(outside_of_a_repository_and_without_git_there_is_nothing_to_know) {
    BOOST_TEST(!state("/").has_value());
    environment.set("PATH", "/nowhere");
    BOOST_TEST(!state().has_value());
}

BOOST_AUTO_TEST_CASE(a_tree_without_commits_has_a_branch_and_nothing_else) {
    auto found = state();
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->root == tree());
    BOOST_TEST(found->branch == "main");
    BOOST_TEST(found->commit == "");
    BOOST_TEST(found->remote == "");
    BOOST_TEST(!found->pushed);
}

BOOST_AUTO_TEST_CASE(a_commit_is_told_with_its_time_and_where_the_flake_lies) {
    commit("hosts/flake.nix");
    auto found = state(tree() / "hosts");
    BOOST_TEST(found->root == tree());
    BOOST_TEST(found->subdirectory == "hosts");
    BOOST_TEST(found->commit == git({"rev-parse", "HEAD"}));
    BOOST_TEST(found->short_commit().size() == 7U);
    BOOST_TEST((found->committed_at == std::chrono::system_clock::time_point(std::chrono::seconds(1750000000))));
    BOOST_TEST(found->is_clean());
    BOOST_TEST(found->flake_at("abc") == "git+file://" + tree().string() + "?rev=abc&dir=hosts");
    git({"checkout", "-q", "--detach"});
    BOOST_TEST(state()->branch == "");
}

BOOST_AUTO_TEST_CASE(what_is_not_committed_is_told_apart_from_what_nix_does_not_see) {
    commit("flake.nix");
    commit("flake.lock");
    commit("gone.nix");
    write("flake.nix", "{ a = 1; }");
    write("added.nix");
    git({"add", "added.nix"});
    write("with blank \"and quotes\".nix");
    fs::remove(tree() / "gone.nix");
    auto found = state();
    BOOST_TEST((found->changed == Names{"added.nix", "flake.nix", "gone.nix"}), boost::test_tools::per_element());
    BOOST_TEST((found->untracked == Names{"with blank \"and quotes\".nix"}));
    BOOST_TEST(!found->is_clean());
    BOOST_TEST(!found->lock_changed);
    write("flake.lock", "{ \"a\": 1 }");
    BOOST_TEST(state()->lock_changed);
    git({"checkout", "-q", "flake.lock"});
    commit("sub/flake.lock");
    write("sub/flake.lock", "{ \"a\": 1 }"); // of another flake
    BOOST_TEST(!state()->lock_changed);
    BOOST_TEST(state(tree() / "sub")->lock_changed);
}

BOOST_AUTO_TEST_CASE(a_commit_is_pushed_once_some_branch_of_the_remote_has_it) {
    make_remote();
    commit("flake.nix");
    BOOST_TEST(state()->remote == "origin");
    BOOST_TEST(!state()->pushed);
    git({"push", "-q", "origin", "main:other-name"});
    BOOST_TEST(state()->pushed);
    commit("more.nix");
    BOOST_TEST(!state()->pushed);
}

BOOST_AUTO_TEST_CASE(what_was_pushed_from_elsewhere_is_found_by_asking_the_remote) {
    make_remote();
    commit("flake.nix");
    git({"push", "-q", (directory.path() / "origin.git").string(), "main"}); // leaves no trace here
    BOOST_TEST(git({"for-each-ref", "refs/remotes"}) == "");
    BOOST_TEST(state()->pushed);
}

BOOST_AUTO_TEST_CASE(a_lock_that_the_remote_lacks_is_told) {
    make_remote();
    commit("flake.lock", "1");
    git({"push", "-q", "-u", "origin", "main"});
    commit("other.nix");
    BOOST_TEST(!state()->lock_unpushed);
    commit("flake.lock", "2");
    BOOST_TEST(state()->lock_unpushed);
    git({"branch", "--unset-upstream"});
    BOOST_TEST(state()->lock_unpushed); // by the name of the branch
    git({"checkout", "-q", "-b", "new-branch"});
    BOOST_TEST(!state()->lock_unpushed); // the remote has no such branch to compare with
}

BOOST_AUTO_TEST_CASE(the_remote_is_that_of_the_branch_or_origin_or_the_only_one) {
    commit("flake.nix");
    make_remote("backup");
    BOOST_TEST(state()->remote == "backup");
    make_remote("origin");
    BOOST_TEST(state()->remote == "origin");
    git({"config", "branch.main.remote", "backup"});
    BOOST_TEST(state()->remote == "backup");
    git({"config", "branch.main.remote", "no-such"});
    BOOST_TEST(state()->remote == "origin");
}

BOOST_AUTO_TEST_CASE(an_abbreviated_address_is_spelt_out_where_it_names_no_repository_by_itself) {
    git({"remote", "add", "origin", "gh:o/r"});
    git({"config", "url.https://github.com/.insteadOf", "gh:"});
    BOOST_TEST(state()->remote_url == "https://github.com/o/r");
    git({"remote", "set-url", "origin", "https://github.com/a/b"});
    git({"config", "url.ssh://git@mirror/.insteadOf", "https://github.com/"});
    BOOST_TEST(state()->remote_url == "https://github.com/a/b"); // as written
}

BOOST_AUTO_TEST_CASE(a_name_that_git_would_take_for_an_option_is_none) {
    commit("flake.lock");
    auto victim = directory.path() / "victims";
    fs::create_directories(victim);
    for (const auto* name : {"notes", "notes@{upstream}"})
        BOOST_REQUIRE(write_file_atomically(victim / name, "precious"));
    auto option = "--output=" + victim.string();
    git({"branch", "-m", "notes"});
    auto configuration = read_file(tree() / ".git/config").value();
    for (const auto& more : {"[remote \"" + option + "\"]\n\turl = /nowhere\n",
                             "[branch \"notes\"]\n\tremote = " + option + "\n\tmerge = refs/heads/notes\n",
                             "[remote \"origin\"]\n\turl = /nowhere\n[branch \"notes\"]\n\tremote = " + option +
                                 "\n\tmerge = refs/heads/notes\n"}) {
        BOOST_REQUIRE(write_file_atomically(tree() / ".git/config", configuration + more));
        auto found = state();
        BOOST_TEST((found && found->remote != option));
        for (const auto& entry : fs::directory_iterator(victim)) BOOST_TEST(fs::file_size(entry.path()) == 8U, more);
    }
    BOOST_REQUIRE(write_file_atomically(tree() / ".git/config", configuration));
    BOOST_REQUIRE(write_file_atomically(tree() / ".git/HEAD", "ref: refs/heads/" + option + "/notes\n"));
    state();
    for (const auto& entry : fs::directory_iterator(victim)) BOOST_TEST(fs::file_size(entry.path()) == 8U);
}

BOOST_AUTO_TEST_CASE(a_file_is_read_as_it_is_in_a_commit) {
    commit("flake.lock", "old");
    auto old = git({"rev-parse", "HEAD"});
    commit("flake.lock", "new");
    write("flake.lock", "newest");
    auto read = [&](const std::string& of, const std::string& file) {
        return run_task<std::optional<std::string>>(
            [&](async::Executor) { return file_in_commit(tree(), of, file, environment); });
    };
    BOOST_TEST(read(old, "flake.lock").value_or("none") == "old");
    BOOST_TEST(read("HEAD", "flake.lock").value_or("none") == "new");
    BOOST_TEST(!read(old, "absent").has_value());
    BOOST_TEST(!read(std::string(40, 'f'), "flake.lock").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
