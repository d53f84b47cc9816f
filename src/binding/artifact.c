/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts: log_artifact and its kin, list, download, retrieve, delete. */
#include <stdio.h>
#include <string.h>

#include "binding/call.h"
#include "binding/display.h"
#include "binding/embedded.h"
#include "binding/metatable.h"

#define LIST_METATABLE   "mlmanager.artifact_list"
#define STREAM_METATABLE "mlmanager.artifact_stream"

/* ---- arguments ---- */

/* Names the arguments; those from n + 1 on come in a table, which stands behind at least `least`
 * others, or by keyword like all. */
static void read_arguments(struct call *call, const char *const *names, int least, int n)
{
	lua_State *L = call->L;
	int count = call->count;
	call_names(call, names, NULL);
	if (call->has_keywords)
		return;
	int at = least + 1;
	while (at <= n && !(at == count && lua_istable(L, call_index(call, at))))
		at++;
	int index = call_index(call, at);
	if (!call_has(call, at))
		return;
	if (!lua_istable(L, index) || count > at)
		call_bad(call, at, "options must be a table as the last argument, got %s",
			binding_describe(L, call_index(call, count > at ? count : at)));
	binding_check_fields(L, index, "argument", call->name, names + n, NULL);
	lua_pushvalue(L, index);
	lua_pushnil(L);
	lua_replace(L, index);
	for (int i = n; names[i]; i++) {
		lua_getfield(L, -1, names[i]);
		lua_replace(L, call_index(call, i + 1));
	}
	lua_pop(L, 1);
}

/* The run that the n-th argument names, else the one called on or the active one. */
static const char *read_run_id(struct call *call, int n)
{
	const char *id = call_optional_string(call, n);
	return id ? id : mlm_run_id(call_run(call));
}

/* Bytes, zeros included. */
static const char *read_bytes(const struct call *call, int n, size_t *size_out)
{
	int index = call_index(call, n);
	if (lua_type(call->L, index) != LUA_TSTRING)
		call_bad(call, n, "%s must be a string, got %s", call->names[n - 1],
			binding_describe(call->L, index));
	return lua_tolstring(call->L, index, size_out);
}

/* ---- telling how far a call is ---- */

struct watch {
	lua_State *L;
	int tell; /* where call_bar lies on the stack */
	bool has_failed; /* what it raised is on the top */
	const char *name;
	uint64_t done_bytes;
	int64_t total_bytes;
	struct patience patience;
	char host[128]; /* who is waited for longer than CALL_QUIET_MS; else "" */
};

/* Upvalue: the function of transfer.lua. Argument: the watch. */
static int call_bar(lua_State *L)
{
	const struct watch *watch = lua_touserdata(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushstring(L, watch->name);
	lua_pushnumber(L, (lua_Number)watch->done_bytes);
	if (watch->total_bytes >= 0)
		lua_pushnumber(L, (lua_Number)watch->total_bytes);
	else
		lua_pushnil(L);
	if (watch->host[0])
		lua_pushstring(L, watch->host);
	else
		lua_pushnil(L);
	lua_call(L, 4, 0);
	return 0;
}

/* Called in the middle of a call into the core, which no error of Lua may jump out of. It is also
 * where Ctrl-C gets its turn: the host's hook strikes in the function. */
static bool tell(void *payload, const char *name, uint64_t done_bytes, int64_t total_bytes)
{
	struct watch *watch = payload;
	watch->name = name;
	watch->done_bytes = done_bytes;
	watch->total_bytes = total_bytes;
	lua_pushvalue(watch->L, watch->tell);
	lua_pushlightuserdata(watch->L, watch);
	watch->has_failed = lua_pcall(watch->L, 1, 0, 0) != LUA_OK;
	return !watch->has_failed;
}

/* Only notes: the core asks tell() right after. */
static bool note_host(void *payload, const char *host, uint32_t idle_ms)
{
	struct watch *watch = payload;
	snprintf(watch->host, sizeof(watch->host), "%s",
		idle_ms < CALL_QUIET_MS ? ""
		: host[0]               ? host
					: "the server");
	return true;
}

/* What the function leaves on the stack stays there until watch_end(). */
static void watch_begin(struct watch *watch, lua_State *L, mlm_artifact_options *options)
{
	luaL_checkstack(L, 10, NULL);
	*watch = (struct watch){ .L = L };
	binding_push_transfer(L);
	lua_pushcclosure(L, call_bar, 1);
	watch->tell = lua_gettop(L);
	options->progress = tell;
	options->progress_payload = watch;
	patience_begin(&watch->patience, note_host, watch);
}

/* Takes the bar from the terminal and raises what went wrong. */
static void watch_end(struct watch *watch, mlm_status status, const mlm_error *err)
{
	lua_State *L = watch->L;
	patience_end(&watch->patience);
	if (watch->name) {
		watch->name = NULL;
		lua_pushvalue(L, watch->tell);
		lua_pushlightuserdata(L, watch);
		/* What went wrong before goes first. */
		if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
			if (!watch->has_failed && status == MLM_OK)
				lua_error(L);
			lua_pop(L, 1);
		}
	}
	if (watch->has_failed)
		lua_error(L);
	if (status != MLM_OK)
		binding_fail(L, err);
}

