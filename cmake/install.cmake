# The files of `make install`, the package and the tarball: the programs, pages and completions made of their --help, the
# documentation, and the licences of what is linked in.
include(GNUInstallDirs)

# Each program's link writes the list of the files that it took.
foreach(program bottle bottle-proxy)
  target_link_options(${program} PRIVATE
                      -Wl,--dependency-file=${CMAKE_BINARY_DIR}/${program}.link.d)
endforeach()

set(PAGES_DIR ${CMAKE_BINARY_DIR}/pages)
add_custom_command(
  OUTPUT ${PAGES_DIR}/made
  COMMAND ${CMAKE_SOURCE_DIR}/scripts/man-pages --bottle $<TARGET_FILE:bottle> --proxy
          $<TARGET_FILE:bottle-proxy> --out ${PAGES_DIR}
  COMMAND ${CMAKE_COMMAND} -E touch ${PAGES_DIR}/made
  DEPENDS bottle bottle-proxy ${CMAKE_SOURCE_DIR}/scripts/man-pages
  COMMENT "man pages and completions"
  VERBATIM)
# The linker says what it took; the compiler's dependencies say which headers.
add_custom_command(
  OUTPUT ${PAGES_DIR}/sbom.spdx.json ${PAGES_DIR}/THIRD-PARTY-LICENCES
  COMMAND ${CMAKE_SOURCE_DIR}/scripts/sbom --build ${CMAKE_BINARY_DIR} --version ${PROJECT_VERSION}
          --ninja ${CMAKE_MAKE_PROGRAM} --out ${PAGES_DIR}
  DEPENDS bottle bottle-proxy ${CMAKE_SOURCE_DIR}/scripts/sbom
  COMMENT "the list of third parties"
  VERBATIM)
add_custom_target(pages DEPENDS ${PAGES_DIR}/made ${PAGES_DIR}/sbom.spdx.json)

install(TARGETS bottle bottle-proxy RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# The demo's stand-in for the internet. Not in PATH: no user calls it.
install(PROGRAMS ${CMAKE_BINARY_DIR}/bottle-demo-origin DESTINATION lib/bottle
        OPTIONAL)
install(DIRECTORY ${PAGES_DIR}/man1 DESTINATION share/man)
install(FILES ${PAGES_DIR}/bottle.bash DESTINATION share/bash-completion/completions RENAME bottle)
install(FILES ${PAGES_DIR}/bottle.zsh DESTINATION share/zsh/vendor-completions RENAME _bottle)
install(FILES ${PAGES_DIR}/bottle.fish DESTINATION share/fish/vendor_completions.d)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/packaging/copyright
              ${PAGES_DIR}/sbom.spdx.json ${PAGES_DIR}/THIRD-PARTY-LICENCES
        DESTINATION share/doc/bottle)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/ DESTINATION share/doc/bottle/docs FILES_MATCHING PATTERN "*.md"
        PATTERN "*.svg")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME bottle)
set(CPACK_PACKAGE_CONTACT "The bottle project <bottle@bottle.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "runs AI agents with their network on a leash")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "A command runs in isolation and reaches only the hosts that you name. A proxy\n\
 decrypts, checks and scans each of its requests, and writes it to a log.")
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "bubblewrap, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "docker.io, libnss3-tools, ncurses-term")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/package)
include(CPack)
