#include "daemon/wire.hpp"

#include "base/text.hpp"
#include "base/units.hpp"

#include <array>

namespace cachefill::daemon {

namespace {

constexpr std::uint64_t word_size = 8;
// Length word and "/nix/store/" + 32 digits + "-x", padded.
constexpr std::uint64_t least_path_size = word_size + 48;

std::uint64_t padding_of(std::uint64_t length) { return (word_size - length % word_size) % word_size; }

Failure nonsense(std::string what) {
    return Failure(FailureKind::protocol, "the Nix daemon sent " + std::move(what))
        .with_hint("this may be a version of Nix that changed its protocol, or not a Nix daemon at all");
}

} // namespace

void WireWriter::word(std::uint64_t value) {
    std::array<char, word_size> bytes{};
    for (unsigned i = 0; i < word_size; ++i) bytes[i] = static_cast<char>((value >> (8 * i)) & 0xFF);
    bytes_.append(bytes.data(), bytes.size());
}

void WireWriter::string(std::string_view text) {
    word(text.size());
    bytes_ += text;
    bytes_.append(padding_of(text.size()), '\0');
}

void WireWriter::path(const nix::StorePath& path) { string(path.to_string()); }

void WireWriter::paths(const std::vector<nix::StorePath>& paths) {
    word(paths.size());
    for (const auto& each : paths) path(each);
}

void WireWriter::map(const std::map<std::string, std::string>& entries) {
    word(entries.size());
    for (const auto& [name, value] : entries) {
        string(name);
        string(value);
    }
}

void WireReader::fail(Failure failure) {
    if (ok()) failure_ = std::move(failure);
}

bool WireReader::require(std::uint64_t size) {
    if (!ok()) return false;
    auto end = position_ + size + outstanding_;
    if (end > longest_message) {
        fail(nonsense("a message of " + human_bytes(end) + " or more; at most " + human_bytes(longest_message) +
                      " make sense"));
        return false;
    }
    if (bytes_.size() - position_ < size) {
        needed_ = end;
        return false;
    }
    return true;
}

std::uint64_t WireReader::word() {
    if (!require(word_size)) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = word_size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes_[position_ + i]);
    position_ += word_size;
    return value;
}

std::string_view WireReader::string() {
    auto length = word();
    if (length > longest_string) {
        fail(nonsense("a string of " + human_bytes(length) + "; at most " + human_bytes(longest_string) +
                      " make sense"));
        return {};
    }
    auto padding = padding_of(length);
    if (!require(length + padding)) return {};
    auto text = bytes_.substr(position_, length);
    if (bytes_.substr(position_ + length, padding).find_first_not_of('\0') != std::string_view::npos) {
        fail(nonsense("a string of " + std::to_string(length) + " bytes whose padding is not zero"));
        return {};
    }
    position_ += length + padding;
    return text;
}

std::uint64_t WireReader::begin_list(std::uint64_t least_size) {
    auto count = word();
    if (count > longest_message / least_size) {
        fail(nonsense("a list of " + std::to_string(count) + " items; they cannot be in a message of at most " +
                      human_bytes(longest_message)));
        return 0;
    }
    outstanding_ += count * least_size;
    return count;
}

nix::StorePath WireReader::path() {
    auto text = string();
    if (ok()) {
        auto parsed = nix::StorePath::parse(text);
        if (parsed) return std::move(parsed).value();
        fail(std::move(parsed).error());
    }
    static const auto none = nix::StorePath::parse_base_name("00000000000000000000000000000000-none").value();
    return none;
}

std::optional<nix::StorePath> WireReader::optional_path() {
    auto text = string();
    if (!ok() || text.empty()) return {};
    auto parsed = nix::StorePath::parse(text);
    if (parsed) return std::move(parsed).value();
    fail(std::move(parsed).error());
    return {};
}

std::vector<nix::StorePath> WireReader::paths() {
    std::vector<nix::StorePath> paths;
    list(least_path_size, [&] {
        auto next = path();
        if (ok()) paths.push_back(std::move(next));
    });
    return paths;
}

std::vector<std::string> WireReader::strings() {
    std::vector<std::string> texts;
    list(word_size, [&] {
        auto text = string();
        if (ok()) texts.emplace_back(text);
    });
    return texts;
}

} // namespace cachefill::daemon
