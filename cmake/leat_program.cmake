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

find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)

add_library(leat_program_parts OBJECT ${sources})
target_include_directories(leat_program_parts PUBLIC ${PROJECT_SOURCE_DIR}/apps/leat)
target_compile_definitions(leat_program_parts PUBLIC LEAT_VERSION="${PROJECT_VERSION}")
target_link_libraries(leat_program_parts
  PUBLIC leat::leat fmt::fmt CLI11::CLI11 nlohmann_json::nlohmann_json OpenSSL::Crypto)

add_executable(leat_program ${main})
# In bin/: beside the library's target, also called leat, ninja would mistake one for the other.
set_target_properties(leat_program PROPERTIES
  OUTPUT_NAME leat RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
target_link_libraries(leat_program PRIVATE leat_program_parts)
