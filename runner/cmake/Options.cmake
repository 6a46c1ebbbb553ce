# Everything that changes how our own code is compiled, as two interface targets that modules link privately.
include_guard(GLOBAL)
include(CheckIPOSupported)

option(CACHEFILL_WERROR "Warnings are errors (CI and the presets turn this on)" OFF)
option(CACHEFILL_TESTS "Build the test programs" ON)
option(CACHEFILL_HARDEN "Stack protector, fortify, RELRO, PIE" OFF)
option(CACHEFILL_SMALL "Optimize for size what little time is spent in" OFF)
option(CACHEFILL_FUZZ "A libFuzzer program for each target of tests/fuzz (clang), instead of one that replays seeds" OFF)
set(CACHEFILL_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, for instance address,undefined")

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without its own path in the key, one checkout profits from what another has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=true "${CCACHE}")
endif()

add_library(cachefill_compile_options INTERFACE)
target_compile_options(cachefill_compile_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(cachefill_compile_options INTERFACE -Wduplicated-cond -Wlogical-op -fcoroutines)
  # false alarms about std::string with optimization (GCC bug 105651)
  target_compile_options(cachefill_compile_options INTERFACE $<$<CONFIG:Release>:-Wno-restrict>)
  # The same sums of strings, seen once more by link-time optimization: a newcomer's build ends with sixty lines of it.
  target_link_options(cachefill_compile_options INTERFACE $<$<CONFIG:Release>:-Wno-stringop-overflow>)
endif()
if(CACHEFILL_WERROR)
  target_compile_options(cachefill_compile_options INTERFACE -Werror)
endif()
if(CACHEFILL_SANITIZE)
  target_compile_options(cachefill_compile_options INTERFACE
    -fsanitize=${CACHEFILL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(cachefill_compile_options INTERFACE -fsanitize=${CACHEFILL_SANITIZE})
  if(CACHEFILL_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A quarter of g++'s time over all sources (0.76 without them). What goes through a bad pointer is for ASan here; clang's
    # fuzzers have these checks, too.
    target_compile_options(cachefill_compile_options INTERFACE
      -fno-sanitize=null,alignment,object-size,vptr,nonnull-attribute,returns-nonnull-attribute)
  endif()
  if(CACHEFILL_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(cachefill_compile_options INTERFACE -Wno-tsan) # Asio's fences
  endif()
endif()
if(CACHEFILL_FUZZ)
  target_compile_options(cachefill_compile_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CACHEFILL_HARDEN)
  target_compile_options(cachefill_compile_options INTERFACE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  target_link_options(cachefill_compile_options INTERFACE -Wl,-z,relro,-z,now)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  check_ipo_supported(RESULT ipo LANGUAGES CXX)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${ipo})
endif()
