#include "base/files.hpp"
#include "daemon/settings.hpp"
#include "eval/evaluator.hpp"
#include "session/evaluation_memory.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <set>

using namespace cachefill;
using namespace cachefill::session;

namespace {

struct Home {
    TemporaryDirectory directory = TemporaryDirectory::make("cachefill-evaluations").value();
    std::filesystem::path file = directory.path() / "evaluations.sqlite";
    std::unique_ptr<EvaluationMemory> open() const { return EvaluationMemory::open(file).value(); }
};

// What a key is made of.
struct Question {
    eval::FlakeInfo flake;
    eval::EvalSettings settings;
    daemon::Settings nix;
    std::string expression = "nixosConfigurations.nas";

    Question() {
        flake.nix_version = "2.34.8";
        flake.url = "git+file:///home/kim/fleet?ref=main&rev=0123456789abcdef0123456789abcdef01234567";
        flake.revision = "0123456789abcdef0123456789abcdef01234567";
        flake.source = nix::StorePath::parse_base_name("j4vaq5dqqcl9szjyp2rpiyv1xy419972-source").value();
        flake.lock = R"({"nodes": {}})";
        nix.by_name = {{"pure-eval", "true"},
                       {"experimental-features", "flakes nix-command"},
                       {"restrict-eval", "false"},
                       {"plugin-files", ""},
                       {"system", "x86_64-linux"}};
    }
    std::string key() const { return evaluation_key(flake, settings, nix, expression); }
};

using Change = std::function<void(Question&)>;

} // namespace

BOOST_AUTO_TEST_SUITE(evaluation_memory)

BOOST_AUTO_TEST_CASE(what_was_kept_is_found_by_its_key_and_by_no_other) {
    Home home;
    home.open()->keep("a", "printed");
    auto later = home.open();
    BOOST_TEST(later->find("a").value_or("") == "printed");
    BOOST_TEST(!later->find("b").has_value());
    later->keep("a", "again");
    BOOST_TEST(home.open()->find("a").value_or("") == "again");
}

BOOST_AUTO_TEST_CASE(the_oldest_go_and_what_is_too_large_is_not_kept) {
    Home home;
    auto memory = home.open();
    for (std::size_t i = 0; i <= EvaluationMemory::most_kept; ++i) memory->keep(std::to_string(i), "printed");
    BOOST_TEST(!memory->find("0").has_value());
    BOOST_TEST(memory->find("1").has_value());
    BOOST_TEST(memory->find(std::to_string(EvaluationMemory::most_kept)).has_value());
    memory->keep("large", std::string(EvaluationMemory::largest + 1, 'x'));
    BOOST_TEST(!memory->find("large").has_value());
}

BOOST_AUTO_TEST_CASE(a_file_that_is_none_is_told_with_what_to_do) {
    Home home;
    BOOST_REQUIRE(write_file_atomically(home.file, std::string(4096, 'x')));
    auto opened = EvaluationMemory::open(home.file);
    BOOST_REQUIRE(!opened);
    BOOST_TEST(opened.error().one_line().starts_with("opening what is kept of evaluations: "));
    BOOST_TEST(opened.error().hint() == "delete " + home.file.string() + "; it is made anew");
}

BOOST_AUTO_TEST_CASE(the_same_question_has_the_same_key) {
    BOOST_TEST(Question().key().size() == 64U);
    BOOST_TEST(Question().key() == Question().key());
    Question elsewhere; // what an evaluation does not see
    elsewhere.settings.jobs = 7;
    elsewhere.settings.deadline = std::chrono::seconds(5);
    elsewhere.flake.archive = "{}";
    elsewhere.nix.by_name["substituters"] = "https://cache.example";
    elsewhere.nix.by_name["cores"] = "3";
    elsewhere.flake.url = "git+file:///home/kim/fleet?ref=develop&rev=0123456789abcdef0123456789abcdef01234567";
    BOOST_TEST(elsewhere.key() == Question().key());
}

BOOST_AUTO_TEST_CASE(whatever_an_evaluation_can_see_makes_another_key) {
    const std::vector<Change> changes{
        [](Question& q) { q.flake.nix_version = "2.34.9"; },
        [](Question& q) { q.flake.url += "&dir=sub"; },
        [](Question& q) { q.flake.url = "git+file:///home/kim/other?rev=0123456789abcdef0123456789abcdef01234567"; },
        [](Question& q) { q.flake.url += "&submodules=1"; },
        [](Question& q) { q.flake.revision = "1123456789abcdef0123456789abcdef01234567"; },
        [](Question& q) {
            q.flake.source = nix::StorePath::parse_base_name("9hzpq8jfhlayb0410fpmql7bc47lc40c-source").value();
        },
        [](Question& q) { q.flake.subdirectory = "nixos"; },
        [](Question& q) { q.flake.lock = R"({"nodes": {"nixpkgs": {}}})"; },
        [](Question& q) { q.flake.lock.clear(); },
        [](Question& q) { q.settings.import_from_derivation = false; },
        [](Question& q) {
            q.settings.nix_options = {{"restrict-eval", "true"}};
        },
        [](Question& q) { q.nix.by_name["restrict-eval"] = "true"; },
        [](Question& q) { q.nix.by_name["experimental-features"] += " ca-derivations"; },
        [](Question& q) { q.nix.by_name["extra-experimental-features"] = "pipe-operators"; },
        [](Question& q) { q.nix.by_name["allow-import-from-derivation"] = "false"; },
        [](Question& q) { q.nix.by_name["allowed-uris"] = "https://example.org"; },
        [](Question& q) { q.nix.by_name["lazy-trees"] = "true"; },
        [](Question& q) { q.nix.by_name["system"] = "aarch64-linux"; },
        [](Question& q) { q.nix.by_name.erase("system"); },
        [](Question& q) { q.expression = "nixosConfigurations.desk"; },
        [](Question& q) { q.expression += " "; },
    };
    std::set<std::string> keys{Question().key()};
    for (const auto& change : changes) {
        Question other;
        change(other);
        BOOST_TEST(!other.key().empty());
        keys.insert(other.key());
    }
    BOOST_TEST(keys.size() == changes.size() + 1);
}

BOOST_AUTO_TEST_CASE(what_can_depend_on_more_has_no_key) {
    const std::vector<Change> changes{
        [](Question& q) { q.flake.revision.clear(); },
        [](Question& q) { q.flake.dirty = true; },
        [](Question& q) { q.flake.source.reset(); },
        [](Question& q) { q.settings.impure = eval::Impure::always; },
        [](Question& q) { q.settings.accept_flake_config = true; },
        [](Question& q) { q.nix.by_name["pure-eval"] = "false"; },
        [](Question& q) { q.nix.by_name["plugin-files"] = "/usr/lib/nix/plugins/extra.so"; },
        [](Question& q) { q.nix.by_name["allow-unsafe-native-code-during-evaluation"] = "true"; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        Question other;
        changes[i](other);
        BOOST_TEST(other.key().empty(), i);
    }
}

BOOST_AUTO_TEST_SUITE_END()
