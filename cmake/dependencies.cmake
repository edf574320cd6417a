# Everything comes from Debian packages; scripts/bootstrap installs them.
#
# BOTTLE_STATIC links all of it into the programs except glibc, so that they start on other systems of the same age.
option(BOTTLE_STATIC "Link the libraries into the programs" OFF)
if(BOTTLE_STATIC)
  set(OPENSSL_USE_STATIC_LIBS ON)
  set(ZLIB_USE_STATIC_LIBS ON)
  list(PREPEND CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(BROTLI_STATIC_PART libbrotlicommon)
endif()
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 REQUIRED)  # headers only
find_package(spdlog REQUIRED)
# Debian has no archive of spdlog nor of fmt: there their headers are the whole library.
add_library(bottle_spdlog INTERFACE)
if(BOTTLE_STATIC)
  target_compile_definitions(bottle_spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY=1)
  target_link_libraries(bottle_spdlog INTERFACE Threads::Threads)
else()
  target_link_libraries(bottle_spdlog INTERFACE spdlog::spdlog)
endif()
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52.0)
pkg_check_modules(brotli REQUIRED IMPORTED_TARGET libbrotlidec libbrotlienc ${BROTLI_STATIC_PART})
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares>=1.18)
pkg_check_modules(hs REQUIRED IMPORTED_TARGET libhs)
# The archives: the launcher goes into bottles whose images may have no such libraries.
find_library(SECCOMP_ARCHIVE NAMES libseccomp.a REQUIRED)
find_library(NCURSES_ARCHIVE NAMES libncursesw.a REQUIRED)
find_library(TINFO_ARCHIVE NAMES libtinfo.a REQUIRED)

# Debian ships llhttp as generated C sources. They are compiled here so that strict mode, which is
# a compile-time switch in 8.x, holds for the library and for everyone who includes its header.
set(LLHTTP_SOURCES /usr/share/llhttp CACHE PATH "llhttp's generated C sources (node-llhttp)")
set(LLHTTP_INCLUDE /usr/share/include/llhttp CACHE PATH "llhttp.h")
if(NOT EXISTS ${LLHTTP_SOURCES}/llhttp.c)
  message(FATAL_ERROR "llhttp's sources are missing: install the package node-llhttp "
                      "(scripts/bootstrap does), or set LLHTTP_SOURCES and LLHTTP_INCLUDE")
endif()
add_library(llhttp STATIC ${LLHTTP_SOURCES}/api.c ${LLHTTP_SOURCES}/http.c
                          ${LLHTTP_SOURCES}/llhttp.c)
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(llhttp PRIVATE -O2 -w)
# It parses what strangers send.
target_link_libraries(llhttp PRIVATE bottle_hardening)

include(${CMAKE_CURRENT_LIST_DIR}/go.cmake)
