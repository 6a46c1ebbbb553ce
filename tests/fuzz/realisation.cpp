// Realisations (JSON), which come from caches.
//
// What is read is written so that it reads the same and is signed the same. Its ids become names of files: they hold
// nothing that leads elsewhere. What does not read fails as protocol.
#include "nix/realisation.hpp"

#include "cache/narinfo_record.hpp"
#include "fuzz/check.hpp"
#include "fuzz/targets.hpp"

namespace cachefill::fuzz {

void realisation(std::string_view input) {
    auto read = nix::Realisation::parse(input);
    if (!read) return require_told(read.error(), {FailureKind::protocol});
    auto again = nix::Realisation::parse(read->to_string());
    require(again.has_value(), "what is written can be read");
    require(again->to_string() == read->to_string(), "what is read from it is the same");
    require(again->fingerprint() == read->fingerprint(), "what is signed is the same");
    require(again->dependents == read->dependents && again->out_path == read->out_path, "nothing of it is lost");
    require(nix::is_realisation_id(read->id), "its id is one");
    auto file = cache::realisation_file(read->id);
    require(file.find("..") == file.npos || read->id.find("..") != read->id.npos, "it is a file of the cache");
    require(file.find('/') == file.rfind('/'), "it lies in one directory");
    require(cache::read_realisation(input, read->id, "a cache").has_value(), "it is the one that was asked for");
}

} // namespace cachefill::fuzz
