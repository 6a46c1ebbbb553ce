#include "shard/bundle_parser.hpp"

#include "base/text.hpp"
#include "base/version.hpp"

#include <algorithm>

namespace cachefill::shard {

namespace {

constexpr std::string_view magic = "cachefill bundle ";
constexpr std::string_view version_line = "1\n";
constexpr std::string_view end_line = "cachefill bundle end\n";
constexpr std::size_t digest_size = 32, length_size = 8;

std::string word(std::uint64_t value) {
    std::string bytes;
    for (std::size_t i = 0; i < length_size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
    return bytes;
}

std::uint64_t word_in(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = length_size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
}

} // namespace

std::string bundle_beginning(std::string_view header) {
    std::string bytes;
    bytes.append(magic).append(version_line).append(word(header.size())).append(header);
    return bytes;
}

std::string bundle_end(const codec::Hash& of_all_before) {
    return std::string(end_line) + std::string(of_all_before.digest());
}

bool BundleParser::gather(std::string_view& bytes, std::uint64_t size) {
    auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(size - gathered_.size(), bytes.size()));
    gathered_ += bytes.substr(0, taken);
    if (state_ != State::end) hasher_.update(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    return gathered_.size() == size;
}

Result<void> BundleParser::write(std::string_view bytes, const Take& take) {
    while (!bytes.empty() || (state_ == State::payload && payload_left_ == 0)) TRY_VOID(step(bytes, take));
    return {};
}

Result<void> BundleParser::step(std::string_view& bytes, const Take& take) {
    switch (state_) {
    case State::magic:
        if (gather(bytes, magic.size() + version_line.size())) return check_magic();
        return {};
    case State::length:
        if (!gather(bytes, length_size)) return {};
        header_length_ = word_in(gathered_);
        if (header_length_ > longest_header)
            return Failure(FailureKind::protocol, "its header would have " + std::to_string(header_length_) +
                                                      " bytes, and no bundle's has more than " +
                                                      std::to_string(longest_header));
        gathered_.clear();
        state_ = State::header;
        return {};
    case State::header: {
        if (!gather(bytes, header_length_)) return {};
        TRY(bundle, parse_bundle_header(gathered_));
        bundle_ = std::move(bundle);
        payload_left_ = bundle_->contents.payload_bytes();
        gathered_ = {};
        state_ = State::payload;
        return {};
    }
    case State::payload: {
        auto taken = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size())));
        hasher_.update(taken);
        if (!taken.empty()) take(taken);
        payload_left_ -= taken.size();
        bytes.remove_prefix(taken.size());
        if (payload_left_ == 0) state_ = State::end;
        return {};
    }
    case State::end:
        if (gather(bytes, end_line.size() + digest_size)) return check_end();
        return {};
    case State::done:
        break;
    }
    return Failure(FailureKind::protocol, "something follows its end");
}

Result<void> BundleParser::check_magic() {
    std::string_view line = gathered_;
    if (!line.starts_with(magic)) return Failure(FailureKind::protocol, "it is no bundle of cachefill's");
    line.remove_prefix(magic.size());
    if (line != version_line)
        return Failure(FailureKind::protocol, "it has another format than this cachefill, " + std::string(version) +
                                                  ", reads: '" + sanitize(trim(line)) + "' and not '" +
                                                  std::string(trim(version_line)) + "'")
            .with_hint("use the same version of cachefill for the plan and for the run");
    gathered_.clear();
    state_ = State::length;
    return {};
}

Result<void> BundleParser::check_end() {
    std::string_view end = gathered_;
    if (!end.starts_with(end_line))
        return Failure(FailureKind::protocol, "what it carries is longer than its header says");
    if (end.substr(end_line.size()) != hasher_.finish().digest())
        return Failure(FailureKind::protocol, "its checksum is wrong: it was damaged since it was written");
    state_ = State::done;
    return {};
}

Result<void> BundleParser::finish() const {
    if (state_ == State::done) return {};
    return Failure(FailureKind::protocol, "it ends too early");
}

} // namespace cachefill::shard
