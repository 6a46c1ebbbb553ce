#include "doctor/lock_difference.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill::doctor;

BOOST_AUTO_TEST_SUITE(device_lock_difference)

namespace {

std::string lock(const std::string& nixpkgs, const std::string& home, const std::string& more = {}) {
    return R"({"nodes":{"root":{"inputs":{"nixpkgs":"nixpkgs","home":"home")" +
           std::string(more.empty() ? "" : ",\"more\":\"more\"") + R"(}},"nixpkgs":{"locked":{"rev":")" + nixpkgs +
           R"("}},"home":{"inputs":{"nixpkgs":["nixpkgs"],"own":"own"},"locked":{"rev":"h"}},"own":{"locked":{"narHash":")" +
           home + "\"}}" + (more.empty() ? "" : R"(,"more":{"locked":{"rev":")" + more + "\"}}") +
           R"(},"root":"root","version":7})";
}

// A lock of these nodes, as they stand in the file.
std::string lock_of(const std::string& nodes, const std::string& root = "\"root\"") {
    return "{\"nodes\": {" + nodes + "}, \"root\": " + root + ", \"version\": 7}";
}
std::string with_root(const std::string& inputs, const std::string& others) {
    return lock_of("\"root\": {\"inputs\": {" + inputs + "}}" + (others.empty() ? "" : ", " + others));
}

// "nixpkgs 1111111 2222222; home  h"
std::string told(const std::string& first, const std::string& second) {
    auto found = compare_locks(first, second);
    if (!found) return "failure: " + found.error().cause();
    std::string text;
    for (const auto& one : *found) text += (text.empty() ? "" : "; ") + one.input + " " + one.first + " " + one.second;
    return text;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_input_that_moved_is_named_with_both_places) {
    auto found = compare_locks(lock("1111111aaaa", "x"), lock("2222222bbbb", "x"));
    BOOST_REQUIRE(found.has_value());
    BOOST_REQUIRE(found->size() == 1U);
    BOOST_TEST(found->at(0).input == "nixpkgs");
    BOOST_TEST(found->at(0).first == "1111111");
    BOOST_TEST(found->at(0).second == "2222222");
}

BOOST_AUTO_TEST_CASE(inputs_of_inputs_come_after_the_flakes_own) {
    auto found = compare_locks(lock("1", "x"), lock("2", "y", "3"));
    BOOST_REQUIRE(found.has_value());
    BOOST_REQUIRE(found->size() == 3U);
    BOOST_TEST(found->at(0).input == "nixpkgs");
    BOOST_TEST(found->at(1).input == "more");
    BOOST_TEST(found->at(1).first == "");
    BOOST_TEST(found->at(2).input == "home/own");
}

BOOST_AUTO_TEST_CASE(the_same_lock_has_no_difference_and_no_lock_is_a_failure) {
    BOOST_TEST(compare_locks(lock("1", "x"), lock("1", "x"))->empty());
    BOOST_TEST(!compare_locks("{}", lock("1", "x")).has_value());
    BOOST_TEST(!compare_locks("<<<<<<< HEAD", lock("1", "x")).has_value());
}

BOOST_AUTO_TEST_CASE(what_one_side_has_is_what_the_other_lacks) {
    auto a = lock("1111111", "x"), b = lock("2222222", "y", "3333333");
    BOOST_TEST(told(a, b) == "nixpkgs 1111111 2222222; more  3333333; home/own x y");
    BOOST_TEST(told(b, a) == "more 3333333 ; nixpkgs 2222222 1111111; home/own y x");
    BOOST_TEST(told(a, a) == "");
}

BOOST_AUTO_TEST_CASE(an_input_that_follows_another_is_not_told_again) {
    auto follows = [](const std::string& rev) {
        return with_root(R"("a": "a", "b": "b")", R"("a": {"locked": {"rev": ")" + rev +
                                                      R"("}}, "b": {"inputs": {"a": ["a"], "c": ["a", "x"]}})");
    };
    BOOST_TEST(told(follows("1"), follows("2")) == "a 1 2");
}

