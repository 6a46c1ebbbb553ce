#include "nix/attribute_types.hpp"
#include "nix/derivation.hpp"
#include "support/golden.hpp"
#include "support/mutations.hpp"

#include <boost/test/unit_test.hpp>

using namespace cachefill;
using namespace cachefill::nix;

namespace {

std::string golden_text(const std::string& name) {
    for (const auto& file : test::golden_files("nix/drv", ".drv"))
        if (file.filename().string().substr(hash_part_length + 1) == name + ".drv") return read_file(file).value();
    throw std::runtime_error("no golden derivation " + name);
}

Derivation golden_derivation(const std::string& name) { return Derivation::parse(golden_text(name)).value(); }

std::string with_outputs(const std::string& outputs) {
    return "Derive([" + outputs + R"(],[],[],"x86_64-linux","/bin/sh",[],[]))";
}

std::string with_inputs(const std::string& inputs) {
    return R"(DrvWithVersion("xp-dyn-drv",[("out","","","")],[)" + inputs + R"(],[],"x86_64-linux","/bin/sh",[],[]))";
}

std::string with_environment(const std::string& environment) {
    return R"(Derive([("out","","","")],[],[],"x86_64-linux","/bin/sh",[],[)" + environment + "])";
}

std::string with_json(const std::string& json) { return with_environment("(\"__json\",\"" + json + "\")"); }

std::string flaw(const std::string& aterm) { return Derivation::parse(aterm).value().flaw; }

std::string cause(const std::string& aterm) {
    auto parsed = Derivation::parse(aterm);
    return parsed ? "no failure" : parsed.error().cause();
}

const std::string some_path = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-some";

} // namespace

BOOST_AUTO_TEST_SUITE(derivation)

BOOST_AUTO_TEST_CASE(an_ordinary_derivation_has_inputs_and_flags) {
    auto ordinary = golden_derivation("ordinary");
    BOOST_REQUIRE(ordinary.outputs.size() == 1U);
    BOOST_TEST((ordinary.outputs[0].kind == OutputKind::input_addressed));
    BOOST_TEST(ordinary.outputs[0].path->name() == "ordinary");
    BOOST_TEST(ordinary.input_derivations.empty());
    BOOST_REQUIRE(ordinary.input_sources.size() == 1U);
    BOOST_TEST(ordinary.input_sources[0].name() == "refers.txt");
    BOOST_TEST(ordinary.platform == "x86_64-linux");
    BOOST_TEST(ordinary.builder == "/bin/sh");
    BOOST_TEST(ordinary.arguments.size() == 2U);
    BOOST_TEST(!ordinary.allow_substitutes);
    BOOST_TEST(ordinary.prefer_local_build);
    BOOST_TEST(!ordinary.structured_attributes);
    BOOST_TEST((ordinary.required_system_features == std::vector<std::string>{"kvm", "big-parallel"}));
    BOOST_TEST(!ordinary.is_fixed_output());
}

BOOST_AUTO_TEST_CASE(outputs_are_sorted_and_strings_unescaped) {
    auto multiple = golden_derivation("multiple");
    BOOST_REQUIRE(multiple.outputs.size() == 3U);
    BOOST_TEST(multiple.outputs[0].name == "dev");
    BOOST_TEST(multiple.outputs[2].name == "out");
    BOOST_TEST(multiple.find_output("lib")->path->name() == "multiple-lib");
    BOOST_TEST(multiple.find_output("doc") == nullptr);
    BOOST_REQUIRE(multiple.input_derivations.size() == 1U);
    BOOST_TEST(multiple.input_derivations[0].derivation.name() == "ordinary.drv");
    BOOST_TEST((multiple.input_derivations[0].outputs == std::vector<std::string>{"out"}));
    BOOST_TEST(multiple.environment.at("strange") ==
               "quote \" backslash \\ newline \n tab \t return \r dollar ${x} umlaut ä nul-free");
    BOOST_TEST(multiple.environment.at("outputs") == "out dev lib");
    BOOST_TEST(multiple.allow_substitutes);
    BOOST_TEST(!multiple.prefer_local_build);
    BOOST_TEST(multiple.required_system_features.empty());
}

