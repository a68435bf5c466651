# SPDX-License-Identifier: Apache-2.0
# The few functions that the CMakeLists.txt of a folder consists of:
#
#   fairlead_library(json DEPENDS base PACKAGES boost_json [LABEL unit] [SUBFOLDERS x]
#                    [TEST_DEPENDS y] [TEST_PACKAGES z])
#   fairlead_slices(features INCLUDE "api/server.h" ARGUMENT "api::Server&" DEPENDS api domain)
#   fairlead_program(fairlead cli DEPENDS server agent worker)
#   fairlead_test(e2e DEPENDS ... [LABEL e2e] [PROGRAMS fairlead])
#   fairlead_script_test(octopus LABEL e2e COMMAND run)
#   fairlead_python_tests(faults)
#   fairlead_add_subfolders()
#
# A library is the target fairlead_<folder, / as _> (alias fairlead::<same>) of all *.cc in the folder. Files named
# *_test.cc become the program <folder>_test and one ctest, *_fuzz.cc become fuzz programs (see fairlead_fuzzers_),
# main.cc is left to fairlead_program. Functions whose name ends in _ are for this file.

# Adds every direct subfolder that has a CMakeLists.txt.
function(fairlead_add_subfolders)
  file(GLOB lists CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)
  foreach(list IN LISTS lists)
    cmake_path(GET list PARENT_PATH folder)
    add_subdirectory(${folder})
  endforeach()
endfunction()

# store/sqlite -> store_sqlite
function(fairlead_name_ folder result)
  string(REPLACE "/" "_" name ${folder})
  set(${result} ${name} PARENT_SCOPE)
endfunction()

# Names dependencies on folders that do not exist. A warning, so that one unfinished folder stops only its own targets.
function(fairlead_check_dependencies)
  get_property(dependencies GLOBAL PROPERTY fairlead_dependencies)
  foreach(dependency IN LISTS dependencies)
    string(REGEX MATCH "^(.*)>(.*)$" matched ${dependency})
    if(NOT TARGET fairlead::${CMAKE_MATCH_2})
      message(WARNING "${CMAKE_MATCH_1} depends on fairlead::${CMAKE_MATCH_2}, which no folder makes")
    endif()
  endforeach()
endfunction()

# Links folders and packages, given by their short names, to a target.
function(fairlead_link_ target visibility folders packages)
  list(REMOVE_ITEM folders "")
  foreach(folder IN LISTS folders)
    fairlead_name_(${folder} name)
    set_property(GLOBAL APPEND PROPERTY fairlead_dependencies "${target}>${name}")
    target_link_libraries(${target} ${visibility} $<TARGET_NAME_IF_EXISTS:fairlead::${name}>)
  endforeach()
  foreach(package IN LISTS packages)
    if(NOT DEFINED fairlead_package_${package})
      message(FATAL_ERROR "${target} asks for package \"${package}\", which cmake/packages.cmake does not have")
    endif()
    target_link_libraries(${target} ${visibility} ${fairlead_package_${package}})
  endforeach()
endfunction()

