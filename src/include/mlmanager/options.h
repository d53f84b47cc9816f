/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_OPTIONS_H
#define MLMANAGER_OPTIONS_H

/*
 * What the structs that callers fill in (mlm_manager_options, mlm_query, ...) have in common. Each
 * begins with its version and is started from the macro of its name that ends in _INIT:
 *
 *     mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
 *     options.store = "sqlite:runs.db";
 *
 * The version says how long the struct is. A later library adds members at the end, whose zero
 * means what the calls did before, and raises the version; it takes every older version, which has
 * the new members as zero. A struct of a newer version than the library knows is MLM_EINVAL.
 */
#ifdef __cplusplus
#define MLM_OPTIONS_INIT(type, number)    \
	[]() {                            \
		type options = type();    \
		options.version = number; \
		return options;           \
	}()
#else
#define MLM_OPTIONS_INIT(type, number) \
	{                              \
		.version = number      \
	}
#endif

#endif
