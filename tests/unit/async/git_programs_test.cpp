#include "async/git_programs.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::async;
using Said = std::vector<std::pair<std::string, std::string>>;

namespace {

Said said(const std::vector<GitSetting>& settings, bool all_are_known = false) {
    return settings_against_programs(settings, [all_are_known](const std::string&) { return all_are_known; });
}

} // namespace

BOOST_AUTO_TEST_SUITE(git_programs)

BOOST_AUTO_TEST_CASE(settings_are_read_as_git_lists_them) {
    using namespace std::string_literals;
    auto settings = parse_git_settings("local\0core.bare\nfalse\0global\0filter.a.b.clean\nx\ny\0local\0core.flag\0"s);
    BOOST_TEST_REQUIRE(settings.size() == 3U);
    BOOST_TEST(settings[1].scope == "global");
    BOOST_TEST(settings[1].name == "filter.a.b.clean");
    BOOST_TEST(settings[1].value == "x\ny");
    BOOST_TEST(settings[2].value == "");
    BOOST_TEST(parse_git_settings("").empty());
    BOOST_TEST(parse_git_settings("local").empty());
}

BOOST_AUTO_TEST_CASE(each_program_of_a_repository_is_none) {
    for (const auto* name : {"filter.x.clean",
                             "filter.a.b.smudge",
                             "filter.x.process",
                             "diff.external",
                             "diff.x.command",
                             "diff.x.textconv",
                             "merge.x.driver",
                             "remote.origin.uploadpack",
                             "remote.origin.vcs",
                             "core.fsmonitor",
                             "core.hookspath",
                             "core.sshcommand",
                             "core.gitproxy",
                             "core.askpass",
                             "core.pager",
                             "credential.helper",
                             "credential.https://example.org.helper",
                             "gpg.program",
                             "gpg.ssh.program",
                             "init.templatedir",
                             "submodule.x.update",
                             "tar.tgz.command"})
        for (const auto* scope : {"local", "worktree"}) {
            auto last = said({{scope, name, "/obey"}});
            BOOST_TEST_REQUIRE(last.size() == 1U, name);
            BOOST_TEST(last[0].first == name);
            BOOST_TEST(last[0].second.find("obey") == std::string::npos);
        }
    BOOST_TEST((said({{"local", "filter.x.required", "true"}}) == Said{{"filter.x.required", "false"}}));
    BOOST_TEST((said({{"local", "protocol.allow", "always"}}) == Said{{"protocol.ext.allow", "never"}}));
    for (const auto* name : {"core.bare", "remote.origin.url", "user.name", "branch.main.remote"})
        BOOST_TEST(said({{"local", name, "x"}}).empty());
}

BOOST_AUTO_TEST_CASE(the_users_own_are_run_as_without_the_repository) {
    BOOST_TEST(said({{"global", "filter.x.clean", "mine"}, {"system", "core.sshcommand", "ssh -i key"}}).empty());
    BOOST_TEST((said({{"global", "core.sshcommand", "ssh -i key"}, {"local", "core.sshcommand", "/obey"}}) ==
                Said{{"core.sshcommand", "ssh -i key"}}));
    BOOST_TEST((said({{"system", "credential.helper", "store"},
                      {"global", "credential.helper", "cache"},
                      {"local", "credential.helper", "/obey"}}) ==
                Said{{"credential.helper", ""}, {"credential.helper", "store"}, {"credential.helper", "cache"}}));
    BOOST_TEST((said({{"global", "protocol.ext.allow", "user"}, {"local", "protocol.ext.allow", "always"}}) ==
                Said{{"protocol.ext.allow", "user"}}));
}

BOOST_AUTO_TEST_CASE(well_known_filters_stay_unless_they_would_start_others) {
    const GitSetting filter{"local", "filter.lfs.clean", "git-lfs clean -- %f"};
    BOOST_TEST(said({filter}, true).empty());
    BOOST_TEST(said({filter}, false).size() == 1U);
    for (const auto* name : {"lfs.extension.x.clean", "lfs.customtransfer.x.path", "lfs.standalonetransferagent",
                             "lfs.https://example.org.standalonetransferagent"}) {
        BOOST_TEST((said({filter, {"local", name, "/obey"}}, true) == Said{{"filter.lfs.clean", ""}}), name);
        BOOST_TEST(said({{"global", name, "mine"}, filter}, true).empty(), name);
    }
    BOOST_TEST(said({filter, {"local", "lfs.url", "https://example.org"}}, true).empty());
    BOOST_TEST(
        said({{"local", "filter.git-crypt.clean", "git-crypt clean"}, {"local", "lfs.extension.x.clean", "/obey"}},
             true)
            .empty());
    // No other command of theirs is a filter, and no driver is spared.
    BOOST_TEST(said({{"local", "diff.git-crypt.textconv", "git-crypt diff"}}, true).size() == 1U);
    for (const auto* arguments : {" clean", "clean --key-name=team", "smudge"})
        BOOST_TEST(is_filter_of_git_crypt(arguments), arguments);
    for (const auto* arguments : {"", "unlock", "clean --key-file=/x", "diff", "clean a b"})
        BOOST_TEST(!is_filter_of_git_crypt(arguments), arguments);
    for (const auto* arguments : {"clean -- %f", "smudge -- %f", "filter-process", "smudge --skip -- %f"})
        BOOST_TEST(is_filter_of_git_lfs(arguments), arguments);
    for (const auto* arguments : {"", "install --force --skip-smudge", "clean -- %f x", "env", "clean"})
        BOOST_TEST(!is_filter_of_git_lfs(arguments), arguments);
}

BOOST_AUTO_TEST_SUITE_END()
