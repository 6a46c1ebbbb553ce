#include "base/files.hpp"
#include "eval/past_evaluations.hpp"
#include "eval/room.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>

using namespace cachefill;
using namespace cachefill::eval;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mebibyte = 1ULL << 20;
const std::string nas = "nixos:nas";

Used plain(std::uint64_t peak, std::chrono::milliseconds processor = 10s) {
    return {.peak = peak, .took = processor, .processor = processor, .room = 0, .granted = peak, .succeeded = true};
}
Used with_room(std::uint64_t peak, std::chrono::milliseconds processor, std::uint64_t granted) {
    return {.peak = peak, .took = processor, .processor = processor, .room = 1, .granted = granted, .succeeded = true};
}
std::uint64_t room(const PastEvaluations& past, std::uint64_t granted) { return room_for(past.of(nas), granted); }

} // namespace

BOOST_AUTO_TEST_SUITE(past_evaluations)

BOOST_AUTO_TEST_CASE(what_was_learned_survives) {
    auto directory = TemporaryDirectory::make("eval-past").value();
    auto file = directory.path() / "deeper" / "memory.json";
    auto past = PastEvaluations::read(file).value();
    BOOST_TEST(past.of(nas).need == 0U);
    past.learn(nas, plain(1000, 7s));
    past.learn(nas, with_room(1500, 5s, 2000));
    past.learn("home:kim@n\xc3\xa4\xff", plain(5));
    past.learn_refusal(nas, "Package x has an unfree license", "lock");
    BOOST_TEST(past.write(file).has_value());
    auto again = PastEvaluations::read(file).value();
    auto known = again.of(nas);
    BOOST_TEST(known.need == 1000U);
    BOOST_TEST((known.plain == 6860ms && known.with_room == 5s && known.took == 5s));
    BOOST_TEST(again.refusal_to_expect(nas, "lock").value() == "Package x has an unfree license");
}

BOOST_AUTO_TEST_CASE(what_an_older_version_kept_is_still_known) {
    auto directory = TemporaryDirectory::make("eval-past").value();
    auto file = directory.path() / "memory.json";
    std::ofstream(file) << R"({"version":1,"peaks":{"nixos:nas":1000}})";
    auto past = PastEvaluations::read(file).value();
    BOOST_TEST(past.of(nas).need == 1000U);
    BOOST_TEST(past.of(nas).plain.count() == 0);
}

BOOST_AUTO_TEST_CASE(a_history_that_makes_no_sense_is_a_failure) {
    auto directory = TemporaryDirectory::make("eval-past").value();
    auto file = directory.path() / "memory.json";
    for (const char* content :
         {"", "[]", "{\"version\":2,\"peaks\":{}}", "{\"version\":1,\"peaks\":[]}", "{\"version\":1", "\xff"}) {
        std::ofstream(file, std::ios::trunc) << content;
        BOOST_TEST(!PastEvaluations::read(file), content);
    }
    for (const char* content :
         {R"({"version":1,"peaks":{},"evaluations":[]})", R"({"version":1,"peaks":{},"evaluations":{"nixos:nas":7}})",
          R"({"version":1,"peaks":{},"evaluations":{"nixos:nas":{"plain_ms":-3,"licence":[]}}})"}) {
        std::ofstream(file, std::ios::trunc) << content;
        BOOST_TEST(PastEvaluations::read(file).value().of(nas).plain.count() == 0, content);
    }
}

BOOST_AUTO_TEST_CASE(a_need_that_shrank_is_believed_by_half_and_one_that_grew_at_once) {
    PastEvaluations past;
    past.learn(nas, plain(1000));
    past.learn(nas, plain(600));
    BOOST_TEST(past.of(nas).need == 800U);
    past.learn(nas, plain(2000));
    BOOST_TEST(past.of(nas).need == 2000U);
    auto failed = plain(100);
    failed.succeeded = false;
    past.learn(nas, failed);
    BOOST_TEST(past.of(nas).need == 2000U);
    BOOST_TEST((past.of(nas).took == 10s));
}

BOOST_AUTO_TEST_CASE(what_is_used_because_it_is_there_is_not_needed) {
    PastEvaluations past;
    past.learn(nas, plain(1000));
    past.learn(nas, with_room(1900, 8s, 2000));
    BOOST_TEST(past.of(nas).need == 1000U);
}

