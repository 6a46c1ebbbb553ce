include_guard(GLOBAL)

# What goes through every byte or every derivation.
set(CACHEFILL_FAST_MODULES base codec nix plan)

# cachefill_module(NAME SOURCES a.cpp… [LINKS lib…])
# One folder of runner/ as a static library `cachefill_NAME`. Which modules it may link stands in layers.txt, too;
# scripts/check-layers reads the includes and fails on any edge that is not there.
function(cachefill_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(cachefill_${name} STATIC ${ARG_SOURCES})
  target_include_directories(cachefill_${name} PUBLIC "${CMAKE_SOURCE_DIR}/runner")
  target_link_libraries(cachefill_${name} PUBLIC ${ARG_LINKS} PRIVATE cachefill_compile_options)
  if(CACHEFILL_SMALL AND NOT name IN_LIST CACHEFILL_FAST_MODULES)
    target_compile_options(cachefill_${name} PRIVATE -Os "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -Oz>") # zig takes -Oz for -Os
  endif()
endfunction()

# cachefill_unit_test(NAME SOURCES a_test.cpp… [LINKS lib…])
# One test program per module, so that a change rebuilds little. Boost.Test; main comes from tests/unit/main.cpp.
function(cachefill_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name}_test $<TARGET_OBJECTS:cachefill_test_main> ${ARG_SOURCES})
  target_include_directories(${name}_test PRIVATE "${CMAKE_SOURCE_DIR}/runner" "${CMAKE_SOURCE_DIR}/tests")
  target_compile_definitions(${name}_test PRIVATE
    BOOST_TEST_DYN_LINK CACHEFILL_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data" CACHEFILL_GOLDEN="${CMAKE_SOURCE_DIR}/tests/golden")
  target_link_libraries(${name}_test PRIVATE ${ARG_LINKS} Boost::unit_test_framework cachefill_compile_options)
  add_test(NAME unit.${name} COMMAND ${name}_test --color_output=no)
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()
