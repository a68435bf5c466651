# SPDX-License-Identifier: Apache-2.0
# Flags that every target has. What differs between presets (optimisation, sanitizers) is in CMakePresets.json.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# A designated initialiser may leave members at their defaults: that is what the defaults are for.
add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wunused
                    -Wcast-qual -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wshadow-field-in-constructor-modified -Wunreachable-code -Wextra-semi
                      -Wno-missing-designated-field-initializers)
else()
  # g++ 12 warns about its own inlined standard library under these names, and it is a compile check only.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds
                      -Wno-dangling-reference -Wno-mismatched-new-delete)
endif()

# Everywhere, so that the precompiled header fits every target. Position-independent executables are the default of
# both compilers on Debian; no shared library is built.
add_compile_options(-pthread)
add_link_options(-pthread)

# Positions in the debug information and in __FILE__ start at the tree, so that objects are the same in every clone.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
add_link_options(-fuse-ld=mold -Wl,--as-needed)

if(FAIRLEAD_SANITIZER)
  add_compile_options(-fsanitize=${FAIRLEAD_SANITIZER} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FAIRLEAD_SANITIZER})
endif()

find_program(FAIRLEAD_CCACHE ccache)
if(FAIRLEAD_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Relative paths let all build folders and clones of one machine share what was compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${FAIRLEAD_CCACHE})
endif()
