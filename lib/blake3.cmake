# BLAKE3's own C and assembly: the system's libblake3 where there is one (Debian 13), else the copy that Debian 12
# ships inside librust-blake3-dev. Nothing of it is kept in this repository; the sources are copied into the build folder.
find_package(BLAKE3 QUIET CONFIG)
if(TARGET BLAKE3::blake3)
  add_library(coppice_blake3 INTERFACE)
  target_link_libraries(coppice_blake3 INTERFACE BLAKE3::blake3)
  return()
endif()

file(GLOB blake3_candidates /usr/share/cargo/registry/blake3-*/c/blake3.c)
if(NOT blake3_candidates)
  message(FATAL_ERROR "BLAKE3 not found: install libblake3-dev, or on Debian 12: apt-get install librust-blake3-dev")
endif()
list(GET blake3_candidates 0 blake3_source)
get_filename_component(blake3_debian_dir ${blake3_source} DIRECTORY)
set(blake3_dir ${CMAKE_BINARY_DIR}/blake3)
file(COPY ${blake3_debian_dir}/ DESTINATION ${blake3_dir} FILES_MATCHING PATTERN "*.c" PATTERN "*.h" PATTERN "*_unix.S")

add_library(coppice_blake3 STATIC ${blake3_dir}/blake3.c ${blake3_dir}/blake3_dispatch.c ${blake3_dir}/blake3_portable.c)
set_target_properties(coppice_blake3 PROPERTIES UNITY_BUILD OFF)  # sources of others are compiled as these mean them to be
target_include_directories(coppice_blake3 SYSTEM PUBLIC ${blake3_dir})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_sources(coppice_blake3 PRIVATE
    ${blake3_dir}/blake3_sse2_x86-64_unix.S ${blake3_dir}/blake3_sse41_x86-64_unix.S
    ${blake3_dir}/blake3_avx2_x86-64_unix.S ${blake3_dir}/blake3_avx512_x86-64_unix.S)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  target_sources(coppice_blake3 PRIVATE ${blake3_dir}/blake3_neon.c)
endif()

# Its cache of CPU features is a plain global that all threads set alike (docs/decisions/0004-blake3-without-tsan.md).
if(COPPICE_SANITIZE MATCHES "thread")
  target_compile_options(coppice_blake3 PRIVATE $<$<COMPILE_LANGUAGE:C>:-fno-sanitize=thread>)
endif()
