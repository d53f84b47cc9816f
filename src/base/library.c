/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static mlm_status find_functions(const struct library *library, void *handle, mlm_error *err)
{
	for (size_t i = 0; i < library->function_count; i++) {
		void *function = dlsym(handle, library->functions[i].name);
		if (!function)
			return error_set(err, MLM_EUNSUPPORTED, "library",
				"%s needs a newer %s: it has no %s", library->purpose,
				library->package, library->functions[i].name);
		/* ISO C has no conversion from an object's pointer to a function's. */
		memcpy(library->functions[i].slot, &function, sizeof(function));
	}
	return MLM_OK;
}

static mlm_status load(struct library *library, mlm_error *err)
{
	void *handle = NULL;
	for (size_t i = 0; !handle && library->names[i]; i++)
		handle = dlopen(library->names[i], RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		const char *why = dlerror();
		return error_set(err, MLM_EUNSUPPORTED, "library",
			"%s needs the package %s, which is not installed (%s)", library->purpose,
			library->package, why ? why : library->names[0]);
	}
	mlm_status status = find_functions(library, handle, err);
	if (status == MLM_OK && library->begin)
		status = library->begin(err);
	if (status != MLM_OK) {
		dlclose(handle);
		return status;
	}
	atomic_store_explicit(&library->is_loaded, 1, memory_order_release);
	return MLM_OK;
}

mlm_status library_load(struct library *library, mlm_error *err)
{
	if (atomic_load_explicit(&library->is_loaded, memory_order_acquire))
		return MLM_OK;
	mlm_status status = MLM_OK;
	pthread_mutex_lock(&loading);
	if (!atomic_load_explicit(&library->is_loaded, memory_order_relaxed))
		status = load(library, err);
	pthread_mutex_unlock(&loading);
	return status;
}