function(fairlead_precompile_ target)
  if(NOT FAIRLEAD_PRECOMPILED_HEADERS)
    return()
  endif()
  if(NOT TARGET fairlead_precompiled)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/precompiled.cc CONTENT "")
    add_library(fairlead_precompiled OBJECT ${PROJECT_BINARY_DIR}/generated/precompiled.cc)
    # Without time stamps in the precompiled header ccache can tell that two of them are the same.
    target_compile_options(fairlead_precompiled PRIVATE $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
    target_precompile_headers(fairlead_precompiled PRIVATE <string> <vector> <map> <optional> <functional> <memory>)
  endif()
  target_precompile_headers(${target} REUSE_FROM fairlead_precompiled)
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
endfunction()

# Unity builds of our own: CMake's name files by absolute paths, so that no two clones could share compiled objects.
# Each batch is a generated file that includes up to FAIRLEAD_UNITY_BATCH sources; a source with the property
# SKIP_UNITY_BUILD_INCLUSION stays alone. Names in anonymous namespaces must hence be unique in a folder.
function(fairlead_batches_ name sources result)
  if(NOT FAIRLEAD_UNITY_BATCH)
    set(${result} ${sources} PARENT_SCOPE)
    return()
  endif()
  set(compiled "")
  set(text "")
  set(in_batch 0)
  set(batch 0)
  foreach(source IN LISTS sources)
    get_source_file_property(alone ${source} SKIP_UNITY_BUILD_INCLUSION)
    if(alone)
      list(APPEND compiled ${source})
      continue()
    endif()
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE relative)
    string(REGEX REPLACE "^src/" "" relative ${relative})
    string(APPEND text "#include \"${relative}\"\n")
    math(EXPR in_batch "${in_batch} + 1")
    if(in_batch EQUAL FAIRLEAD_UNITY_BATCH)
      fairlead_write_batch_(${name} ${batch} "${text}" file)
      list(APPEND compiled ${file})
      math(EXPR batch "${batch} + 1")
      set(text "")
      set(in_batch 0)
    endif()
  endforeach()
  if(text)
    fairlead_write_batch_(${name} ${batch} "${text}" file)
    list(APPEND compiled ${file})
  endif()
  set(${result} ${compiled} PARENT_SCOPE)
endfunction()

function(fairlead_write_batch_ name batch text result)
  set(file ${PROJECT_BINARY_DIR}/generated/unity/${name}_${batch}.cc)
  file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
  set(${result} ${file} PARENT_SCOPE)
endfunction()

# For tests with clusters that mostly wait: they have a lane of their own beside the other tests on clusters, and begin first.
function(fairlead_mostly_waits)
  set_tests_properties(${ARGN} PROPERTIES RESOURCE_LOCK waiting_cluster COST 65)
endfunction()

# What every test finds in its environment:
#   FAIRLEAD_BIN     programs of this build         FAIRLEAD_SOURCE  the tree, for data files
#   FAIRLEAD_TOOLS   fairlead-devcluster, kubectl (built by `make build`, whatever the preset)
# ctest begins with what is quick and finds most (COST); tests that start clusters do not run beside each other. The
# target tests_<label> builds all test programs of a label.
function(fairlead_register_test_ name label target)
  set(labels unit store sim fuzz integration e2e)
  list(FIND labels ${label} position)
  if(position LESS 0)
    message(FATAL_ERROR "${name}: label \"${label}\" is not one of ${labels}")
  endif()
  math(EXPR cost "100 - 10 * ${position}")
  if(label MATCHES "^(integration|e2e)$")
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK cluster)
  endif()
  if(target)
    if(NOT TARGET tests_${label})
      add_custom_target(tests_${label})
    endif()
    add_dependencies(tests_${label} ${target})
  endif()
  set_tests_properties(${name} PROPERTIES
    LABELS "${label}"
    COST ${cost}
    TIMEOUT 600
    ENVIRONMENT "FAIRLEAD_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};FAIRLEAD_TOOLS=${PROJECT_SOURCE_DIR}/out/bin;\
FAIRLEAD_SOURCE=${PROJECT_SOURCE_DIR}")
endfunction()

# One program <name>_test of the given sources with GoogleTest's main, and its ctest.
function(fairlead_test_program_ name label sources)
  fairlead_batches_(${name}_test "${sources}" compiled)
  add_executable(${name}_test ${compiled})
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name}_test PRIVATE GTest::gmock GTest::gmock_main)
  fairlead_precompile_(${name}_test)
  add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
  fairlead_register_test_(${name} ${label} ${name}_test)
endfunction()