BOOST_AUTO_TEST_CASE(the_kinds_of_outputs_are_told_apart) {
    auto flat = golden_derivation("flat.tar");
    BOOST_TEST(flat.is_fixed_output());
    BOOST_TEST(flat.outputs[0].hash_algorithm == "sha256");
    BOOST_TEST(flat.outputs[0].hash == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
    BOOST_TEST(flat.outputs[0].path->name() == "flat.tar");
    BOOST_TEST(golden_derivation("recursive").outputs[0].hash_algorithm == "r:sha256");
    BOOST_TEST(golden_derivation("sha512").outputs[0].hash.size() == 128U);

    auto floating = golden_derivation("floating");
    BOOST_REQUIRE(floating.outputs.size() == 2U);
    for (const auto& output : floating.outputs) {
        BOOST_TEST((output.kind == OutputKind::floating));
        BOOST_TEST(output.hash_algorithm == "r:sha256");
        BOOST_TEST(!output.path.has_value());
    }
    BOOST_TEST((golden_derivation("deferred").outputs[0].kind == OutputKind::deferred));
    auto impure = golden_derivation("impure");
    BOOST_TEST((impure.outputs[0].kind == OutputKind::impure));
    BOOST_TEST(impure.outputs[0].hash == "");
}

BOOST_AUTO_TEST_CASE(structured_attributes_are_read_with_their_types) {
    auto structured = golden_derivation("structured");
    BOOST_TEST(structured.structured_attributes);
    BOOST_TEST(!structured.allow_substitutes);
    BOOST_TEST(structured.prefer_local_build);
    BOOST_TEST((structured.required_system_features == std::vector<std::string>{"kvm", "nixos-test"}));
    auto plain = golden_derivation("structured-plain");
    BOOST_TEST(plain.structured_attributes);
    BOOST_TEST(plain.allow_substitutes);
    BOOST_TEST(!plain.prefer_local_build);
}

// Names and types as Nix 2.8, 2.26 and 2.34 were seen to refuse them.
BOOST_AUTO_TEST_CASE(structured_attributes_that_nix_refuses_are_a_flaw_and_named) {
    BOOST_TEST(flaw(with_json(R"({\"allowSubstitutes\":true,\"requiredSystemFeatures\":[]})")) == "");
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"({\"allowSubstitutes\":\"no\"})", "its attribute 'allowSubstitutes' is a string, and must be a Boolean"},
        {R"({\"preferLocalBuild\":1})", "its attribute 'preferLocalBuild' is a number, and must be a Boolean"},
        {R"({\"__noChroot\":null})", "its attribute '__noChroot' is null, and must be a Boolean"},
        {R"({\"requiredSystemFeatures\":\"kvm\"})",
         "its attribute 'requiredSystemFeatures' is a string, and must be a list of strings"},
        {R"({\"requiredSystemFeatures\":[1]})",
         "its attribute 'requiredSystemFeatures' is a list of other things, and must be a list of strings"},
        {R"({\"requiredSystemFeatures\":{}})",
         "its attribute 'requiredSystemFeatures' is a set, and must be a list of strings"},
        {"", "its structured attributes (__json) are not a JSON object"},
        {"[]", "its structured attributes (__json) are not a JSON object"},
        {"{", "its structured attributes (__json) are not a JSON object"},
        {"{\xff}", "its structured attributes (__json) are not a JSON object"}};
    for (const auto& [json, words] : cases) BOOST_TEST(flaw(with_json(json)) == words);
    auto both = flaw(with_json(R"({\"preferLocalBuild\":1,\"allowSubstitutes\":2})"));
    BOOST_TEST(both.find("allowSubstitutes") != std::string::npos);
    BOOST_TEST(both.find("preferLocalBuild") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_only_some_nix_refuses_is_odd_and_no_flaw) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"({\"outputChecks\":{\"out\":{\"maxSize\":\"x\"}}})",
         "its attribute 'outputChecks.out.maxSize' is a string, and must be a number of bytes"},
        {R"({\"outputChecks\":{\"out\":{\"allowedReferences\":\"x\"}}})",
         "its attribute 'outputChecks.out.allowedReferences' is a string, and must be a list of strings"},
        {R"({\"outputChecks\":\"x\"})", "its attribute 'outputChecks' is a string, and must be a set"},
        {R"({\"outputChecks\":{\"out\":1}})", "its attribute 'outputChecks.out' is a number, and must be a set"},
        {R"({\"exportReferencesGraph\":{\"a\":3}})",
         "its attribute 'exportReferencesGraph.a' is a number, and must be a list of store paths"},
        {R"({\"unsafeDiscardReferences\":{\"out\":\"x\"}})",
         "its attribute 'unsafeDiscardReferences.out' is a string, and must be a Boolean"},
        {R"({\"__impureHostDeps\":3})", "its attribute '__impureHostDeps' is a number, and must be a list of strings"}};
    for (const auto& [json, words] : cases) {
        auto derivation = Derivation::parse(with_json(json)).value();
        BOOST_TEST(derivation.flaw == "");
        auto odd = odd_attributes(derivation);
        BOOST_REQUIRE_MESSAGE(odd.size() == 1U, json);
        BOOST_TEST(odd[0].in_words() == words);
    }
    BOOST_TEST(odd_attributes(golden_derivation("structured")).empty());
    BOOST_TEST(odd_attributes(golden_derivation("ordinary")).empty());
}

