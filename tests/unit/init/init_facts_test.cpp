#include "init/init_facts.hpp"
#include "options/settings.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
namespace fs = std::filesystem;

namespace {

const std::string commit(40, 'c');

// A work tree on branch "work" whose remote has others.
struct Scene : Machine {
    Scene() {
        environment.set("GIT_CONFIG_NOSYSTEM", "1");
        fs::create_directories(path("tree/.github/workflows"));
        fs::create_directories(path("tree/sub"));
        git("git init -q -b work . && git -c user.name=k -c user.email=k@x commit -q --allow-empty -m x && git branch "
            "main && "
            "git update-ref refs/remotes/origin/develop HEAD && "
            "git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/develop");
    }
    void git(const std::string& command) const {
        auto line = "cd " + path("tree").string() + " && HOME=" + path("home").string() + " && " + command;
        BOOST_REQUIRE(std::system(line.c_str()) == 0); // NOLINT(cert-env33-c)
    }
    void workflow(const std::string& name, const std::string& text) const {
        write("tree/.github/workflows/" + name, text);
    }

    Result<init::RepositoryFacts> look(const std::string& where) const {
        auto flake = path(where).string();
        auto body = [&](async::Executor) { return init::look_at_repository(flake, environment); };
        return run_task<Result<init::RepositoryFacts>>(body);
    }
    Result<init::PinnedAction> pin(const std::string& given) const {
        auto body = [&](async::Executor) { return init::pin_action(given, environment); };
        return run_task<Result<init::PinnedAction>>(body);
    }
};

const std::string pushing = "jobs:\n  a:\n    steps:\n      - uses: cachix/cachix-action@v15\n        with: {name: ";

using Names = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(init_facts, Scene)

BOOST_AUTO_TEST_CASE(a_repository_is_known_by_its_branches_and_where_the_flake_lies) {
    auto facts = look("tree/sub").value();
    BOOST_TEST(facts.root == fs::canonical(path("tree")));
    BOOST_TEST(facts.flake_subdirectory == "sub");
    BOOST_TEST(!facts.is_current_directory);
    BOOST_TEST(facts.current_branch == "work");
    BOOST_TEST(facts.default_branch == "develop");
    BOOST_TEST((facts.branches == Names{"main", "work", "develop"}));
    BOOST_TEST(look("tree")->flake_subdirectory == "");
    BOOST_TEST(look("tree")->configuration == "");
    write("tree/.github/cachefill.yml", "");
    BOOST_TEST(look("tree")->configuration == ".github/cachefill.yml");
    write("tree/cachefill.yml", "");
    BOOST_TEST(look("tree")->configuration == "cachefill.yml"); // that one counts first
    BOOST_TEST(look("tree/sub")->configuration == "");
}

BOOST_AUTO_TEST_CASE(workflows_are_read_but_for_those_that_init_wrote) {
    workflow("b.yml", pushing + "team}\n");
    workflow("a.yaml", pushing + "\"${{ vars.CACHE }}\"}\n");
    workflow("cachefill.yml", pushing + "ours}\n");
    workflow("cachefill-update.yml", pushing + "ours}\n");
    workflow("broken.yml", "jobs: [\n");
    workflow("notes.txt", pushing + "no}\n");
    auto facts = look("tree").value();
    BOOST_REQUIRE(facts.workflows.size() == 2);
    BOOST_TEST(facts.workflows[0].file == "a.yaml");
    BOOST_TEST(facts.workflows[0].pushes);
    BOOST_TEST(facts.workflows[0].caches.empty()); // an expression is no name
    BOOST_TEST((facts.workflows[1].caches == Names{"team"}));
    BOOST_TEST(!facts.garnix.has_value());
    write("tree/garnix.yaml", "");
    BOOST_TEST(look("tree")->garnix.has_value());
}

BOOST_AUTO_TEST_CASE(a_workflow_that_makes_much_of_little_is_passed_over) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        auto before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int k = 1; k < 10; ++k) bomb += ", " + before;
        bomb += "]\n";
    }
    workflow("bomb.yml", bomb + pushing + "no}\n");
    workflow("circle.yml", "a: &a [*a]\n" + pushing + "no}\n");
    workflow("good.yml", "x: &x {name: team}\njobs: {a: {steps: [{uses: cachix/cachix-action@v1, with: *x}]}}\n");
    auto facts = look("tree").value();
    BOOST_REQUIRE(facts.workflows.size() == 1);
    BOOST_TEST(facts.workflows[0].file == "good.yml");
}

