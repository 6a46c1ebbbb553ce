// Bundles, which come as a file from another job: docs/shards.md.
//
// The input is a header, and it is all that a file has once decompressed. What is read is written so that it reads the
// same; what is none fails as protocol. In pieces of any size it is what it is as a whole, and the payload is as long
// as the header says.
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"
#include "shard/bundle_parser.hpp"

namespace cachefill::fuzz {

namespace {

void as_header(std::string_view input) {
    auto read = shard::parse_bundle_header(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol});
    auto text = shard::to_json(*read);
    auto again = shard::parse_bundle_header(text);
    require(again.has_value(), "what is written can be read");
    require(shard::to_json(*again) == text, "what is read from it is the same");
    require_harmless(read->branch);
    for (const auto& target : read->targets) {
        require(target.evaluated.has_value() != target.failure.has_value(), "a target evaluates or fails");
        if (target.failure) require_told(*target.failure, {target.failure->kind()});
    }
}

// What is wrong with it, empty for nothing; the payload goes to `payload`.
std::string parse(std::string_view input, bool at_once, std::string& payload) {
    shard::BundleParser parser;
    std::string wrong;
    auto take = [&payload](std::string_view bytes) { payload += bytes; };
    auto write = [&](std::string_view piece) {
        auto written = parser.write(piece, take);
        if (!written) require_told(written.error(), {FailureKind::protocol});
        if (!written) wrong = written.error().one_line();
        return written.has_value();
    };
    if (at_once)
        write(input);
    else
        in_pieces(input, input.size(), write);
    if (!wrong.empty()) return wrong;
    auto whole = parser.finish();
    if (!whole) return whole.error().one_line();
    require(payload.size() == parser.bundle()->contents.payload_bytes(), "the payload is as long as the header says");
    return {};
}

} // namespace

void bundle(std::string_view input) {
    as_header(input);
    std::string payload, in_parts;
    auto wrong = parse(input, true, payload);
    require(parse(input, false, in_parts) == wrong, "in pieces it is what it is as a whole");
    require(payload == in_parts, "and so is the payload");
}

} // namespace cachefill::fuzz
