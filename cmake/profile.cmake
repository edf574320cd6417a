# The compiler lays code out by how often it ran: cmake/profile.tar.xz has the counts of requests of each kind, from
# bench/profile (`make profile`). A function that changed since then is compiled without counts, so an older profile costs
# speed and nothing else.
set(BOTTLE_PROFILE "use" CACHE STRING "use: compile a release with the counts; generate: a program that counts; off")
set(profile_archive ${CMAKE_SOURCE_DIR}/cmake/profile.tar.xz)
# Functions of unnamed namespaces are told apart by their file's name, wherever it is built.
set(profile_names "SHELL:-mllvm -static-func-full-module-prefix=false")
add_library(bottle_profile INTERFACE)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_BUILD_TYPE STREQUAL "Debug")
  # Counts are of one compiler.
elseif(BOTTLE_PROFILE STREQUAL "generate")
  target_compile_options(bottle_profile INTERFACE -fprofile-generate -fprofile-update=atomic ${profile_names})
  target_link_options(bottle_profile INTERFACE -fprofile-generate)
elseif(BOTTLE_PROFILE STREQUAL "use" AND EXISTS ${profile_archive} AND CMAKE_CXX_COMPILER_VERSION MATCHES "^19\\.")
  # Its name changes with its content, so that ninja compiles again.
  file(SHA256 ${profile_archive} profile_hash)
  string(SUBSTRING ${profile_hash} 0 16 profile_hash)
  set(profile_folder ${CMAKE_BINARY_DIR}/profile-${profile_hash})
  if(NOT EXISTS ${profile_folder}/bottle.profdata)
    file(ARCHIVE_EXTRACT INPUT ${profile_archive} DESTINATION ${profile_folder})
  endif()
  target_compile_options(bottle_profile INTERFACE -fprofile-use=${profile_folder}/bottle.profdata ${profile_names}
                                                  -Wno-profile-instr-out-of-date -Wno-profile-instr-unprofiled
                                                  -Wno-backend-plugin)
endif()
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${profile_archive})