BOOST_AUTO_TEST_CASE(outputs_that_nix_cannot_make_are_a_flaw) {
    const std::string digits(64, 'a');
    auto output = [](const std::string& name, const std::string& path, const std::string& algorithm,
                     const std::string& hash) {
        return "(\"" + name + "\",\"" + path + "\",\"" + algorithm + "\",\"" + hash + "\")";
    };
    BOOST_TEST(flaw(with_outputs("")) == "it has no outputs");
    BOOST_TEST(flaw(with_outputs(output("", some_path, "", "") + "," + output("out", some_path, "", ""))) ==
               "an output has no name");
    auto fixed = [&](const std::string& name) { return output(name, some_path, "sha256", digits); };
    BOOST_TEST(flaw(with_outputs(fixed("out"))) == "");
    BOOST_TEST(flaw(with_outputs(fixed("dev"))) == "its fixed output is called 'dev', and must be called 'out'");
    BOOST_TEST(flaw(with_outputs(fixed("dev") + "," + fixed("out"))) ==
               "it has 2 fixed outputs, and only one is allowed");
    BOOST_TEST(flaw(with_outputs(fixed("out") + "," + output("dev", some_path, "", ""))) ==
               "its outputs are of different kinds");
    BOOST_TEST(flaw(with_outputs(output("a", "", "r:sha256", "") + "," + output("b", "", "r:sha1", ""))) ==
               "its outputs are of different kinds");
}

BOOST_AUTO_TEST_CASE(an_unset_flag_differs_from_an_empty_one) {
    auto parse = [](const std::string& environment) {
        return Derivation::parse(with_environment(environment)).value();
    };
    BOOST_TEST(parse("").allow_substitutes);
    BOOST_TEST(!parse(R"(("allowSubstitutes",""))").allow_substitutes);
    BOOST_TEST(parse(R"(("allowSubstitutes","1"))").allow_substitutes);
    BOOST_TEST(!parse(R"(("preferLocalBuild",""))").prefer_local_build);
}

BOOST_AUTO_TEST_CASE(outputs_of_outputs_are_noticed) {
    auto parse = [](const std::string& inputs) {
        return Derivation::parse(with_inputs(inputs)).value().input_derivations;
    };
    auto input = [](const std::string& rest) { return "(\"" + some_path + ".drv\"," + rest + ")"; };
    auto old_form = parse(input(R"(["out"])"));
    BOOST_TEST(old_form[0].outputs.size() == 1U);
    BOOST_TEST(!old_form[0].dynamic);
    auto without = parse(input(R"((["a","b"],[]))"));
    BOOST_TEST(without[0].outputs.size() == 2U);
    BOOST_TEST(!without[0].dynamic);
    auto nested = parse(input(R"(([],[("out",["x"]),("man",(["y"],[("z",["q"])]))]))") + "," + input(R"(["out"])"));
    BOOST_REQUIRE(nested.size() == 2U);
    BOOST_TEST(nested[0].outputs.empty());
    BOOST_TEST(nested[0].dynamic);
    BOOST_TEST(!nested[1].dynamic);
    // Only the new form has them.
    BOOST_TEST(!Derivation::parse(R"(Derive([("out","","","")],[)" + input(R"(([],[]))") +
                                  R"(],[],"x86_64-linux","/bin/sh",[],[]))")
                    .has_value());
}

