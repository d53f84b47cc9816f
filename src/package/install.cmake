# SPDX-License-Identifier: Apache-2.0
# Everything that cmake --install puts somewhere.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/mlmanager)
set(here ${PROJECT_SOURCE_DIR}/src/package)
set(built ${PROJECT_BINARY_DIR}/package)

# ---- the library ----
install(TARGETS mlmanager mlmanager_archive EXPORT mlmanager
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/include/mlmanager
	DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# find_package(mlmanager)
configure_package_config_file(${here}/config.cmake.in ${built}/mlmanager-config.cmake
	INSTALL_DESTINATION ${package})
write_basic_package_version_file(${built}/mlmanager-config-version.cmake
	COMPATIBILITY SameMinorVersion)
install(FILES ${built}/mlmanager-config.cmake ${built}/mlmanager-config-version.cmake
	${here}/dependencies.cmake DESTINATION ${package})
install(EXPORT mlmanager NAMESPACE mlmanager:: FILE mlmanager-targets.cmake
	DESTINATION ${package})

# pkg-config: relative to where the file is found, so that the tree may be moved.
file(RELATIVE_PATH MLM_PREFIX_FROM_PKGCONFIG
	${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${here}/mlmanager.pc.in ${built}/mlmanager.pc @ONLY)
install(FILES ${built}/mlmanager.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# ---- the modules, where a stock Lua of the same prefix looks for them ----
set(luas ${MLM_LUA})
if("5.1" IN_LIST luas)
	list(REMOVE_ITEM luas luajit) # it is the same module
endif()
foreach(version IN LISTS luas)
	set(module mlmanager_lua_${version})
	if(version STREQUAL MLM_LUA_FIRST)
		set(module mlmanager_lua)
	endif()
	string(REPLACE mlmanager_lua mlmanager_lua_archive archive ${module})
	install(TARGETS ${archive} EXPORT mlmanager ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
	string(REPLACE luajit 5.1 version ${version})
	install(TARGETS ${module} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/lua/${version})
endforeach()
if(MLM_LUA)
	# Annotations for editors.
	install(DIRECTORY ${PROJECT_SOURCE_DIR}/lua/meta
		DESTINATION ${CMAKE_INSTALL_DATADIR}/mlmanager FILES_MATCHING PATTERN "*.lua")
endif()

# ---- the program ----
if(TARGET mlmanager_host)
	install(TARGETS mlmanager_host RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	set(documentation ${PROJECT_BINARY_DIR}/documentation)
	install(FILES ${documentation}/mlmanager.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
	install(FILES ${documentation}/mlmanager.bash RENAME mlmanager
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
	install(FILES ${documentation}/_mlmanager
		DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
	install(FILES ${documentation}/mlmanager.fish
		DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
