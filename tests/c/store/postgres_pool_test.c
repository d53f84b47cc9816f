/* SPDX-License-Identifier: Apache-2.0 */

/* MLMANAGER_TEST_POSTGRES is the URI of a database that nobody else uses. */

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "check.h"
#include "mlmanager/mlmanager.h"
#include "store/postgres_store.h"

#define MANAGERS 30
#define POINTS   200

static mlm_error err = MLM_ERROR_INIT;
static const char *uri;
static struct store *observer;

/* ---- what the server sees ---- */

static void open_observer(void)
{
	char own[1024];
	snprintf(own, sizeof(own), "%s%sapplication_name=observer", uri,
		strchr(uri, '?') ? "&" : "?");
	const struct store_options options = {
		.uri = own, .artifacts = "/nowhere", .busy_timeout_ms = 10000
	};
	MUST(postgres_store_ops.open(&options, &observer, &err));
}

static mlm_status count(struct postgres_store *store, void *payload, mlm_error *error)
{
	PGresult *rows;
	mlm_status status = postgres_query(store, "could not count",
		"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mlmanager'", NULL,
		&rows, error);
	if (status != MLM_OK)
		return status;
	*(int64_t *)payload = postgres_integer(rows, 0, 0, -1);
	pq.PQclear(rows);
	return MLM_OK;
}

static int64_t connections(void)
{
	int64_t found = -1;
	MUST(postgres_transact(postgres_store_of(observer), false, count, &found, &err));
	return found;
}

/* The server takes a moment to see that a connection has ended. */
static bool connections_become(int64_t wanted)
{
	for (int i = 0; i < 200 && connections() != wanted; i++)
		usleep(50000);
	return connections() == wanted;
}

static mlm_manager *open_manager(void)
{
	mlm_manager *manager = NULL;
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = uri;
	options.ignore_environment = true;
	MUST(mlm_manager_open(&options, &manager, &err));
	return manager;
}

/* ---- the tests ---- */

TEST(pool__is_of_one_database_and_has_a_ceiling)
{
	struct postgres_pool *pool = postgres_pool_join("postgresql://a/b");
	struct postgres_pool *other = postgres_pool_join("postgresql://a/c");
	PGconn *connection;
	CHECK(pool && other && pool != other);
	CHECK(postgres_pool_join("postgresql://a/b") == pool);
	for (int i = 0; i < POSTGRES_CONNECTIONS_MAX; i++)
		CHECK(postgres_pool_take(pool, clock_monotonic_ns(), &connection));
	CHECK(!postgres_pool_take(pool, clock_monotonic_ns() + 1000000, &connection));
	CHECK(postgres_pool_take(other, clock_monotonic_ns(), &connection));
	postgres_pool_give(pool, NULL);
	CHECK(postgres_pool_take(pool, clock_monotonic_ns(), &connection));
	CHECK(!connection);
	postgres_pool_leave(pool);
	postgres_pool_leave(pool);
	postgres_pool_leave(other);
	postgres_pool_leave(NULL);
}

static void *log_points(void *argument)
{
	mlm_manager *manager = argument;
	mlm_error why = MLM_ERROR_INIT;
	mlm_run *run = NULL;
	mlm_status status = mlm_run_start(manager, NULL, &run, &why);
	for (int i = 0; i < POINTS && status == MLM_OK; i++)
		status = mlm_run_log_metric(run, "m", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &why);
	if (status == MLM_OK)
		status = mlm_run_end(run, MLM_RUN_FINISHED, &why);
	if (status != MLM_OK)
		printf("  %s\n", why.message);
	return status == MLM_OK ? manager : NULL;
}

TEST(managers__share_few_connections_and_leave_none)
{
	mlm_manager *managers[MANAGERS];
	pthread_t threads[MANAGERS];
	int64_t most = 0;
	for (int i = 0; i < MANAGERS; i++) {
		managers[i] = open_manager();
		MUST(mlm_experiment_create(managers[i], "pool", NULL, NULL, &err));
	}
	CHECK_INT(connections(), 1);
	for (int i = 0; i < MANAGERS; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, log_points, managers[i]), 0);
	for (int i = 0; i < MANAGERS; i++) {
		void *ended = NULL;
		int64_t now = connections();
		most = now > most ? now : most;
		pthread_join(threads[i], &ended);
		CHECK(ended == managers[i]);
	}
	CHECK(most >= 1 && most <= POSTGRES_CONNECTIONS_MAX);
	for (int i = 0; i < MANAGERS; i++) {
		MUST(mlm_manager_close(managers[i], MLM_RUN_FINISHED, &err));
		mlm_manager_free(managers[i]);
	}
	CHECK(connections_become(0));
}

static mlm_status wait_inside(struct postgres_store *store, void *payload, mlm_error *error)
{
	(void)store;
	(void)error;
	pthread_barrier_wait(payload);
	return MLM_OK;
}

static void *hold_one(void *argument)
{
	struct store *store = NULL;
	mlm_error why = MLM_ERROR_INIT;
	const struct store_options options = {
		.uri = uri, .for_flusher = true, .busy_timeout_ms = 10000
	};
	if (postgres_store_ops.open(&options, &store, &why) == MLM_OK)
		postgres_transact(postgres_store_of(store), false, wait_inside, argument, &why);
	postgres_store_ops.close(store);
	return NULL;
}

TEST(pool__closes_what_nobody_wants_when_somebody_comes)
{
	mlm_manager *manager = open_manager();
	pthread_t threads[4];
	pthread_barrier_t all;
	mlm_experiment_list *list;
	pthread_barrier_init(&all, NULL, 4);
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, hold_one, &all), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&all);
	CHECK_INT(connections(), 4);
	usleep((POSTGRES_IDLE_MS_MAX + 100) * 1000);
	MUST(mlm_experiment_get(manager, "0", &list, &err));
	mlm_experiment_list_free(list);
	CHECK(connections_become(1));
	mlm_manager_free(manager);
	CHECK(connections_become(0));
}

TEST(pool__of_a_child_is_empty_and_leaves_the_parents_alone)
{
	mlm_manager *manager = open_manager();
	mlm_experiment_list *list;
	CHECK_INT(connections(), 1);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		mlm_manager *own = open_manager();
		bool is_good = mlm_experiment_get(own, "0", &list, &err) == MLM_OK;
		mlm_manager_free(own);
		mlm_manager_free(manager);
		_exit(is_good ? 0 : 1);
	}
	int how = 0;
	waitpid(child, &how, 0);
	CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	/* The same one: the child did not say good-bye on it. */
	CHECK(connections_become(1));
	MUST(mlm_experiment_get(manager, "0", &list, &err));
	mlm_experiment_list_free(list);
	CHECK_INT(connections(), 1);
	mlm_manager_free(manager);
}

int main(void)
{
	uri = getenv("MLMANAGER_TEST_POSTGRES");
	if (!uri || !uri[0]) {
		printf("skipped postgres_pool_test (MLMANAGER_TEST_POSTGRES names no database)\n");
		return check_done();
	}
	open_observer();
	RUN(pool__is_of_one_database_and_has_a_ceiling);
	RUN(managers__share_few_connections_and_leave_none);
	RUN(pool__closes_what_nobody_wants_when_somebody_comes);
	RUN(pool__of_a_child_is_empty_and_leaves_the_parents_alone);
	postgres_store_ops.close(observer);
	return check_done();
}
