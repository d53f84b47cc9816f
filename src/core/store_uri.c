/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store_uri.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "artifact/local_uri.h"
#include "base/error.h"
#include "base/filesystem.h"
#include "base/memory.h"
#include "transport/web_address.h"

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "store", "memory ran out");
}

/* "sqlite:///x" is relative and "sqlite:////x" absolute, as SQLAlchemy writes them; with fewer
 * slashes what follows the colon is the path. */
static mlm_status sqlite_path_of(const char *uri, const char **path_out, mlm_error *err)
{
	const char *rest = uri + strlen("sqlite:");
	if (strncmp(rest, "///", 3) == 0)
		rest += 3;
	else if (strncmp(rest, "//", 2) == 0)
		return error_set(err, MLM_EINVAL, "store",
			"store '%s' has two slashes; write sqlite:PATH, sqlite:///relative or "
			"sqlite:////absolute",
			uri);
	if (!rest[0] || strcmp(rest, ":memory:") == 0)
		return error_set(err, MLM_EINVAL, "store",
			"store '%s' names no file; write sqlite:PATH", uri);
	*path_out = rest;
	return MLM_OK;
}

/* The URI without what stands between "//" and "@", the last one, since a password that nobody has
 * escaped may hold another: a message may end up in a log. */
static void hide_password(const char *uri, char *text_out, size_t size)
{
	const char *authority = strstr(uri, "://");
	const char *at = authority ? strrchr(authority + 3, '@') : NULL;
	if (at)
		snprintf(text_out, size, "%.*s***%s", (int)(authority + 3 - uri), uri, at);
	else
		snprintf(text_out, size, "%s", uri);
}

/* What follows the scheme of a PostgreSQL URI, from "://" on; SQLAlchemy's "+driver" means nothing
 * here. NULL for another scheme. */
static const char *after_postgres(const char *uri)
{
	size_t size = strcspn(uri, "+:");
	if (strncmp(uri, "postgresql", size) != 0 || (size != 10 && size != 8))
		return NULL;
	return uri[size] == '+' ? strchr(uri, ':') : uri + size;
}

static mlm_status check_scheme(const char *uri, mlm_error *err)
{
	if (strncmp(uri, "sqlite:", 7) == 0 || web_address_is(uri) || after_postgres(uri))
		return MLM_OK;
	char shown[200];
	hide_password(uri, shown, sizeof(shown));
	if (strncmp(uri, "sqlite", 6) == 0 || !strchr(uri, ':'))
		return error_set(err, MLM_EINVAL, "store",
			"store '%s' has no scheme; write sqlite:PATH, for example "
			"sqlite:mlmanager.db",
			shown);
	return error_set(err, MLM_EUNSUPPORTED, "store",
		"store '%s' has a scheme that this build does not know; write sqlite:PATH, "
		"postgresql://USER@HOST/DATABASE or https://HOST",
		shown);
}

/* Resolves symbolic links, so that all names of a database share one journal directory. The file
 * need not exist, its directory must. */