BOOST_AUTO_TEST_CASE(endless_nesting_does_not_overflow_the_stack) {
    std::string deep = "(\"" + some_path + ".drv\",([],[";
    for (int i = 0; i < 200'000; ++i) deep += R"(("o",([],[)";
    BOOST_TEST(cause(with_inputs(deep)).find("inputs nest too deep") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_with_its_place) {
    BOOST_TEST(cause("") == "bad derivation, byte 0: expected 'Derive(', but it ends");
    BOOST_TEST(cause("<html>") == "bad derivation, byte 0: expected 'Derive(', but there is '<html>'");
    BOOST_TEST(cause("Derive([}") == "bad derivation, byte 8: expected '(', but there is '}'");
    BOOST_TEST(cause(R"(Derive([("out)") == "bad derivation, byte 9: a string does not end");
    BOOST_TEST(cause(R"(Derive([("out\)") == "bad derivation, byte 9: a string does not end");
    BOOST_TEST(cause(R"(Derive([("out\")") == "bad derivation, byte 9: a string does not end");
    BOOST_TEST(cause(R"(DrvWithVersion("future",[]))") == "bad derivation, byte 23: its format 'future' is unknown");
    auto good = golden_text("ordinary");
    BOOST_TEST(cause(good + "x") == "bad derivation, byte " + std::to_string(good.size()) + ": 1 byte after its end");
}

BOOST_AUTO_TEST_CASE(outputs_that_contradict_themselves_are_refused) {
    auto output = [](const std::string& path, const std::string& algorithm, const std::string& hash) {
        return with_outputs("(\"out\",\"" + path + "\",\"" + algorithm + "\",\"" + hash + "\")");
    };
    const std::string digits(64, 'a');
    BOOST_TEST(cause(output(some_path, "", "")) == "no failure");
    BOOST_TEST(cause(output(some_path, "r:sha256", digits)) == "no failure");
    BOOST_TEST(cause(output(some_path, "text:sha256", digits)) == "no failure");
    BOOST_TEST(cause(output(some_path, "git:blake3", digits)) == "no failure");
    BOOST_TEST(cause(output(some_path, "sha256", "")).find("a path that it cannot know yet") != std::string::npos);
    BOOST_TEST(cause(output(some_path, "sha256", "impure")).find("a path that it cannot know yet") !=
               std::string::npos);
    BOOST_TEST(cause(output("", "sha256", digits)).find("has no path") != std::string::npos);
    BOOST_TEST(cause(output(some_path, "", digits)).find("a hash without an algorithm") != std::string::npos);
    BOOST_TEST(cause(output(some_path, "sha256", digits.substr(2))).find("bad sha256 hash") != std::string::npos);
    BOOST_TEST(cause(output(some_path, "sha256", digits.substr(1) + "x")).find("bad sha256 hash") != std::string::npos);
    BOOST_TEST(cause(output("/tmp/x", "", "")).find("'/tmp/x' is not a store path") != std::string::npos);
    BOOST_TEST(cause(with_outputs(R"(("a","","",""),("b","","",""),("a","","",""))")).find("'a' appears twice") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(no_truncated_derivation_is_accepted) {
    for (auto name : {"multiple", "structured", "deferred", "flat.tar"})
        test::for_each_truncation(golden_text(name), [&](std::string_view prefix) {
            if (Derivation::parse(prefix).has_value()) BOOST_ERROR(name << " at " << prefix.size());
        });
}

BOOST_AUTO_TEST_CASE(a_changed_byte_crashes_nothing) {
    std::size_t refused = 0;
    for (auto name : {"multiple", "structured", "deferred", "flat.tar", "impure"})
        test::for_each_mutation(golden_text(name), 2'000, [&](std::string_view text) {
            if (!Derivation::parse(text).has_value()) ++refused;
        });
    BOOST_TEST(refused > 1'000U);
}

BOOST_AUTO_TEST_SUITE_END()
