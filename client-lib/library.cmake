# libteplo as it is installed: the shared library, the static one, and what finds them.  Its code
# is the floors teplo_client (lib/) and teplo_formats (formats/), and what they use of proto/.
include(CMakePackageConfigHelpers)

set(TEPLO_PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include)
set(TEPLO_MAP ${CMAKE_CURRENT_SOURCE_DIR}/libteplo.map)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${TEPLO_MAP})
file(STRINGS ${TEPLO_MAP} TEPLO_FUNCTIONS REGEX "^    teplo_")
list(TRANSFORM TEPLO_FUNCTIONS REPLACE "^ +|;$|\\\\" "")
set(TEPLO_LIBRARY_DIR ${CMAKE_CURRENT_BINARY_DIR}/lib)
set(TEPLO_OBJECTS $<TARGET_OBJECTS:teplo_client> $<TARGET_OBJECTS:teplo_formats>)

# The soname's number is TEPLO_ABI; the rest of the file's name changes with each version.
add_library(teplo SHARED ${TEPLO_OBJECTS})
add_library(teplo::teplo ALIAS teplo)
target_link_libraries(teplo PRIVATE teplo_proto)
target_include_directories(teplo INTERFACE
    $<BUILD_INTERFACE:${TEPLO_PUBLIC}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_options(teplo PRIVATE LINKER:--version-script=${TEPLO_MAP} LINKER:-z,relro LINKER:-z,now)
if(NOT TEPLO_SANITIZE) # a sanitizer's runtime is the program's to bring
    target_link_options(teplo PRIVATE LINKER:-z,defs)
endif()
set_target_properties(teplo PROPERTIES LINKER_LANGUAGE C VERSION 1.${PROJECT_VERSION} SOVERSION 1
    LIBRARY_OUTPUT_DIRECTORY ${TEPLO_LIBRARY_DIR} LINK_DEPENDS ${TEPLO_MAP})

# One object in the archive, in which all names but the API's are local: a program may have a
# bytes_init of its own.
set(TEPLO_ARCHIVE ${TEPLO_LIBRARY_DIR}/libteplo.a)
set(TEPLO_KEPT ${CMAKE_CURRENT_BINARY_DIR}/libteplo.kept)
list(JOIN TEPLO_FUNCTIONS "\n" TEPLO_KEPT_TEXT)
file(CONFIGURE OUTPUT ${TEPLO_KEPT} CONTENT "@TEPLO_KEPT_TEXT@\n" @ONLY)
add_custom_command(OUTPUT ${TEPLO_ARCHIVE}
    COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o libteplo.o ${TEPLO_OBJECTS}
        $<TARGET_FILE:teplo_proto> $<TARGET_FILE:teplo_base>
    COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${TEPLO_KEPT} libteplo.o
    COMMAND ${CMAKE_COMMAND} -E rm -f ${TEPLO_ARCHIVE}
    COMMAND ${CMAKE_AR} rcs ${TEPLO_ARCHIVE} libteplo.o
    DEPENDS ${TEPLO_OBJECTS} teplo_proto teplo_base ${TEPLO_KEPT}
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Making libteplo.a")
add_custom_target(teplo_archive ALL DEPENDS ${TEPLO_ARCHIVE})

# What is installed: the component `client`.
install(TARGETS teplo EXPORT teploTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client NAMELINK_COMPONENT client
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${TEPLO_ARCHIVE} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT client)
install(FILES ${TEPLO_PUBLIC}/teplo.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT client)

foreach(kind LIBDIR INCLUDEDIR)
    cmake_path(IS_ABSOLUTE CMAKE_INSTALL_${kind} is_absolute)
    set(TEPLO_PC_${kind} ${CMAKE_INSTALL_${kind}})
    if(NOT is_absolute)
        set(TEPLO_PC_${kind} "\${prefix}/${CMAKE_INSTALL_${kind}}")
    endif()
endforeach()
configure_file(package/teplo.pc.in teplo.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/teplo.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT client)

set(TEPLO_PACKAGE ${CMAKE_INSTALL_LIBDIR}/cmake/teplo)
configure_package_config_file(package/teploConfig.cmake.in teploConfig.cmake
    INSTALL_DESTINATION ${TEPLO_PACKAGE}
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/teploConfigVersion.cmake
    COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/teploConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/teploConfigVersion.cmake
    DESTINATION ${TEPLO_PACKAGE} COMPONENT client)
install(EXPORT teploTargets NAMESPACE teplo:: DESTINATION ${TEPLO_PACKAGE} COMPONENT client)

# libteplo(3) has every function; each has a page that leads there.
set(TEPLO_MAN ${PROJECT_SOURCE_DIR}/deploy/man)
foreach(function IN LISTS TEPLO_FUNCTIONS)
    set(page ${CMAKE_CURRENT_BINARY_DIR}/man3/${function}.3)
    file(CONFIGURE OUTPUT ${page} CONTENT ".so man3/libteplo.3\n")
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT client)
endforeach()
install(FILES ${TEPLO_MAN}/libteplo.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT client)
install(FILES ${TEPLO_MAN}/teplo.7 ${TEPLO_MAN}/teplo-formats.7
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 COMPONENT client)

# In a Python wheel: the library alone, beside the package's files, which look for it there.
if(SKBUILD)
    install(PROGRAMS $<TARGET_FILE:teplo> DESTINATION teplo RENAME libteplo.so.1 COMPONENT python)
endif()
