# leat::leat, the library, and leat::asio, the adapter for Boost.Asio.

find_package(Threads REQUIRED)

# src/LAYERS is the list of folders; a folder that is not there (yet) is skipped.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/LAYERS)
file(STRINGS ${PROJECT_SOURCE_DIR}/src/LAYERS LEAT_LAYERS REGEX "^[a-z]")
list(TRANSFORM LEAT_LAYERS STRIP)

set(sources)
foreach(layer IN LISTS LEAT_LAYERS)
  file(GLOB layer_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*.cc)
  list(APPEND sources ${layer_sources})
endforeach()
list(FILTER sources EXCLUDE REGEX "_test\\.cc$")

# Without liburing the mechanisms that need it say so; the rest is there.
find_path(LEAT_LIBURING_INCLUDE liburing.h)
find_library(LEAT_LIBURING NAMES uring)
if(LEAT_LIBURING_INCLUDE AND LEAT_LIBURING)
  list(FILTER sources EXCLUDE REGEX "/os/ring_missing\\.cc$")
  set(leat_liburing uring)
else()
  message(STATUS "io_uring is left out: liburing was not found")
  list(FILTER sources EXCLUDE REGEX "/os/ring\\.cc$")
  set(leat_liburing)
endif()
if(NOT sources)
  # Only true of the first commits.
  file(WRITE ${PROJECT_BINARY_DIR}/empty.cc "")
  set(sources ${PROJECT_BINARY_DIR}/empty.cc)
endif()

add_library(leat STATIC ${sources})
add_library(leat::leat ALIAS leat)
target_compile_definitions(leat PRIVATE $<$<CONFIG:Debug>:LEAT_DEBUG>)
target_compile_features(leat PUBLIC cxx_std_23)
target_include_directories(leat
  PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
         $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
  PRIVATE ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(leat PUBLIC Threads::Threads ${leat_liburing})
# A static library that shared ones may link.
set_target_properties(leat PROPERTIES POSITION_INDEPENDENT_CODE ON)

find_package(Boost 1.81 QUIET)
if(Boost_FOUND)
  add_library(leat_asio INTERFACE)
  add_library(leat::asio ALIAS leat_asio)
  set_target_properties(leat_asio PROPERTIES EXPORT_NAME asio)
  target_include_directories(leat_asio INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include/leat_asio>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/leat_asio>)
  target_link_libraries(leat_asio INTERFACE leat Boost::headers)
else()
  message(STATUS "leat::asio is left out: Boost 1.81 was not found")
endif()
