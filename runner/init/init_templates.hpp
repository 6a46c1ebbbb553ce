#pragma once

#include <string_view>

namespace cachefill::init {

// workflows/build.yml, fleet.yml and update-flake.yml as they are shipped, put in when the program was built.
extern const std::string_view build_workflow;
extern const std::string_view fleet_workflow;
extern const std::string_view update_workflow;

// "owner/name" of the repository this program was built from, if the build was told; else empty.
extern const std::string_view source_repository;

} // namespace cachefill::init