static mlm_status absolute_path(
	const mlm_allocator *allocator, const char *path, char **absolute_out, mlm_error *err)
{
	char real[PATH_MAX];
	if (realpath(path, real)) {
		*absolute_out = memory_string(allocator, real);
		return *absolute_out ? MLM_OK : no_memory(err);
	}
	if (errno != ENOENT)
		return error_set_errno(err, errno, "store", "cannot reach the store '%s'", path);
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";
	if (slash)
		snprintf(directory, sizeof(directory), "%.*s",
			slash == path ? 1 : (int)(slash - path), path);
	const char *name = slash ? slash + 1 : path;
	if (!realpath(directory, real))
		return error_set_errno(
			err, errno, "store", "cannot reach the store's directory '%s'", directory);
	if (!name[0])
		return error_set(err, MLM_EINVAL, "store",
			"store '%s' is a directory; name a file in it", path);
	*absolute_out = memory_format(allocator, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
	return *absolute_out ? MLM_OK : no_memory(err);
}

/* An artifact location is a URI to MLflow even where it has no scheme, so a path is written as
 * one. */
static mlm_status resolve_artifacts(
	const mlm_manager_options *options, struct store_place *place, mlm_error *err)
{
	const char *artifacts = options->artifacts;
	const mlm_allocator *allocator = &place->allocator;
	bool is_given = artifacts && artifacts[0];
	char cwd[PATH_MAX];
	char *path;
	if (is_given && strncmp(artifacts, "blob:", 5) == 0) {
		/* The tracking store itself: there is nothing more to say about where. */
		if (artifacts[5 + strspn(artifacts + 5, "/")])
			return error_set(err, MLM_EINVAL, "store",
				"artifacts '%.200s': in the tracking database they are blob:, "
				"without a path",
				artifacts);
		place->artifacts = memory_string(allocator, "blob:/");
		return place->artifacts ? MLM_OK : no_memory(err);
	}
	/* The experiment's directory would become the bucket. */
	if (is_given && strncmp(artifacts, "s3:", 3) == 0 &&
		(strncmp(artifacts, "s3://", 5) != 0 || !artifacts[5] || artifacts[5] == '/'))
		return error_set(err, MLM_EINVAL, "store",
			"artifacts '%.200s' names no bucket; write s3://BUCKET/PATH", artifacts);
	if (is_given && artifacts[0] != '/' && strchr(artifacts, ':')) {
		place->artifacts = memory_string(allocator, artifacts);
		return place->artifacts ? MLM_OK : no_memory(err);
	}
	if (is_given && artifacts[0] == '/') {
		path = memory_string(allocator, artifacts);
	} else if (is_given || (!place->path && !web_address_is(place->uri))) {
		if (!is_given)
			artifacts = "mlartifacts";
		if (!getcwd(cwd, sizeof(cwd)))
			return error_set_errno(
				err, errno, "store", "the working directory is gone");
		path = memory_format(allocator, "%s/%s", cwd, artifacts);
	} else if (web_address_is(place->uri)) {
		return MLM_OK;
	} else {
		const char *slash = strrchr(place->path, '/');
		path = memory_format(
			allocator, "%.*s/mlartifacts", (int)(slash - place->path), place->path);
	}
	if (path)
		place->artifacts = local_uri_of_path(allocator, path);
	memory_free(allocator, path);
	return place->artifacts ? MLM_OK : no_memory(err);
}

/* 64-bit FNV-1a: names a directory, guards nothing. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xCBF29CE484222325ull;
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001B3ull;
	return hash;
}

char *store_state_directory(const mlm_allocator *allocator)
{
	const char *directory = getenv("MLMANAGER_JOURNAL_DIR");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	if (directory && directory[0])
		return memory_string(allocator, directory);
	if (state && state[0])
		return memory_format(allocator, "%s/mlmanager", state);
	return home ? memory_format(allocator, "%s/.local/state/mlmanager", home)
		    : memory_string(allocator, "/var/tmp/mlmanager");
}

static mlm_status resolve_journal_dir(
	const mlm_manager_options *options, struct store_place *place, mlm_error *err)
{
	const char *directory = options->journal_dir;
	const char *chosen = getenv("MLMANAGER_JOURNAL_DIR");
	bool is_chosen = (directory && directory[0]) || (chosen && chosen[0]);
	if (!is_chosen && place->path && !place->is_network) {
		place->journal_dir = memory_format(&place->allocator, "%s-journal.d", place->path);
	} else {
		char *root = directory && directory[0] ? memory_string(&place->allocator, directory)
						       : store_state_directory(&place->allocator);
		if (root)
			place->journal_dir = memory_format(&place->allocator, "%s/%016llx", root,
				(unsigned long long)hash_of(place->uri));
		memory_free(&place->allocator, root);
	}
	return place->journal_dir ? MLM_OK : no_memory(err);
}

static mlm_status resolve_sqlite(const char *uri, struct store_place *place, mlm_error *err)
{
	const char *path = NULL;
	mlm_status status = sqlite_path_of(uri, &path, err);
	if (status == MLM_OK)
		status = absolute_path(&place->allocator, path, &place->path, err);
	if (status != MLM_OK)
		return status;
	place->uri = memory_format(&place->allocator, "sqlite:%s", place->path);
	place->address = place->uri ? memory_string(&place->allocator, place->uri) : NULL;
	place->is_network = filesystem_is_network(place->path);
	return place->address ? MLM_OK : no_memory(err);
}

static mlm_status resolve_server(const mlm_manager_options *options, const char *uri,
	struct store_place *place, mlm_error *err)
{
	struct web_address address;
	if (options->artifacts && options->artifacts[0])
		return error_set(err, MLM_EINVAL, "store",
			"artifacts is '%.200s', and a tracking server decides where artifacts go; "
			"give the experiment an artifact_location instead",
			options->artifacts);
	mlm_status status = web_address_parse(&place->allocator, uri, &address, err);
	if (status != MLM_OK)
		return status;
	place->uri = memory_string(&place->allocator, address.base);
	place->address = memory_string(&place->allocator, uri);
	web_address_clear(&address);
	return place->uri && place->address ? MLM_OK : no_memory(err);
}

/* The user without what follows the colon, and the options without those that are secret. */
static char *without_password(const mlm_allocator *allocator, const char *rest)
{
	static const char *const secrets[] = { "password=", "sslpassword=" };
	char *shown = memory_format(allocator, "postgresql%s", rest);
	if (!shown)
		return NULL;
	char *authority = strstr(shown, "://") + 3;
	char *at = memrchr(authority, '@', strcspn(authority, "/?"));
	char *colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
	if (colon)
		memmove(colon, at, strlen(at) + 1);
	for (char *option = strchr(shown, '?'); option;) {
		char *name = option + 1;
		char *next = name + strcspn(name, "&");
		bool is_secret = false;
		for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
			is_secret |= strncmp(name, secrets[i], strlen(secrets[i])) == 0;
		if (is_secret && *next)
			memmove(name, next + 1, strlen(next + 1) + 1);
		else if (is_secret)
			*option = '\0';
		else
			option = next;
		if (!*option || (option == next && !*next))
			break;
	}
	return shown;
}

static mlm_status resolve_postgres(const char *uri, struct store_place *place, mlm_error *err)
{
	const char *rest = after_postgres(uri);
	if (strncmp(rest, "://", 3) != 0)
		return error_set(err, MLM_EINVAL, "store",
			"the store of PostgreSQL has no '//'; write "
			"postgresql://USER@HOST/DATABASE");
	place->uri = without_password(&place->allocator, rest);
	place->address = memory_format(&place->allocator, "postgresql%s", rest);
	return place->uri && place->address ? MLM_OK : no_memory(err);
}

mlm_status store_place_resolve(
	const mlm_manager_options *options, struct store_place *place_out, mlm_error *err)
{
	*place_out = (struct store_place){ .allocator = options->allocator };
	const char *uri = options->store;
	if (!uri || !uri[0])
		uri = getenv("MLFLOW_TRACKING_URI");
	if (!uri || !uri[0])
		uri = "sqlite:mlmanager.db";
	mlm_status status = check_scheme(uri, err);
	if (status == MLM_OK)
		status = web_address_is(uri)   ? resolve_server(options, uri, place_out, err)
			 : after_postgres(uri) ? resolve_postgres(uri, place_out, err)
					       : resolve_sqlite(uri, place_out, err);
	if (status == MLM_OK)
		status = resolve_artifacts(options, place_out, err);
	if (status == MLM_OK)
		status = resolve_journal_dir(options, place_out, err);
	if (status != MLM_OK)
		store_place_clear(place_out);
	return status;
}

void store_place_clear(struct store_place *place)
{
	memory_free(&place->allocator, place->uri);
	memory_free(&place->allocator, place->address);
	memory_free(&place->allocator, place->path);
	memory_free(&place->allocator, place->artifacts);
	memory_free(&place->allocator, place->journal_dir);
	*place = (struct store_place){ 0 };
}
