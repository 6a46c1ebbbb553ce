#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

namespace cachefill::test {

// Calls `check` with every proper prefix of `good`, each in memory of its own size, so that AddressSanitizer sees a
// read past the end.
template <class Check> void for_each_truncation(std::string_view good, Check check) {
    for (std::size_t size = 0; size < good.size(); ++size) {
        std::string prefix(good.substr(0, size));
        prefix.shrink_to_fit();
        check(std::string_view(prefix));
    }
}

// Calls `check` with `count` copies of `good` in which one byte is another one. The same ones in every run.
template <class Check> void for_each_mutation(std::string_view good, std::size_t count, Check check) {
    std::mt19937 random(20); // NOLINT(cert-msc51-cpp): repeatable on purpose
    std::uniform_int_distribution<std::size_t> position(0, good.size() - 1);
    std::uniform_int_distribution<int> difference(1, 255);
    for (std::size_t i = 0; i < count; ++i) {
        std::string copy(good);
        auto& byte = copy[position(random)];
        byte = static_cast<char>(byte ^ difference(random));
        check(std::string_view(copy));
    }
}

} // namespace cachefill::test
