# One program for each fuzz/NAME_fuzz.cc. With LEAT_FUZZ (preset fuzz, clang) it is a libFuzzer
# program; else it is linked with replay_main.cc. Both replay fuzz/corpus/NAME/ as the test
# fuzz_replay_NAME.

if(LEAT_FUZZ AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "LEAT_FUZZ needs clang; the preset fuzz sets it")
endif()

file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/*_fuzz.cc)
foreach(source IN LISTS sources)
  get_filename_component(target ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" name ${target})
  set(corpus ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
  add_executable(${target} ${source})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  target_include_directories(${target}
    PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE leat::leat)
  if(LEAT_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    file(MAKE_DIRECTORY ${corpus})  # libFuzzer, unlike replay_main.cc, insists on it
    set(replay ${target} -runs=0 ${corpus})
  else()
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/replay_main.cc)
    set(replay ${target} ${corpus})
  endif()
  add_test(NAME fuzz_replay_${name} COMMAND ${replay})
  set_tests_properties(fuzz_replay_${name} PROPERTIES TIMEOUT ${LEAT_TEST_TIMEOUT} LABELS fuzz)
endforeach()
