# Tests: leat_<layer>_test from src/<layer>/*_test.cc, leat_program_test from apps/leat,
# leat_<name>_test from tests/<name>/, and tests/<name>/*_test.py through python3. ctest runs each
# program in parts of about as many tests, and each script whole; both bear their folder as label.
# Those of tests/lab are built and not listed: scripts/lab makes their machine, and runs them.

find_package(GTest REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_package(PkgConfig)
if(PkgConfig_FOUND)
  pkg_check_modules(SECCOMP IMPORTED_TARGET libseccomp)
endif()
set(shards 4)

if("${CMAKE_CXX_FLAGS} $ENV{CXXFLAGS}" MATCHES "_FORTIFY_SOURCE|_FILE_OFFSET_BITS")
  # Both rename calls (__read_chk, pread64) past the fault seam, which then injects nothing.
  message(FATAL_ERROR "LEAT_TESTS needs flags without _FORTIFY_SOURCE and _FILE_OFFSET_BITS")
endif()

# What tests share. The fault seam is a link-time one: each function named in seam_calls.txt is
# wrapped (ld --wrap) in every test executable, and leat_testing defines its __wrap_ twin.
file(GLOB support CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.cc)
list(FILTER support EXCLUDE REGEX "_test\\.cc$")
if(NOT support)
  file(WRITE ${PROJECT_BINARY_DIR}/empty.cc "")
  set(support ${PROJECT_BINARY_DIR}/empty.cc)
endif()
add_library(leat_testing STATIC ${support})
target_include_directories(leat_testing
  PUBLIC ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(leat_testing PUBLIC leat::leat GTest::gtest GTest::gmock)
if(leat_liburing)
  target_compile_definitions(leat_testing PRIVATE LEAT_HAVE_LIBURING=1)
endif()
if(TARGET PkgConfig::SECCOMP)
  target_link_libraries(leat_testing PUBLIC PkgConfig::SECCOMP)
  target_compile_definitions(leat_testing PUBLIC LEAT_HAVE_SECCOMP=1)
endif()

set(seam_file ${PROJECT_SOURCE_DIR}/tests/support/seam_calls.txt)
file(GLOB seam_found CONFIGURE_DEPENDS ${seam_file})
set(seam_options)
if(seam_found)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${seam_file})
  file(STRINGS ${seam_file} seam_calls REGEX "^[A-Za-z_]")
  list(TRANSFORM seam_calls STRIP)
  list(TRANSFORM seam_calls PREPEND "LINKER:--wrap=" OUTPUT_VARIABLE seam_options)
endif()

# leat_add_test(NAME LABEL SOURCES [LIBRARIES…])
function(leat_add_test name label sources)
  add_executable(${name} ${sources})
  leat_compile_quickly(${name})
  # The whole archive: else the linker, which meets leat_testing before leat, would drop those
  # __wrap_ functions that only leat calls.
  target_link_libraries(${name} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,leat_testing> ${ARGN}
    leat::leat GTest::gtest GTest::gmock GTest::gtest_main)
  target_include_directories(${name}
    PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_options(${name} PRIVATE ${seam_options})
  if("${label}" STREQUAL "lab")
    return()
  endif()
  # A process for each test would spend most of its time on beginning. A test has its own watchdog.
  math(EXPR timeout "5 * ${LEAT_TEST_TIMEOUT}")
  foreach(shard RANGE 1 ${shards})
    math(EXPR index "${shard} - 1")
    set(part ${label}/${shard}_of_${shards})
    add_test(NAME ${part} COMMAND ${name})
    set_tests_properties(${part} PROPERTIES TIMEOUT ${timeout} LABELS ${label}
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${index}")
  endforeach()
endfunction()

# leat_add_python_test(LABEL SCRIPT): one ctest test a script; exit status 77 says that all of it
# was skipped.
function(leat_add_python_test label script)
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME ${label}/${name}
    COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/support/run_unittest.py ${script})
  set(environment LEAT_SOURCE_DIR=${PROJECT_SOURCE_DIR} LEAT_BUILD_DIR=${PROJECT_BINARY_DIR}
    LEAT_SANITIZE=${LEAT_SANITIZE})
  if(TARGET leat_program)
    list(APPEND environment LEAT_PROGRAM=$<TARGET_FILE:leat_program>)
  endif()
  set_tests_properties(${label}/${name} PROPERTIES ENVIRONMENT "${environment}"
    SKIP_RETURN_CODE 77 TIMEOUT ${LEAT_TEST_TIMEOUT} LABELS ${label})
endfunction()

foreach(layer IN LISTS LEAT_LAYERS)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*_test.cc)
  if(sources)
    leat_add_test(leat_${layer}_test ${layer} "${sources}")
  endif()
endforeach()

file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/apps/leat/*_test.cc)
if(sources AND TARGET leat_program_parts)
  leat_add_test(leat_program_test program "${sources}" leat_program_parts)
endif()

# A glob of files, not of folders: CMake then notices a first test in a new folder.
file(GLOB found CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/tests
  ${PROJECT_SOURCE_DIR}/tests/*/*_test.cc ${PROJECT_SOURCE_DIR}/tests/*/*_test.py)
list(TRANSFORM found REPLACE "/.*" "" OUTPUT_VARIABLE folders)
list(REMOVE_DUPLICATES folders)
foreach(folder IN LISTS folders)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${folder}/*.cc)
  # Quoted: a variable of the name support exists.
  if("${folder}" STREQUAL "support")
    list(FILTER sources INCLUDE REGEX "_test\\.cc$")
  endif()
  if(sources)
    # Files that need Boost.Asio are left out where it is not there.
    foreach(source IN LISTS sources)
      file(STRINGS ${source} uses_asio REGEX "#include [<\"](leat/asio\\.h|boost/)")
      if(uses_asio AND NOT TARGET leat::asio)
        message(STATUS "${source} is left out: it needs leat::asio")
        list(REMOVE_ITEM sources ${source})
      endif()
    endforeach()
    # What people read of what the library says: the program's text of it.
    set(parts)
    if("${folder}" STREQUAL "golden")
      if(NOT TARGET leat_program_parts)
        continue()
      endif()
      set(parts leat_program_parts)
    endif()
    leat_add_test(leat_${folder}_test ${folder} "${sources}" $<TARGET_NAME_IF_EXISTS:leat::asio>
      ${parts})
  endif()
  file(GLOB scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${folder}/*_test.py)
  foreach(script IN LISTS scripts)
    leat_add_python_test(${folder} ${script})
  endforeach()
endforeach()
