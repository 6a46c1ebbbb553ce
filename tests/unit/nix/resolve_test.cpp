#include "base/files.hpp"
#include "nix/realisation.hpp"
#include "nix/resolve.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <map>
#include <stdexcept>

using namespace cachefill;
using namespace cachefill::nix;

namespace {

namespace fs = std::filesystem;

fs::path folder() { return fs::path(CACHEFILL_GOLDEN) / "nix/realisations"; }

Result<Derivation> read_derivation(const StorePath& path) {
    TRY(text, read_file(folder() / "drv" / path.base_name()));
    return Derivation::parse(text);
}

StorePath derivation(const std::string& name) {
    for (const auto& entry : fs::directory_iterator(folder() / "drv"))
        if (auto path = StorePath::parse_base_name(entry.path().filename().string()); path->name() == name + ".drv")
            return *path;
    throw std::runtime_error("no derivation " + name);
}

// Where Nix put what it built: what a derivation says, or else the realisations that it kept.
std::optional<StorePath> kept_by_nix(const StorePath& path, std::string_view output) {
    auto parsed = read_derivation(path).value();
    if (const auto* known = parsed.find_output(output); known && known->path) return known->path;
    RealisationIds ids(read_derivation);
    auto text = read_file(folder() / "realisations" / (ids.id(path, output).value() + ".doi"));
    if (!text) return std::nullopt;
    return Realisation::parse(*text).value().out_path;
}

std::string made_by_nix(const std::string& name) { return read_file(folder() / "resolved" / (name + ".drv")).value(); }

} // namespace

BOOST_AUTO_TEST_SUITE(resolving)

BOOST_AUTO_TEST_CASE(a_resolved_derivation_is_what_nix_makes_of_it) {
    for (const std::string name : {"deferred", "floating", "named", "split", "structured"}) {
        BOOST_TEST_CONTEXT(name) {
            auto path = derivation(name);
            auto resolved = resolve(path, read_derivation(path).value(), kept_by_nix);
            BOOST_REQUIRE(resolved.has_value());
            BOOST_TEST(derivation_text(*resolved, {}, OutputPaths::kept) == made_by_nix(name));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_deferred_output_gets_the_path_that_nix_gave_it) {
    auto path = derivation("deferred");
    auto resolved = resolve(path, read_derivation(path).value(), kept_by_nix).value();
    for (const std::string output : {"out", "doc"})
        BOOST_TEST(resolved.find_output(output)->path->to_string() == kept_by_nix(path, output)->to_string());
}

BOOST_AUTO_TEST_CASE(a_resolved_one_has_another_realisation) {
    auto path = derivation("floating");
    auto resolved = resolve(path, read_derivation(path).value(), kept_by_nix).value();
    BOOST_TEST(!resolved.find_output("out")->path.has_value());
    RealisationIds ids(read_derivation);
    auto id = RealisationIds::id_of_resolved(resolved, "out");
    BOOST_TEST(is_realisation_id(id));
    BOOST_TEST(id != ids.id(path, "out").value());
    // The same as that of a derivation which was written in this way.
    RealisationIds written([](const StorePath&) { return Derivation::parse(made_by_nix("floating")); });
    BOOST_TEST(id == written.id(path, "out").value());
}

BOOST_AUTO_TEST_CASE(without_all_inputs_nothing_is_resolved) {
    auto path = derivation("deferred");
    std::size_t wanted = 0;
    const auto whole = read_derivation(path).value();
    for (const auto& input : whole.input_derivations) wanted += input.outputs.size();
    BOOST_TEST(wanted > 1U);
    for (std::size_t lacking = 0; lacking < wanted; ++lacking) {
        std::size_t number = 0;
        auto find = [&](const StorePath& input, std::string_view output) {
            return number++ == lacking ? std::nullopt : kept_by_nix(input, output);
        };
        BOOST_TEST(!resolve(path, read_derivation(path).value(), find));
    }
    auto dynamic = read_derivation(path).value();
    dynamic.input_derivations.front().dynamic = true;
    BOOST_TEST(!resolve(path, std::move(dynamic), kept_by_nix));
}

BOOST_AUTO_TEST_SUITE_END()
