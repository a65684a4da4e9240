# Flags of everything built here. They are set for this directory and not on targets, so that they
# are never passed on to programs that use leat.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
  endif()
  add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow)
  find_program(LEAT_CCACHE ccache)
  mark_as_advanced(LEAT_CCACHE)
  if(LEAT_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${LEAT_CCACHE})
  endif()
endif()

if(LEAT_WERROR)
  add_compile_options(-Werror)
endif()

# An assert says that leat itself has a bug. It stays on in every build, so CMake's -DNDEBUG goes.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_${config} "${CMAKE_CXX_FLAGS_${config}}")
endforeach()

if(LEAT_SANITIZE)
  # Without vptr: that check probes memory with write(2), which tests refuse by a filter; it then
  # ends the program with status 0, and the test looks passed.
  set(sanitize -fsanitize=${LEAT_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_compile_options(${sanitize})
  add_link_options(${sanitize})
endif()

# leat_compile_quickly(TARGET): under a sanitizer what moves no bytes by itself, the program and the
# tests, is compiled without optimisation, in half the time.
function(leat_compile_quickly target)
  if(LEAT_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()
