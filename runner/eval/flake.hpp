#pragma once

#include "async/task.hpp"
#include "base/result.hpp"
#include "eval/error_location.hpp"
#include "eval/evaluator.hpp"
#include "eval/nix_command.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cachefill::eval {

// Fetching and listing: no host is evaluated, but a whole set of inputs may have to come down.
inline constexpr std::chrono::minutes flake_deadline{30};

// A flake reference as nix wants it: an existing directory becomes an absolute path, because nix takes "examples/fleet"
// for a name in its registry. "" means ".".
std::string normalize_flake(std::string_view flake);

// The version in what `nix --version` prints ("nix (Nix) 2.8.0", "nix (Lix, like Nix) 2.93.1"); empty if there is none.
std::string parse_nix_version(std::string_view text);
// Is it 2.8 or newer?
bool is_supported_version(std::string_view version);

// What `nix flake metadata --json` printed; a protocol failure if that is something else.
Result<FlakeInfo> parse_metadata(std::string_view json);

SourceMap source_map(const FlakeInfo& info);

struct OpenedFlake {
    FlakeInfo info;
    std::string reference; // for evaluators: the work tree as given, anything remote locked
};

// Reads the flake and fetches its inputs. Failures say what is wrong with the flake; `position` gets where.
async::Task<Result<OpenedFlake>> open_flake(const EvalSettings& settings, NixHooks hooks,
                                            std::optional<event::Position>& position);

} // namespace cachefill::eval
