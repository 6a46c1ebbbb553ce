#include "async/git.hpp"
#include "support/run_task.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace cachefill;
using namespace cachefill::async;
namespace fs = std::filesystem;

namespace {

// A repository `tree`, with a folder `tree/trap` of files that git would take for a repository, too.
struct Scene {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-git-").value();
    fs::path top = fs::canonical(directory.path());
    Environment environment;

    Scene() {
        environment.set("PATH", Environment::of_this_process().get_or("PATH", "/usr/bin:/bin"));
        environment.set("HOME", top.string());
        environment.set("GIT_CONFIG_NOSYSTEM", "1");
        for (const auto* who : {"AUTHOR", "COMMITTER"}) {
            environment.set("GIT_" + std::string(who) + "_NAME", "Kim");
            environment.set("GIT_" + std::string(who) + "_EMAIL", "kim@example.org");
        }
        write("hook", "#!/bin/sh\ntouch " + mark().string() + "\n");
        fs::permissions(top / "hook", fs::perms::owner_all);
        shell("git init -q tree && git init -q --bare bare && mkdir tree/trap && cd tree && "
              "cp -r ../bare/HEAD ../bare/objects ../bare/refs trap && touch trap/refs/.keep && echo x > trap/file");
        write("tree/trap/config", "[core]\nrepositoryformatversion = 0\nbare = false\nworktree = .\nfsmonitor = " +
                                      (top / "hook").string() + "\n");
        shell("cd tree && git add -A && git commit -q -m x");
    }
    fs::path mark() const { return top / "obeyed"; }
    void write(const std::string& name, const std::string& text) const {
        BOOST_REQUIRE(write_file_atomically(top / name, text).has_value());
    }
    FinishedProcess run(ProcessSpec spec) const {
        auto body = [&](Executor) -> Task<Result<FinishedProcess>> {
            co_return co_await run_process(std::move(spec), std::chrono::seconds(30));
        };
        return test::run_task<Result<FinishedProcess>>(body).value();
    }
    void shell(const std::string& script) const {
        ProcessSpec spec;
        spec.arguments = {"sh", "-ec", script};
        spec.environment = environment;
        spec.directory = top;
        auto done = run(std::move(spec));
        BOOST_REQUIRE_MESSAGE(done.status.success(), done.error);
    }
    FinishedProcess git(const std::string& where, std::vector<std::string> arguments) const {
        return run(git_process(top / where, std::move(arguments), environment));
    }
    std::vector<std::string> in_tree() const { return {"-C", (top / "tree").string()}; }
    Result<Environment> guarded(const std::vector<std::string>& options) const {
        auto body = [&](Executor) -> Task<Result<Environment>> {
            co_return co_await without_programs(environment, options, std::chrono::seconds(30));
        };
        return test::run_task<Result<Environment>>(body);
    }
    std::string root_of(const std::string& where) const { return git(where, {"rev-parse", "--show-toplevel"}).output; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(async_git, Scene)

BOOST_AUTO_TEST_CASE(a_bare_repository_among_the_files_is_not_obeyed) {
    for (const auto& question :
         {std::vector<std::string>{"status", "--porcelain"}, {"ls-files", "-z"}, {"rev-parse", "HEAD"}}) {
        auto answer = git("tree/trap", question);
        BOOST_TEST(!answer.status.success());
        BOOST_TEST(answer.error.find("bare repository") != std::string::npos);
    }
    BOOST_TEST(!fs::exists(mark()));
}

BOOST_AUTO_TEST_CASE(no_fsmonitor_is_started_whoever_set_it) {
    shell("git -C tree config core.fsmonitor " + (top / "hook").string());
    environment.set("GIT_CONFIG_COUNT", "1");
    environment.set("GIT_CONFIG_KEY_0", "core.fsmonitor");
    environment.set("GIT_CONFIG_VALUE_0", (top / "hook").string());
    BOOST_TEST(git("tree", {"status", "--porcelain"}).status.success());
    BOOST_TEST(!fs::exists(mark()));
}

BOOST_AUTO_TEST_CASE(work_trees_of_all_kinds_are_repositories_as_before) {
    BOOST_TEST(root_of("tree") == (top / "tree").string() + "\n");
    shell("git clone -q --bare tree store.git && git -C store.git worktree add -q ../beside");
    BOOST_TEST(root_of("beside") == (top / "beside").string() + "\n");
    shell(
        "git clone -q tree outer && cd outer && git -c protocol.file.allow=always submodule --quiet add ../tree inner");
    BOOST_TEST(root_of("outer/inner") == (top / "outer/inner").string() + "\n");
}

BOOST_AUTO_TEST_CASE(what_the_user_set_by_variables_counts) {
    environment.set("GIT_CONFIG_COUNT", "1");
    environment.set("GIT_CONFIG_KEY_0", "user.nickname");
    environment.set("GIT_CONFIG_VALUE_0", "kim");
    BOOST_TEST(git("tree", {"config", "user.nickname"}).output == "kim\n");
    environment.set("CACHIX_AUTH_TOKEN", "s3cret");
    BOOST_TEST(!git_process(top, {"status"}, environment).environment.find("CACHIX_AUTH_TOKEN").has_value());
}

BOOST_AUTO_TEST_CASE(nothing_that_the_folders_configuration_names_is_run) {
    auto hook = (top / "hook").string();
    shell(
        "cd tree && commit=$(printf 'tree %s\nauthor K <k@example.org> 1 +0000\ncommitter K <k@example.org> 1 +0000\n"
        "gpgsig -----BEGIN PGP SIGNATURE-----\n \n aaaa\n -----END PGP SIGNATURE-----\n\nx\n' "
        "$(git rev-parse HEAD^{tree}) | git hash-object -t commit -w --stdin) && git update-ref HEAD $commit && "
        "git config log.showSignature true && git config gpg.program " +
        hook + " && git config core.hooksPath " + top.string() + "/hooks && git config remote.origin.url ext::" + hook +
        " && git config protocol.ext.allow always && git config protocol.allow always && mkdir ../hooks && cp ../hook "
        "../hooks/post-index-change");
    BOOST_TEST(git("tree", {"log", "-1", "--format=%H"}).status.success());
    shell("touch -d yesterday tree/trap/file");
    BOOST_TEST(git("tree", {"status", "--porcelain"}).status.success());
    for (const auto& question : {std::vector<std::string>{"ls-remote", "origin"}, {"fetch", "origin"}})
        BOOST_TEST(!git("tree", question).status.success());
    BOOST_TEST(!fs::exists(mark()));
}

BOOST_AUTO_TEST_CASE(filters_of_the_folder_are_none_and_those_of_the_user_stay) {
    write("bin-filter", "#!/bin/sh\ntouch " + (top / "users").string() + "\nexec cat\n");
    fs::permissions(top / "bin-filter", fs::perms::owner_all);
    shell("git config --global filter.own.clean " + (top / "bin-filter").string() +
          " && cd tree && echo x > mine && echo y > theirs && git add mine theirs && git commit -qm y && "
          "printf 'mine filter=own\ntheirs filter=x\n' > .git/info/attributes && git config filter.x.clean " +
          (top / "hook").string() + " && git config filter.x.required true && touch -d yesterday mine theirs");
    auto spec = git_process(top / "tree", {"status", "--porcelain"}, environment);
    auto body = [&](Executor) -> Task<Result<FinishedProcess>> {
        CO_TRY(guarded, co_await without_programs(spec.environment, in_tree(), std::chrono::seconds(30)));
        spec.environment = std::move(guarded);
        co_return co_await run_process(std::move(spec), std::chrono::seconds(30));
    };
    auto status = test::run_task<Result<FinishedProcess>>(body).value();
    BOOST_TEST(status.status.success(), status.error);
    BOOST_TEST(status.output == "");
    BOOST_TEST(!fs::exists(mark()));
    BOOST_TEST(fs::exists(top / "users"));
}

BOOST_AUTO_TEST_CASE(filters_of_git_crypt_and_git_lfs_stay_where_that_is_what_is_run) {
    fs::create_directory(top / "bin");
    for (const std::string name : {"bin/git-crypt", "bin/git-lfs", "git-lfs"}) {
        write(name, "#!/bin/sh\n");
        fs::permissions(top / name, fs::perms::owner_all);
    }
    environment.set("PATH", (top / "bin").string() + ":" + environment.get_or("PATH"));
    auto set = [&](const std::string& name, const std::string& value) {
        BOOST_REQUIRE(git("tree", {"config", "filter." + name, value}).status.success());
    };
    set("git-crypt.clean", "\"" + (top / "bin/git-crypt").string() + "\" clean");
    set("lfs.process", "git-lfs filter-process");
    set("other.clean", (top / "git-lfs").string() + " clean -- %f");
    set("more.clean", "git-lfs clean; touch x");
    auto changed = guarded(in_tree()).value();
    std::set<std::string> filters;
    for (const auto& [name, value] : changed.variables())
        if (value.starts_with("filter.")) filters.insert(value);
    BOOST_TEST((filters == std::set<std::string>{"filter.other.clean", "filter.more.clean"}));
}

BOOST_AUTO_TEST_CASE(programs_of_submodules_are_none_either) {
    shell("git clone -q tree outer && cd outer && git -c protocol.file.allow=always submodule --quiet add ../tree "
          "inner && "
          "git commit -qm inner && printf 'file filter=x\n' > .git/modules/inner/info/attributes && cd inner/trap && "
          "git --git-dir=../../.git/modules/inner config filter.x.clean " +
          (top / "hook").string() + " && touch -d yesterday file");
    auto spec = git_process(top / "outer", {"status", "--porcelain"}, environment);
    write("outer/inner/file", "x");
    auto body = [&](Executor) -> Task<Result<FinishedProcess>> {
        std::vector<std::string> in_outer{"-C", (top / "outer").string()};
        CO_TRY(guarded, co_await without_programs(spec.environment, std::move(in_outer), std::chrono::seconds(30)));
        spec.environment = std::move(guarded);
        co_return co_await run_process(std::move(spec), std::chrono::seconds(30));
    };
    BOOST_TEST(test::run_task<Result<FinishedProcess>>(body).value().status.success());
    BOOST_TEST(!fs::exists(mark()));
}

BOOST_AUTO_TEST_CASE(where_not_all_is_seen_no_git_is_to_be_started) {
    BOOST_TEST(guarded({"-C", top.string()}).has_value()); // no repository, and so nothing to see
    shell("printf broken > tree/.git/index");
    auto unseen = guarded(in_tree());
    BOOST_TEST_REQUIRE(!unseen.has_value());
    BOOST_TEST(unseen.error().one_line().find("ls-files failed: ") != std::string::npos);
    BOOST_TEST(unseen.error().hint().find("no git is started there") != std::string::npos);
    environment.set("PATH", top.string()); // without a git there is none to be started
    BOOST_TEST(guarded(in_tree()).has_value());
}

BOOST_AUTO_TEST_CASE(a_guard_stands_where_a_git_is_looked_for_first) {
    auto guard = make_git_guard(top, top / "hook");
    BOOST_TEST_REQUIRE(guard.has_value());
    auto folder = guard->path();
    BOOST_TEST(folder.parent_path() == top);
    BOOST_TEST((fs::status(folder).permissions() == fs::perms::owner_all)); // nobody puts another one there
    BOOST_TEST(fs::read_symlink(folder / "cachefill-git") == top / "hook");
    BOOST_TEST(!make_git_guard(top / "nowhere", top / "hook").has_value());
    environment = guarded(in_tree()).value();
    stand_before_git(environment, folder);
    BOOST_TEST(find_program("git", environment).value_or("") == (folder / "git").string());
    BOOST_TEST(stands_before_git((folder / "cachefill-git").string(), environment));
    BOOST_TEST(!stands_before_git("git", environment));
    shell("git -C " + (top / "tree").string() + " rev-parse HEAD"); // it has been looked at
    BOOST_TEST(!fs::exists(mark()));
    shell("git -C " + (top / "bare").string() + " rev-parse HEAD");
    BOOST_TEST(fs::exists(mark())); // by whoever stands there
    BOOST_TEST(!stands_before_git("cachefill", environment));
    Environment other;
    other.set("PATH", top.string()); // no git, and so nothing to stand before
    stand_before_git(other, folder);
    BOOST_TEST(!stands_before_git("cachefill-git", other));
}

BOOST_AUTO_TEST_CASE(data_of_nix_lie_elsewhere_and_those_of_gits_helpers_where_they_did) {
    shell("printf '#!/bin/sh\\necho ${XDG_DATA_HOME-none} > " + (top / "data").string() +
          "' > shown && chmod +x shown");
    auto guard = make_git_guard(top, top / "shown");
    BOOST_TEST_REQUIRE(guard.has_value());
    for (const std::string before : {"", "/their/data"}) {
        auto moved = environment;
        if (!before.empty()) moved.set("XDG_DATA_HOME", before);
        move_data_of_nix(moved, "/moved");
        BOOST_TEST(moved.get_or("XDG_DATA_HOME") == "/moved");
        BOOST_TEST(moved.get_or("NIX_DATA_HOME") == "/moved/nix");
        stand_before_git(moved, guard->path());
        std::swap(environment, moved);
        shell("git -C " + (top / "tree").string() + " rev-parse HEAD");
        std::swap(environment, moved);
        BOOST_TEST(read_file(top / "data").value() == (before.empty() ? "none" : before) + "\n");
    }
}

BOOST_AUTO_TEST_CASE(who_starts_a_git_by_itself_runs_nothing_of_a_folder_either) {
    shell("git -C tree config core.fsmonitor " + (top / "hook").string() + " && touch -d yesterday tree/trap/file");
    ProcessSpec spec;
    spec.arguments = {"git", "-C", "tree", "diff", "HEAD", "--quiet"};
    spec.environment = environment;
    refuse_programs_of_folders(spec.environment);
    spec.directory = top;
    BOOST_TEST(run(std::move(spec)).status.success());
    BOOST_TEST(!fs::exists(mark()));
}

BOOST_AUTO_TEST_CASE(another_repository_is_asked_by_its_address_alone) {
    auto address = (top / "tree").string();
    shell("git -C tree config uploadpack.packObjectsHook " + (top / "hook").string());
    BOOST_TEST(run(git_to_remote({"ls-remote", "--heads", "--", address}, environment)).output.find("refs/heads/") !=
               std::string::npos);
    BOOST_TEST(
        !run(git_to_remote({"ls-remote", "--", "ext::" + (top / "hook").string()}, environment)).status.success());
    BOOST_TEST(!fs::exists(mark()));
}

BOOST_AUTO_TEST_SUITE_END()