BOOST_AUTO_TEST_CASE(one_node_may_be_the_input_of_several) {
    auto shared = [](const std::string& rev) {
        return with_root(R"("a": "n", "b": "n")", R"("n": {"locked": {"rev": ")" + rev + R"("}})");
    };
    BOOST_TEST(told(shared("1"), shared("2")) == "a 1 2; b 1 2");
}

BOOST_AUTO_TEST_CASE(what_is_of_an_odd_type_is_passed_over) {
    const auto plain = with_root(R"("a": "a")", R"("a": {"locked": {"rev": "1"}})");
    BOOST_TEST(told(plain, with_root(R"("a": "a", "b": 7, "c": null, "d": {"e": "f"})",
                                     R"("a": {"locked": {"rev": "1"}, "inputs": ["x"]})")) == "");
    BOOST_TEST(told(plain, with_root(R"("a": "a", "b": "nowhere")", R"("a": {"locked": {"rev": "1"}})")) == "");
    BOOST_TEST(told(plain, with_root(R"("a": "a")", R"("a": {"locked": "1"})")) == "a 1 ");
    BOOST_TEST(told(plain, with_root(R"("a": "a")", R"("a": {"locked": {"rev": 1, "narHash": "sha256-x"}})")) ==
               "a 1 sha256-x");
    BOOST_TEST(told(plain, with_root(R"("a": "a")", R"("a": "a")")) == "a 1 ");
    BOOST_TEST(told(plain, lock_of(R"("root": {"inputs": {"a": "a"}}, "a": {"locked": {"rev": "1"}})", "7")) == "");
    BOOST_TEST(told(plain, lock_of(R"("top": {"inputs": {"a": "a"}}, "a": {"locked": {"rev": "1"}})", "\"top\"")) ==
               "");
}

BOOST_AUTO_TEST_CASE(what_is_no_lock_file_is_told_whichever_it_is) {
    const auto plain = with_root("", "");
    const std::string failure = "failure: flake.lock is not the JSON object that Nix writes";
    for (const auto& broken :
         std::vector<std::string>{"", "[]", "null", "{", R"({"nodes": []})", R"({"root": "root"})",
                                  "{\"nodes\": " + std::string(300, '[') + std::string(300, ']') + "}"}) {
        BOOST_TEST(told(broken, plain) == failure, broken);
        BOOST_TEST(told(plain, broken) == failure, broken);
    }
    BOOST_TEST(told(plain, plain) == "");
}

BOOST_AUTO_TEST_CASE(a_lock_that_leads_back_to_itself_or_is_endless_comes_to_an_end) {
    auto circle = [](const std::string& rev) {
        return with_root(R"("a": "a")",
                         R"("a": {"inputs": {"b": "b", "self": "a"}}, "b": {"inputs": {"a": "a", "top": "root"},
                                        "locked": {"rev": ")" +
                             rev + R"("}})");
    };
    BOOST_TEST(told(circle("1"), circle("2")) == "a/b 1 2");
    std::string inputs, nodes; // each has the next one, and all are the flake's own as well
    for (int i = 0; i < 3000; ++i) {
        auto name = "\"n" + std::to_string(i) + "\"";
        inputs += (i == 0 ? "" : ",") + name + ":" + name;
        nodes += std::string(i == 0 ? "" : ",") + name + R"(: {"inputs": {"next": "n)" + std::to_string(i + 1) +
                 R"("}, "locked": {"rev": "1"}})";
    }
    auto large = with_root(inputs, nodes);
    BOOST_TEST(told(large, large) == "");
}

BOOST_AUTO_TEST_CASE(names_and_places_in_a_lock_steer_nothing) {
    auto hostile = with_root(R"("a\u001b[31mb": "n")", R"("n": {"locked": {"narHash": "x\u001b[1my\u202e"}})");
    BOOST_TEST(told(with_root("", ""), hostile) == "ab  xy");
}

BOOST_AUTO_TEST_SUITE_END()
