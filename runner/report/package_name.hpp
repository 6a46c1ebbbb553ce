#pragma once

#include <string_view>

namespace cachefill::report {

// A store path's name taken apart as Nix does (parseDrvName): the version begins behind the first '-' that no letter
// follows, and is empty where there is none. The name of an output behind it ("glibc-2.31-bin") belongs to neither: all
// outputs are one package.
struct PackageName {
    std::string_view name, version;
};
PackageName package_name(std::string_view path_name);

} // namespace cachefill::report
