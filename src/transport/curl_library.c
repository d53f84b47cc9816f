/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/curl_library.h"

#include "base/error.h"
#include "base/library.h"

#define VERSION_MIN      0x075700 /* 7.87.0, the first with CURLOPT_QUICK_EXIT */
#define VERSION_MIN_TEXT "7.87"

struct curl_library curl_library;

static const char *const names[] = { "libcurl.so.4", "libcurl-gnutls.so.4", NULL };

static const struct library_function functions[] = {
	{ "curl_global_init", &curl_library.global_init },
	{ "curl_version_info", &curl_library.version_info },
	{ "curl_easy_strerror", &curl_library.easy_strerror },
	{ "curl_easy_init", &curl_library.easy_init },
	{ "curl_easy_cleanup", &curl_library.easy_cleanup },
	{ "curl_easy_reset", &curl_library.easy_reset },
	{ "curl_easy_setopt", &curl_library.easy_setopt },
	{ "curl_easy_getinfo", &curl_library.easy_getinfo },
	{ "curl_multi_init", &curl_library.multi_init },
	{ "curl_multi_cleanup", &curl_library.multi_cleanup },
	{ "curl_multi_setopt", &curl_library.multi_setopt },
	{ "curl_multi_add_handle", &curl_library.multi_add_handle },
	{ "curl_multi_remove_handle", &curl_library.multi_remove_handle },
	{ "curl_multi_perform", &curl_library.multi_perform },
	{ "curl_multi_poll", &curl_library.multi_poll },
	{ "curl_multi_wakeup", &curl_library.multi_wakeup },
	{ "curl_multi_info_read", &curl_library.multi_info_read },
	{ "curl_slist_append", &curl_library.slist_append },
	{ "curl_slist_free_all", &curl_library.slist_free_all },
};

static mlm_status begin(mlm_error *err)
{
	const curl_version_info_data *about = curl_library.version_info(CURLVERSION_NOW);
	if (about->version_num < VERSION_MIN)
		return error_set(err, MLM_EUNSUPPORTED, "http",
			"libcurl " VERSION_MIN_TEXT " or newer is needed; %s is installed",
			about->version);
	if (curl_library.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, MLM_ENOMEM, "http", "libcurl could not be initialized");
	return MLM_OK;
}

static struct library library = {
	.package = "libcurl4",
	.purpose = "what lies at http:// and https:// addresses",
	.names = names,
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]),
	.begin = begin,
};

mlm_status curl_library_load(mlm_error *err)
{
	return library_load(&library, err);
}
