#pragma once

#include <string_view>

namespace cachefill::init {

// workflows/build.yml as it is shipped, put in when the program was built.
extern const std::string_view init_workflow;

// "owner/name" of the repository this program was built from, if the build was told; else empty.
extern const std::string_view source_repository;

} // namespace cachefill::init
