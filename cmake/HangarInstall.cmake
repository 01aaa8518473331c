# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# What lets others build on an installed hangar, and the documents that come
# with it: pkg-config files, the CMake package, documentation, manual pages.
# Programs, library, headers and plugins are installed where they are declared.
include(CMakePackageConfigHelpers)

set(docdir ${CMAKE_INSTALL_DOCDIR})
set(packaging ${PROJECT_SOURCE_DIR}/packaging)
set(generated ${PROJECT_BINARY_DIR}/packaging)

# pkg-config.  The prefix is found from where the file lies, so that the tree
# can be staged and moved.
file(RELATIVE_PATH HANGAR_PC_PREFIX
     ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" HANGAR_PC_PREFIX "${HANGAR_PC_PREFIX}")
foreach(name hangar hangar-plugin)
  configure_file(${packaging}/${name}.pc.in ${generated}/${name}.pc @ONLY)
  install(FILES ${generated}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# The CMake package: hangar::hangar to embed, hangar::plugin to write a plugin.
add_library(hangar-plugin INTERFACE)
set_target_properties(hangar-plugin PROPERTIES EXPORT_NAME plugin)
install(TARGETS hangar-plugin EXPORT hangar-targets
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(cmakedir ${CMAKE_INSTALL_LIBDIR}/cmake/hangar)
install(EXPORT hangar-targets NAMESPACE hangar:: DESTINATION ${cmakedir})
configure_package_config_file(${packaging}/hangar-config.cmake.in ${generated}/hangar-config.cmake
  INSTALL_DESTINATION ${cmakedir} PATH_VARS HANGAR_PLUGIN_DIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 a minor version may change the library's ABI.
write_basic_package_version_file(${generated}/hangar-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${generated}/hangar-config.cmake ${generated}/hangar-config-version.cmake
        DESTINATION ${cmakedir})

# systemd: both services are locked up in the same way.
file(READ ${packaging}/systemd/hardening.conf HARDENING)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${packaging}/systemd/hardening.conf)
foreach(name hangar.service hangar-backup@.service)
  configure_file(${packaging}/systemd/${name}.in ${generated}/systemd/${name} @ONLY)
endforeach()
configure_file(${packaging}/systemd/hangar-backup@.timer ${generated}/systemd COPYONLY)
install(DIRECTORY ${generated}/systemd/ DESTINATION lib/systemd/system)

# Documentation.
install(FILES README.md LICENSE CHANGELOG.md SECURITY.md DESTINATION ${docdir})
install(FILES backup.yaml examples/kubernetes-cronjob.yaml examples/cron.d-hangar
        DESTINATION ${docdir}/examples)
install(DIRECTORY docs/ DESTINATION ${docdir}/docs FILES_MATCHING PATTERN "*.md")

# Manual pages, docs/man/NAME.SECTION.scd.
find_program(SCDOC scdoc)
file(GLOB manual_pages CONFIGURE_DEPENDS docs/man/*.scd)
if(SCDOC)
  foreach(source ${manual_pages})
    get_filename_component(page ${source} NAME_WLE)
    string(REGEX REPLACE "^.*\\." "" section ${page})
    set(target ${generated}/${page})
    add_custom_command(OUTPUT ${target} DEPENDS ${source} VERBATIM
                       COMMAND sh -c "\"$0\" <\"$1\" >\"$2\"" ${SCDOC} ${source} ${target})
    list(APPEND built_pages ${target})
    install(FILES ${target} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(manual ALL DEPENDS ${built_pages})
elseif(manual_pages)
  message(STATUS "scdoc is not there: manual pages are not made")
endif()

# A tree under a prefix that the linker does not search must run as it is;
# distributions pass -DCMAKE_SKIP_INSTALL_RPATH=ON.
if(TARGET hangar-cli)
  file(RELATIVE_PATH to_library ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(hangar-cli PROPERTIES INSTALL_RPATH "$ORIGIN/${to_library}")
endif()