BOOST_AUTO_TEST_CASE(names_of_folders_and_workflows_are_text) {
    workflow("f\x1b]0;x\a\u009b\n.yml", pushing + "team}\n");
    auto facts = look("tree").value();
    BOOST_REQUIRE(facts.workflows.size() == 1);
    BOOST_TEST(facts.workflows[0].file == "f\uFFFD]0;x\uFFFD\uFFFD\uFFFD.yml");
    fs::create_directories(path("tree/s\x1b[1m"));
    auto refused = look("tree/s\x1b[1m");
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(refused.error().cause().find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(where_no_workflow_could_go_it_says_what_is_missing) {
    struct Row {
        std::string where;
        FailureKind kind;
        std::string said;
    };
    for (const auto& row : {Row{"absent", FailureKind::usage, "is no directory"},
                            Row{"settings.json", FailureKind::usage, "is no directory"},
                            Row{"home", FailureKind::usage, "lies in no git repository"}}) {
        auto refused = look(row.where);
        BOOST_REQUIRE(!refused.has_value());
        BOOST_TEST((refused.error().kind() == row.kind));
        BOOST_TEST(refused.error().cause().find(row.said) != std::string::npos);
        BOOST_TEST(refused.error().hint() != "");
    }
    environment.set("PATH", "/nowhere");
    BOOST_TEST((look("tree").error().kind() == FailureKind::machine));
}

BOOST_AUTO_TEST_CASE(an_action_is_taken_at_a_commit) {
    auto given = pin("o/cachefill@" + commit).value();
    BOOST_TEST(given.repository == "o/cachefill");
    BOOST_TEST(given.commit == commit);
    BOOST_TEST(given.version == "");
    BOOST_TEST(!pin("nonsense").has_value());
}

BOOST_AUTO_TEST_CASE(a_tag_stands_for_what_git_finds_behind_it) {
    fs::create_directories(path("server/o"));
    environment.set("GITHUB_SERVER_URL", "file://" + path("server").string());
    git("git clone -q --bare . " + path("server/o/cachefill").string());
    auto bare = "git --git-dir " + path("server/o/cachefill").string() + " ";
    git(bare + "-c user.name=k -c user.email=k@x tag -a v1.2.3 -m x && " + bare + "tag light && " + bare +
        "rev-parse HEAD > " + path("head").string());
    auto head = read_file(path("head")).value().substr(0, 40);
    auto annotated = pin("o/cachefill@v1.2.3").value();
    BOOST_TEST(annotated.commit == head); // and not the tag's own
    BOOST_TEST(annotated.version == "v1.2.3");
    BOOST_TEST(pin("o/cachefill@light")->commit == head);
    auto newest = pin("o/cachefill").value(); // no release is tagged
    BOOST_TEST(newest.commit == head);
    BOOST_TEST(newest.version == "");
    auto absent = pin("o/cachefill@v9");
    BOOST_REQUIRE(!absent.has_value());
    BOOST_TEST(absent.error().cause().find("no tag v9") != std::string::npos);
    BOOST_TEST(absent.error().hint().find("o/cachefill@COMMIT") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(who_cannot_be_asked_is_not_said_to_have_nothing) {
    environment.set("GITHUB_SERVER_URL", "file://" + path("nowhere").string());
    auto unasked = pin("o/cachefill");
    BOOST_REQUIRE(!unasked.has_value());
    BOOST_TEST(unasked.error().cause().find("git could not ask file://") == 0U, unasked.error().cause());
    BOOST_TEST(unasked.error().cause().find("no tag") == std::string::npos);
    BOOST_TEST(unasked.error().hint().find("o/cachefill@COMMIT") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
