#include "shard/ownership.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace cachefill;
using namespace cachefill::shard;
using namespace std::chrono_literals;

namespace {

nix::StorePath drv(const std::string& name) {
    return nix::StorePath::parse_base_name("00000000000000000000000000000000-" + name + ".drv").value();
}

report::ShardPlan::Build build(const std::string& name, bool is_copy = false) {
    return {.derivation = drv(name).to_string(),
            .name = name,
            .kind = "compile",
            .expected = 90s,
            .measured = true,
            .is_copy = is_copy};
}

// Three of one kind and one of another; 40 derivations on the second.
report::ShardPlan cut() {
    report::ShardPlan plan;
    for (std::size_t number = 1; number <= 4; ++number) {
        report::ShardPlan::Shard shard;
        shard.number = number;
        shard.machine = number < 4 ? "x86_64-linux" : "aarch64-linux";
        plan.shards.push_back(std::move(shard));
    }
    plan.shards[0].builds = {build("a"), build("tiny", true)};
    plan.shards[1].builds = {build("tiny")};
    for (int i = 0; i < 40; ++i) plan.shards[1].builds.push_back(build("b" + std::to_string(i)));
    plan.shards[3].builds = {build("arm")};
    return plan;
}

} // namespace

BOOST_AUTO_TEST_SUITE(ownerships)

BOOST_AUTO_TEST_CASE(at_first_it_is_as_it_was_cut) {
    Ownership first(cut(), 1), second(cut(), 2);
    BOOST_TEST((first.owner(drv("a")) == 1U));
    BOOST_TEST((first.owner(drv("b7")) == 2U));
    BOOST_TEST(first.is_built_here(drv("a")));
    BOOST_TEST(first.is_published_here(drv("a")));
    BOOST_TEST(!first.is_built_here(drv("b7")));
    BOOST_TEST(first.is_built_here(drv("tiny"))); // for itself
    BOOST_TEST(!first.is_published_here(drv("tiny")));
    BOOST_TEST(second.is_published_here(drv("tiny")));
    BOOST_TEST(!first.is_by_cut_anothers(drv("a")));
    BOOST_TEST(!first.is_by_cut_anothers(drv("tiny")));
    BOOST_TEST(first.is_by_cut_anothers(drv("b7")));
    BOOST_TEST((first.expected_time(drv("a"))->time == 90s));
    BOOST_TEST(first.expected_time(drv("a"))->measured);
    BOOST_TEST(!first.expected_time(drv("new")).has_value());
}

BOOST_AUTO_TEST_CASE(what_a_shard_leaves_is_shared_out_and_comes_back_with_it) {
    Ownership first(cut(), 1), third(cut(), 3), fourth(cut(), 4);
    for (auto* one : {&first, &third, &fourth}) one->note_gone(2);
    int of_first = 0, of_third = 0;
    for (int i = 0; i < 40; ++i) {
        auto path = drv("b" + std::to_string(i));
        BOOST_TEST((first.owner(path) == third.owner(path)));
        BOOST_TEST((first.owner(path) == fourth.owner(path)));
        of_first += first.is_built_here(path);
        of_third += third.is_built_here(path);
        BOOST_TEST(first.is_built_here(path) != third.is_built_here(path));
        BOOST_TEST(!fourth.is_built_here(path)); // of another kind
    }
    BOOST_TEST(of_first + of_third == 40);
    BOOST_TEST(of_first > 8);
    BOOST_TEST(of_third > 8);
    first.note_there(2);
    BOOST_TEST((first.owner(drv("b0")) == 2U));
    BOOST_TEST(!first.is_built_here(drv("b0")));
}

BOOST_AUTO_TEST_CASE(who_else_goes_moves_only_what_was_theirs) {
    Ownership before(cut(), 1), after(cut(), 1);
    before.note_gone(2);
    after.note_gone(2);
    after.note_gone(3);
    for (int i = 0; i < 40; ++i) {
        auto path = drv("b" + std::to_string(i));
        BOOST_TEST((after.owner(path) == 1U));
        if (before.owner(path) != 3U) BOOST_TEST((before.owner(path) == after.owner(path)));
    }
}

BOOST_AUTO_TEST_CASE(what_its_owner_leaves_to_another_is_that_ones_until_it_is_gone) {
    Ownership first(cut(), 1), third(cut(), 3);
    for (auto* one : {&first, &third}) one->note_given(2, drv("b7"), 3);
    BOOST_TEST((first.owner(drv("b7")) == 3U));
    BOOST_TEST(third.is_built_here(drv("b7")));
    BOOST_TEST(third.is_published_here(drv("b7")));
    BOOST_TEST(third.is_given(drv("b7")));
    BOOST_TEST(!third.is_given(drv("b8")));
    BOOST_TEST((first.owner(drv("b8")) == 2U));
    first.note_gone(2); // it goes to no heir
    BOOST_TEST((first.owner(drv("b7")) == 3U));
    first.note_gone(3);
    BOOST_TEST((first.owner(drv("b7")) == 1U));
    BOOST_TEST(!first.is_given(drv("b7")));
    first.note_there(2);
    BOOST_TEST((first.owner(drv("b7")) == 2U));
    first.note_given(2, drv("b7"), 1);
    BOOST_TEST((first.owner(drv("b7")) == 1U));
}

BOOST_AUTO_TEST_CASE(who_begins_when_and_who_is_like_whom_is_in_the_cut) {
    Ownership first(cut(), 1);
    BOOST_TEST(first.place(drv("b0")) < first.place(drv("b39")));
    BOOST_TEST(first.place(drv("new")) == 0U);
    BOOST_TEST(first.is_like(2));
    BOOST_TEST(!first.is_like(4));
}

BOOST_AUTO_TEST_CASE(without_anybody_who_could_it_has_failed) {
    Ownership first(cut(), 1);
    BOOST_TEST(!first.failure(drv("arm")).has_value());
    first.note_gone(4);
    BOOST_TEST(!first.owner(drv("arm")).has_value());
    BOOST_TEST(!first.is_built_here(drv("arm")));
    BOOST_REQUIRE(first.failure(drv("arm")).has_value());
    BOOST_TEST(first.failure(drv("arm"))->why.find("shard 4, which was to build it, is gone") == 0U);
}

BOOST_AUTO_TEST_CASE(what_failed_there_has_failed_here) {
    Ownership first(cut(), 1);
    FailedBuild failed{.derivation = drv("b3").to_string(), .name = "b3", .error = "exit code 2", .log_tail = {"no"}};
    first.note_failed(2, failed);
    BOOST_REQUIRE(first.failure(drv("b3")).has_value());
    BOOST_TEST(first.failure(drv("b3"))->why == "failed on shard 2: exit code 2");
    BOOST_TEST(first.failure(drv("b3"))->log_tail.size() == 1U);
    failed.derivation = drv("a").to_string();
    first.note_failed(1, failed); // of an earlier attempt of this very shard, which tries again
    BOOST_TEST(!first.failure(drv("a")).has_value());
}

BOOST_AUTO_TEST_CASE(what_the_cut_does_not_know_has_one_owner_among_machines_of_a_kind) {
    int owners = 0;
    for (std::size_t self = 1; self <= 3; ++self) owners += Ownership(cut(), self).is_built_here(drv("new"));
    BOOST_TEST(owners == 1);
    BOOST_TEST(!Ownership(cut(), 1).failure(drv("new")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
