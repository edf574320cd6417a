# Options that make a mistake in memory harder to use. scripts/hardening checks the programs for them; docs/testing.md has
# the list.
add_library(bottle_hardening INTERFACE)
target_link_options(bottle_hardening INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

# The programs that ship, and their debug symbols, which are in a file of their own. The linker keeps code and data in
# pages of their own.
set(hardening -fPIE -fstack-protector-strong -fstack-clash-protection -fvisibility=hidden -U_FORTIFY_SOURCE
              -D_FORTIFY_SOURCE=3 -g1 -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
# Jumps to the middle of a function and returns to forged addresses fault, where processor, kernel and libc support it.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND hardening -fcf-protection=full)
  # Debian 12's libc has start files without the property, so the linker would leave it out. They do not change stacks
  # either. Its other half, IBT, cannot be claimed for them: they have no landing pads.
  set(shadow_stack ",-z,shstk")
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  list(APPEND hardening -mbranch-protection=standard)
endif()
target_compile_options(
  bottle_hardening INTERFACE "$<$<NOT:$<CONFIG:Debug>>:${hardening}>"
                             $<$<AND:$<NOT:$<CONFIG:Debug>>,$<COMPILE_LANGUAGE:CXX>>:-fvisibility-inlines-hidden>)
target_link_options(bottle_hardening INTERFACE "$<$<NOT:$<CONFIG:Debug>>:-pie;-Wl,-z,separate-code${shadow_stack}>")

# Moves the debug symbols of a program that ships into PROGRAM.debug beside it, where gdb and llvm-symbolizer look for
# them by the program's .gnu_debuglink.
function(bottle_debug_symbols program)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT BOTTLE_SANITIZE)
    add_custom_command(
      TARGET ${program} POST_BUILD
      COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE:${program}> $<TARGET_FILE:${program}>.debug
      COMMAND ${CMAKE_OBJCOPY} --strip-debug --add-gnu-debuglink=$<TARGET_FILE:${program}>.debug
              $<TARGET_FILE:${program}>
      VERBATIM)
  endif()
endfunction()
