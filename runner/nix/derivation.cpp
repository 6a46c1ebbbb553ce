#include "nix/derivation.hpp"

#include "base/foreign_json.hpp"
#include "base/text.hpp"
#include "codec/encoding.hpp"
#include "codec/hash.hpp"
#include "nix/aterm.hpp"
#include "nix/attribute_types.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace cachefill::nix {

namespace {

using nlohmann::json;

// Derivations nest in derivations only with an experimental feature, and then two or three deep.
constexpr int deepest_nesting = 64;

std::string_view drop_method(std::string_view algorithm) {
    for (std::string_view method : {"r:", "text:", "git:"})
        if (algorithm.starts_with(method)) return algorithm.substr(method.size());
    return algorithm;
}

std::size_t digits_of(std::string_view algorithm) {
    using codec::HashAlgorithm;
    for (auto known : {HashAlgorithm::md5, HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha512})
        if (codec::to_string(known) == algorithm) return codec::digest_size(known) * 2;
    return 0; // newer than we are; the path is what counts
}

bool is_hash(std::string_view algorithm, std::string_view digits) {
    auto wanted = digits_of(drop_method(algorithm));
    return codec::from_base16(digits).has_value() && (wanted == 0 || digits.size() == wanted);
}

void note_flaw(Derivation& derivation, const std::string& flaw) {
    if (!derivation.flaw.empty()) derivation.flaw += "; ";
    derivation.flaw += flaw;
}

// What Nix throws at when it asks of which type a derivation is (libstore/derivations.cc, BasicDerivation::type).
void judge_outputs(Derivation& derivation) {
    const auto& outputs = derivation.outputs; // sorted by name
    if (outputs.empty()) return note_flaw(derivation, "it has no outputs");
    if (outputs.front().name.empty()) note_flaw(derivation, "an output has no name");
    auto is_fixed = [](const DerivationOutput& output) { return output.kind == OutputKind::fixed; };
    auto is_alike = [&outputs](const DerivationOutput& output) {
        return output.kind == outputs.front().kind &&
               (output.kind != OutputKind::floating || output.hash_algorithm == outputs.front().hash_algorithm);
    };
    if (!std::all_of(outputs.begin(), outputs.end(), is_alike))
        note_flaw(derivation, "its outputs are of different kinds");
    else if (is_fixed(outputs.front()) && outputs.size() > 1)
        note_flaw(derivation, "it has " + counted(outputs.size(), "fixed output") + ", and only one is allowed");
    else if (is_fixed(outputs.front()) && outputs.front().name != "out")
        note_flaw(derivation, "its fixed output is called '" + ellipsize(sanitize(outputs.front().name), 80) +
                                  "', and must be called 'out'");
}

// Reads one file. Every method returns false after the reader has noted what is wrong.
class DerivationReader {
  public:
    explicit DerivationReader(std::string_view aterm) : in_(aterm) {}

    bool read(Derivation& derivation);
    Failure take_failure() { return in_.take_failure(); }

  private:
    bool read_output(DerivationOutput& output);
    bool read_input(DerivationInput& input);
    bool skip_children(int depth);
    bool read_path(std::optional<StorePath>& path);
    static void read_flags(Derivation& derivation);
    static void read_structured_flags(Derivation& derivation, const std::string& text);