/* ---- logging ---- */

static int log_artifact(lua_State *L)
{
	static const char *const names[] = { "file_name", "name", "zip", NULL };
	struct call call;
	struct watch watch;
	mlm_error err;
	mlm_artifact_options options = MLM_ARTIFACT_OPTIONS_INIT;
	call_begin(&call, L, "log_artifact");
	read_arguments(&call, names, 1, 2);
	const char *file_name = call_string(&call, 1);
	const char *name = call_optional_string(&call, 2);
	options.zip = call_optional_boolean(&call, 3);
	mlm_run *run = call_run(&call);
	watch_begin(&watch, L, &options);
	watch_end(&watch, mlm_run_log_artifact(run, file_name, name, &options, &err), &err);
	return 0;
}

/* The list of strings at the n-th argument, borrowed from the table there. */
static const char **read_list(const struct call *call, int n, size_t *count_out)
{
	lua_State *L = call->L;
	int index = call_index(call, n);
	if (!lua_istable(L, index))
		call_bad(call, n, "%s must be a list of strings, got %s", call->names[n - 1],
			binding_describe(L, index));
	size_t count = lua_rawlen(L, index);
	const char **texts = binding_scratch(L, count * sizeof(*texts));
	for (size_t i = 0; i < count; i++) {
		size_t size;
		if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TSTRING)
			call_bad(call, n, "item %d of %s must be a string, got %s", (int)i + 1,
				call->names[n - 1], binding_describe(L, -1));
		texts[i] = lua_tolstring(L, -1, &size);
		if (strlen(texts[i]) != size)
			call_bad(call, n, "item %d of %s holds a zero byte", (int)i + 1,
				call->names[n - 1]);
		lua_pop(L, 1);
	}
	*count_out = count;
	return texts;
}

static int log_artifacts(lua_State *L)
{
	static const char *const names[] = { "file_names", "names", "zip", NULL };
	struct call call;
	struct watch watch;
	mlm_error err;
	mlm_artifact_options options = MLM_ARTIFACT_OPTIONS_INIT;
	size_t count = 0;
	size_t name_count = 0;
	call_begin(&call, L, "log_artifacts");
	/* A list alone is no table of keywords. */
	if (call.count == 1 && lua_istable(L, call.first) && lua_rawlen(L, call.first) > 0) {
		lua_settop(L, call.first + 1);
		call.count = 2;
	}
	read_arguments(&call, names, 2, 2);
	const char **paths = read_list(&call, 1, &count);
	const char **given = call_has(&call, 2) ? read_list(&call, 2, &name_count) : NULL;
	if (given && name_count != count)
		call_bad(&call, 2,
			"file_names has %d items and names has %d; each file needs one name, and "
			"nothing was stored",
			(int)count, (int)name_count);
	options.zip = call_optional_boolean(&call, 3);
	mlm_run *run = call_run(&call);
	watch_begin(&watch, L, &options);
	watch_end(&watch, mlm_run_log_artifacts(run, paths, given, count, &options, &err), &err);
	return 0;
}

