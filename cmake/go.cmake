# The stand-in origin and the pipelock double are Go programs (docs/decisions/003-go-for-the-test-world.md). They use
# the standard library alone, so building them needs no network. They land beside the project's own binaries.
find_program(GO_EXECUTABLE go HINTS /usr/local/go/bin /usr/lib/go-1.19/bin)
if(NOT GO_EXECUTABLE)
  message(WARNING "go is missing: no demo and no integration tests (scripts/bootstrap installs it)")
  return()
endif()

set(GO_ENVIRONMENT CGO_ENABLED=0 GOPROXY=off GOTOOLCHAIN=local)
if(NOT DEFINED ENV{GOCACHE} AND NOT DEFINED ENV{HOME} AND NOT DEFINED ENV{XDG_CACHE_HOME})
  list(APPEND GO_ENVIRONMENT GOCACHE=${CMAKE_BINARY_DIR}/go-cache)
endif()

function(bottle_go_program name)
  set(module ${CMAKE_SOURCE_DIR}/tests/go)
  file(GLOB sources CONFIGURE_DEPENDS ${module}/cmd/${name}/*.go ${module}/double/*.go
       ${module}/origin/*.go)
  add_custom_command(
    OUTPUT ${CMAKE_BINARY_DIR}/${name}
    COMMAND ${CMAKE_COMMAND} -E env ${GO_ENVIRONMENT} ${GO_EXECUTABLE} build -o
            ${CMAKE_BINARY_DIR}/${name} ./cmd/${name}
    WORKING_DIRECTORY ${module}
    DEPENDS ${sources} ${module}/go.mod
    COMMENT "go build ${name}")
  add_custom_target(go-${name} ALL DEPENDS ${CMAKE_BINARY_DIR}/${name})
endfunction()

bottle_go_program(bottle-demo-origin)
bottle_go_program(pipelock-double)
add_custom_target(go-programs DEPENDS go-bottle-demo-origin go-pipelock-double)
