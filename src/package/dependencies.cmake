# SPDX-License-Identifier: Apache-2.0
# What libmlmanager links to, for its own build and, installed beside mlmanager-config.cmake, for
# who links to the static library. A project that has SQLite::SQLite3 of its own keeps it.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
if(NOT TARGET SQLite::SQLite3)
	find_dependency(SQLite3)
endif()

# They come without a CMake package, or not everywhere with one. libcsv is LGPL and therefore linked
# dynamically.
foreach(name utf8proc jansson csv)
	if(TARGET mlmanager::${name})
		continue()
	endif()
	find_path(MLM_${name}_INCLUDE_DIR ${name}.h)
	find_library(MLM_${name}_LIBRARY NAMES lib${name}.so lib${name}.dylib)
	mark_as_advanced(MLM_${name}_INCLUDE_DIR MLM_${name}_LIBRARY)
	if(NOT MLM_${name}_INCLUDE_DIR OR NOT MLM_${name}_LIBRARY)
		message(FATAL_ERROR
			"mlmanager needs lib${name} and ${name}.h (Debian: lib${name}-dev)")
	endif()
	add_library(mlmanager::${name} UNKNOWN IMPORTED)
	set_target_properties(mlmanager::${name} PROPERTIES
		IMPORTED_LOCATION ${MLM_${name}_LIBRARY}
		INTERFACE_INCLUDE_DIRECTORIES ${MLM_${name}_INCLUDE_DIR})
endforeach()

set(MLM_DEPENDENCIES SQLite::SQLite3 mlmanager::utf8proc mlmanager::jansson mlmanager::csv
	Threads::Threads m ${CMAKE_DL_LIBS})
