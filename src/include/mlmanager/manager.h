/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_MANAGER_H
#define MLMANAGER_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"
#include "mlmanager/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_FOREVER UINT32_MAX /* a timeout_ms that never runs out */

/*
 * What holds for all calls of the library:
 *
 * Threads: a manager and its runs may be used from any number of threads at once, unless a call
 *          says otherwise. Calls that log metrics run side by side with each other and with
 *          everything else; the other calls on one manager take turns. Which run or experiment is
 *          active is a matter of the manager, not of a thread. A list, a history or an error
 *          belongs to who got it; an evaluator is for one thread at a time, a CSV table for any
 *          number. Two managers, also of one store, have nothing to do with each other.
 *          The library's own threads take no signals. They exist from the first run on until the
 *          close; before the first open, and after the last close, nothing of the library runs: no
 *          constructor, no destructor, no atexit handler.
 * fork():  a child's handles are inert: calls return MLM_ESTATE, free and close give back memory
 *          and touch nothing of the parent's.
 * SIGBUS:  journals are mapped files whose space is reserved first, so that a full disk is an error
 *          and not a signal; what dead processes left is read, not mapped. Who cuts short the
 *          journal of a live process kills it.
 * Closed:  calls on a closed manager, on its runs, and on a run that has ended return MLM_ESTATE.
 *          So do calls on a manager, run or metric handle that is NULL, as one never opened.
 * NULL:    any other pointer must not be NULL unless the call says so; where it is, the call
 *          returns MLM_EINVAL and names it. err may always be NULL, options and queries too, and
 *          every free takes NULL.
 */

/* One connection to one tracking store, with an active experiment, a stack of active runs, a
 * journal and its background threads. Where the store is a tracking server, calls that need it may
 * also fail with MLM_EAGAIN (away or busy for 10 s), MLM_ETIMEOUT (it took 2 minutes), MLM_EAUTH
 * (the login) and MLM_EPEER (it does not answer as MLflow's does). Creating and choosing an
 * experiment by name, starting runs, logging to them and ending them does not need it: while it is
 * away these wait for it (delivery.h), and log_metric never asks it. */
typedef struct mlm_manager mlm_manager;

/* What an acknowledged record survives. */
typedef enum mlm_durability {
	/* The end of the process at any instant, kill -9 included. The default. */
	MLM_DURABILITY_PROCESS = 0,
	/* Power loss as well: the journal is synced every second, a flush or the end of a run
	 * returns after the store's own fsync. Costs one disk sync per flush, run call, param
	 * and tag; log_metric stays as it is. */
	MLM_DURABILITY_SYSTEM = 1,
} mlm_durability;

/* What log_metric does when the journal has reached its ceiling. */
typedef enum mlm_on_full {
	MLM_ON_FULL_ERROR = 0, /* MLM_EFULL at once */
	MLM_ON_FULL_BLOCK = 1, /* waits until the flusher has made room */
} mlm_on_full;

/* MLM_LOG_WARNING tells of something that the user should act on and that no call returns as an
 * error (a damaged journal, a store on a network file system, system metrics that cannot be
 * sampled), MLM_LOG_INFO of something good to know (an adopted journal). What a call returns as an
 * error is not logged as well. */
typedef enum mlm_log_level { MLM_LOG_WARNING = 1, MLM_LOG_INFO = 2 } mlm_log_level;

/** Receives one line of UTF-8, without its newline and without secrets: URIs come without their
 * passwords. May be called from any thread that uses the manager and from the library's own, one
 * call at a time; must not call back into the manager. */
typedef void (*mlm_log_fn)(void *payload, mlm_log_level level, const char *line);

#define MLM_MANAGER_OPTIONS_VERSION   1u
#define MLM_JOURNAL_BYTES_MAX_DEFAULT (4ull << 30)
#define MLM_SERVER_WAIT_MS_DEFAULT    5000u

