/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_CURL_LIBRARY_H
#define TRANSPORT_CURL_LIBRARY_H

#include <curl/curl.h>

#include "mlmanager/error.h"

/* The functions of libcurl, to be called only after curl_library_load() has said MLM_OK. */
extern struct curl_library {
	CURLcode (*global_init)(long);
	curl_version_info_data *(*version_info)(CURLversion);
	const char *(*easy_strerror)(CURLcode);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *);
	void (*easy_reset)(CURL *);
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *);
	CURLMcode (*multi_setopt)(CURLM *, CURLMoption, ...);
	CURLMcode (*multi_add_handle)(CURLM *, CURL *);
	CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
	CURLMcode (*multi_perform)(CURLM *, int *);
	CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd[], unsigned int, int, int *);
	CURLMcode (*multi_wakeup)(CURLM *);
	CURLMsg *(*multi_info_read)(CURLM *, int *);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
	void (*slist_free_all)(struct curl_slist *);
} curl_library;

/** Loads libcurl at the first call. Errors: EUNSUPPORTED (not installed, or too old). */
mlm_status curl_library_load(mlm_error *err);

#endif
