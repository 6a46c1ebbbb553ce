// Records of evaluations (JSON), which come from a cache: docs/manifest.md.
//
// What is read is written so that it reads the same, and holds each derivation that it speaks of. What is none fails as
// protocol.
#include "session/evaluation_record.hpp"

#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

namespace cachefill::fuzz {

void evaluation_record(std::string_view input) {
    auto read = session::parse_evaluation_record(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol});
    auto text = session::to_json(*read);
    auto again = session::parse_evaluation_record(text);
    require(again.has_value(), "what is written can be read");
    require(session::to_json(*again) == text, "what is read from it is the same");
    for (const auto& [path, derivation] : read->derivations)
        for (const auto& input_of_it : derivation.input_derivations)
            require(read->read(input_of_it.derivation).has_value(), "what it speaks of is in it");
}

} // namespace cachefill::fuzz
