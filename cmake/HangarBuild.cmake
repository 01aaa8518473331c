# SPDX-License-Identifier: Apache-2.0
# How everything here is compiled, and how a plugin is declared.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(HANGAR_WERROR "warnings are errors" OFF)
set(HANGAR_SANITIZE "" CACHE STRING "sanitizers, for example address,undefined or thread")

set(HANGAR_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/hangar/plugins)
set(HANGAR_BUILD_PLUGIN_DIR ${CMAKE_BINARY_DIR}/lib/plugins)

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes
                    -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -fno-common
                    -fstack-protector-strong)
add_link_options(-Wl,-z,relro,-z,now)
if(HANGAR_WERROR)
  add_compile_options(-Werror)
endif()
if(HANGAR_SANITIZE)
  add_compile_options(-fsanitize=${HANGAR_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HANGAR_SANITIZE})
else()
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
option(HANGAR_FUZZ "tests/fuzz with libFuzzer (clang)" OFF)
if(HANGAR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# hangar_plugin(NAME sources...): builds hangar-NAME.so, which sees plugin.h
# and nothing else of hangar.  Link libraries with target_link_libraries.
function(hangar_plugin name)
  add_library(hangar-${name} MODULE ${ARGN})
  set_target_properties(hangar-${name} PROPERTIES
    PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${HANGAR_BUILD_PLUGIN_DIR})
  target_include_directories(hangar-${name} PRIVATE ${PROJECT_SOURCE_DIR}/core/include)
  # the public header alone: not its siblings in core/
  target_compile_definitions(hangar-${name} PRIVATE
                             HANGAR_PLUGIN_VERSION="${PROJECT_VERSION}") # for .version
  if(NOT HANGAR_SANITIZE)
    target_link_options(hangar-${name} PRIVATE -Wl,-z,defs)
  endif()
  install(TARGETS hangar-${name} LIBRARY DESTINATION ${HANGAR_PLUGIN_DIR})
endfunction()

# hangar_unit_test(NAME sources... [LIBS libraries...]): a check program that ctest runs.
function(hangar_unit_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "LIBS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  set(patience 4) # a busy machine is no reason to fail
  if(HANGAR_SANITIZE)
    set(patience 12)
  endif()
  math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * ${patience}")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/core/include
                             ${PROJECT_SOURCE_DIR}/core ${PROJECT_SOURCE_DIR}/tests/lib)
  target_link_libraries(${name} PRIVATE ${arg_LIBS} PkgConfig::CHECK Threads::Threads m)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}"
    ENVIRONMENT "HANGAR_PLUGIN_DIR=${HANGAR_BUILD_PLUGIN_DIR};CK_TIMEOUT_MULTIPLIER=${patience}")
endfunction()
