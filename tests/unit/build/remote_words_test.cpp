#include "build/remote_words.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::build;
using Kind = BuilderTrouble::Kind;

namespace {

// As Nix 2.8 says it, without colours.
const std::string failed = "error: build of '/nix/store/5i…-x.drv' on 'ssh-ng://arm' failed: builder for "
                           "'/nix/store/5i…-x.drv' failed with exit code 3;\n       last 2 log lines:\n       > start\n"
                           "       > no good\n       For full logs, run 'nix log /nix/store/5i…-x.drv'.";
const std::string refused = "a 'aarch64-linux' with features {kvm} is required to build '/nix/store/5i…-x.drv', but I "
                            "am a 'x86_64-linux' with features {big-parallel}";

std::string on_arm(const std::string& reason) {
    return "error: build of '/nix/store/5i…-x.drv' on 'ssh://arm' failed: " + reason;
}

} // namespace

BOOST_AUTO_TEST_SUITE(remote_words)

BOOST_AUTO_TEST_CASE(a_builder_that_was_tried_in_vain_has_a_name_and_a_reason) {
    auto legacy = builder_passed_over(
        "cannot build on 'ssh://arm': error: cannot connect to 'arm': ssh: connect to host 127.0.0.1 port 39075: "
        "Connection refused");
    BOOST_REQUIRE(legacy.has_value());
    BOOST_TEST((legacy->kind == Kind::away));
    BOOST_TEST(legacy->address == "ssh://arm");
    BOOST_TEST(legacy->in_words() == "the remote builder ssh://arm cannot be reached: cannot connect to 'arm': ssh: "
                                     "connect to host 127.0.0.1 port 39075: Connection refused");
    BOOST_TEST(legacy->hint().ends_with("try: ssh arm nix-store --version"));
    auto newer = builder_passed_over("cannot build on 'ssh-ng://arm': error: cannot open connection to remote store "
                                     "'ssh-ng://arm': error: unexpected end-of-file");
    BOOST_REQUIRE(newer.has_value());
    BOOST_TEST(newer->address == "ssh-ng://arm");
    BOOST_TEST(newer->said == "cannot open connection to remote store 'ssh-ng://arm': error: unexpected end-of-file");
    BOOST_TEST(!builder_passed_over("error: unexpected end-of-file").has_value());
    BOOST_TEST(!builder_passed_over("cannot build on 'ssh://arm").has_value());
    BOOST_TEST(!builder_passed_over("").has_value());
}

BOOST_AUTO_TEST_CASE(a_build_that_fails_there_does_so_for_its_own_reason) {
    auto told = remote_failure({"copying 1 paths...", failed});
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST(!told->trouble.has_value());
    BOOST_TEST(told->reason.starts_with("builder for '/nix/store/5i…-x.drv' failed with exit code 3;\n"));
    BOOST_TEST(told->reason.find("> no good") != std::string::npos);
    auto mismatch = remote_failure({on_arm("hash mismatch in fixed-output derivation 'x':\n         specified: a\n"
                                           "            got:    b")});
    BOOST_TEST(mismatch.value().reason ==
               "hash mismatch in fixed-output derivation 'x':\n  specified: a\n     got:    b");
    // With what it printed itself.
    auto legacy =
        remote_failure({"error: some word of the connection", on_arm("builder for 'x' failed with exit code 3")});
    BOOST_TEST(legacy.value().reason == "builder for 'x' failed with exit code 3");
}

BOOST_AUTO_TEST_CASE(newer_words_say_the_same) {
    auto told =
        remote_failure({on_arm("error: Cannot build 'x'.\n              Reason: builder failed with exit code 3.\n"
                               "              Output paths:\n                y")});
    BOOST_TEST(told.value().reason ==
               "Cannot build 'x'.\nReason: builder failed with exit code 3.\nOutput paths:\n  y");
    BOOST_TEST(refusal_by_builders("Unable to start any build; remote machines may not have all required features")
                   .has_value());
}

BOOST_AUTO_TEST_CASE(a_builder_without_the_right_system_or_without_room_is_to_blame_itself) {
    auto other = remote_failure({on_arm("error: " + refused)});
    BOOST_REQUIRE(other.value().trouble.has_value());
    BOOST_TEST((other->trouble->kind == Kind::refused));
    BOOST_TEST(other->trouble->in_words() == "the remote builder ssh://arm refuses it: " + refused);
    auto full = remote_failure({on_arm("writing to file: No space left on device")});
    BOOST_REQUIRE(full.value().trouble.has_value());
    BOOST_TEST((full->trouble->kind == Kind::full));
    // Said by what was built there.
    auto printed =
        remote_failure({on_arm("builder for 'x' failed with exit code 1;\n       last 1 log lines:\n       > "
                               "ld: No space left on device\n       For full logs, run 'nix log x'.")});
    BOOST_REQUIRE(printed.value().trouble.has_value());
    BOOST_TEST((printed->trouble->kind == Kind::full));
    BOOST_TEST(printed->trouble->said == "builder for 'x' failed with exit code 1");
}

BOOST_AUTO_TEST_CASE(a_connection_that_broke_says_nothing_of_the_build) {
    auto told = remote_failure({"copying 1 paths...", "error: unexpected end-of-file"});
    BOOST_REQUIRE(told.value().trouble.has_value());
    BOOST_TEST((told->trouble->kind == Kind::lost));
    BOOST_TEST(told->trouble->in_words() == "a remote builder broke off: unexpected end-of-file");
    BOOST_TEST(!remote_failure({"copying 1 paths...", "warning: some word"}).has_value());
    BOOST_TEST(!remote_failure({}).has_value());
}

BOOST_AUTO_TEST_CASE(what_no_builder_would_begin_is_refused_by_all) {
    auto told = refusal_by_builders("unable to start any build; remote machines may not have all required system "
                                    "features.\nhttps://nixos.org/manual/nix/stable/");
    BOOST_REQUIRE(told.has_value());
    BOOST_TEST((told->kind == Kind::refused));
    BOOST_TEST(told->said.find('\n') == std::string::npos);
    BOOST_TEST(!refusal_by_builders("attribute 'x' must be a Boolean").has_value());
}

BOOST_AUTO_TEST_CASE(a_limit_of_time_is_known_by_its_words) {
    BOOST_TEST(tells_of_time_limit("building of 'x' from in-memory derivation timed out after 3 seconds of silence"));
    BOOST_TEST(tells_of_time_limit("building of 'x' timed out after 3600 seconds"));
    BOOST_TEST(!tells_of_time_limit("the server timed out after the third try"));
    BOOST_TEST(!tells_of_time_limit("builder for 'x' failed with exit code 3"));
}

BOOST_AUTO_TEST_SUITE_END()
