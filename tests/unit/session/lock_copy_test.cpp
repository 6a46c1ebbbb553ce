#include "options/settings.hpp"
#include "session/lock_copy.hpp"
#include "support/machine.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::test;
using session::LockCopy;
namespace fs = std::filesystem;

namespace {

// A flake in a git repository, and a nix whose `flake update` writes a newer lock.
struct Scene : Machine {
    Scene() {
        write("bin/nix", "#!/bin/sh\ncase \"$*\" in\n"
                         "  --version) echo 'nix (Nix) 2.30.1' ;;\n"
                         "  *'flake update'*) echo \"$*\" > " +
                             path("asked").string() + "; ls -a > " + path("seen").string() + "; test -e " +
                             path("no-network").string() +
                             " && { echo 'error: no network' >&2; exit 1; }; echo new > flake.lock ;;\n"
                             "  *) cat " +
                             path("settings.json").string() + " ;;\nesac\n");
        fs::permissions(path("bin/nix"), fs::perms::owner_all);
        environment.set("GIT_CONFIG_NOSYSTEM", "1");
        fs::create_directories(path("flake"));
        write("flake/flake.nix", "{ }");
        write("flake/flake.lock", "old\n");
        write("flake/ignored", "build results");
        git("git init -q . && git add flake.nix flake.lock");
        settings.flake = path("flake").string();
    }
    void git(const std::string& command) const {
        auto line = "cd " + path("flake").string() + " && HOME=" + path("home").string() + " && " + command;
        BOOST_REQUIRE(std::system(line.c_str()) == 0); // NOLINT(cert-env33-c)
    }
    std::string lock() const { return read_file(path("flake/flake.lock")).value_or("none"); }

