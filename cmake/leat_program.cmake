# The program leat. Everything but main.cc is an object library, so that its unit tests can link it.
# Of leat's own headers it sees the public ones only.

file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/leat/*.cc)
list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
set(main ${PROJECT_SOURCE_DIR}/apps/leat/main.cc)
list(REMOVE_ITEM sources ${main})
if(NOT EXISTS ${main})
  message(STATUS "The program is left out: there is no apps/leat/main.cc")
  return()
endif()

# What leat_library.cmake found.
if(leat_liburing)
  list(FILTER sources EXCLUDE REGEX "/os/ring_reads_missing\\.cc$")
else()
  list(FILTER sources EXCLUDE REGEX "/os/ring_reads\\.cc$")
endif()

find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED)  # its headers; libcrypto is loaded at run time

# Loading shared libraries is the greater part of a short run: with libstdc++ and fmt inside a third
# of the page faults and 1.2 of 6.5 ms go. fmt's headers alone would do too, but each file that has
# them would take twice as long to compile. Another version of fmt may want other templates.
set(fmt fmt::fmt)
if(NOT LEAT_SANITIZE)
  set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
  try_compile(LEAT_FMT_INSIDE ${PROJECT_BINARY_DIR}/fmt_inside
    ${PROJECT_SOURCE_DIR}/cmake/fmt_inside.cc CXX_STANDARD 23 CXX_STANDARD_REQUIRED ON)
  unset(CMAKE_TRY_COMPILE_TARGET_TYPE)
endif()
if(LEAT_FMT_INSIDE)
  set(fmt leat_fmt)
  add_library(leat_fmt STATIC ${PROJECT_SOURCE_DIR}/cmake/fmt_inside.cc)
  target_compile_options(leat_fmt PRIVATE -w)  # its headers' own affair
endif()

add_library(leat_program_parts OBJECT ${sources})
leat_compile_quickly(leat_program_parts)
target_include_directories(leat_program_parts
  PUBLIC ${PROJECT_SOURCE_DIR}/apps/leat
  PRIVATE ${OPENSSL_INCLUDE_DIR})
target_compile_definitions(leat_program_parts PUBLIC LEAT_VERSION="${PROJECT_VERSION}")
target_link_libraries(leat_program_parts
  PUBLIC leat::leat ${fmt} CLI11::CLI11 nlohmann_json::nlohmann_json ${CMAKE_DL_LIBS})

add_executable(leat_program ${main})
leat_compile_quickly(leat_program)
# In bin/: beside the library's target, also called leat, ninja would mistake one for the other.
set_target_properties(leat_program PROPERTIES
  OUTPUT_NAME leat RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
target_link_libraries(leat_program PRIVATE leat_program_parts)
if(LEAT_FMT_INSIDE)
  target_link_options(leat_program PRIVATE -static-libstdc++ -static-libgcc)
endif()

# Abseil's Cord, for `leat bench memory` to load from beside the program: a peer to be measured
# against, which is neither needed nor installed. Not under a sanitizer, which Abseil's own code has
# none of.
find_package(absl CONFIG QUIET)
if(absl_FOUND AND NOT LEAT_SANITIZE)
  add_library(leat_cord MODULE ${PROJECT_SOURCE_DIR}/bench/cord/cord_operations.cc)
  set_target_properties(leat_cord PROPERTIES
    PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_include_directories(leat_cord PRIVATE ${PROJECT_SOURCE_DIR}/apps/leat)
  target_link_libraries(leat_cord PRIVATE absl::cord)
  add_dependencies(leat_program leat_cord)
endif()