static int log_text(lua_State *L)
{
	static const char *const names[] = { "text", "name", NULL };
	struct call call;
	mlm_error err;
	size_t size;
	call_begin(&call, L, "log_text");
	call_names(&call, names, NULL);
	const char *text = read_bytes(&call, 1, &size);
	const char *name = call_string(&call, 2);
	mlm_run *run = call_run(&call);
	if (CALL_WAITING(&call, mlm_run_log_bytes(run, name, text, size, &err)) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* ---- documents, which document.lua encodes ---- */

extern const struct embedded_source module_sources[];

static int number_text(lua_State *L)
{
	binding_push_number_text(L, 1);
	return 1;
}

static int refuse(lua_State *L)
{
	return binding_refuse(L, MLM_EINVAL, "artifact", "%s", luaL_checkstring(L, 1));
}

/* Pushes a function of document.lua. */
static void push_document(lua_State *L, const char *name)
{
	static const char key[] = "mlmanager.document";
	if (lua_getfield(L, LUA_REGISTRYINDEX, key) == LUA_TNIL) {
		lua_pop(L, 1);
		embedded_load(L, module_sources, "document");
		lua_pushcfunction(L, number_text);
		lua_pushcfunction(L, refuse);
		lua_call(L, 2, 1);
		lua_pushvalue(L, -1);
		lua_setfield(L, LUA_REGISTRYINDEX, key);
	}
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
}

struct kept {
	char *bytes;
	size_t size;
	size_t capacity;
};

static mlm_status keep_bytes(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	struct kept *kept = payload;
	if (size > kept->capacity - kept->size) {
		err->status = MLM_EAGAIN;
		err->detail = 0;
		err->area = "artifact";
		snprintf(err->message, sizeof(err->message),
			"the artifact was replaced by a longer one while it was read; read it "
			"again");
		return MLM_EAGAIN;
	}
	memcpy(kept->bytes + kept->size, bytes, size);
	kept->size += size;
	return MLM_OK;
}

/* Pushes the bytes of an artifact as a string. */
static mlm_status push_artifact(
	struct call *call, const char *run_id, const char *name, mlm_error *err)
{
	lua_State *L = call->L;
	mlm_manager *manager = call->binding->manager;
	mlm_artifact_options options = MLM_ARTIFACT_OPTIONS_INIT;
	struct watch watch;
	mlm_artifact about;
	mlm_status status =
		CALL_WAITING(call, mlm_artifact_find(manager, run_id, name, &about, err));
	if (status != MLM_OK)
		return status;
	size_t capacity = about.size_bytes > 0 ? (size_t)about.size_bytes : 0;
	struct kept kept = { .bytes = binding_scratch(L, capacity), .capacity = capacity };
	const mlm_artifact_writer writer = { keep_bytes, &kept };
	watch_begin(&watch, L, &options);
	status = mlm_artifact_read(manager, run_id, name, &writer, &options, err);
	watch_end(&watch, status, err);
	lua_pushlstring(L, kept.bytes, kept.size);
	return MLM_OK;
}

static int log_dict(lua_State *L)
{
	static const char *const names[] = { "dict", "name", NULL };
	struct call call;
	mlm_error err;
	size_t size;
	call_begin(&call, L, "log_dict");
	call_names(&call, names, NULL);
	if (!lua_istable(L, call_index(&call, 1)))
		call_bad(&call, 1, "dict must be a table, got %s",
			binding_describe(L, call_index(&call, 1)));
	const char *name = call_string(&call, 2);
	mlm_run *run = call_run(&call);
	push_document(L, "encode");
	lua_pushvalue(L, call_index(&call, 1));
	lua_call(L, 1, 1);
	const char *text = lua_tolstring(L, -1, &size);
	if (CALL_WAITING(&call, mlm_run_log_bytes(run, name, text, size, &err)) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* Rows go into one document, so a second call for the same name appends to it. */
static void push_table(struct call *call, const char *run_id, const char *name)
{
	lua_State *L = call->L;
	mlm_error err;
	push_document(L, "add_rows");
	lua_pushvalue(L, call_index(call, 1));
	lua_pushvalue(L, call_index(call, 3));
	int before = lua_gettop(L);
	mlm_status status = push_artifact(call, run_id, name, &err);
	if (status != MLM_OK && status != MLM_ENOTFOUND)
		binding_fail(L, &err);
	if (status != MLM_OK)
		lua_pushnil(L);
	lua_insert(L, before + 1);
	lua_settop(L, before + 1);
	lua_pushstring(L, name);
	lua_call(L, 4, 1);
}

static int log_table(lua_State *L)
{
	static const char *const names[] = { "data", "name", "columns", NULL };
	struct call call;
	mlm_error err;
	size_t size;
	mlm_text tag = { "mlflow.loggedArtifacts", NULL };
	call_begin(&call, L, "log_table");
	read_arguments(&call, names, 2, 2);
	if (!lua_istable(L, call_index(&call, 1)))
		call_bad(&call, 1, "data must be a table of columns or a list of rows, got %s",
			binding_describe(L, call_index(&call, 1)));
	const char *name = call_string(&call, 2);
	size = strlen(name);
	if (size < 5 || strcmp(name + size - 5, ".json") != 0)
		call_bad(&call, 2, "the name of a table ends with .json, and '%s' does not", name);
	mlm_run *run = call_run(&call);
	push_table(&call, mlm_run_id(run), name);
	const char *text = lua_tolstring(L, -1, &size);
	if (CALL_WAITING(&call, mlm_run_log_bytes(run, name, text, size, &err)) != MLM_OK)
		return binding_fail(L, &err);
	/* By this tag MLflow finds the run's tables. */
	push_document(L, "add_tag");
	binding_push_stored_run(&call, mlm_run_id(run));
	lua_pushstring(L, name);
	lua_call(L, 2, 1);
	tag.value = lua_tostring(L, -1);
	if (tag.value && CALL_WAITING(&call, mlm_run_set_tags(run, &tag, 1, &err)) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

static int log_image(lua_State *L)
{
	static const char *const names[] = { "pixels", "name", "width", "height", "key", "step",
		"timestamp", NULL };
	struct call call;
	mlm_error err;
	size_t size;
	call_begin(&call, L, "log_image");
	read_arguments(&call, names, 1, 2);
	const char *pixels = read_bytes(&call, 1, &size);
	const char *name = call_optional_string(&call, 2);
	const char *key = call_optional_string(&call, 5);
	if (!name == !key)
		call_bad(&call, 2,
			"an image has either a name or a key, name=\"a.png\" or "
			"key=\"a\", step=1");
	if (name && (call_has(&call, 6) || call_has(&call, 7)))
		call_bad(&call, 2, "step and timestamp go with a key, and this image has a name");
	int64_t step = call_integer(&call, 6, 0, INT64_MIN, INT64_MAX);
	int64_t timestamp_ms = call_integer(&call, 7, MLM_TIME_NOW, 0, INT64_MAX);
	int64_t width = call_integer(&call, 3, 0, 1, 65535);
	int64_t height = call_integer(&call, 4, 0, 1, 65535);
	if (width == 0 || height == 0)
		call_bad(&call, 3, "give the image's size, {width=, height=}");
	uint64_t area = (uint64_t)width * (uint64_t)height;
	if (size % area != 0 || size / area < 1 || size / area > 4)
		call_bad(&call, 1,
			"%llu bytes are no image of %d x %d pixels; each has 1 (grey), 2 (grey and "
			"alpha), 3 (RGB) or 4 (RGBA) bytes",
			(unsigned long long)size, (int)width, (int)height);
	uint32_t channels = (uint32_t)(size / area);
	mlm_run *run = call_run(&call);
	call_wait_begin(&call);
	mlm_status status = key ? mlm_run_log_image_step(run, key, step, timestamp_ms, pixels,
					  (uint32_t)width, (uint32_t)height, channels, &err)
				: mlm_run_log_image(run, name, pixels, (uint32_t)width,
					  (uint32_t)height, channels, &err);
	return call_wait_end(&call, status) == MLM_OK ? 0 : binding_fail(L, &err);
}

/* ---- reading ---- */

struct held_list {
	mlm_artifact_list *list;
};

static int free_list(lua_State *L)
{
	struct held_list *held = luaL_checkudata(L, 1, LIST_METATABLE);
	mlm_artifact_list_free(held->list);
	held->list = NULL;
	return 0;
}

static int list_artifacts(lua_State *L)
{
	static const char *const names[] = { "path", "run_id", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "list_artifacts");
	call_names(&call, names, NULL);
	const char *path = call_optional_string(&call, 1);
	const char *run_id = read_run_id(&call, 2);
	struct held_list *held = lua_newuserdata(L, sizeof(*held));
	held->list = NULL;
	if (metatable_begin(L, LIST_METATABLE)) {
		lua_pushcfunction(L, free_list);
		lua_setfield(L, -2, "__gc");
		metatable_keep(L, LIST_METATABLE);
	}
	lua_setmetatable(L, -2);
	mlm_status status = CALL_WAITING(&call, mlm_artifact_list_directory(call.binding->manager,
							run_id, path, &held->list, &err));
	if (status != MLM_OK)
		return binding_fail(L, &err);
	lua_createtable(L, (int)held->list->count, 0);
	for (size_t i = 0; i < held->list->count; i++) {
		const mlm_artifact *item = &held->list->items[i];
		lua_createtable(L, 0, 3);
		lua_pushstring(L, item->path);
		lua_setfield(L, -2, "path");
		lua_pushboolean(L, item->is_directory);
		lua_setfield(L, -2, "is_dir");
		if (!item->is_directory) {
			lua_pushinteger(L, (lua_Integer)item->size_bytes);
			lua_setfield(L, -2, "file_size");
		}
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int download_artifact(lua_State *L)
{
	static const char *const names[] = { "name", "local_path", "run_id", "extract",
		"expanded_bytes_max", NULL };
	struct call call;
	struct watch watch;
	mlm_error err;
	mlm_artifact_options options = MLM_ARTIFACT_OPTIONS_INIT;
	call_begin(&call, L, "download_artifact");
	read_arguments(&call, names, 2, 3);
	const char *name = call_string(&call, 1);
	const char *local_path = call_string(&call, 2);
	const char *run_id = read_run_id(&call, 3);
	options.extract = call_optional_boolean(&call, 4);
	options.expanded_bytes_max = (uint64_t)call_integer(&call, 5, 0, 1, INT64_MAX);
	if (options.expanded_bytes_max && !options.extract)
		call_bad(&call, 5, "expanded_bytes_max is for extract=true");
	watch_begin(&watch, L, &options);
	watch_end(&watch,
		mlm_artifact_download(
			call.binding->manager, run_id, name, local_path, &options, &err),
		&err);
	return 0;
}

struct held_stream {
	mlm_artifact_stream *stream;
	size_t piece_bytes;
};

static int close_stream(lua_State *L)
{
	struct held_stream *held = luaL_checkudata(L, 1, STREAM_METATABLE);
	mlm_artifact_stream_close(held->stream);
	held->stream = NULL;
	return 0;
}

/* Upvalues: the stream, its buffer, and what keeps the manager alive. */
static int next_piece(lua_State *L)
{
	struct held_stream *held = lua_touserdata(L, lua_upvalueindex(1));
	char *buffer = lua_touserdata(L, lua_upvalueindex(2));
	size_t filled = 0;
	size_t got = 1;
	struct call call = { .L = L };
	mlm_error err;
	while (held->stream && got > 0 && filled < held->piece_bytes) {
		mlm_status status =
			CALL_WAITING(&call, mlm_artifact_stream_read(held->stream, buffer + filled,
						    held->piece_bytes - filled, &got, &err));
		if (status != MLM_OK)
			return binding_fail(L, &err);
		filled += got;
	}
	if (filled == 0) {
		mlm_artifact_stream_close(held->stream);
		held->stream = NULL;
		return 0;
	}
	lua_pushlstring(L, buffer, filled);
	return 1;
}

/* for piece in ... do: the iterator, and the value that the loop closes when it is left. */
static int push_pieces(struct call *call, const char *run_id, const char *name, size_t piece_bytes)
{
	lua_State *L = call->L;
	mlm_error err;
	struct held_stream *held = lua_newuserdata(L, sizeof(*held));
	int stream = lua_gettop(L);
	*held = (struct held_stream){ .piece_bytes = piece_bytes };
	if (metatable_begin(L, STREAM_METATABLE)) {
		lua_pushcfunction(L, close_stream);
		lua_setfield(L, -2, "__gc");
		lua_pushcfunction(L, close_stream);
		lua_setfield(L, -2, "__close");
		metatable_keep(L, STREAM_METATABLE);
	}
	lua_setmetatable(L, -2);
	mlm_status status = CALL_WAITING(call, mlm_artifact_stream_open(call->binding->manager,
						       run_id, name, &held->stream, &err));
	if (status != MLM_OK)
		return binding_fail(L, &err);
	lua_pushvalue(L, stream);
	binding_scratch(L, piece_bytes);
	if (call->self)
		lua_pushvalue(L, 1);
	else
		lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushcclosure(L, next_piece, 3);
	lua_pushnil(L);
	lua_pushnil(L);
	lua_pushvalue(L, stream);
	return 4;
}

/* retrieve_artifact_stream(run_id, name): the bytes; with chunk_bytes an iterator over pieces. */
static int retrieve_artifact_stream(lua_State *L)
{
	static const char *const names[] = { "run_id", "name", "chunk_bytes", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "retrieve_artifact_stream");
	read_arguments(&call, names, 2, 2);
	const char *name = call_string(&call, 2);
	const char *run_id = read_run_id(&call, 1);
	int64_t piece_bytes = call_integer(&call, 3, 0, 1, 1 << 30);
	if (piece_bytes > 0)
		return push_pieces(&call, run_id, name, (size_t)piece_bytes);
	if (push_artifact(&call, run_id, name, &err) != MLM_OK)
		return binding_fail(L, &err);
	return 1;
}

static int artifact_sha256(lua_State *L)
{
	static const char *const names[] = { "name", "run_id", NULL };
	struct call call;
	mlm_error err;
	char hex[65];
	call_begin(&call, L, "artifact_sha256");
	call_names(&call, names, NULL);
	const char *name = call_string(&call, 1);
	const char *run_id = read_run_id(&call, 2);
	if (CALL_WAITING(&call,
		    mlm_artifact_sha256(call.binding->manager, run_id, name, hex, &err)) != MLM_OK)
		return binding_fail(L, &err);
	lua_pushstring(L, hex);
	return 1;
}

static int delete_artifact(lua_State *L)
{
	static const char *const names[] = { "name", "run_id", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "delete_artifact");
	call_names(&call, names, NULL);
	const char *name = call_string(&call, 1);
	const char *run_id = read_run_id(&call, 2);
	if (CALL_WAITING(&call, mlm_artifact_delete(call.binding->manager, run_id, name, &err)) !=
		MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

const luaL_Reg binding_artifact_functions[] = {
	{ "log_artifact", log_artifact },
	{ "log_artifacts", log_artifacts },
	{ "log_text", log_text },
	{ "log_dict", log_dict },
	{ "log_table", log_table },
	{ "log_image", log_image },
	{ "list_artifacts", list_artifacts },
	{ "download_artifact", download_artifact },
	{ "retrieve_artifact_stream", retrieve_artifact_stream },
	{ "artifact_sha256", artifact_sha256 },
	{ "delete_artifact", delete_artifact },
	{ NULL, NULL },
};
