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

BOOST_AUTO_TEST_CASE(structured_attributes_of_the_wrong_type_are_refused) {
    auto environment = [](const std::string& json) { return with_environment("(\"__json\",\"" + json + "\")"); };
    BOOST_TEST(cause(environment(R"({\"allowSubstitutes\":true})")) == "no failure");
    for (auto json : {"", "[]", "{", R"({\"allowSubstitutes\":\"\"})", R"({\"preferLocalBuild\":1})",
                      R"({\"requiredSystemFeatures\":\"kvm\"})", R"({\"requiredSystemFeatures\":[1]})", "{\xff}"})
        BOOST_TEST(cause(environment(json)).find("structured attribute") != std::string::npos, json);
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
    BOOST_TEST(cause(with_outputs(R"(("","","",""))")).find("no name") != std::string::npos);
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
