#pragma once

#include <optional>
#include <string>
#include <string_view>

// What the `nix` command complains of, by its words: the only place that knows them. Wordings of Nix 2.8 to 2.34 and of
// Lix; those of other programs that it passes on (git, curl) are among them.
namespace cachefill::eval {

enum class Complaint {
    none,              // of anything else, mostly of the flake's own code
    lock_out_of_date,  // flake.lock does not fit flake.nix, and must not be changed
    lock_unreadable,   // an entry of flake.lock is not locked, in the eyes of this Nix
    no_flake,          // no flake.nix there
    foreign_owner,     // git refuses to read another user's repository
    fragment,          // `#…` where a flake was wanted
    not_a_reference,   // to a flake
    missing_file,      // that was to be read; perhaps it only is none of git's, see missing_file()
    missing_attribute, // of the flake's outputs
    git_failed,        // its own words stand beside it
    build_failed,      // by evaluation: import from derivation
    network,           // something could not be fetched
    out_of_memory,
    narinfo_memory, // two at once began to remember, in a new file, what caches have: it is there the second time
};

// Of one message, without colours. Of several complaints the one that says most.
Complaint complaint_in(std::string_view message);

// The file that a message says is not there, or that git does not know it, as Nix names it: an absolute path, one
// behind «url», or (2.34) relative to the repository. Empty for any other message.
std::optional<std::string> missing_file(std::string_view message);

// The file that a message says may not be opened ("'/home/kim/x': Permission denied"): an absolute path. Empty for any
// other message.
std::optional<std::string> refused_file(std::string_view message);

// The path of an unlocked entry of flake.lock that Complaint::lock_unreadable names: "./modules". Empty if it names
// none.
std::string unlocked_path(std::string_view message);

} // namespace cachefill::eval
