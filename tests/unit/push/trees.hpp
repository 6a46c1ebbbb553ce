#pragma once

#include "base/files.hpp"
#include "codec/hash.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/stat.h>

namespace cachefill::test {

inline void put_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644) {
    std::ofstream(path, std::ios::binary) << content;
    if (::chmod(path.c_str(), mode) != 0) throw std::runtime_error("chmod " + path.string());
}

// Bytes that repeat half and do not repeat half; the same in every run.
inline std::string half_compressible(std::size_t size, std::uint64_t seed) {
    std::string bytes(size, 'x');
    std::uint64_t state = seed * 2654435761U + 88172645463325252U;
    for (std::size_t i = 0; i < size; ++i) {
        if (i / 64 % 2 == 0) continue;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = static_cast<char>(state);
    }
    return bytes;
}

// The NAR as Nix itself writes it.
inline std::string nix_dump(const std::filesystem::path& path) {
    auto command = "nix-store --dump '" + path.string() + "'";
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    if (!pipe) throw std::runtime_error("cannot run " + command);
    std::string bytes;
    char buffer[65536];
    while (auto count = std::fread(buffer, 1, sizeof buffer, pipe.get())) bytes.append(buffer, count);
    if (bytes.empty()) throw std::runtime_error("nothing came from " + command);
    return bytes;
}

} // namespace cachefill::test