/* Zero (or NULL) in any member but version means its default. Strings are copied by the open. */
typedef struct mlm_manager_options {
	uint32_t version; /* MLM_MANAGER_OPTIONS_VERSION */
	/* "sqlite:PATH", "sqlite:///relative", "sqlite:////absolute", a database of PostgreSQL as
	 * libpq writes it, "postgresql://user@host/database", or the address of a tracking server,
	 * "https://host/path"; NULL: MLFLOW_TRACKING_URI, else "sqlite:mlmanager.db". */
	const char *store;
	/* Where new experiments keep artifacts: a directory, "s3://BUCKET/PATH", another URI, or
	 * "blob:" for the tracking database itself, where MLflow does not see them. NULL: an
	 * absolute "mlartifacts" directory beside the database, and for PostgreSQL in the working
	 * directory. A tracking server decides by itself. */
	const char *artifacts;
	/* The directory for journals; NULL: MLMANAGER_JOURNAL_DIR, else "<db>-journal.d", and for a
	 * server a directory of its own below $XDG_STATE_HOME/mlmanager. */
	const char *journal_dir;
	mlm_durability durability;
	mlm_on_full on_full;
	uint64_t journal_bytes_max; /* 0: MLM_JOURNAL_BYTES_MAX_DEFAULT; at least 16 MiB */
	/* Takes the store as it is, for mlm_manager_doctor(): ENOTFOUND where there is none, and
	 * journals of dead processes are left alone. */
	bool inspect;
	/* ENOTFOUND where there is no store, instead of making one. A tracking server is asked
	 * nothing. */
	bool must_exist;
	/* Starts with the experiment and run that MLFLOW_EXPERIMENT_NAME, MLFLOW_EXPERIMENT_ID and
	 * MLFLOW_RUN_ID name unless true. */
	bool ignore_environment;
	/* Samples cpu, memory, disk and network while a run is active. Also switched on by
	 * MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=true. */
	bool system_metrics;
	/* NULL: warnings go to standard error, information nowhere. With a hook the library writes
	 * nothing to standard output or error. */
	mlm_log_fn log;
	void *log_payload;
	/* For all memory of this manager's own code, on all its threads, with what it hands out;
	 * its lists and histories are given back to it whenever they are freed. Not for what other
	 * libraries allocate inside themselves: SQLite has sqlite3_config(SQLITE_CONFIG_MALLOC),
	 * for the whole process and before its first use. Journals are mapped files. */
	mlm_allocator allocator;
	/* How long the end of a run, and the close, wait for a tracking server that is away or
	 * slow; 0: MLM_SERVER_WAIT_MS_DEFAULT. What it has not taken by then waits in the journal's
	 * directory, for mlm_manager_deliver() or the next process that logs to that server. */
	uint32_t server_wait_ms;
} mlm_manager_options;

#define MLM_MANAGER_OPTIONS_INIT MLM_OPTIONS_INIT(mlm_manager_options, MLM_MANAGER_OPTIONS_VERSION)

/**
 * Opens the store, creating it if there is none, and puts into it what journals of dead processes
 * hold. A store that can only be read opens; the calls that write then fail with MLM_EIO.
 * A PostgreSQL server that is away is waited for, ten seconds at most, only while it answers that
 * it starts or has no connection left. The managers of a process share at most eight connections
 * to one database; the next call of any of them closes those that were idle for ten seconds.
 * A tracking server is asked nothing before the first run or read, so one that is away is no error
 * here; what dead processes left goes to it on a thread, as far as it comes before the close.
 *
 * Errors:  EINVAL (a URI, a version, an unknown experiment or run in the environment), EIO,
 *          ENOTFOUND (the database's directory; with the detail 0: options.inspect or
 *          must_exist, and no store is there),
 *          ECORRUPT (not a tracking database), EUNSUPPORTED (a scheme), EFULL, ENOMEM.
 * Owns:    *manager_out is the caller's: mlm_manager_close(), then mlm_manager_free(). NULL on
 *          error.
 */
MLM_EXPORT mlm_status mlm_manager_open(
	const mlm_manager_options *options, mlm_manager **manager_out, mlm_error *err);

/**
 * Waits until every record appended before this call is in the store, with what has been put off
 * while a server was away.
 *
 * Units:   timeout_ms in milliseconds; MLM_FOREVER waits as long as it takes.
 * Errors:  ETIMEOUT, EFULL, EIO (the records stay in the journal and are tried again), ESTATE, or
 *          the first error for which the store refused a record; it is reported once.
 */
MLM_EXPORT mlm_status mlm_manager_flush(mlm_manager *manager, uint32_t timeout_ms, mlm_error *err);

/**
 * Ends the open runs that this manager started with end_status (MLM_RUN_FINISHED if 0), flushes,
 * stops the threads and closes the store. What cannot be flushed within 10 s stays in the journal
 * for the next opener. Afterwards every call on the manager or its runs returns MLM_ESTATE; closing
 * again is MLM_OK. The handle is closed in any case; an error tells what was not done.
 *
 * Threads: beside any other call: one that is under way ends before, or fails with ESTATE, and what
 *          it acknowledged is not lost. Logging goes on until the runs have ended, so stop it first
 *          where the close must be quick.
 */
MLM_EXPORT mlm_status mlm_manager_close(mlm_manager *manager, int end_status, mlm_error *err);

/** Closes if need be and frees. NULL is a no-op. No call on the manager or its runs may be under
 * way or come after; lists and histories that it gave live on. */
MLM_EXPORT void mlm_manager_free(mlm_manager *manager);

/** The store's URI as resolved, without a password; NULL for NULL. Borrowed; lives as long as the
 * manager. */
MLM_EXPORT const char *mlm_manager_store(const mlm_manager *manager);

/** What mlm_manager_doctor() found; repaired says that it was put right. */
typedef void (*mlm_doctor_fn)(void *payload, bool repaired, const char *finding);

/**
 * Checks the store and its journals: file integrity, schema, latest values against histories, runs
 * left open by dead processes, damaged journals. With repair, puts right what can be. Without, and
 * in a manager opened with options.inspect, nothing is changed.
 *
 * Errors:  EIO, ECORRUPT (the file cannot be read at all), EUNSUPPORTED (a remote store).
 */
MLM_EXPORT mlm_status mlm_manager_doctor(
	mlm_manager *manager, bool repair, mlm_doctor_fn report, void *payload, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
