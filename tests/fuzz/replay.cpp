// Runs a target over files instead of what libFuzzer makes up, so that any compiler can:
//   fuzz_replay TARGET FILE_OR_DIRECTORY…
#include "fuzz/targets.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace fuzz = cachefill::fuzz;

struct Row {
    std::string_view name;
    void (*run)(std::string_view);
};
constexpr Row table[]{
    {"answers_of_github", fuzz::answers_of_github},
    {"answers_of_managed_caches", fuzz::answers_of_managed_caches},
    {"answers_of_nix", fuzz::answers_of_nix},
    {"bundle", fuzz::bundle},
    {"configuration", fuzz::configuration},
    {"credential_files", fuzz::credential_files},
    {"daemon", fuzz::daemon},
    {"decompress", fuzz::decompress},
    {"derivation", fuzz::derivation},
    {"evaluation_record", fuzz::evaluation_record},
    {"foreign_text", fuzz::foreign_text},
    {"http", fuzz::http},
    {"internal_json", fuzz::internal_json},
    {"manifest", fuzz::manifest},
    {"nar", fuzz::nar},
    {"narinfo", fuzz::narinfo},
    {"netrc", fuzz::netrc},
    {"nix_conf", fuzz::nix_conf},
    {"realisation", fuzz::realisation},
    {"reports", fuzz::reports},
    {"s3", fuzz::s3},
    {"spelling", fuzz::spelling},
    {"url", fuzz::url},
    {"workflow_commands", fuzz::workflow_commands},
    {"workflow_files", fuzz::workflow_files},
};

std::vector<fs::path> files_in(const fs::path& place) {
    if (!fs::is_directory(place)) return {place};
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(place))
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

// Byte by byte up to the end, and nothing behind it.
bool replay(const Row& row, const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::string input{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream) {
        std::fprintf(stderr, "cannot read %s\n", file.c_str());
        return false;
    }
    input.shrink_to_fit();
    std::fprintf(stderr, "%s\n", file.c_str()); // the last one named is the one that ends the program
    row.run(input);
    return true;
}

} // namespace

int main(int count, char** words) {
    std::vector<std::string> arguments(words + 1, words + count);
    const auto* row =
        arguments.size() < 2 ? std::end(table) : std::find_if(std::begin(table), std::end(table), [&](const Row& one) {
            return one.name == arguments.front();
        });
    if (row == std::end(table)) {
        std::fprintf(stderr, "usage: fuzz_replay TARGET FILE_OR_DIRECTORY…\n");
        return 2;
    }
    std::size_t replayed = 0;
    for (std::size_t i = 1; i < arguments.size(); ++i)
        for (const auto& file : files_in(arguments[i])) {
            if (!replay(*row, file)) return 1;
            ++replayed;
        }
    std::printf("%zu inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}
