# What `cmake --install` puts into a prefix: library, headers, program, CMake package, leat.pc, man
# pages and shell completions.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leat)

install(TARGETS leat EXPORT leat_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/leat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        OPTIONAL FILES_MATCHING PATTERN "*.h")
install(EXPORT leat_targets NAMESPACE leat:: DESTINATION ${package_dir})
if(TARGET leat_asio)
  # An export of its own: leat::leat must be found where there is no Boost.
  install(TARGETS leat_asio EXPORT leat_asio_targets)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/leat_asio DESTINATION
          ${CMAKE_INSTALL_INCLUDEDIR} OPTIONAL FILES_MATCHING PATTERN "*.h")
  install(EXPORT leat_asio_targets NAMESPACE leat:: DESTINATION ${package_dir})
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/leatConfig.cmake.in
  ${PROJECT_BINARY_DIR}/leatConfig.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/leatConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/leatConfig.cmake ${PROJECT_BINARY_DIR}/leatConfigVersion.cmake
        DESTINATION ${package_dir})

# The prefix is known for sure only while installing (`cmake --install --prefix`).
set(leat_pc_libraries)
if(leat_liburing)
  set(leat_pc_libraries -luring)
endif()
set(prefix_when_installed "@CMAKE_INSTALL_PREFIX@")
configure_file(${PROJECT_SOURCE_DIR}/cmake/leat.pc.in ${PROJECT_BINARY_DIR}/leat.pc.in @ONLY)
set(pc ${PROJECT_BINARY_DIR}/leat.pc)
install(CODE "configure_file(\"${pc}.in\" \"${pc}\" @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/leat.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET leat_program)
  install(TARGETS leat_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  file(GLOB man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.1)
  install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  # Each shell's own place and file name; only those completions that are there.
  set(completions ${PROJECT_SOURCE_DIR}/packaging/completions)
  install(FILES ${completions}/leat.bash RENAME leat OPTIONAL
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completions}/_leat OPTIONAL
          DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${completions}/leat.fish OPTIONAL
          DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
