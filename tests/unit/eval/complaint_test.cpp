#include "eval/complaint.hpp"

#include <boost/test/unit_test.hpp>

#include <ostream>

using namespace cachefill::eval;

namespace cachefill::eval {
std::ostream& boost_test_print_type(std::ostream& out, Complaint complaint) {
    return out << static_cast<int>(complaint);
}
} // namespace cachefill::eval

BOOST_AUTO_TEST_SUITE(complaints)

// Messages as Nix prints them: 2.8 here, the others from its sources and from reports.
BOOST_AUTO_TEST_CASE(what_nix_complains_of) {
    const std::pair<const char*, Complaint> messages[]{
        {"flake 'git+file:///home/kim/fleet' requires lock file changes but they're not allowed due to "
         "'--no-update-lock-file'",
         Complaint::lock_out_of_date},
        {"lockfile contains mutable lock '{\"path\":\"./x\",\"type\":\"path\"}'", Complaint::lock_unreadable}, // 2.8
        {"lock file contains unlocked input '{\"path\":\"./x\",\"type\":\"path\"}'",
         Complaint::lock_unreadable}, // 2.18
        {"Lock file contains unlocked input '{\"path\":\"/x\",\"type\":\"path\"}'. Use '--allow-dirty-locks' to accept "
         "this lock file.",
         Complaint::lock_unreadable}, // 2.26
        {"path '/tmp/h' is not part of a flake (neither it nor its parent directories contain a 'flake.nix' file)",
         Complaint::no_flake},
        {"could not find a flake.nix file", Complaint::no_flake},
        {"source tree referenced by 'path:/x' does not contain a 'flake.nix' file", Complaint::no_flake}, // Lix
        {"repository path '/srv/fleet' is not owned by current user", Complaint::foreign_owner},
        {"program 'git' failed with exit code 129", Complaint::foreign_owner},
        {"program 'git' failed with exit code 128", Complaint::git_failed},
        {"unexpected fragment 'nas' in flake reference '.#nas'", Complaint::fragment},
        {"flake 'git+file:///f' does not provide attribute 'packages.x86_64-linux.checks', "
         "'legacyPackages.x86_64-linux.checks' or 'checks'",
         Complaint::missing_attribute},
        {"unable to download 'https://api.github.com/repos/o/r/tarball': Couldn't resolve host name (6)",
         Complaint::network},
        {"builder for '/nix/store/0000000000000000000000000000000a-x.drv' failed with exit code 1",
         Complaint::build_failed},
        {"Cannot build '/nix/store/0000000000000000000000000000000a-x.drv'.\nReason: builder failed",
         Complaint::build_failed}, // 2.30
        {"build of '/nix/store/0000000000000000000000000000000a-x.drv' failed", Complaint::build_failed},
        {"'flake:fleet:x' is not a valid URL", Complaint::not_a_reference},
        {"out of memory", Complaint::out_of_memory},
        {"error: out of memory", Complaint::out_of_memory},
        {"GC Warning: Failed to expand heap by 134217728 bytes", Complaint::out_of_memory},
        {"executing SQLite statement 'insert or replace into NARs(cache, hashPart) values (1, 'r22n')': constraint "
         "failed "
         "(in '/root/.cache/nix/binary-cache-v6.sqlite')",
         Complaint::narinfo_memory},
        {"executing SQLite statement 'insert or replace into NARs(cache, hashPart) values (1, 'r22n')': constraint "
         "failed, "
         "FOREIGN KEY constraint failed (in '/root/.cache/nix/binary-cache-v7.sqlite')",
         Complaint::narinfo_memory}, // 2.34
        {"executing SQLite statement 'select 1': database disk image is malformed (in '/x')", Complaint::none},
        {"attribute 'nas' missing", Complaint::none},
        {"the flake 'x' has run out of memory cards", Complaint::none},
        {"", Complaint::none},
    };
    for (const auto& [text, complaint] : messages) BOOST_TEST(complaint_in(text) == complaint, text);
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_named_in_every_wording) {
    const std::pair<const char*, const char*> messages[]{
        {"getting status of \"/srv/nowhere\": No such file or directory", "/srv/nowhere"},
        {"getting status of '/srv/root/nix/store/p1v2wj4idsrmzp0p76hv8xs4im9iw9x5-source/hosts/box.nix': No such file "
         "or "
         "directory",
         "/srv/root/nix/store/p1v2wj4idsrmzp0p76hv8xs4im9iw9x5-source/hosts/box.nix"},
        {"opening file '/nix/store/p1v2wj4idsrmzp0p76hv8xs4im9iw9x5-source/a b.nix': No such file or directory",
         "/nix/store/p1v2wj4idsrmzp0p76hv8xs4im9iw9x5-source/a b.nix"},
        {"path '/nix/store/p1v2wj4idsrmzp0p76hv8xs4im9iw9x5-source/hosts/box' does not exist",
         "/nix/store/p1v2wj4idsrmzp0p76hv8xs4im9iw9x5-source/hosts/box"},
        {"path '«git+file:///home/kim/fleet»/hosts/box.nix' does not exist",
         "«git+file:///home/kim/fleet»/hosts/box.nix"},
        {"access to path '/home/kim/fleet/flake.nix' is forbidden because it is not under Git control; maybe you "
         "should "
         "'git add' it to the repository '/home/kim/fleet'?",
         "/home/kim/fleet/flake.nix"},
        {"Path 'hosts/box.nix' in the repository \"/home/kim/fleet\" is not tracked by Git.\n\nTo make it visible to "
         "Nix, "
         "run:\n\ngit -C \"/home/kim/fleet\" add \"hosts/box.nix\"",
         "hosts/box.nix"},
        {"Path 'hosts/box.nix' does not exist in Git repository \"/home/kim/fleet\".", "hosts/box.nix"},
    };
    for (const auto& [text, file] : messages) {
        BOOST_TEST(missing_file(text).value_or("none") == file, text);
        BOOST_TEST(complaint_in(text) == Complaint::missing_file, text);
    }
    for (const auto* text : {"path '/x' exists", "the option 'a' does not exist",
                             "getting status of '/x': Permission denied", "attribute 'x' in the path 'y' does exist"})
        BOOST_TEST(!missing_file(text), text);
}

BOOST_AUTO_TEST_CASE(the_unlocked_entry_is_read_from_the_message) {
    BOOST_TEST(unlocked_path("lockfile contains mutable lock '{\"path\":\"./x\",\"type\":\"path\"}'") == "./x");
    BOOST_TEST(unlocked_path("lockfile contains mutable lock '{\"type\":\"git\",\"url\":\"file:///x\"}'").empty());
    BOOST_TEST(unlocked_path("nothing").empty());
}

BOOST_AUTO_TEST_SUITE_END()
