/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"
#include "base/error.h"
#include "store/filter_lexer.h"
#include "store/filter_names.h"

#define EXCERPT_MAX     40 /* bytes of the user's text in a message */
#define NUMBER_SIZE_MAX 64 /* bytes of a number: more digits say nothing to a double */

#define RUN_NAME_TAG "mlflow.runName"

struct parser {
	struct arena *arena;
	enum filter_subject subject;
	struct filter_lexer lexer;
	bool is_order; /* what errors are about */
	size_t entry;
	size_t list_values; /* of all IN lists */
	mlm_error *err;
};

/* The left side of a comparison. */
struct field {
	enum filter_entity entity;
	enum filter_attribute attribute;
	enum filter_kind kind; /* of attributes and datasets */
	const char *key;
	struct filter_token place; /* the whole of it, for errors */
};

__attribute__((format(printf, 3, 4))) static mlm_status fail(
	struct parser *p, struct filter_token at, const char *format, ...)
{
	char what[MLM_ERROR_MESSAGE_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	/* The user's text is quoted: a message stays one line and moves no terminal's cursor. */
	for (char *c = what; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	if (p->is_order)
		error_set(p->err, MLM_EINVAL, "filter", "order_by entry %zu, byte %zu: %s",
			p->entry + 1, at.position + 1, what);
	else
		error_set(p->err, MLM_EINVAL, "filter", "filter, byte %zu: %s", at.position + 1,
			what);
	if (p->err) {
		p->err->position = (uint32_t)at.position + 1;
		p->err->size = (uint32_t)at.size;
		p->err->entry = p->is_order ? (uint32_t)p->entry + 1 : 0;
	}
	return MLM_EINVAL;
}

static mlm_status no_memory(struct parser *p)
{
	return error_set(p->err, MLM_ENOMEM, "filter", "memory ran out while reading the %s",
		p->is_order ? "order" : "filter");
}

/* For "%.*s": a long text is cut, not inside a character. */
static int excerpt(size_t size, const char *text)
{
	if (size <= EXCERPT_MAX)
		return (int)size;
	size = EXCERPT_MAX;
	while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	return (int)size;
}

#define EXCERPT(token) \
	excerpt((token).size, p->lexer.text + (token).position), p->lexer.text + (token).position

static bool is_keyword(struct filter_token token, const char *word)
{
	return token.kind == FILTER_TOKEN_WORD && token.size == strlen(word) &&
	       strncasecmp(token.text, word, token.size) == 0;
}

static bool is_sign(struct filter_token token, char sign)
{
	return token.kind == FILTER_TOKEN_SIGN && *token.text == sign;
}

/* ", did you mean 'x'?" or nothing. The hint lives in buffer. */
static const char *hint(char *buffer, size_t size, const char *near)
{
	if (!near)
		return "";
	snprintf(buffer, size, ", did you mean '%s'?", near);
	return buffer;
}

/* ---- the left side ---- */

/* MLflow takes quotes off, then backticks: "`a`" is a. */
static void unquote(struct filter_token *key)
{
	if ((key->kind == FILTER_TOKEN_SINGLE || key->kind == FILTER_TOKEN_DOUBLE) &&
		key->text_size >= 2 && key->text[0] == '`' &&
		key->text[key->text_size - 1] == '`') {
		key->text++;
		key->text_size -= 2;
	}
}

static mlm_status unknown_attribute(
	struct parser *p, enum filter_entity entity, struct filter_token name)
{
	char buffer[64];
	const char *near = filter_near_attribute(p->subject, entity, name.text, name.text_size);
	const char *kind = entity == FILTER_DATASET    ? "dataset key"
			   : p->subject == FILTER_RUNS ? "run attribute"
						       : "experiment attribute";
	if (near)
		return fail(p, name, "unknown %s '%.*s'%s", kind, EXCERPT(name),
			hint(buffer, sizeof(buffer), near));
	return fail(p, name, "unknown %s '%.*s', it must be one of %s", kind, EXCERPT(name),
		filter_attributes_text(p->subject, entity));
}

static mlm_status find_attribute(struct parser *p, struct filter_token name, struct field *field)
{
	const struct filter_attribute_name *found =
		filter_find_attribute(p->subject, field->entity, name.text, name.text_size);
	if (!found || (p->is_order && found->filter_only))
		return unknown_attribute(p, field->entity, name);
	field->attribute = found->attribute;
	field->kind = found->kind;
	return MLM_OK;
}

/* What follows "metrics." */
static mlm_status parse_key(struct parser *p, struct field *field)
{
	struct filter_token key = filter_lexer_key(&p->lexer);
	if (key.kind == FILTER_TOKEN_UNCLOSED)
		return fail(p, key, "the quote %c is not closed", *key.text);
	unquote(&key);
	if (key.text_size == 0)
		return fail(p, key, "a key must follow the dot");
	if (filter_lexer_touches(&p->lexer, '.'))
		return fail(p, filter_lexer_peek(&p->lexer),
			"a key in quotes must be quoted as a whole, as in metrics.`val.my loss`");
	field->place.size = key.position + key.size - field->place.position;
	if (field->entity == FILTER_ATTRIBUTE || field->entity == FILTER_DATASET)
		return find_attribute(p, key, field);
	field->key = arena_copy(p->arena, key.text, key.text_size);
	return field->key ? MLM_OK : no_memory(p);
}

static mlm_status parse_field(struct parser *p, struct field *field)
{
	struct filter_token name = filter_lexer_next(&p->lexer);
	*field = (struct field){ .entity = FILTER_ATTRIBUTE, .place = name };
	switch (name.kind) {
	case FILTER_TOKEN_WORD:
	case FILTER_TOKEN_BACKTICK:
	case FILTER_TOKEN_DOUBLE:
		break;
	case FILTER_TOKEN_END:
		return fail(p, name, "a key such as metrics.loss is missing");
	case FILTER_TOKEN_UNCLOSED:
		return fail(p, name, "the quote %c is not closed", *name.text);
	case FILTER_TOKEN_SINGLE:
		return fail(p, name, "a key must stand on the left, in ` or \" if in quotes");
	default:
		if (is_sign(name, '(') || is_sign(name, ')'))
			return fail(p, name,
				"parentheses are not supported, join comparisons by AND only");
		return fail(p, name, "a key such as metrics.loss must stand here, not '%.*s'",
			EXCERPT(name));
	}
	if (!filter_lexer_touches(&p->lexer, '.'))
		return find_attribute(p, name, field);
	p->lexer.position++;
	if (name.kind == FILTER_TOKEN_DOUBLE ||
		!filter_find_entity(p->subject, name.text, name.text_size, &field->entity)) {
		char buffer[64];
		const char *near = filter_near_entity(p->subject, name.text, name.text_size);
		if (near)
			return fail(p, name, "unknown entity '%.*s'%s", EXCERPT(name),
				hint(buffer, sizeof(buffer), near));
		return fail(p, name, "unknown entity '%.*s', %s can be searched for", EXCERPT(name),
			filter_entities_text(p->subject));
	}
	return parse_key(p, field);
}

/* ---- the operator ---- */

static const struct {
	const char *text;
	enum filter_operator op;
} operators[] = {
	{ "=", FILTER_EQUAL },
	{ "!=", FILTER_NOT_EQUAL },
	{ "<", FILTER_LESS },
	{ "<=", FILTER_LESS_EQUAL },
	{ ">", FILTER_GREATER },
	{ ">=", FILTER_GREATER_EQUAL },
	{ "LIKE", FILTER_LIKE },
	{ "ILIKE", FILTER_ILIKE },
	{ "IN", FILTER_IN },
};

static mlm_status bad_operator(struct parser *p, struct field field, struct filter_token token)
{
	char buffer[64];
	if (token.kind == FILTER_TOKEN_END)
		return fail(p, token, "an operator and a value must follow '%.*s'",
			EXCERPT(field.place));
	if (token.kind == FILTER_TOKEN_OPERATOR && token.size == 2 &&
		memcmp(token.text, "==", 2) == 0)
		return fail(p, token, "unknown operator '==', write = instead");
	if (token.kind == FILTER_TOKEN_OPERATOR && token.size == 2 &&
		memcmp(token.text, "<>", 2) == 0)
		return fail(p, token, "unknown operator '<>', write != instead");
	if (token.kind == FILTER_TOKEN_SIGN && strchr("-/:#+$@", *token.text))
		return fail(p, token, "a key with '%c' must be in quotes, as in metrics.`a%cb`",
			*token.text, *token.text);
	if (token.kind == FILTER_TOKEN_WORD) {
		const char *near = filter_near_keyword(token.text, token.size);
		if (near && strcmp(near, "AND") != 0)
			return fail(p, token, "unknown operator '%.*s'%s", EXCERPT(token),
				hint(buffer, sizeof(buffer), near));
	}
	return fail(p, token, "an operator must stand here, not '%.*s'", EXCERPT(token));
}

/* token begins the operator; the lexer stands behind it. *place_out covers all of it. */
static mlm_status parse_operator(struct parser *p, struct field field, enum filter_operator *op_out,
	struct filter_token *place_out)
{
	struct filter_token token = filter_lexer_next(&p->lexer);
	*place_out = token;
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++) {
		bool is_word = operators[i].op >= FILTER_LIKE;
		if (is_word ? is_keyword(token, operators[i].text)
			    : token.kind == FILTER_TOKEN_OPERATOR &&
					token.size == strlen(operators[i].text) &&
					memcmp(token.text, operators[i].text, token.size) == 0) {
			*op_out = operators[i].op;
			return MLM_OK;
		}
	}
	if (is_keyword(token, "IS")) {
		*op_out = FILTER_IS_NULL;
		token = filter_lexer_next(&p->lexer);
		if (is_keyword(token, "NOT")) {
			*op_out = FILTER_IS_NOT_NULL;
			token = filter_lexer_next(&p->lexer);
		}
		place_out->size = token.position + token.size - place_out->position;
		if (is_keyword(token, "NULL"))
			return MLM_OK;
		return fail(p, token, "NULL or NOT NULL must follow IS");
	}
	if (is_keyword(token, "NOT")) {
		*op_out = FILTER_NOT_IN;
		token = filter_lexer_next(&p->lexer);
		place_out->size = token.position + token.size - place_out->position;
		if (is_keyword(token, "IN"))
			return MLM_OK;
		return fail(p, *place_out, "NOT goes with IN and NULL only, or use !=");
	}
	return bad_operator(p, field, token);
}

/* What a side can be compared with: a set of operators and the words to tell of it. */
struct comparable {
	unsigned operators; /* bits 1 << enum filter_operator */
	const char *text;
};

#define BIT(op)    (1u << (op))
#define EQUALITIES (BIT(FILTER_EQUAL) | BIT(FILTER_NOT_EQUAL))
#define LIKES      (BIT(FILTER_LIKE) | BIT(FILTER_ILIKE))
#define LISTS      (BIT(FILTER_IN) | BIT(FILTER_NOT_IN))
#define NULLS      (BIT(FILTER_IS_NULL) | BIT(FILTER_IS_NOT_NULL))
#define INEQUALITIES                                                       \
	(BIT(FILTER_LESS) | BIT(FILTER_LESS_EQUAL) | BIT(FILTER_GREATER) | \
		BIT(FILTER_GREATER_EQUAL))

static struct comparable comparable_of(struct field field)
{
	static const struct comparable numbers = { EQUALITIES | INEQUALITIES,
		"=, !=, <, <=, > and >=" };
	if (field.entity == FILTER_METRIC)
		return numbers;
	if (field.entity == FILTER_PARAM || field.entity == FILTER_TAG)
		return (struct comparable){ EQUALITIES | LIKES | NULLS,
			"=, !=, LIKE, ILIKE, IS NULL and IS NOT NULL" };
	switch (field.kind) {
	case FILTER_KIND_TIME:
	case FILTER_KIND_EXPERIMENT_TIME:
		return numbers;
	case FILTER_KIND_ID:
		return (struct comparable){ EQUALITIES | LIKES | LISTS,
			"=, !=, LIKE, ILIKE, IN and NOT IN" };
	case FILTER_KIND_EXPERIMENT_ID:
		return (struct comparable){ EQUALITIES | LISTS, "=, !=, IN and NOT IN" };
	case FILTER_KIND_TEXT:
		break;
	}
	return (struct comparable){ EQUALITIES | LIKES, "=, !=, LIKE and ILIKE" };
}

/* ---- the value ---- */

/* With blanks around it, as Python's int() takes it from an experiment id's text. */
static bool read_integer(const char *text, int64_t *integer_out)
{
	char *end;
	errno = 0;
	long long integer = strtoll(text, &end, 10);
	*integer_out = integer;
	return errno == 0 && end != text && end[strspn(end, " \t\r\n")] == '\0';
}

static mlm_status parse_number(
	struct parser *p, struct field field, struct filter_token token, struct filter_value *value)
{
	if (token.kind != FILTER_TOKEN_NUMBER) {
		bool is_quoted =
			token.kind == FILTER_TOKEN_SINGLE || token.kind == FILTER_TOKEN_DOUBLE;
		const char *quote = is_quoted ? "" : "'";
		return fail(p, token, "'%.*s' is compared with a number, not with %s%.*s%s",
			EXCERPT(field.place), quote, EXCERPT(token), quote);
	}
	char digits[NUMBER_SIZE_MAX];
	if (token.size >= sizeof(digits))
		return fail(p, token, "a number has at most %d characters", NUMBER_SIZE_MAX - 1);
	memcpy(digits, token.text, token.size);
	digits[token.size] = '\0';
	bool is_integer = strpbrk(digits, ".eE") == NULL;
	if (field.entity == FILTER_METRIC || (!is_integer && field.kind == FILTER_KIND_TIME)) {
		*value = (struct filter_value){ .type = FILTER_REAL,
			.real = decimal_read(digits, NULL) };
		return MLM_OK;
	}
	value->type = FILTER_INTEGER;
	if (is_integer && read_integer(digits, &value->integer))
		return MLM_OK;
	return fail(
		p, token, "'%.*s' must be compared with a 64-bit integer", EXCERPT(field.place));
}

static mlm_status parse_text(
	struct parser *p, struct field field, struct filter_token token, struct filter_value *value)
{
	if (token.kind == FILTER_TOKEN_UNCLOSED)
		return fail(p, token, "the quote %c is not closed", *token.text);
	if (token.kind != FILTER_TOKEN_SINGLE && token.kind != FILTER_TOKEN_DOUBLE)
		return fail(p, token, "the value of '%.*s' must be a text in ' or \", not '%.*s'",
			EXCERPT(field.place), EXCERPT(token));
	*value = (struct filter_value){ .type = FILTER_TEXT };
	value->text = arena_copy(p->arena, token.text, token.text_size);
	if (!value->text)
		return no_memory(p);
	if (field.kind == FILTER_KIND_EXPERIMENT_ID) {
		value->type = FILTER_INTEGER;
		if (!read_integer(value->text, &value->integer))
			return fail(p, token, "an experiment id is a text of digits, as in '12'");
	}
	return MLM_OK;
}

/* ('a', 'b') with or without a last comma, as Python prints its tuples. */
static mlm_status parse_list(struct parser *p, struct field field, struct filter_clause *clause)
{
	struct filter_token open = filter_lexer_next(&p->lexer);
	if (!is_sign(open, '('))
		return fail(p, open, "a list such as ('a', 'b') must follow IN");
	/* Counted first, so that the values are one array. */
	struct filter_lexer start = p->lexer;
	size_t count = 0;
	struct filter_token token;
	do {
		token = filter_lexer_next(&p->lexer);
		if (is_sign(token, ')'))
			break;
		struct filter_value ignored;
		mlm_status status = parse_text(p, field, token, &ignored);
		if (status != MLM_OK)
			return status;
		if (++p->list_values > FILTER_LIST_MAX)
			return fail(p, token, "IN lists have at most %d values", FILTER_LIST_MAX);
		count++;
		token = filter_lexer_next(&p->lexer);
	} while (is_sign(token, ','));
	if (!is_sign(token, ')'))
		return fail(p, token, "a list is texts with commas between, closed by ')'");
	if (count == 0)
		return fail(p, token, "a list must have at least one value");

	struct filter_value *values = arena_array(p->arena, count, sizeof(*values));
	if (!values)
		return no_memory(p);
	struct filter_lexer end = p->lexer;
	p->lexer = start;
	for (size_t i = 0; i < count; i++) {
		mlm_status status = parse_text(p, field, filter_lexer_next(&p->lexer), &values[i]);
		if (status != MLM_OK)
			return status;
		filter_lexer_next(&p->lexer); /* the comma */
	}
	p->lexer = end;
	clause->values = values;
	clause->value_count = count;
	return MLM_OK;
}

/* ---- a filter ---- */

static bool is_number_field(struct field field)
{
	return field.entity == FILTER_METRIC ||
	       ((field.entity == FILTER_ATTRIBUTE || field.entity == FILTER_DATASET) &&
		       (field.kind == FILTER_KIND_TIME ||
			       field.kind == FILTER_KIND_EXPERIMENT_TIME));
}

static mlm_status parse_clause(struct parser *p, struct filter_clause *clause)
{
	struct field field;
	enum filter_operator op = FILTER_EQUAL;
	struct filter_token op_place;
	mlm_status status = parse_field(p, &field);
	if (status == MLM_OK)
		status = parse_operator(p, field, &op, &op_place);
	if (status != MLM_OK)
		return status;
	struct comparable comparable = comparable_of(field);
	if (p->subject == FILTER_RUNS && field.entity == FILTER_ATTRIBUTE && (BIT(op) & LISTS) &&
		field.kind == FILTER_KIND_TEXT)
		return fail(p, op_place, "IN is for run_id and datasets, '%.*s' has %s",
			EXCERPT(field.place), comparable.text);
	if (!(comparable.operators & BIT(op)))
		return fail(p, op_place, "'%.*s' cannot be compared by %.*s, it has %s",
			EXCERPT(field.place), EXCERPT(op_place), comparable.text);

	*clause = (struct filter_clause){
		.entity = field.entity,
		.attribute = field.attribute,
		.key = field.key,
		.op = op,
	};
	if (field.attribute == FILTER_RUN_NAME) {
		/* The tag, as MLflow does: runs.name is empty in files of MLflow before 1.30. */
		clause->entity = FILTER_TAG;
		clause->attribute = FILTER_NO_ATTRIBUTE;
		clause->key = RUN_NAME_TAG;
	}
	if (BIT(op) & NULLS)
		return MLM_OK;
	if (BIT(op) & LISTS)
		return parse_list(p, field, clause);
	struct filter_value *value = arena_alloc(p->arena, sizeof(*value));
	if (!value)
		return no_memory(p);
	clause->values = value;
	clause->value_count = 1;
	struct filter_token token = filter_lexer_next(&p->lexer);
	if (token.kind == FILTER_TOKEN_END)
		return fail(p, token, "a value must follow '%.*s'", EXCERPT(op_place));
	if (is_number_field(field))
		return parse_number(p, field, token, value);
	return parse_text(p, field, token, value);
}

/* What stands between two comparisons, beyond AND and nothing, which MLflow takes as AND. */
static mlm_status check_joint(struct parser *p, size_t clause_count)
{
	struct filter_token token = filter_lexer_peek(&p->lexer);
	if (is_keyword(token, "OR"))
		return fail(p, token, "OR is not supported, search once for each side");
	if (is_keyword(token, "NOT"))
		return fail(p, token, "NOT goes with IN and NULL only, or use !=");
	if (clause_count == 0)
		return MLM_OK;
	const char *near = token.kind == FILTER_TOKEN_WORD
				   ? filter_near_keyword(token.text, token.size)
				   : NULL;
	if (near && strcmp(near, "AND") == 0)
		return fail(p, token, "unknown word '%.*s', did you mean 'AND'?", EXCERPT(token));
	if (token.kind == FILTER_TOKEN_WORD || token.kind == FILTER_TOKEN_BACKTICK ||
		token.kind == FILTER_TOKEN_DOUBLE || is_sign(token, '(') || is_sign(token, ')'))
		return MLM_OK;
	return fail(p, token, "AND must follow a comparison, not '%.*s'", EXCERPT(token));
}

static mlm_status init_parser(struct parser *p, const char *text)
{
	size_t size = strlen(text);
	filter_lexer_init(&p->lexer, text, size);
	if (size > FILTER_BYTES_MAX) {
		struct filter_token all = { FILTER_TOKEN_END, 0, size, text, size };
		return fail(p, all, "it has %zu bytes, more than %u", size, FILTER_BYTES_MAX);
	}
	return MLM_OK;
}

mlm_status filter_parse(struct arena *arena, enum filter_subject subject, const char *text,
	struct filter *filter_out, mlm_error *err)
{
	struct parser parser = { .arena = arena, .subject = subject, .err = err };
	struct parser *p = &parser;
	*filter_out = (struct filter){ NULL, 0 };
	mlm_status status = init_parser(p, text ? text : "");
	if (status != MLM_OK)
		return status;
	struct filter_clause *clauses = NULL;
	size_t count = 0;
	for (;;) {
		struct filter_token token = filter_lexer_peek(&p->lexer);
		if (token.kind == FILTER_TOKEN_END)
			break;
		if (is_keyword(token, "AND")) {
			filter_lexer_next(&p->lexer);
			continue;
		}
		if (count == FILTER_CLAUSES_MAX)
			return fail(p, token, "a filter has at most %d comparisons",
				FILTER_CLAUSES_MAX);
		if (!clauses) {
			clauses = arena_array(arena, FILTER_CLAUSES_MAX, sizeof(*clauses));
			if (!clauses)
				return no_memory(p);
		}
		status = check_joint(p, count);
		if (status == MLM_OK)
			status = parse_clause(p, &clauses[count]);
		if (status != MLM_OK)
			return status;
		count++;
	}
	*filter_out = (struct filter){ clauses, count };
	return MLM_OK;
}

/* ---- order_by ---- */

static bool is_same_field(const struct filter_order *a, const struct filter_order *b)
{
	return a->entity == b->entity && a->attribute == b->attribute &&
	       (a->key == b->key || (a->key && b->key && strcmp(a->key, b->key) == 0));
}

static mlm_status parse_order(struct parser *p, struct filter_order *order, struct field *field)
{
	mlm_status status = parse_field(p, field);
	if (status != MLM_OK)
		return status;
	if (field->entity == FILTER_DATASET)
		return fail(p, field->place, "runs cannot be ordered by a dataset");
	if (p->subject == FILTER_EXPERIMENTS && field->entity != FILTER_ATTRIBUTE)
		return fail(p, field->place, "experiments cannot be ordered by a tag, only by %s",
			filter_attributes_text(p->subject, FILTER_ATTRIBUTE));
	*order = (struct filter_order){ field->entity, field->attribute, field->key, false };
	struct filter_token token = filter_lexer_next(&p->lexer);
	order->descending = is_keyword(token, "DESC");
	if (order->descending || is_keyword(token, "ASC"))
		token = filter_lexer_next(&p->lexer);
	if (token.kind == FILTER_TOKEN_END)
		return MLM_OK;
	if (is_sign(token, ','))
		return fail(p, token, "each entry names one key, give a list of entries instead");
	return fail(p, token, "only ASC or DESC may follow the key, not '%.*s'", EXCERPT(token));
}

mlm_status filter_parse_order(struct arena *arena, enum filter_subject subject,
	const char *const *entries, size_t count, struct filter_order_list *orders_out,
	mlm_error *err)
{
	struct parser parser = { .arena = arena, .subject = subject, .is_order = true, .err = err };
	struct parser *p = &parser;
	*orders_out = (struct filter_order_list){ NULL, 0 };
	if (count > FILTER_ORDERS_MAX)
		return error_set(err, MLM_EINVAL, "filter",
			"order_by has %zu entries, more than %d", count, FILTER_ORDERS_MAX);
	struct filter_order *orders = arena_array(arena, count ? count : 1, sizeof(*orders));
	if (!orders)
		return no_memory(p);
	for (size_t i = 0; i < count; i++) {
		p->entry = i;
		struct field field;
		mlm_status status = init_parser(p, entries[i] ? entries[i] : "");
		if (status == MLM_OK)
			status = parse_order(p, &orders[i], &field);
		if (status != MLM_OK)
			return status;
		for (size_t j = 0; j < i; j++) {
			/* MLflow lets experiments repeat a field; the first decides. */
			if (subject == FILTER_RUNS && is_same_field(&orders[i], &orders[j]))
				return fail(p, field.place, "'%.*s' is entry %zu already",
					EXCERPT(field.place), j + 1);
		}
	}
	*orders_out = (struct filter_order_list){ orders, count };
	return MLM_OK;
}
