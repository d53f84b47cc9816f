/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_MANAGER_H
#define CORE_MANAGER_H

/* What the files of the core share about a manager and its runs. */

#include <pthread.h>
#include <stdatomic.h>

#include "artifact/artifact.h"
#include "base/options.h"
#include "core/artifact_sender.h"
#include "core/flusher.h"
#include "core/fork_guard.h"
#include "core/journal.h"
#include "core/store_uri.h"
#include "core/system_metrics.h"
#include "mlmanager/metric_handle.h"
#include "mlmanager/timer.h"
#include "store/store.h"

#define MANAGER_FLUSH_WAIT_MS 60000u /* reads and the end of a run wait so long for the store */
#define MANAGER_CLOSE_WAIT_MS 10000u

struct mlm_manager {
	mlm_allocator allocator; /* of everything of the manager */
	pthread_mutex_t mutex; /* everything below that is not atomic, and the store */
	struct fork_guard *guard;
	_Atomic bool closed;
	struct store_place place;
	mlm_durability durability;
	mlm_on_full on_full;
	uint64_t journal_bytes_max;
	bool samples_system;
	bool inspects; /* the store has not been made ready for writing */
	pthread_mutex_t log_mutex;
	mlm_log_fn log; /* through manager_log() */
	void *log_payload;
	const struct store_ops *ops;
	struct store *store;
	struct store_options artifact_tracking; /* how artifacts reach the store; constant */
	struct journal *journal; /* made with the first run; then stays */
	struct flusher *flusher;
	struct artifact_sender *sender; /* of a remote store; made with the journal */
	struct adoption_thread *adoption; /* of a remote store; NULL when there is nothing */
	uint32_t server_wait_ms;
	bool is_behind; /* the last wait for a remote store was in vain */
	size_t staged_told; /* artifacts that wait, as the user was last told */
	char experiment_id[MLM_ID_SIZE]; /* "" when none is active */
	mlm_run *active; /* top of the stack */
	mlm_run *runs; /* all handles, newest first */
	pthread_mutex_t refused_mutex; /* the runs' first_error, written by the flusher */
	size_t remembering; /* runs with a first_error */
};

struct run_timer {
	char *name;
	int64_t started_ns;
	mlm_timer_as as;
};

struct run_slot {
	uint64_t hash;
	struct journal_series *series; /* NULL: free */
};

struct mlm_run {
	mlm_manager *manager;
	mlm_run *parent; /* below it in the stack */
	mlm_run *next; /* in the manager's list of handles */
	char id[MLM_ID_SIZE];
	char experiment_id[MLM_ID_SIZE];
	char *name;
	char *artifact_uri; /* as last heard from the store; NULL: not yet */
	_Atomic bool is_open; /* written under the journal's lock */
	bool started_here; /* to be ended by this manager */
	/* The store has no key with steps to go on from that has no series here. */
	bool knows_steps;
	struct run_slot *slots; /* under the journal's lock; slot_count is a power of two */
	size_t slot_count;
	size_t series_count;
	mlm_metric_handle *metric_handles; /* under the journal's lock */
	struct run_timer *timers;
	size_t timer_count;
	struct system_metrics *system_metrics;
	mlm_error *first_error; /* NULL: none; under refused_mutex */
};

/** Of mlm_query. */
extern const struct options_layout query_layout;

/** Tells the user's mlm_log_fn, one call at a time. payload is the manager. Any thread. */
void manager_log(void *payload, mlm_log_level level, const char *line);

/** Fails with ESTATE when the manager is NULL, closed or the parent process's. */
mlm_status manager_check(mlm_manager *manager, mlm_error *err);

/** Begins a call: as manager_check(), then takes the mutex, which manager_leave() gives back. */
mlm_status manager_enter(mlm_manager *manager, mlm_error *err);
void manager_leave(mlm_manager *manager);

/** Why a call on a manager or one of its runs cannot go on. ESTATE always. */
mlm_status manager_refusal(mlm_manager *manager, mlm_error *err);

/** Makes the journal and the flusher if there are none. Call inside. */
mlm_status manager_need_journal(mlm_manager *manager, mlm_error *err);

/** Waits until what was logged is in the store. Call inside. */
mlm_status manager_flush_inside(mlm_manager *manager, uint32_t timeout_ms, mlm_error *err);

/** Opens the manager's store once more, for work that takes long, after what was logged is in it.
 * The caller closes it by its own ops; the manager stays usable meanwhile. Errors: as the open;
 * EIO when it is for writing and the store is read-only. */
mlm_status manager_open_another(
	mlm_manager *manager, bool for_writing, struct store **store_out, mlm_error *err);

/** A flush as the end of a run makes it: a remote store that is away is waited for as long as
 * options.server_wait_ms says. *left_out: it has not taken all, *why_out says why. */
mlm_status manager_settle_inside(
	mlm_manager *manager, bool *left_out, mlm_error *why_out, mlm_error *err);
/** Waits as long for what has been put off while a remote store was away, also for artifacts if
 * some of the run wait. False: some still waits, *why_out says why. Call inside. */
bool manager_await_delivery_inside(mlm_manager *manager, const char *run_id, mlm_error *why_out);

/** How many artifacts of a run (NULL: of all) wait for the server, and how large they are. */
size_t manager_count_staged(mlm_manager *manager, const char *run_id, uint64_t *bytes_out);

/** "2 artifacts (1.5 MB)": all that wait for the server; "" for none. Remembers how many have been
 * told of. Call inside. */
