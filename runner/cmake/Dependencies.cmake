# Debian 12's libraries; nothing is downloaded while configuring.
include_guard(GLOBAL)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url OPTIONAL_COMPONENTS unit_test_framework)
find_package(OpenSSL 3.0 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(fmt 9 REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIRECTORY toml++/toml.h REQUIRED)
find_package(BZip2 REQUIRED)
find_package(LibLZMA 5.4 REQUIRED) # the first that knows lzip
find_package(ZLIB REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(BROTLI REQUIRED IMPORTED_TARGET libbrotlidec libbrotlicommon)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd>=1.5)

# One executor type and separate compilation would still instantiate Asio everywhere; header-only is as fast here.
add_library(cachefill_asio INTERFACE)
target_compile_definitions(cachefill_asio INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
target_link_libraries(cachefill_asio INTERFACE Boost::headers Threads::Threads)