BOOST_AUTO_TEST_CASE(room_is_what_was_needed_as_far_as_it_is_granted) {
    PastEvaluations past;
    BOOST_TEST(room(past, 4000 * mebibyte) == 0U); // nothing known
    past.learn(nas, plain(1000 * mebibyte));
    BOOST_TEST(room(past, 2000 * mebibyte) == 1000 * mebibyte);
    auto less = room(past, 1300 * mebibyte);
    BOOST_TEST(less < 800 * mebibyte);
    BOOST_TEST(less > 700 * mebibyte);
    BOOST_TEST(room(past, 900 * mebibyte) == 0U); // Nix has as much by itself
    BOOST_TEST(room(past, 400 * mebibyte) == 0U);
    PastEvaluations small;
    small.learn(nas, plain(300 * mebibyte));
    BOOST_TEST(room(small, 4000 * mebibyte) == 0U);
}

BOOST_AUTO_TEST_CASE(room_that_does_not_pay_is_not_given_until_it_was_long_ago) {
    PastEvaluations past;
    past.learn(nas, plain(1000 * mebibyte, 10s));
    past.learn(nas, with_room(1500 * mebibyte, 11s, 2000 * mebibyte));
    BOOST_TEST(room(past, 2000 * mebibyte) == 0U);
    int runs = 0;
    for (; room(past, 2000 * mebibyte) == 0 && runs < 100; ++runs) past.learn(nas, plain(1000 * mebibyte, 10s));
    BOOST_TEST(runs > 1);
    BOOST_TEST(runs < 10);
    past.learn(nas, with_room(1500 * mebibyte, 7s, 2000 * mebibyte));
    BOOST_TEST(room(past, 2000 * mebibyte) > 0U);
    for (runs = 0; room(past, 2000 * mebibyte) > 0 && runs < 100; ++runs)
        past.learn(nas, with_room(1500 * mebibyte, 7s, 2000 * mebibyte));
    BOOST_TEST(runs > 10); // then it is seen what it takes without
    BOOST_TEST(runs < 50);
    past.learn(nas, plain(1000 * mebibyte, 10s));
    BOOST_TEST(room(past, 2000 * mebibyte) > 0U);
    // A tree that grows is slower in either way: plain is tried once, and room pays again.
    past.learn(nas, with_room(1500 * mebibyte, 14s, 2000 * mebibyte));
    BOOST_TEST(room(past, 2000 * mebibyte) == 0U);
    past.learn(nas, plain(1400 * mebibyte, 20s));
    BOOST_TEST(room(past, 2000 * mebibyte) > 0U);
}

BOOST_AUTO_TEST_CASE(who_takes_more_than_was_granted_gets_no_room_the_next_time) {
    PastEvaluations past;
    past.learn(nas, plain(1000 * mebibyte, 10s));
    past.learn(nas, with_room(2500 * mebibyte, 5s, 2000 * mebibyte));
    BOOST_TEST(room(past, 2000 * mebibyte) == 0U);
    BOOST_TEST(past.of(nas).need == 1000 * mebibyte);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_expected_for_its_lock_alone_and_not_for_ever) {
    PastEvaluations past;
    BOOST_TEST(!past.refusal_to_expect(nas, "lock"));
    past.learn_refusal(nas, "unfree", "lock");
    BOOST_TEST(!past.refusal_to_expect(nas, "another"));
    for (unsigned i = 0; i < PastEvaluations::most_unasked; ++i)
        BOOST_TEST(past.refusal_to_expect(nas, "lock").value_or("") == "unfree");
    BOOST_TEST(!past.refusal_to_expect(nas, "lock"));
    past.learn_refusal(nas, "unfree", "lock");
    BOOST_TEST(past.refusal_to_expect(nas, "lock").has_value());
    past.forget_refusal(nas);
    BOOST_TEST(!past.refusal_to_expect(nas, "lock"));
}

BOOST_AUTO_TEST_CASE(where_memory_is_counted_no_room_is_reserved) {
    auto root = TemporaryDirectory::make("eval-room").value();
    std::filesystem::create_directories(root.path() / "proc/sys/vm");
    for (const auto& [counted, may] : {std::pair("0\n", true), std::pair("1\n", true), std::pair("2\n", false)}) {
        std::ofstream(root.path() / "proc/sys/vm/overcommit_memory", std::ios::trunc) << counted;
        BOOST_TEST(may_reserve_room(root.path()) == may, counted);
    }
}

BOOST_AUTO_TEST_SUITE_END()
