# One program for each examples/NAME.cc, built against the public headers only.

file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.cc)
foreach(source IN LISTS sources)
  get_filename_component(name ${source} NAME_WE)
  file(STRINGS ${source} uses_asio REGEX "#include [<\"](leat/asio\\.h|boost/)")
  if(uses_asio AND NOT TARGET leat::asio)
    message(STATUS "examples/${name}.cc is left out: it needs leat::asio")
    continue()
  endif()
  add_executable(leat_example_${name} ${source})
  set_target_properties(leat_example_${name} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
  target_link_libraries(leat_example_${name} PRIVATE leat::leat)
  if(uses_asio)
    target_link_libraries(leat_example_${name} PRIVATE leat::asio)
  endif()
endforeach()
