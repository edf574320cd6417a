# Compiler options every target of the project shares.
add_library(bottle_options INTERFACE)
target_include_directories(bottle_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(
  bottle_options INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_HAS_CO_AWAIT
                           BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=8
                           BOTTLE_VERSION="${PROJECT_VERSION}")
# Coroutine frames over 1 KiB are too large for Asio's recycling; plain operator new serves them from
# malloc's caches, aligned_alloc does not.
target_compile_definitions(
  bottle_options INTERFACE $<$<CONFIG:Release>:BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC>
                           $<$<CONFIG:Release>:BOOST_ASIO_DISABLE_BOOST_ALIGN>)
include(${CMAKE_CURRENT_LIST_DIR}/hardening.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/profile.cmake)
target_link_libraries(bottle_options INTERFACE bottle_hardening bottle_profile)
# Test programs are large tables that run once: optimising them with sanitizers takes three times as
# long as compiling them. The code that they test is optimised.
target_compile_options(
  bottle_options INTERFACE -fno-omit-frame-pointer -fstack-protector-strong
                           $<$<CONFIG:Debug>:$<IF:$<BOOL:$<TARGET_PROPERTY:RUNS_ONCE>>,-O0,-O1>>
                           $<$<CONFIG:Debug>:-g1>)
# lld links a test program in a second where ld takes ten. g++ looks for it by its plain name, which Debian keeps in
# LLVM's own directory.
find_program(LLD NAMES ld.lld HINTS /usr/lib/llvm-19/bin)
if(LLD)
  get_filename_component(LLD_DIR ${LLD} DIRECTORY)
  target_link_options(bottle_options INTERFACE -fuse-ld=lld
                      $<$<LINK_LANG_AND_ID:CXX,GNU>:-B${LLD_DIR}>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(bottle_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fcoroutines>)
endif()
if(BOTTLE_WARNINGS)
  target_compile_options(bottle_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 reports these inside its own standard library and Boost's headers, as false positives; the last but one for
    # every coroutine.
    target_compile_options(
      bottle_options INTERFACE -Wno-error=maybe-uninitialized -Wno-error=restrict
                               -Wno-error=array-bounds -Wno-error=stringop-overflow
                               -Wno-error=stringop-overread -Wno-error=dangling-pointer
                               -Wno-mismatched-new-delete -Wno-error=null-dereference)
    # A coroutine's frame has members of unnamed namespaces; of a file that is included, g++ takes that for a mistake.
    target_compile_options(bottle_options INTERFACE $<$<BOOL:${BOTTLE_UNITY}>:-Wno-subobject-linkage>)
  endif()
endif()
if(BOTTLE_SANITIZE)
  target_compile_options(bottle_options INTERFACE -fsanitize=${BOTTLE_SANITIZE}
                                                  -fno-sanitize-recover=all)
  target_link_options(bottle_options INTERFACE -fsanitize=${BOTTLE_SANITIZE})
endif()
if(BOTTLE_FUZZ)
  target_compile_options(bottle_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
