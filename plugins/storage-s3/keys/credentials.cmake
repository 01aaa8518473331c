# SPDX-License-Identifier: Apache-2.0
# hangar-s3-credentials: the keys of S3 requests, for the plugin and its tests.
include_guard(GLOBAL)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
set(s3_credentials_sources credentials.c base.c places.c remote.c http.c process.c profile.c
    reply.c)
list(TRANSFORM s3_credentials_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
add_library(hangar-s3-credentials OBJECT ${s3_credentials_sources})
target_include_directories(hangar-s3-credentials PUBLIC ${CMAKE_CURRENT_LIST_DIR}/..
  PRIVATE ${PROJECT_SOURCE_DIR}/core/include)
target_compile_definitions(hangar-s3-credentials PRIVATE HANGAR_PLUGIN_VERSION="${PROJECT_VERSION}")
target_link_libraries(hangar-s3-credentials PUBLIC hangar-plugin-program PkgConfig::CURL
                      PkgConfig::EXPAT PkgConfig::JANSSON Threads::Threads)