    void with_copy(std::function<void(Result<std::unique_ptr<LockCopy>>)> look) {
        auto body = [&](session::Session& session) -> async::Task<void> { look(co_await LockCopy::make(session)); };
        run(body);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(session_lock_copy, Scene)

BOOST_AUTO_TEST_CASE(inputs_move_in_a_copy_of_what_git_tracks_and_nothing_changes_here) {
    fs::path copy_was_at;
    with_copy([&](auto copy) {
        BOOST_REQUIRE(copy.has_value());
        copy_was_at = (*copy)->flake();
        BOOST_TEST(copy_was_at != path("flake"));
        BOOST_TEST(read_file(copy_was_at / "flake.lock").value() == "new\n");
        BOOST_TEST(read_file(copy_was_at / "flake.nix").value() == "{ }");
        BOOST_TEST(lock() == "old\n");
    });
    BOOST_TEST(!fs::exists(copy_was_at)); // it goes with whoever made it
    BOOST_TEST(read_file(path("seen")).value().find("ignored") == std::string::npos);
    BOOST_TEST(lock() == "old\n");
}

BOOST_AUTO_TEST_CASE(what_is_adopted_is_the_new_lock) {
    with_copy([&](auto copy) { BOOST_TEST((*copy)->adopt().has_value()); });
    BOOST_TEST(lock() == "new\n");
}

BOOST_AUTO_TEST_CASE(a_lock_that_somebody_changed_meanwhile_is_not_overwritten) {
    with_copy([&](auto copy) {
        write("flake/flake.lock", "theirs\n");
        auto adopted = (*copy)->adopt();
        BOOST_REQUIRE(!adopted.has_value());
        BOOST_TEST(adopted.error().cause().find("changed by somebody else") != std::string::npos);
        BOOST_TEST(adopted.error().hint() != "");
    });
    BOOST_TEST(lock() == "theirs\n");
}

BOOST_AUTO_TEST_CASE(a_flake_without_a_lock_gets_its_first) {
    fs::remove(path("flake/flake.lock"));
    git("git rm -q --cached flake.lock");
    with_copy([&](auto copy) {
        BOOST_REQUIRE(copy.has_value());
        BOOST_TEST((*copy)->adopt().has_value());
    });
    BOOST_TEST(lock() == "new\n");
}

BOOST_AUTO_TEST_CASE(a_flake_in_a_folder_of_its_repository_is_found_there_in_the_copy) {
    fs::create_directories(path("flake/sub"));
    write("flake/sub/flake.nix", "{ sub = true; }");
    write("flake/sub/flake.lock", "old\n");
    git("git add sub && ln -s flake.nix link && git add link");
    settings.flake = path("flake/sub").string();
    with_copy([&](auto copy) {
        BOOST_REQUIRE(copy.has_value());
        fs::path there = (*copy)->flake();
        BOOST_TEST(there.filename() == "sub");
        BOOST_TEST(read_file(there / "flake.lock").value() == "new\n");
        BOOST_TEST(read_file(there.parent_path() / "flake.lock").value() == "old\n");
        BOOST_TEST(fs::is_symlink(there.parent_path() / "link"));
    });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_updated_says_what_was_tried_and_what_happened) {
    write("no-network", "");
    with_copy([&](auto copy) {
        BOOST_REQUIRE(!copy.has_value());
        BOOST_TEST(copy.error().one_line().find("running 'nix flake update': no network") != std::string::npos,
                   copy.error().one_line());
    });
    fs::remove_all(path("flake/.git"));
    with_copy([&](auto copy) {
        BOOST_REQUIRE(!copy.has_value());
        BOOST_TEST(copy.error().hint().find("git repository") != std::string::npos);
    });
    settings.flake = "github:o/r";
    with_copy([&](auto copy) {
        BOOST_REQUIRE(!copy.has_value());
        BOOST_TEST((copy.error().kind() == FailureKind::usage));
    });
}

BOOST_AUTO_TEST_CASE(nothing_is_written_through_a_link_of_the_checkout) {
    write("elsewhere", "old\n");
    for (const auto& target : {path("elsewhere").string(), std::string("../elsewhere"), path("nowhere").string(),
                               path("flake/real.lock").string()}) { // the original's, by an absolute path
        write("flake/real.lock", "old\n");
        fs::remove(path("flake/flake.lock"));
        fs::create_symlink(target, path("flake/flake.lock"));
        git("git add -A -f");
        with_copy([&](auto copy) {
            BOOST_REQUIRE(!copy.has_value());
            BOOST_TEST(copy.error().cause().find("is a link") != std::string::npos);
        });
        BOOST_TEST(read_file(path("elsewhere")).value() == "old\n");
        BOOST_TEST(read_file(path("flake/real.lock")).value() == "old\n");
        BOOST_TEST(!fs::exists(path("nowhere")));
    }
    fs::remove(path("flake/flake.lock"));
    fs::create_symlink("real.lock", path("flake/flake.lock")); // the copy has one of its own
    git("git add -A -f");
    with_copy([&](auto copy) {
        BOOST_REQUIRE(copy.has_value());
        BOOST_TEST(read_file(path("flake/real.lock")).value() == "old\n");
    });
}

BOOST_AUTO_TEST_CASE(the_settings_of_the_flake_count_only_if_they_were_accepted) {
    auto said = [&] {
        with_copy([&](auto copy) { BOOST_REQUIRE(copy.has_value()); });
        return read_file(path("asked")).value();
    };
    BOOST_TEST(said().find("--option accept-flake-config false") != std::string::npos);
    settings.accept_flake_config = true;
    BOOST_TEST(said().find("--accept-flake-config") != std::string::npos);
}

// As Nix does of an input that is a git work tree of this machine.
BOOST_AUTO_TEST_CASE(no_program_that_the_settings_of_an_input_name_is_started) {
    fs::create_directories(path("input"));
    write("hook", "#!/bin/sh\ntouch " + path("marker").string() + "\nexit 1\n");
    fs::permissions(path("hook"), fs::perms::owner_all);
    write("input/file", "text\n");
    git("cd ../input && git init -q . && git add file && git config core.fsmonitor " + path("hook").string() +
        " && touch -d yesterday file");
    write("bin/nix", "#!/bin/sh\ncase \"$*\" in\n  --version) echo 'nix (Nix) 2.30.1' ;;\n"
                     "  *'flake update'*) git -C " +
                         path("input").string() + " ls-files -m; echo new > flake.lock ;;\n  *) cat " +
                         path("settings.json").string() + " ;;\nesac\n");
    with_copy([&](auto copy) { BOOST_REQUIRE(copy.has_value()); });
    BOOST_TEST(!fs::exists(path("marker")));
    // And there stands somebody before git who looks at the repository (async::go_on_as_git).
    write("program", "#!/bin/sh\ntouch " + path("looked").string() + "\n");
    fs::permissions(path("program"), fs::perms::owner_all);
    settings.executable = path("program");
    with_copy([&](auto copy) { BOOST_REQUIRE(copy.has_value()); });
    BOOST_TEST(fs::exists(path("looked")));
    // What it would be without.
    git("cd ../input && git ls-files -m");
    BOOST_TEST(fs::exists(path("marker")));
}

BOOST_AUTO_TEST_SUITE_END()