void manager_describe_staged(mlm_manager *manager, char *text_out, size_t size);

/** Warns of artifacts that wait, if there are more of them than the user was told. Call inside. */
void manager_tell_staged(mlm_manager *manager);

/** True of an error that says that a remote store is away, for which what is asked can wait. */
bool manager_is_away(const mlm_manager *manager, mlm_status status);

/** A call of which the caller has something else to do when a remote store is away is made between
 * these two: it fails sooner. */
void manager_hurry_begin(mlm_manager *manager);
void manager_hurry_end(mlm_manager *manager);

/** How to open the artifacts at uri; borrows from the manager, whose lock it does not need. */
struct artifact_options manager_artifact_options(const mlm_manager *manager, const char *uri);

/** Makes an id of what may be a promise: "" while the server's is not known. Call inside. */
void experiment_know_inside(mlm_manager *manager, char id[MLM_ID_SIZE]);

/** Ends a run. Call inside. */
mlm_status run_end_inside(mlm_run *run, mlm_run_status status, mlm_error *err);

/** Makes the run of row, the top of the stack; what the core chose for its id may be another one
 * afterwards. Call inside. */
mlm_status run_create_inside(
	mlm_manager *manager, const struct store_new_run *row, mlm_run **run_out, mlm_error *err);

/** Chooses the id of a new run. Errors: EIO. */
mlm_status run_new_id(char id_out[MLM_ID_SIZE], mlm_error *err);

/** As mlm_run_delete(), inside. */
mlm_status run_delete_inside(mlm_run *run, mlm_error *err);

/** Fails with ESTATE unless the run is open and has no nested run open. Call inside. */
mlm_status run_check_top(const mlm_run *run, mlm_error *err);

/** Takes up a run. Call inside. */
mlm_status run_set_active_inside(
	mlm_manager *manager, const char *run_id, mlm_run **run_out, mlm_error *err);

/** Keeps where the run's artifacts go, for when its store is away. Call inside. */
void run_keep_artifact_uri(mlm_run *run, const char *uri);

/** Takes the run out of the stack and forbids logging to it. Call inside. */
void run_leave_stack(mlm_run *run);

/** manager_check() and manager_enter() for a call on a run, which may be NULL; it is left by
 * manager_leave(run->manager). */
mlm_status run_check(mlm_run *run, mlm_error *err);
mlm_status run_enter(mlm_run *run, mlm_error *err);

/** Fails with ESTATE unless the run can be logged to. Call inside. */
mlm_status run_check_open(const mlm_run *run, mlm_error *err);

/** The flusher's store_refused_fn; payload is the manager. */
void run_note_refused(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why);

/** The flusher's store_delivery_fn; payload is the manager. */
bool run_note_delivery(void *payload, const struct store_delivery *delivery);

/** The sender's staged_event_fn; payload is the manager. */
bool run_note_artifact(void *payload, const struct staged_event *event);

/** The first error that a run remembered, once. MLM_OK when none did. */
mlm_status run_take_remembered(mlm_manager *manager, mlm_error *err);

/** Ends the logging to a run and gives back what only that needs: any number of runs may end in one
 * manager. Call inside. */
void run_close_series(mlm_run *run);

/** Goes on from these steps, which are of all keys that the store has: log_metric then asks it for
 * none. Call inside. Errors: ENOMEM. */
mlm_status run_learn_steps(mlm_run *run, const mlm_metric *metrics, size_t count, mlm_error *err);

/** Forgets the steps it has given out. Call inside. */
void run_forget_steps(mlm_run *run);

/** The series of a key, or NULL. Call with the journal locked. */
struct journal_series *run_find_series(const mlm_run *run, const char *key, size_t size);

/** Makes the series of a key if there is none, and with needs_step learns its next step from the
 * store. Errors: EINVAL (key), ESTATE, ENOMEM; with needs_step, those of a flush. */
mlm_status run_prepare_series(
	mlm_run *run, const char *key, size_t size, bool needs_step, mlm_error *err);

/** EINVAL always. */
mlm_status run_refuse_time(const char *key, size_t size, int64_t timestamp_ms, mlm_error *err);

/** The run's series are about to go. Call with the journal locked. */
void metric_handles_forget_series(mlm_run *run);
void metric_handles_free(mlm_run *run);

/** The handle of a run, by the id that it has; NULL when there is none. */
mlm_run *run_find_handle(const mlm_manager *manager, const char *run_id);

/** The first error that the run remembered, once. */
mlm_status run_take_first_error(mlm_run *run, mlm_error *err);

/** Keeps the error for the run's end or the next flush, unless there is one already. */
void run_remember(mlm_run *run, const mlm_error *why);

/** Frees the error that the run remembers, if any. */
void run_free_remembered(mlm_run *run);

void run_free(mlm_run *run);

/** As the public calls, inside. */
mlm_status timer_stop_all_inside(mlm_run *run, double *total_ms_out, mlm_error *err);
/** For the end of a run, which a timer must not prevent: what can never be logged, because the run
 * got a param of that name, is remembered. */
mlm_status timer_end_all_inside(mlm_run *run, mlm_error *err);
/** Fails with EEXISTS when one of the params has the name of a timer that will be one. */
mlm_status timer_check_names(
	const mlm_run *run, const mlm_text *params, size_t count, mlm_error *err);
mlm_status run_log_texts_inside(mlm_run *run, const mlm_text *params, size_t param_count,
	const mlm_text *tags, size_t tag_count, mlm_error *err);

#endif
