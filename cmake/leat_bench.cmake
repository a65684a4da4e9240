# One program for each bench/NAME.cc, on google-benchmark. They may include src/, to time the parts.

find_package(benchmark REQUIRED)
file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.cc)
# What one shares with the tests: NAME's files of tests/support/ are in shared_by_NAME.
set(shared_by_cold_steps fuse_disk.cc mounts.cc pattern.cc)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  set(shared ${shared_by_${name}})
  list(TRANSFORM shared PREPEND ${PROJECT_SOURCE_DIR}/tests/support/)
  add_executable(leat_bench_${name} ${source} ${shared})
  set_target_properties(leat_bench_${name} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
  target_include_directories(leat_bench_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  if(shared)
    target_include_directories(leat_bench_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  endif()
  target_link_libraries(leat_bench_${name} PRIVATE leat::leat benchmark::benchmark)
endforeach()
