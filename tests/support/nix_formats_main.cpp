// Our own writers and readers of Nix' formats, one at a time, to hold them beside Nix itself (tests/e2e/round_trips):
//   nix-formats dump PATH                  its NAR, as a push makes it
//   nix-formats nar < NAR                  reads it strictly; what is in it, a line each
//   nix-formats derivation FILE            read and written again
//   nix-formats random-derivation SEED DIR writes one into DIR under the name that its store path has; prints that path
//   nix-formats environment FILE           of a derivation, as JSON
//   nix-formats cache DIR PUBLIC_KEY       reads every narinfo of a cache that Nix wrote: spelled as we spell it,
//   signed with
//                                          that key, its archive what it promises
#include "base/files.hpp"
#include "base/text.hpp"
#include "nix/derivation_text.hpp"
#include "nix/nar.hpp"
#include "nix/narinfo.hpp"
#include "push/nar_dump.hpp"

#include <nlohmann/json.hpp>

#include <iostream>
#include <iterator>
#include <random>

namespace {

using namespace cachefill;
namespace fs = std::filesystem;

Result<void> dump(const fs::path& path) {
    push::NarDump nar(path);
    std::vector<char> buffer(256 * 1024);
    for (;;) {
        TRY(size, nar.read(buffer));
        if (size == 0) return {};
        std::cout.write(buffer.data(), static_cast<std::streamsize>(size));
    }
}

nix::NarVisitor listing(std::string& out) {
    nix::NarVisitor visitor;
    visitor.file = [&out](std::string_view path, bool executable, std::uint64_t size) -> Result<void> {
        out += std::string(executable ? "program " : "file ") + std::to_string(size) + " " + std::string(path) + "\n";
        return {};
    };
    visitor.symlink = [&out](std::string_view path, std::string_view target) -> Result<void> {
        out += "link " + std::string(path) + " -> " + std::string(target) + "\n";
        return {};
    };
    visitor.directory = [&out](std::string_view path) -> Result<void> {
        out += "directory " + std::string(path) + "\n";
        return {};
    };
    return visitor;
}

Result<void> list(std::string_view nar) {
    std::string out;
    nix::NarParser parser(listing(out));
    TRY_VOID(parser.write(nar));
    TRY_VOID(parser.finish());
    std::cout << out;
    return {};
}

std::string written(const nix::Derivation& derivation) {
    nix::InputsByHash inputs;
    for (const auto& input : derivation.input_derivations)
        inputs[input.derivation.to_string()].insert(input.outputs.begin(), input.outputs.end());
    return nix::derivation_text(derivation, inputs, nix::OutputPaths::kept);
}

// Text with all that has to be escaped, and with what is more than a byte.
std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> pieces{"a",  "Z",    "\"", "\\",   "\n", "\r", "\t", "\\n", "\\\"",
                                                 " ",  "\b",   "ä",  "日",   "(",  ")",  "[",  "],",  "'",
                                                 "$x", "${y}", "%s", "\x7f", "~",  "{}", "/",  "-e",  "\n\n"};
    std::string text;
    for (auto left = random() % 20; left > 0; --left) text += pieces[random() % pieces.size()];
    return text;
}

Result<void> random_derivation(unsigned seed, const fs::path& directory) {
    std::mt19937 random(seed);
    nix::Derivation derivation;
    derivation.platform = "x86_64-linux";
    derivation.builder = "/bin/sh";
    derivation.outputs = {{"out", nix::OutputKind::floating, {}, "r:sha256", {}}};
    for (auto left = random() % 8; left > 0; --left) derivation.arguments.push_back(random_text(random));
    for (auto left = random() % 12; left > 0; --left) derivation.environment[random_text(random)] = random_text(random);
    derivation.environment["name"] = "random";
    auto text = written(derivation);
    auto path = nix::text_path("random-" + std::to_string(seed) + ".drv", text).first;
    TRY_VOID(write_file_atomically(directory / path.base_name(), text));
    std::cout << path.to_string() << "\n";
    return {};
}

Result<nix::Derivation> read_derivation(const fs::path& file) {
    TRY(text, read_file(file));
    return nix::Derivation::parse(text);
}

Result<void> check_narinfo(const fs::path& cache, const fs::path& file, const nix::PublicKey& key) {
    TRY(text, read_file(file));
    TRY(info, nix::NarInfo::parse(text));
    auto wrong = [&](const char* what) {
        return Failure(FailureKind::protocol, file.filename().string() + ": " + what);
    };
    if (info.to_string() != text) return wrong("we spell it otherwise");
    if (!nix::signed_by_one_of(info.fingerprint(), info.signatures, {&key, 1}))
        return wrong("it is not signed with that key");
    auto other = nix::SecretKey::generate(key.name).public_key();
    if (nix::signed_by_one_of(info.fingerprint(), info.signatures, {&other, 1}))
        return wrong("another key has signed it");
    TRY(packed, read_file(cache / info.url));
    if (codec::hash_bytes(codec::HashAlgorithm::sha256, packed) != *info.file_hash)
        return wrong("its file is another one");
    TRY(decompressor, codec::make_decompressor(info.compression, info.nar_size));
    std::string nar, out;
    TRY_VOID(decompressor->write(packed, nar));
    TRY_VOID(decompressor->finish(nar));
    if (nar.size() != info.nar_size || codec::hash_bytes(codec::HashAlgorithm::sha256, nar) != info.nar_hash)
        return wrong("its archive is another one");
    nix::NarParser parser(listing(out));
    TRY_VOID(parser.write(nar));
    return parser.finish();
}

Result<void> check_cache(const fs::path& cache, const std::string& key_text) {
    TRY(key, nix::PublicKey::parse(trim(key_text)));
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(cache)) {
        if (entry.path().extension() != ".narinfo") continue;
        TRY_VOID(check_narinfo(cache, entry.path(), key));
        ++count;
    }
    TRY(info, read_file(cache / "nix-cache-info"));
    TRY_VOID([&]() -> Result<void> {
        TRY(parsed, nix::CacheInfoFile::parse(info));
        return parsed.store_dir == nix::store_dir ? Result<void>() : Failure(FailureKind::protocol, "another store");
    }());
    std::cout << count << "\n";
    return {};
}

Result<void> run(const std::vector<std::string>& words) {
    auto is = [&](const char* name, std::size_t size) { return words.size() == size && words[0] == name; };
    if (is("dump", 2)) return dump(words[1]);
    if (is("nar", 1)) return list(std::string(std::istreambuf_iterator<char>(std::cin), {}));
    if (is("random-derivation", 3)) return random_derivation(static_cast<unsigned>(std::stoul(words[1])), words[2]);
    if (is("cache", 3)) return check_cache(words[1], words[2]);
    if (is("derivation", 2)) {
        TRY(derivation, read_derivation(words[1]));
        std::cout << written(derivation);
        return {};
    }
    if (is("environment", 2)) {
        TRY(derivation, read_derivation(words[1]));
        std::cout << nlohmann::json({{"args", derivation.arguments}, {"env", derivation.environment}}).dump() << "\n";
        return {};
    }
    return Failure(FailureKind::usage, "what to do stands in the source");
}

} // namespace

int main(int count, char** words) {
    std::ios::sync_with_stdio(false);
    auto done = run({words + 1, words + count});
    if (!done) std::cerr << done.error().one_line() << "\n";
    return done && std::cout.flush() ? 0 : 1;
}
