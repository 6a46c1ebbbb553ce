#include "base/files.hpp"
#include "nix/realisation.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <map>

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

// What Nix keeps of the realisations, by id.
std::map<std::string, std::string> kept() {
    std::map<std::string, std::string> texts;
    for (const auto& entry : fs::directory_iterator(folder() / "realisations"))
        texts[entry.path().stem().string()] = read_file(entry.path()).value();
    return texts;
}

} // namespace

BOOST_AUTO_TEST_SUITE(realisations)

BOOST_AUTO_TEST_CASE(their_ids_are_what_nix_makes_them_before_anything_is_built) {
    RealisationIds ids(read_derivation);
    std::map<std::string, std::string> paths;
    for (const auto& [id, text] : kept()) {
        auto realisation = Realisation::parse(text).value();
        BOOST_TEST(realisation.id == id);
        paths[id] = realisation.out_path.name();
    }
    const std::vector<std::tuple<std::string, std::string, std::string>> expected{
        {"floating", "out", "floating"}, {"deferred", "out", "deferred"}, {"deferred", "doc", "deferred-doc"},
        {"leaf", "out", "leaf"},         {"split", "out", "split"},       {"split", "dev", "split-dev"},
        {"plain", "out", "plain"}};
    for (const auto& [name, output, path] : expected) {
        auto id = ids.id(derivation(name), output);
        BOOST_REQUIRE_MESSAGE(id.has_value(), (id ? "" : id.error().one_line()));
        BOOST_TEST_CONTEXT(name << " " << output << " " << *id) {
            BOOST_REQUIRE(paths.contains(*id));
            BOOST_TEST(paths.at(*id) == path);
        }
    }
    BOOST_TEST(!ids.id(derivation("leaf"), "doc"));
}

BOOST_AUTO_TEST_CASE(each_derivation_is_read_once) {
    std::map<StorePath, int> reads;
    RealisationIds ids([&](const StorePath& path) {
        ++reads[path];
        return read_derivation(path);
    });
    BOOST_TEST(ids.id(derivation("floating"), "out").has_value());
    BOOST_TEST(ids.id(derivation("deferred"), "out").has_value());
    for (const auto& [path, count] : reads) BOOST_TEST(count == 1, path.to_string());
    BOOST_TEST(reads.size() == 6U);
}

BOOST_AUTO_TEST_CASE(they_are_written_as_nix_writes_them) {
    for (const auto& [id, text] : kept()) BOOST_TEST(Realisation::parse(text).value().to_string() == text);
    auto realisation = Realisation::parse(kept().begin()->second).value();
    auto fingerprint = realisation.fingerprint();
    realisation.signatures = {"k-1:AAAA"};
    BOOST_TEST(realisation.fingerprint() == fingerprint);
    BOOST_TEST(realisation.to_string().find(R"("signatures":["k-1:AAAA"])") != std::string::npos);
    BOOST_TEST(Realisation::parse(realisation.to_string()).value().signatures == realisation.signatures);
}

BOOST_AUTO_TEST_CASE(what_is_none_is_refused) {
    const std::string id = "sha256:" + std::string(64, 'a') + "!out";
    const std::string path = "bxmmr41x9c9n77x15xklpqwpv1rrma88-leaf";
    BOOST_TEST(Realisation::parse(R"({"id":")" + id + R"(","outPath":")" + path + "\"}").has_value());
    BOOST_TEST(Realisation::parse(R"({"id":")" + id + R"(","outPath":"/nix/store/)" + path + "\"}").has_value());
    for (const std::string& text :
         {std::string(), std::string("<html>"), std::string("[]"), std::string("{}"), R"({"id":")" + id + "\"}",
          R"({"id":7,"outPath":")" + path + "\"}", R"({"id":"sha256:abc!out","outPath":")" + path + "\"}",
          R"({"id":")" + id + R"(","outPath":"../x"})",
          R"({"id":")" + id + R"(","outPath":")" + path + R"(","dependentRealisations":{"x":"y"}})"})
        BOOST_TEST(!Realisation::parse(text), text);
    BOOST_TEST(is_realisation_id(id));
    for (const std::string& bad :
         {id.substr(0, 71), "sha256:" + std::string(64, 'A') + "!out", "sha256:" + std::string(64, 'a') + "!../../x/y",
          "sha512:" + std::string(64, 'a') + "!out"})
        BOOST_TEST(!is_realisation_id(bad), bad);
}

BOOST_AUTO_TEST_SUITE_END()
