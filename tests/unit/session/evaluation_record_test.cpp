#include "eval/evaluator.hpp"
#include "plan/plan.hpp"
#include "session/evaluation_record.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace cachefill;
using namespace cachefill::session;

namespace {

nix::StorePath path(const std::string& name) {
    return nix::StorePath::parse_base_name("00000000000000000000000000000000-" + name).value();
}

// "system" is built by everybody out of "etc", likewise, and "app"; what these two are made of only builders need.
struct Fleet {
    std::map<nix::StorePath, nix::Derivation> files;
    plan::Graph graph;
    plan::Target target;

    Fleet() {
        add("compiler", {});
        add("app", {"compiler"});
        add("text", {"compiler"});
        add("etc", {"text"}).allow_substitutes = false;
        add("system", {"app", "etc"}).allow_substitutes = false;
    }
    nix::Derivation& add(const std::string& name, const std::vector<std::string>& inputs) {
        auto& derivation = files[path(name + ".drv")];
        derivation.platform = "x86_64-linux";
        derivation.outputs.push_back({.name = "out", .path = path(name), .hash_algorithm = {}, .hash = {}});
        for (const auto& input : inputs)
            derivation.input_derivations.push_back({.derivation = path(input + ".drv"), .outputs = {"out"}});
        return derivation;
    }
    bool describe(EvaluationRecord& record) {
        auto read = [this](const nix::StorePath& wanted) -> Result<nix::Derivation> { return files.at(wanted); };
        target.derivation = graph.add_closure(path("system.drv"), read).value();
        target.outputs = {0};
        return add_needed(record, graph, target);
    }
};

EvaluationRecord sample() {
    EvaluationRecord record;
    record.hosts.push_back(
        {.kind = eval::TargetKind::nixos, .name = "nas", .attribute_path = {"nixosConfigurations", "nas"}});
    record.printed["nixos:nas"] = R"({"drvPath":"/nix/store/x"})";
    BOOST_REQUIRE(Fleet().describe(record));
    return record;
}

} // namespace

BOOST_AUTO_TEST_SUITE(evaluation_record)

BOOST_AUTO_TEST_CASE(what_consumers_need_is_in_it_and_what_only_builders_need_is_not) {
    auto record = sample();
    BOOST_TEST(record.derivations.size() == 4U);
    BOOST_TEST(!record.derivations.contains(path("compiler.drv")));
    BOOST_TEST(record.derivations.at(path("app.drv")).input_derivations.empty());
    BOOST_TEST(record.derivations.at(path("system.drv")).input_derivations.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
    auto record = sample();
    auto read = parse_evaluation_record(to_json(record));
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(to_json(*read) == to_json(record));
    BOOST_TEST(read->hosts.front().display() == "nixos:nas");
    BOOST_TEST(read->printed.at("nixos:nas") == record.printed.at("nixos:nas"));
    BOOST_TEST(!read->read(path("etc.drv"))->allow_substitutes);
    BOOST_TEST(read->read(path("app.drv"))->allow_substitutes);
    BOOST_TEST((read->read(path("app.drv"))->outputs.front().path == path("app")));
    BOOST_TEST(!read->read(path("compiler.drv")));
}

BOOST_AUTO_TEST_CASE(what_is_none_is_told) {
    auto whole = to_json(sample());
    std::vector<std::string> texts{"", "{}", "[]", "null", whole.substr(0, whole.size() / 2)};
    auto changed = [&whole](const std::string& from, const std::string& to) {
        auto text = whole;
        BOOST_REQUIRE(text.find(from) != text.npos);
        return text.replace(text.find(from), from.size(), to);
    };
    texts.push_back(changed("\"cachefill_evaluation\":1", "\"cachefill_evaluation\":2"));
    texts.push_back(changed("\"kind\":\"nixos\"", "\"kind\":\"toaster\""));
    texts.push_back(changed("\"path\":\"/nix/store/", "\"path\":\"/etc/"));
    texts.push_back(changed("\"built_by_all\":false", "\"built_by_all\":7"));
    texts.push_back(changed("-text.drv\",\"platform", "-other.drv\",\"platform")); // which nobody needs
    for (const auto& text : texts) {
        auto read = parse_evaluation_record(text);
        BOOST_TEST_REQUIRE(!read.has_value(), text);
        BOOST_TEST((read.error().kind() == FailureKind::protocol));
    }
}

BOOST_AUTO_TEST_CASE(without_the_path_of_what_is_needed_there_is_none) {
    Fleet fleet;
    auto& text = fleet.files.at(path("text.drv"));
    text.outputs.front().kind = nix::OutputKind::floating;
    text.outputs.front().path.reset();
    EvaluationRecord record;
    BOOST_TEST(!fleet.describe(record));
}

BOOST_AUTO_TEST_CASE(its_place_follows_from_its_key) {
    BOOST_TEST((record_path("a") == record_path("a")));
    BOOST_TEST((record_path("a") != record_path("b")));
    BOOST_TEST(record_path("a").name() == "cachefill-evaluation.json");
}

BOOST_AUTO_TEST_CASE(a_login_is_not_shown_around) {
    auto evaluated = eval::EvaluatedTarget{.target = {},
                                           .derivation = path("system.drv"),
                                           .outputs = {},
                                           .system = {},
                                           .nix_settings = {},
                                           .why_impure = {},
                                           .read_by_evaluation = {},
                                           .built_by_evaluation = {},
                                           .fetched_by_evaluation = {},
                                           .printed = {}};
    BOOST_TEST(is_fit_for_record(evaluated));
    evaluated.nix_settings.emplace();
    for (const auto* line :
         {"substituters = https://cache.example https://kim:secret@nas.example", "extra-substituters = s3://b?token=x",
          "trusted-substituters = https://k:p@other.example"}) {
        evaluated.nix_settings = nix::CacheSettings();
        evaluated.nix_settings->read(line);
        BOOST_TEST(!is_fit_for_record(evaluated), line);
    }
    evaluated.nix_settings = nix::CacheSettings();
    evaluated.nix_settings->read("substituters = https://cache.example?priority=30 https://cache.nixos.org");
    BOOST_TEST(is_fit_for_record(evaluated));
}

BOOST_AUTO_TEST_SUITE_END()