# x_fuzz.cc defines LLVMFuzzerTestOneInput. The fuzz preset makes the program <folder>_x_fuzz of it; every other
# preset makes a ctest that feeds it the files of tests/fuzz/x/, which must be there.
function(fairlead_fuzzers_ name sources depends packages)
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM stem)
    string(REGEX REPLACE "_fuzz$" "" parser ${stem})
    set(target ${name}_${stem})
    add_executable(${target} ${source})
    fairlead_link_(${target} PRIVATE "${depends}" "${packages}")
    if(FAIRLEAD_FUZZERS)
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
      target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/fuzz_replay.cc)
      add_test(NAME ${target} COMMAND ${target} ${PROJECT_SOURCE_DIR}/tests/fuzz/${parser})
      fairlead_register_test_(${target} fuzz ${target})
    endif()
  endforeach()
endfunction()

function(fairlead_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "DEPENDS;PACKAGES;SUBFOLDERS;TEST_DEPENDS;TEST_PACKAGES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "fairlead_library(${folder}): unknown argument ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  fairlead_name_(${folder} name)
  set(here ${PROJECT_SOURCE_DIR}/src/${folder})
  set(patterns ${here}/*.cc)
  foreach(subfolder IN LISTS arg_SUBFOLDERS)
    list(APPEND patterns ${here}/${subfolder}/*.cc)
  endforeach()
  file(GLOB all CONFIGURE_DEPENDS ${patterns})
  set(tests ${all})
  set(fuzzers ${all})
  set(sources ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|/main)\\.cc$")

  if(sources)
    fairlead_batches_(${name} "${sources}" compiled)
    add_library(fairlead_${name} STATIC ${compiled})
    set(visibility PUBLIC)
    fairlead_precompile_(fairlead_${name})
  else()
    add_library(fairlead_${name} INTERFACE)
    set(visibility INTERFACE)
  endif()
  add_library(fairlead::${name} ALIAS fairlead_${name})
  target_include_directories(fairlead_${name} ${visibility} ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/generated)
  fairlead_link_(fairlead_${name} ${visibility} "${arg_DEPENDS}" "${arg_PACKAGES}")

  if(tests AND NOT FAIRLEAD_FUZZERS)
    fairlead_test_program_(${name} ${arg_LABEL} "${tests}")
    fairlead_link_(${name}_test PRIVATE "${folder};${arg_TEST_DEPENDS}" "${arg_TEST_PACKAGES}")
  endif()
  fairlead_fuzzers_(${name} "${fuzzers}" "${folder}" "")
endfunction()

# All *.cc of a folder under tests/ as one test program. PROGRAMS are built before it, for tests that start them.
function(fairlead_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "DEPENDS;PACKAGES;PROGRAMS")
  if(FAIRLEAD_FUZZERS)
    return()
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL e2e)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)
    message(FATAL_ERROR "fairlead_test(${name}): no *.cc in ${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  fairlead_test_program_(${name} ${arg_LABEL} "${sources}")
  fairlead_link_(${name}_test PRIVATE "${arg_DEPENDS}" "${arg_PACKAGES}")
  if(arg_PROGRAMS)
    add_dependencies(${name}_test ${arg_PROGRAMS})
  endif()
endfunction()

# A ctest that is a command of its own; it finds in its environment what all tests find there.
function(fairlead_script_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "COMMAND")
  if(FAIRLEAD_FUZZERS)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND})
  fairlead_register_test_(${name} ${arg_LABEL} "")
endfunction()

# Every *_test.py of a folder under tests/ as a ctest <name>_<stem> that drives the built programs (label e2e).
function(fairlead_python_tests name)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.py)
  foreach(test IN LISTS tests)
    cmake_path(GET test STEM stem)
    string(REGEX REPLACE "_test$" "" stem ${stem})
    fairlead_script_test(${name}_${stem} LABEL e2e COMMAND ${Python3_EXECUTABLE} ${test})
  endforeach()
endfunction()

# Everything that a user runs, without the tests.
add_custom_target(programs)

# The program <name> from src/<folder>/main.cc; the rest of the folder is its library, declared beside it.
function(fairlead_program name folder)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "DEPENDS;PACKAGES")
  add_executable(${name} ${PROJECT_SOURCE_DIR}/src/${folder}/main.cc)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  fairlead_precompile_(${name})
  fairlead_link_(${name} PRIVATE "${arg_DEPENDS}" "${arg_PACKAGES}")
  add_dependencies(programs ${name})
endfunction()

# The target benchmarks: every program declared in the subfolders of a folder. They are EXCLUDE_FROM_ALL there, since
# only `make bench` wants them.
function(fairlead_collect_benchmarks folder)
  add_custom_target(benchmarks)
  get_property(subfolders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
  foreach(subfolder IN LISTS subfolders)
    get_property(programs DIRECTORY ${subfolder} PROPERTY BUILDSYSTEM_TARGETS)
    if(programs)
      add_dependencies(benchmarks ${programs})
    endif()
  endforeach()
endfunction()

# A folder of slices: each subfolder with an install.h is a library of its own, and the generated
#   void fairlead::<folder>::install_all(<ARGUMENT> target);      #include "<folder>/install_all.h"
# calls fairlead::<folder>::<subfolder>::install(target) of every one, in the order of their names.
# INCLUDE is the header that declares ARGUMENT. A slice without a CMakeLists.txt gets DEPENDS and PACKAGES;
# one that needs more (another slice's rules, a library) has a CMakeLists.txt with its own fairlead_library line.
# What the slices of the folder share is in <folder>/common, a plain library with a CMakeLists.txt.
function(fairlead_slices folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "INCLUDE;ARGUMENT" "DEPENDS;PACKAGES")
  if(NOT arg_INCLUDE OR NOT arg_ARGUMENT OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "fairlead_slices(${folder} INCLUDE header ARGUMENT type [DEPENDS ...] [PACKAGES ...])")
  endif()
  fairlead_name_(${folder} name)
  file(GLOB strays CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(strays)
    message(FATAL_ERROR "src/${folder} holds slices only; what they share goes to src/${folder}/common: ${strays}")
  endif()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/common/CMakeLists.txt)
    add_subdirectory(common)
    list(APPEND arg_DEPENDS ${folder}/common)
  endif()
  file(GLOB installs CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/install.h)
  set(includes "")
  set(calls "")
  set(slices "")
  foreach(install IN LISTS installs)
    cmake_path(GET install PARENT_PATH path)
    cmake_path(GET path FILENAME slice)
    string(APPEND includes "#include \"${folder}/${slice}/install.h\"\n")
    string(APPEND calls "  ${slice}::install(target);\n")
    list(APPEND slices ${folder}/${slice})
    if(EXISTS ${path}/CMakeLists.txt)
      add_subdirectory(${path})
    else()
      fairlead_library(${folder}/${slice} DEPENDS ${arg_DEPENDS} PACKAGES ${arg_PACKAGES})
    endif()
  endforeach()
  string(REPLACE "/" "::" namespace fairlead/${folder})
  set(generated ${PROJECT_BINARY_DIR}/generated/${folder})
  file(CONFIGURE OUTPUT ${generated}/install_all.h @ONLY CONTENT "// Generated from the list of subfolders.
#pragma once
#include \"@arg_INCLUDE@\"
namespace @namespace@ {
void install_all(@arg_ARGUMENT@ target);
}
")
  file(CONFIGURE OUTPUT ${generated}/install_all.cc @ONLY CONTENT "// Generated from the list of subfolders.
#include \"@folder@/install_all.h\"
@includes@namespace @namespace@ {
void install_all([[maybe_unused]] @arg_ARGUMENT@ target) {
@calls@}
}  // namespace @namespace@
")
  add_library(fairlead_${name} STATIC ${generated}/install_all.cc)
  add_library(fairlead::${name} ALIAS fairlead_${name})
  target_include_directories(fairlead_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/generated)
  fairlead_link_(fairlead_${name} PUBLIC "${slices};${arg_DEPENDS}" "${arg_PACKAGES}")
endfunction()