    ATermReader in_;
    bool dynamic_ = false; // the form that allows outputs of outputs
};

bool DerivationReader::read_path(std::optional<StorePath>& path) {
    std::string_view text;
    if (!in_.string(text)) return false;
    auto parsed = StorePath::parse(text);
    if (!parsed) return in_.fail(parsed.error().cause());
    path = *std::move(parsed);
    return true;
}

bool DerivationReader::read_output(DerivationOutput& output) {
    std::string path;
    if (!in_.expect("(") || !in_.string(output.name) || !in_.expect(",") || !in_.string(path) || !in_.expect(",") ||
        !in_.string(output.hash_algorithm) || !in_.expect(",") || !in_.string(output.hash) || !in_.expect(")"))
        return false;
    auto bad = [&](const std::string& why) {
        return in_.fail("output '" + ellipsize(sanitize(output.name), 80) + "' " + why);
    };
    if (output.hash_algorithm.empty()) {
        if (!output.hash.empty()) return bad("has a hash without an algorithm");
        output.kind = path.empty() ? OutputKind::deferred : OutputKind::input_addressed;
    } else if (output.hash == "impure") {
        output.kind = OutputKind::impure;
        output.hash.clear();
    } else if (output.hash.empty()) {
        output.kind = OutputKind::floating;
    } else {
        output.kind = OutputKind::fixed;
        if (!is_hash(output.hash_algorithm, output.hash))
            return bad("has a bad " + ellipsize(sanitize(output.hash_algorithm), 40) + " hash");
    }
    bool has_path = output.kind == OutputKind::input_addressed || output.kind == OutputKind::fixed;
    if (has_path == path.empty()) return bad(has_path ? "has no path" : "has a path that it cannot know yet");
    if (!has_path) return true;
    auto parsed = StorePath::parse(path);
    if (!parsed) return in_.fail(parsed.error().cause());
    output.path = *std::move(parsed);
    return true;
}

// [(output, child), …] below an input, in which a child has the form of an input without its path. We only need to know
// that there is something.
bool DerivationReader::skip_children(int depth) {
    if (depth > deepest_nesting) return in_.fail("inputs nest too deep");
    return in_.list([&] {
        std::string_view text;
        if (!in_.expect("(") || !in_.string(text) || !in_.expect(",")) return false;
        auto skip_string = [&] { return in_.string(text); };
        if (in_.next_is('(')) {
            if (!in_.expect("(") || !in_.list(skip_string) || !in_.expect(",") || !skip_children(depth + 1) ||
                !in_.expect(")"))
                return false;
        } else if (!in_.list(skip_string)) {
            return false;
        }
        return in_.expect(")");
    });
}

bool DerivationReader::read_input(DerivationInput& input) {
    auto read_name = [&] { return in_.string(input.outputs.emplace_back()); };
    if (dynamic_ && in_.next_is('(')) {
        if (!in_.expect("(") || !in_.list(read_name) || !in_.expect(",")) return false;
        input.dynamic = !in_.next_is("[]");
        return skip_children(1) && in_.expect(")");
    }
    return in_.list(read_name);
}

bool DerivationReader::read(Derivation& derivation) {
    if (in_.next_is("DrvWithVersion(")) {
        std::string_view version;
        if (!in_.expect("DrvWithVersion(") || !in_.string(version)) return false;
        if (version != "xp-dyn-drv")
            return in_.fail("its format '" + ellipsize(sanitize(version), 40) + "' is unknown");
        if (!in_.expect(",")) return false;
        dynamic_ = true;
    } else if (!in_.expect("Derive(")) {
        return false;
    }

    auto read_output = [&] { return this->read_output(derivation.outputs.emplace_back()); };
    auto read_input = [&] {
        std::optional<StorePath> path;
        if (!in_.expect("(") || !read_path(path) || !in_.expect(",")) return false;
        derivation.input_derivations.push_back({*std::move(path), {}, false});
        return this->read_input(derivation.input_derivations.back()) && in_.expect(")");
    };
    auto read_source = [&] {
        std::optional<StorePath> path;
        if (!read_path(path)) return false;
        derivation.input_sources.push_back(*std::move(path));
        return true;
    };
    auto read_argument = [&] { return in_.string(derivation.arguments.emplace_back()); };
    auto read_variable = [&] {
        std::string name;
        if (!in_.expect("(") || !in_.string(name) || !in_.expect(",")) return false;
        auto where = derivation.environment.try_emplace(derivation.environment.end(), std::move(name));
        return in_.string(where->second) && in_.expect(")");
    };
    if (!in_.list(read_output) || !in_.expect(",") || !in_.list(read_input) || !in_.expect(",") ||
        !in_.list(read_source) || !in_.expect(",") || !in_.string(derivation.platform) || !in_.expect(",") ||
        !in_.string(derivation.builder) || !in_.expect(",") || !in_.list(read_argument) || !in_.expect(",") ||
        !in_.list(read_variable) || !in_.expect(")") || !in_.expect_end())
        return false;

    auto by_name = [](const DerivationOutput& a, const DerivationOutput& b) { return a.name < b.name; };
    std::sort(derivation.outputs.begin(), derivation.outputs.end(), by_name);
    auto same_name = [](const DerivationOutput& a, const DerivationOutput& b) { return a.name == b.name; };
    auto twice = std::adjacent_find(derivation.outputs.begin(), derivation.outputs.end(), same_name);
    if (twice != derivation.outputs.end())
        return in_.fail("output '" + ellipsize(sanitize(twice->name), 80) + "' appears twice");
    judge_outputs(derivation);
    read_flags(derivation);
    return true;
}

void DerivationReader::read_flags(Derivation& derivation) {
    const auto& environment = derivation.environment;
    if (auto structured = environment.find("__json"); structured != environment.end())
        return read_structured_flags(derivation, structured->second);
    // A Nix boolean arrives as "1" or "".
    auto flag = [&](const char* name, bool otherwise) {
        auto found = environment.find(name);
        return found == environment.end() ? otherwise : found->second == "1";
    };
    derivation.allow_substitutes = flag("allowSubstitutes", true);
    derivation.prefer_local_build = flag("preferLocalBuild", false);
    if (auto features = environment.find("requiredSystemFeatures"); features != environment.end())
        for (auto feature : split_words(features->second)) derivation.required_system_features.emplace_back(feature);
}

void DerivationReader::read_structured_flags(Derivation& derivation, const std::string& text) {
    derivation.structured_attributes = true;
    auto attributes = parse_foreign_json(text);
    if (!attributes.is_object())
        return note_flaw(derivation, "its structured attributes (__json) are not a JSON object");
    for (const auto& odd : odd_attributes(attributes))
        if (odd.is_always_refused) note_flaw(derivation, odd.in_words());
    auto flag = [&](const char* name, bool& value) {
        auto found = attributes.find(name);
        if (found != attributes.end() && found->is_boolean()) value = found->get<bool>();
    };
    flag("allowSubstitutes", derivation.allow_substitutes);
    flag("preferLocalBuild", derivation.prefer_local_build);
    auto features = attributes.find("requiredSystemFeatures");
    if (features == attributes.end() || !features->is_array()) return;
    for (const auto& feature : *features)
        if (feature.is_string()) derivation.required_system_features.push_back(feature.get<std::string>());
}

} // namespace

Result<Derivation> Derivation::parse(std::string_view aterm) {
    Derivation derivation;
    DerivationReader reader(aterm);
    if (!reader.read(derivation)) return reader.take_failure();
    return derivation;
}

const DerivationOutput* Derivation::find_output(std::string_view name) const {
    for (const auto& output : outputs)
        if (output.name == name) return &output;
    return nullptr;
}

} // namespace cachefill::nix
