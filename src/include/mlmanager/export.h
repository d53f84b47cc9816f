/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_EXPORT_H
#define MLMANAGER_EXPORT_H

/* The library is built with hidden visibility; what carries this mark is its API. */
#if defined(__GNUC__)
#define MLM_EXPORT __attribute__((visibility("default")))
#else
#define MLM_EXPORT
#endif

#endif
