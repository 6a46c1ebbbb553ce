# Toolchain file for executables that need nothing of the Linux they run on: musl and libc++, linked statically.
# scripts/release-libraries makes what stands in CACHEFILL_RELEASE_DIRECTORY.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR "${CACHEFILL_RELEASE_ARCHITECTURE}")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CACHEFILL_RELEASE_DIRECTORY CACHEFILL_RELEASE_ARCHITECTURE)

set(tools "${CACHEFILL_RELEASE_DIRECTORY}/tools-${CACHEFILL_RELEASE_ARCHITECTURE}")
set(prefix "${CACHEFILL_RELEASE_DIRECTORY}/${CACHEFILL_RELEASE_ARCHITECTURE}")
set(CMAKE_C_COMPILER "${tools}/cc")
set(CMAKE_CXX_COMPILER "${tools}/c++")
set(CMAKE_AR "${tools}/ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${tools}/ranlib" CACHE FILEPATH "")
# No path of this machine in what is built, not even where Boost tells the place of an error. Without -g0 zig writes what the
# linker then strips.
set(marks "-g0 -ffile-prefix-map=${prefix}/=")
set(CMAKE_C_FLAGS_INIT "-ffunction-sections -fdata-sections ${marks}")
set(CMAKE_CXX_FLAGS_INIT "-ffunction-sections -fdata-sections ${marks} -DBOOST_DISABLE_CURRENT_LOCATION")
# As an object it comes before the archive of the C library, whose allocator is then not taken.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -pie -Wl,--gc-sections -Wl,-s ${prefix}/lib/mimalloc.o")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_LINK_EXECUTABLE "${tools}/link <FLAGS> <CMAKE_CXX_LINK_FLAGS> <LINK_FLAGS> <OBJECTS> -o <TARGET> <LINK_LIBRARIES>")

set(CMAKE_FIND_ROOT_PATH "${prefix}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_PREFIX_PATH "${prefix}")
set(ENV{PKG_CONFIG_LIBDIR} "${prefix}/lib/pkgconfig")

# Boost's own package files would lead to the libraries of this machine.
set(Boost_NO_BOOST_CMAKE ON)
set(Boost_USE_STATIC_LIBS ON)
set(OPENSSL_USE_STATIC_LIBS ON)
