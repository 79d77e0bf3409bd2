/* Candidates of sensitive values judged at the speed of C.
 *
 * `Judge.find` is waf/sensitive/find.py's loop over candidates: spans, edges, labels, words near a value, scores. What is
 * not arithmetic or a look at a few bytes stays where it was: patterns are run by `re`, validators without a twin here are
 * called, overlaps are settled in Python. Each step does what the function of the same name in waf/sensitive does, which is
 * the reference; tests hold the two together.
 *
 * `Judge.settle` is what waf/sensitive/stream.py does with the hits of a body that is here whole: where each stands, what
 * policy wants, counts with their sketches, the body with its masks.
 *
 * Nothing is kept between calls but what was compiled. All reads are bounded by the text at hand; memory grows with the
 * candidates of the text alone.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { NEAR = 30, LOOK_BEHIND = 200, LED_REACH = 96, LEAD_IN = 128, MOST_RETRIES = 20000, MOST_CUTS = 8, SHORTER = 28 };
enum { ANY, CARD, MAESTRO, TOKEN }; /* validators that have a twin here */
enum { DIGIT = 1, UPPER = 2, LOWER = 4, WIDE = 8, NAME = 16, SPACE = 32, TRIMMED = 64, PAIRED = 128 };

static const double ACT = 0.8, REPORT = 0.5, CONTEXT = 0.3, NEGATIVE = 0.45, LACKING = -1.0;

static uint8_t kind[256];

static inline int is(uint8_t byte, int kinds)
{
    return kind[byte] & kinds;
}

static inline uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

/* ------------------------------------------------------------------------------------------------ labels, words */

typedef struct {
    const uint8_t *at;
    Py_ssize_t size;
} Run;

static const Run NOTHING = {(const uint8_t *)"", 0};

static Py_ssize_t last_of(const uint8_t *at, Py_ssize_t size, uint8_t byte)
{
    while (size > 0)
        if (at[--size] == byte)
            return size;
    return -1;
}

static Py_ssize_t trimmed(const uint8_t *at, Py_ssize_t size, int kinds)
{
    while (size > 0 && is(at[size - 1], kinds))
        size--;
    return size;
}

static Py_ssize_t without_blanks(const uint8_t *at, Py_ssize_t size)
{
    while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t'))
        size--;
    return size;
}

/* context.label_before: the key, name or element that directly precedes the value. */
static Run label_before(const uint8_t *text, Py_ssize_t start)
{
    Py_ssize_t low = start > LOOK_BEHIND ? start - LOOK_BEHIND : 0;
    const uint8_t *at = text + low;
    Py_ssize_t size = trimmed(at, start - low, TRIMMED);
    if (size == 0)
        return NOTHING;
    uint8_t last = at[size - 1];
    if (last == ':') {
        size = trimmed(at, size - 1, SPACE);
        if (size > 0 && (at[size - 1] == '"' || at[size - 1] == '\'')) {
            Py_ssize_t opening = last_of(at, size - 1, at[size - 1]);
            return opening >= 0 ? (Run){at + opening + 1, size - 1 - (opening + 1)} : NOTHING;
        }
        Py_ssize_t name = trimmed(at, size, NAME);
        Py_ssize_t before = without_blanks(at, name);
        if (before == 0 || memchr("\n{,;-", at[before - 1], 5) != NULL)
            return (Run){at + name, size - name};
        return NOTHING;
    }
    if (last == '=') {
        size = trimmed(at, size - 1, SPACE);
        Py_ssize_t name = trimmed(at, size, NAME);
        if (name > 1 && at[name - 1] == ' ' && is(at[name - 2], UPPER | LOWER)) {
            Py_ssize_t far = name > 80 ? name - 80 : 0;
            if (memchr(at + far, '<', (size_t)(name - far)) == NULL)
                return NOTHING; /* more than one word: the words near tell more than the last of them */
        }
        return (Run){at + name, size - name};
    }
    if (last == '>') {
        Py_ssize_t opening = last_of(at, size, '<');
        if (opening < 0 || opening + 1 >= size || memchr("/!?", at[opening + 1], 3) != NULL)
            return NOTHING;
        Py_ssize_t end = opening + 1;
        while (end < size && memchr(" \t\r\n/>", at[end], 6) == NULL)
            end++;
        return (Run){at + opening + 1, end - (opening + 1)};
    }
    return NOTHING;
}

/* context.plain_words: `_HUMP.sub(b"_", …).lower()`. `out` holds twice `size` bytes. */
static Py_ssize_t plain_words(const uint8_t *at, Py_ssize_t size, uint8_t *out)
{
    Py_ssize_t made = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        if (i > 0 && is(at[i], UPPER) &&
            (is(at[i - 1], LOWER | DIGIT) || (is(at[i - 1], UPPER) && i + 1 < size && is(at[i + 1], LOWER))))
            out[made++] = '_';
        out[made++] = lower(at[i]);
    }
    return made;
}

static int is_word(uint8_t byte)
{
    return is(byte, DIGIT | UPPER | LOWER) || byte == '_';
}

/* Whether the mark-up at `at`, behind its "<", is a tag where a line ends: context._BLOCK up to its `\b`. */
static int ends_line(const uint8_t *at, const uint8_t *end)
{
    static const char *const closed[] = {"tr",   "p",  "div", "li",  "dl",  "table", "h1",      "h2",     "h3",
                                         "h4",   "h5", "h6",  "row", "item", "option", "section", "record", NULL};
    static const char *const open[] = {"br", "tr", "hr", NULL};
    const char *const *name = open;
    if (at < end && *at == '/') {
        name = closed;
        at++;
    }
    for (; *name != NULL; name++) {
        size_t size = strlen(*name);
        if ((size_t)(end - at) >= size && memcmp(at, *name, size) == 0 &&
            ((size_t)(end - at) == size || !is_word(at[size])))
            return 1;
    }
    return 0;
}

/* Behind the ">" of the tag that begins with the "<" at `at`; NULL where another "<" or the end comes first. */
static const uint8_t *behind_tag(const uint8_t *at, const uint8_t *end)
{
    for (at++; at < end && *at != '<'; at++)
        if (*at == '>')
            return at + 1;
    return NULL;
}

/* Tags become one byte each: those that end a line "\n" where `blocks`, else all of them a blank. In place. */
static Py_ssize_t without_tags(uint8_t *at, Py_ssize_t size, int blocks)
{
    Py_ssize_t made = 0;
    const uint8_t *end = at + size;
    for (Py_ssize_t i = 0; i < size;) {
        const uint8_t *behind = NULL;
        if (at[i] == '<' && (!blocks || ends_line(at + i + 1, end)))
            behind = behind_tag(at + i, end);
        if (behind != NULL) {
            at[made++] = blocks ? '\n' : ' ';
            i = behind - at;
        }
        else
            at[made++] = at[i++];
    }
    return made;
}

/* Where the text behind the last "&name=" begins, context._PAIR; 0 for none. */
static Py_ssize_t behind_pair(const uint8_t *at, Py_ssize_t size)
{
    for (Py_ssize_t i = size - 1; i >= 0; i--) {
        if (at[i] != '&')
            continue;
        Py_ssize_t end = i + 1;
        while (end < size && is(at[end], PAIRED))
            end++;
        if (end > i + 1 && end - (i + 1) <= 64 && end < size && at[end] == '=')
            return i + 1;
    }
    return 0;
}

/* The same for the last comma between members, context._MEMBER: matches are looked for from the left and apart. */
static Py_ssize_t behind_member(const uint8_t *at, Py_ssize_t size)
{
    Py_ssize_t done = 0;
    for (Py_ssize_t i = 0; i < size;) {
        uint8_t byte = at[i];
        if (!(is(byte, DIGIT) || (byte && memchr("\"'el}]", byte, 6) != NULL))) {
            i++;
            continue;
        }
        Py_ssize_t next = i + 1;
        while (next < size && (at[next] == ' ' || at[next] == '\t'))
            next++;
        if (next < size && at[next] == ',') {
            next++;
            while (next < size && (at[next] == ' ' || at[next] == '\t' || at[next] == '\r' || at[next] == '\n'))
                next++;
            if (next < size && (at[next] == '"' || at[next] == '\'')) {
                done = i = next + 1;
                continue;
            }
        }
        i++;
    }
    return done;
}

/* context.Surroundings.near into `out`, which holds 2 * (NEAR + 8) bytes; gives its length. */
static Py_ssize_t words_near(const uint8_t *text, Py_ssize_t start, Py_ssize_t floor, int labelled, uint8_t *out)
{
    uint8_t room[LOOK_BEHIND];
    Py_ssize_t low = start - LOOK_BEHIND;
    if (low < floor)
        low = floor;
    if (low < 0)
        low = 0;
    if (low >= start)
        return 0;
    Py_ssize_t size = start - low;
    memcpy(room, text + low, (size_t)size);
    if (memchr(room, '<', (size_t)size) != NULL) {
        for (Py_ssize_t i = 0; i < size; i++)
            if (room[i] == '\n')
                room[i] = ' ';
        size = without_tags(room, size, 1);
        size = without_tags(room, size, 0);
    }
    const uint8_t *at = room;
    Py_ssize_t line = last_of(at, size, '\n');
    /* `line and …` of the reference: the separator was found. */
    for (Py_ssize_t i = line + 1; line >= 0 && i < size; i++)
        if (is(at[i], UPPER | LOWER | WIDE)) {
            at += line + 1;
            size -= line + 1;
            break;
        }
    if (size > 2 * NEAR + 16) {
        at += size - (2 * NEAR + 16);
        size = 2 * NEAR + 16;
    }
    Py_ssize_t skip = memchr(at, '&', (size_t)size) != NULL ? behind_pair(at, size) : 0;
    at += skip;
    size -= skip;
    if (!labelled && memchr(at, ',', (size_t)size) != NULL) {
        skip = behind_member(at, size);
        at += skip;
        size -= skip;
    }
    uint8_t words[2 * NEAR + 16];
    Py_ssize_t made = 0;
    for (Py_ssize_t i = 0; i < size; i++) {
        int blank = at[i] == ' ' || at[i] == '\t' || at[i] == '\r' || at[i] == '\n';
        if (!blank)
            words[made++] = at[i];
        else if (i == 0 || !(at[i - 1] == ' ' || at[i - 1] == '\t' || at[i - 1] == '\r' || at[i - 1] == '\n'))
            words[made++] = ' ';
    }
    skip = made > NEAR + 8 ? made - (NEAR + 8) : 0;
    return plain_words(words + skip, made - skip, out);
}

/* ------------------------------------------------------------------------------------------------------- cards */

static int luhn(const uint8_t *digits, Py_ssize_t size)
{
    static const uint8_t doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    int sum = 0;
    for (Py_ssize_t i = 1; i <= size; i++) {
        int digit = digits[size - i] - '0';
        sum += i & 1 ? digit : doubled[digit];
    }
    return sum % 10 == 0;
}

static int one_digit(const uint8_t *digits, Py_ssize_t size)
{
    for (Py_ssize_t i = 1; i < size; i++)
        if (digits[i] != digits[0])
            return 0;
    return 1;
}

/* cards._ungrouped: the digits alone into `out` of 32 bytes; 0 where they are grouped as nobody does, -1 if too long. */
static Py_ssize_t ungrouped(const uint8_t *value, Py_ssize_t size, uint8_t *out)
{
    /* cards._GROUPS: lengths of groups as hexadecimal digits behind a 1. */
    static const uint32_t known[] = {0x14444, 0x1465, 0x14443, 0x1456, 0x1464, 0x14442, 0x14441, 0x14333,
                                     0x1445, 0x144443, 0x144442, 0x144441, 0x16d, 0x16a, 0x188, 0x1444};
    if (size > 32)
        return -1;
    uint8_t separator = memchr(value, ' ', (size_t)size) != NULL ? ' ' : '-';
    uint32_t groups = 1;
    Py_ssize_t made = 0, group = 0;
    for (Py_ssize_t i = 0; i <= size; i++) {
        if (i < size && is(value[i], DIGIT)) {
            out[made++] = value[i];
            group++;
            continue;
        }
        if (i < size && value[i] != separator)
            return 0;
        if (group > 15 && made == size)
            return made; /* without groups any length will do */
        if (group > 15 || groups >> 28)
            return 0;
        groups = groups << 4 | (uint32_t)group;
        group = 0;
    }
    if (made == size)
        return made;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == groups)
            return made;
    return 0;
}

/* cards._ISSUER */
static int issued(const uint8_t *digits, Py_ssize_t size)
{
    if (size < 13 || size > 19)
        return 0;
    int two = (digits[0] - '0') * 10 + digits[1] - '0';
    int four = two * 100 + (digits[2] - '0') * 10 + digits[3] - '0';
    switch (digits[0]) {
    case '4':
        return size == 13 || size == 16 || size == 19;
    case '5':
        return two >= 51 && two <= 55 && size == 16;
    case '2':
        return four >= 2221 && four <= 2720 && size == 16;
    case '3':
        if (two == 34 || two == 37)
            return size == 15;
        if (two == 36 || two == 38 || two == 39 || (four >= 3000 && four <= 3059))
            return size >= 14;
        return four >= 3528 && four <= 3589 && size >= 16;
    case '6':
        return (four == 6011 || (four >= 6440 && four <= 6599) || two == 62) && size >= 16;
    default:
        return 0;
    }
}

static double card(const uint8_t *value, Py_ssize_t size)
{
    uint8_t digits[32];
    Py_ssize_t count = ungrouped(value, size, digits);
    if (count <= 0 || !luhn(digits, count) || !issued(digits, count) || one_digit(digits, count))
        return 0.0;
    if (count == 17 || count == 18)
        return 0.6;
    if (count == 13) {
        int sum = 0;
        for (int i = 0; i < 13; i++)
            sum += (digits[12 - i] - '0') * (i & 1 ? 3 : 1);
        if (sum % 10 == 0)
            return 0.6; /* a right EAN as well */
    }
    return 1.0;
}

static double maestro(const uint8_t *value, Py_ssize_t size)
{
    uint8_t digits[32];
    Py_ssize_t count = ungrouped(value, size, digits);
    if (count < 12 || count > 19 || !luhn(digits, count) || one_digit(digits, count))
        return 0.0;
    return digits[0] == '6' || (digits[0] == '5' && (digits[1] == '0' || digits[1] >= '6')) ? 1.0 : 0.0;
}

/* ------------------------------------------------------------------------------------------------------- tokens */

/* secrets.is_placeholder */
static int is_placeholder(const uint8_t *value, Py_ssize_t size)
{
    static const char *const words[] = {"example", "sample", "placeholder", "changeme", "change_me", "your_",
                                        "your-",   "dummy",  "xxxxxx",      "***",      "...",       "<",
                                        "${",      "{{",     "%(",          "redacted", NULL};
    for (Py_ssize_t i = 0; i < size; i++) {
        if (memchr("espcydx*.<${%r", lower(value[i]), 14) == NULL)
            continue;
        for (const char *const *word = words; *word != NULL; word++) {
            Py_ssize_t at = 0;
            while ((*word)[at] && i + at < size && lower(value[i + at]) == (uint8_t)(*word)[at])
                at++;
            if (!(*word)[at])
                return 1;
        }
    }
    return 0;
}

/* secrets.token */
static double token(const uint8_t *value, Py_ssize_t size)
{
    uint8_t seen[256] = {0};
    int different = 0;
    for (Py_ssize_t i = 4; i < size; i++) {
        different += !seen[value[i]];
        seen[value[i]] = 1;
    }
    return different < 9 || is_placeholder(value, size) ? 0.0 : 1.0;
}

/* ------------------------------------------------------------------------------------------- numbers in a row */

typedef struct {
    const uint8_t *at;
    Py_ssize_t size;
    PyObject *bytes;
    uint8_t *ends; /* a bit for each place of the text where a value ended; NULL while there is none */
} Text;

static int ended(const Text *text, Py_ssize_t place)
{
    return text->ends != NULL && (text->ends[place >> 3] >> (place & 7) & 1);
}

static int all_digits(const uint8_t *at, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size; i++)
        if (!is(at[i], DIGIT))
            return 0;
    return size > 0;
}

/* readings.continues */
static int continues(const Text *text, Py_ssize_t start, Py_ssize_t end, int regroups)
{
    const uint8_t *at = text->at;
    if (start > 0 && (at[start - 1] == ' ' || at[start - 1] == '-') && !(start < text->size && at[start] == '+')) {
        uint8_t before = at[start - 1];
        if (before == '-' && start > 1 && is(at[start - 2], DIGIT))
            return 1;
        if (end > start && memchr(at + start, before, (size_t)(end - start)) != NULL && !ended(text, start - 1)) {
            Py_ssize_t low = start > 6 ? start - 6 : 0, first = start - 1;
            while (first > low && at[first - 1] != before)
                first--;
            Py_ssize_t size = start - 1 - first;
            int letters = 0;
            for (Py_ssize_t i = first; i < start - 1 && letters >= 0; i++)
                letters = is(at[i], DIGIT) ? letters : is(at[i], UPPER | LOWER) ? 1 : -1;
            if (size >= 4 && letters >= 0 && (letters == 0 || (size == 4 && is(at[start - 2], DIGIT))))
                return 1;
        }
    }
    if (regroups || end >= text->size)
        return 0;
    uint8_t behind = at[end];
    return (behind == ' ' || behind == '-') && end > start && memchr(at + start, behind, (size_t)(end - start)) != NULL &&
           text->size - end > 3 && all_digits(at + end + 1, 3);
}

/* readings.follows_group */
static int follows_group(const Text *text, Py_ssize_t start)
{
    if (start <= 0 || start > text->size || (text->at[start - 1] != ' ' && text->at[start - 1] != '-') ||
        ended(text, start - 1))
        return 0;
    Py_ssize_t low = start > 5 ? start - 5 : 0;
    return all_digits(text->at + low, start - 1 - low);
}

/* ------------------------------------------------------------------------------------------------------- forms */

typedef struct { /* which beginnings of words there are: what no word begins with needs no look by the pattern */
    int holds;   /* 0: nothing is known */
    uint32_t pairs[32], triples[64];
} Beginnings;

typedef struct {
    PyObject *entity; /* NULL: a form that is not looked at */
    PyObject *form, *match, *iterate, *before, *after, *endless, *validate, *context, *denied, *said, *tests;
    int led, group, numeric, regroups, labelled, validator;
    double confidence;
    Beginnings context_words, denied_words;
    const char *id; /* of the entity, which lives as long */
    int mask;       /* BY_PLACES, EVERYTHING, EMAIL */
    Py_ssize_t first, last;
} Form;

static inline uint32_t triple(const uint8_t *at)
{
    return ((uint32_t)at[0] * 1249u ^ (uint32_t)at[1] * 331u ^ at[2]) & 2047;
}

static int begins_here(const Beginnings *words, const uint8_t *at, Py_ssize_t size)
{
    if (!words->holds)
        return 1;
    for (Py_ssize_t i = 0; i + 1 < size; i++) {
        if (words->pairs[at[i] & 31] >> (at[i + 1] & 31) & 1)
            return 1;
        if (i + 2 < size) {
            uint32_t hash = triple(at + i);
            if (words->triples[hash >> 5] >> (hash & 31) & 1)
                return 1;
        }
    }
    return 0;
}

static int read_beginnings(PyObject *tuple, Beginnings *words)
{
    if (tuple == Py_None)
        return 0;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "beginnings of words are a tuple or None");
        return -1;
    }
    words->holds = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *word = PyTuple_GET_ITEM(tuple, i);
        if (!PyBytes_Check(word) || PyBytes_GET_SIZE(word) < 2) {
            PyErr_SetString(PyExc_TypeError, "a beginning is of two bytes at least");
            return -1;
        }
        const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(word);
        if (PyBytes_GET_SIZE(word) == 2)
            words->pairs[at[0] & 31] |= 1u << (at[1] & 31);
        else {
            uint32_t hash = triple(at);
            words->triples[hash >> 5] |= 1u << (hash & 31);
        }
    }
    return 0;
}

typedef struct {
    PyObject_HEAD
    Form *forms;
    PyObject **entities; /* of the forms, borrowed, close together */
    Py_ssize_t count;
    int strict;
    PyObject *hit, *say, *quiet, *elements, *span;
    PyObject *entity, *start, *end, *score, *test, *text, *report, *elsewhere; /* words */
} Judge;

/* ------------------------------------------------------------------------------------------------------ columns */

typedef struct { /* of a table, at a place in it; see places.Columns.field_at */
    Py_ssize_t at, line, column, behind_separator, behind_quote;
    int quoted;
} Cell;

typedef struct {
    uint8_t separator; /* 0: no table */
    PyObject *labels;  /* a tuple, borrowed */
    Cell now, mark;    /* the mark stands a little before */
} Columns;

enum { BEHIND = 512 };

static void advance(Cell *cell, uint8_t separator, const uint8_t *text, Py_ssize_t upto)
{
    for (; cell->at < upto; cell->at++) {
        uint8_t byte = text[cell->at];
        if (byte == separator) {
            cell->column += !cell->quoted;
            cell->behind_separator = cell->at + 1;
        }
        else if (byte == '"') {
            cell->quoted = !cell->quoted;
            cell->behind_quote = cell->at + 1;
        }
        else if (byte == '\n')
            *cell = (Cell){.at = cell->at, .line = cell->at + 1};
    }
}

/* To a place; mostly a later one than before, seldom one that is a little earlier. */
static void go_to(Columns *columns, const uint8_t *text, Py_ssize_t place)
{
    if (place < columns->now.at)
        columns->now = columns->mark.at <= place ? columns->mark : (Cell){0};
    if (place - columns->now.at > BEHIND) {
        advance(&columns->now, columns->separator, text, place - BEHIND);
        columns->mark = columns->now;
    }
    else if (columns->now.at - columns->mark.at > 4 * BEHIND) {
        advance(&columns->mark, columns->separator, text, columns->now.at - BEHIND);
    }
    advance(&columns->now, columns->separator, text, place);
}

static Py_ssize_t cell_begins(const Cell *cell)
{
    Py_ssize_t begin = cell->line;
    if (cell->behind_separator > begin)
        begin = cell->behind_separator;
    return cell->quoted && cell->behind_quote > begin ? cell->behind_quote : begin;
}

/* Reads (labels, separator); -1 with an exception. */
static int read_columns(PyObject *pair, Columns *columns)
{
    const char *separator;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(pair, "O!y#", &PyTuple_Type, &columns->labels, &separator, &size))
        return -1;
    if (size != 1 || separator[0] == 0 || separator[0] == '"' || separator[0] == '\n') {
        PyErr_SetString(PyExc_ValueError, "a separator is one byte");
        return -1;
    }
    columns->separator = (uint8_t)separator[0];
    return 0;
}

/* -------------------------------------------------------------------------------------------- one text's state */

typedef struct {
    Py_ssize_t number, start, end;
} Reading;

typedef struct {
    Py_ssize_t start, end, order;
    double score;
    const char *id;
    PyObject *hit; /* owned */
} Found;

typedef struct {
    Text text;
    Py_ssize_t floor;
    PyObject *field_at;
    Columns columns;
    Found *found;
    size_t count, room;
    Reading *judged; /* an open table; `number` -1 is free */
    size_t judged_size, judged_used;
    Py_ssize_t retries;
    /* what stands before the value at `around` */
    Py_ssize_t around, field;
    PyObject *label; /* NULL: not known yet */
    int decisive;    /* -1: not known yet */
    PyObject *near;  /* NULL: not known yet */
    Py_ssize_t last_end;
    int overlap;
} Search;

static int grow_judged(Search *search)
{
    size_t size = search->judged_size ? search->judged_size * 2 : 64;
    Reading *table = PyMem_Malloc(size * sizeof *table);
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < size; i++)
        table[i].number = -1;
    for (size_t i = 0; i < search->judged_size; i++) {
        Reading *old = &search->judged[i];
        if (old->number < 0)
            continue;
        size_t slot = ((size_t)old->start * 31 + (size_t)old->end * 7 + (size_t)old->number * 131) & (size - 1);
        while (table[slot].number >= 0)
            slot = (slot + 1) & (size - 1);
        table[slot] = *old;
    }
    PyMem_Free(search->judged);
    search->judged = table;
    search->judged_size = size;
    return 0;
}

/* 1 if the reading is new, 0 if it was judged before, -1 with an exception. */
static int note_judged(Search *search, Py_ssize_t number, Py_ssize_t start, Py_ssize_t end)
{
    if (search->judged_used * 2 >= search->judged_size && grow_judged(search) < 0)
        return -1;
    size_t mask = search->judged_size - 1;
    size_t slot = ((size_t)start * 31 + (size_t)end * 7 + (size_t)number * 131) & mask;
    for (; search->judged[slot].number >= 0; slot = (slot + 1) & mask) {
        Reading *known = &search->judged[slot];
        if (known->start == start && known->end == end && known->number == number)
            return 0;
    }
    search->judged[slot] = (Reading){number, start, end};
    search->judged_used++;
    return 1;
}

static int note_end(Search *search, Py_ssize_t place)
{
    Text *text = &search->text;
    if (text->ends == NULL) {
        text->ends = PyMem_Calloc((size_t)(text->size >> 3) + 1, 1);
        if (text->ends == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    text->ends[place >> 3] |= (uint8_t)(1 << (place & 7));
    return 0;
}

static int stand_before(Search *search, Py_ssize_t start)
{
    if (search->around == start)
        return 0;
    Py_CLEAR(search->label);
    Py_CLEAR(search->near);
    search->decisive = -1;
    search->field = 0;
    search->around = start;
    if (search->field_at == Py_None)
        return 0;
    if (search->columns.separator) {
        Columns *columns = &search->columns;
        go_to(columns, search->text.at, start);
        search->field = cell_begins(&columns->now);
        if (columns->now.column < PyTuple_GET_SIZE(columns->labels))
            search->label = Py_NewRef(PyTuple_GET_ITEM(columns->labels, columns->now.column));
        else
            search->label = PyBytes_FromStringAndSize("", 0);
        if (search->label != NULL && !PyBytes_Check(search->label)) {
            PyErr_SetString(PyExc_TypeError, "a label is bytes");
            Py_CLEAR(search->label);
        }
        return search->label == NULL ? -1 : 0;
    }
    PyObject *place = PyLong_FromSsize_t(start);
    if (place == NULL)
        return -1;
    PyObject *arguments[] = {search->text.bytes, place};
    PyObject *pair = PyObject_Vectorcall(search->field_at, arguments, 2, NULL);
    Py_DECREF(place);
    if (pair == NULL)
        return -1;
    int bad = !PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2 ||
              !(PyTuple_GET_ITEM(pair, 0) == Py_None || PyBytes_Check(PyTuple_GET_ITEM(pair, 0)));
    if (bad)
        PyErr_SetString(PyExc_TypeError, "a field is its name or None, and where it begins");
    else {
        if (PyTuple_GET_ITEM(pair, 0) != Py_None)
            search->label = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
        search->field = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 1));
        bad = search->field == -1 && PyErr_Occurred();
    }
    Py_DECREF(pair);
    return bad ? -1 : 0;
}

static int know_label(Search *search)
{
    if (search->label == NULL) {
        Run run = label_before(search->text.at, search->around);
        search->label = PyBytes_FromStringAndSize((const char *)run.at, run.size);
    }
    return search->label == NULL ? -1 : 0;
}

static int know_near(Search *search)
{
    if (search->near != NULL)
        return 0;
    /* The label matters only where a comma might part two members; to know it is cheap. */
    if (know_label(search) < 0)
        return -1;
    uint8_t out[2 * (NEAR + 8)];
    Py_ssize_t size = words_near(search->text.at, search->around, search->field, PyBytes_GET_SIZE(search->label) > 0, out);
    search->near = PyBytes_FromStringAndSize((const char *)out, size);
    return search->near == NULL ? -1 : 0;
}

/* context.is_decisive */
static int is_decisive(Judge *self, PyObject *label)
{
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(label);
    Py_ssize_t size = PyBytes_GET_SIZE(label), first = 0;
    if (size == 0)
        return 0;
    for (Py_ssize_t i = size; i-- > 0;)
        if (at[i] == '.' || at[i] == ':') {
            first = i + 1;
            break;
        }
    /* `rpartition(".")` comes before `rpartition(":")`: the last of either is where both end. */
    while (first < size && memchr("[]$_-", at[first], 5) != NULL)
        first++;
    while (size > first && memchr("[]$_-", at[size - 1], 5) != NULL)
        size--;
    uint8_t word[32];
    if (size - first > (Py_ssize_t)sizeof word)
        return 1; /* longer than any word that says nothing */
    for (Py_ssize_t i = first; i < size; i++)
        word[i - first] = lower(at[i]);
    PyObject *last = PyBytes_FromStringAndSize((const char *)word, size - first);
    if (last == NULL)
        return -1;
    int known = PySet_Contains(self->quiet, last);
    if (known == 0)
        known = PySet_Contains(self->elements, last);
    Py_DECREF(last);
    return known < 0 ? -1 : !known;
}

static int found_by(PyObject *search, PyObject *text)
{
    PyObject *match = PyObject_CallOneArg(search, text);
    if (match == NULL)
        return -1;
    Py_DECREF(match);
    return match != Py_None;
}

static int speaks(PyObject *pattern, const Beginnings *words, PyObject *near)
{
    if (!begins_here(words, (const uint8_t *)PyBytes_AS_STRING(near), PyBytes_GET_SIZE(near)))
        return 0;
    return found_by(pattern, near);
}

/* find._weigh; -1 with an exception. */
static int weigh(Judge *self, Form *form, Search *search, double *weight)
{
    if (know_label(search) < 0)
        return -1;
    if (search->decisive < 0 && (search->decisive = is_decisive(self, search->label)) < 0)
        return -1;
    if (search->decisive) {
        PyObject *said = PyDict_GetItemWithError(form->said, search->label); /* borrowed */
        PyObject *asked = NULL;
        if (said == NULL) {
            if (PyErr_Occurred())
                return -1;
            PyObject *arguments[] = {form->form, search->label};
            said = asked = PyObject_Vectorcall(self->say, arguments, 2, NULL);
            if (said == NULL)
                return -1;
        }
        *weight = PyFloat_AsDouble(said);
        Py_XDECREF(asked);
        return *weight == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    *weight = LACKING;
    if (form->labelled)
        return 0;
    int speaking;
    if (form->denied != NULL) {
        if (know_near(search) < 0 || (speaking = speaks(form->denied, &form->denied_words, search->near)) < 0)
            return -1;
        if (speaking) {
            *weight = -NEGATIVE;
            return 0;
        }
    }
    *weight = 0.0;
    if (form->context == NULL || !(form->led || form->confidence < ACT))
        return 0;
    if (know_near(search) < 0 || (speaking = speaks(form->context, &form->context_words, search->near)) < 0)
        return -1;
    *weight = speaking ? CONTEXT : form->led ? LACKING : 0.0;
    return 0;
}

/* `form.validate(value)`; what it raises of ValueError, IndexError, KeyError is 0.0. -1 with any other exception. */
static int validated(Form *form, Search *search, Py_ssize_t start, Py_ssize_t end, double *factor)
{
    const uint8_t *at = search->text.at + start;
    if (form->validator == CARD) {
        *factor = card(at, end - start);
        return 0;
    }
    if (form->validator == MAESTRO) {
        *factor = maestro(at, end - start);
        return 0;
    }
    if (form->validator == TOKEN) {
        *factor = token(at, end - start);
        return 0;
    }
    PyObject *value = PyBytes_FromStringAndSize((const char *)at, end - start);
    if (value == NULL)
        return -1;
    PyObject *given = PyObject_CallOneArg(form->validate, value);
    Py_DECREF(value);
    if (given != NULL) {
        *factor = PyFloat_AsDouble(given);
        Py_DECREF(given);
        return *factor == -1.0 && PyErr_Occurred() ? -1 : 0;
    }
    if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_IndexError) ||
        PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        *factor = 0.0;
        return 0;
    }
    return -1;
}

/* `_plain(value) in entity.tests` */
static int is_test(Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    if (PySet_GET_SIZE(form->tests) == 0)
        return 0;
    PyObject *value = PyBytes_FromStringAndSize(NULL, end - start);
    if (value == NULL)
        return -1;
    char *at = PyBytes_AS_STRING(value);
    Py_ssize_t made = 0;
    for (Py_ssize_t i = start; i < end; i++) {
        uint8_t byte = search->text.at[i];
        if (memchr(" -./()", byte, 6) == NULL)
            at[made++] = (char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
    }
    if (made != end - start && _PyBytes_Resize(&value, made) < 0)
        return -1;
    int known = PySet_Contains(form->tests, value);
    Py_DECREF(value);
    return known;
}

/* The span of a match's group; -1 with an exception. Takes the match. */
static int span_of(Judge *self, PyObject *match, int group, Py_ssize_t *start, Py_ssize_t *end)
{
    PyObject *number = PyLong_FromLong(group);
    PyObject *pair = number == NULL ? NULL : PyObject_CallMethodOneArg(match, self->span, number);
    Py_XDECREF(number);
    Py_DECREF(match);
    if (pair == NULL)
        return -1;
    int bad = !PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2;
    if (bad)
        PyErr_SetString(PyExc_TypeError, "a span is a pair");
    else {
        *start = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 0));
        *end = PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 1));
        bad = PyErr_Occurred() != NULL;
    }
    Py_DECREF(pair);
    return bad ? -1 : 0;
}

/* A bound method of a pattern, over the text from one place on, and up to another unless that is negative. */
static PyObject *run(PyObject *method, Search *search, Py_ssize_t from, Py_ssize_t upto)
{
    PyObject *arguments[3] = {search->text.bytes, PyLong_FromSsize_t(from), NULL};
    if (arguments[1] == NULL)
        return NULL;
    size_t count = 2;
    if (upto >= 0) {
        arguments[2] = PyLong_FromSsize_t(upto);
        if (arguments[2] == NULL) {
            Py_DECREF(arguments[1]);
            return NULL;
        }
        count = 3;
    }
    PyObject *match = PyObject_Vectorcall(method, arguments, count, NULL);
    Py_DECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    return match;
}

static void *more_room(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    size_t wanted = *room ? *room * 2 : 8;
    void *more = PyMem_Realloc(items, wanted * size);
    if (more == NULL)
        PyErr_NoMemory();
    else
        *room = wanted;
    return more;
}

/* find._judge: 1 if a hit was added, 0 if not, -1 with an exception. */
static int judge(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    double score = form->confidence, weight, factor;
    if (form->led) {
        if (weigh(self, form, search, &weight) < 0)
            return -1;
        score += weight;
        if (score < REPORT - 1e-9)
            return 0;
    }
    if (form->validate != NULL) {
        if (validated(form, search, start, end, &factor) < 0)
            return -1;
        if (factor <= 0)
            return 0;
        score -= form->confidence * (1 - factor);
    }
    if (!form->led) {
        if (weigh(self, form, search, &weight) < 0)
            return -1;
        score += self->strict && weight == -NEGATIVE ? 0.0 : weight;
    }
    if (score < REPORT - 1e-9)
        return 0;
    int test = is_test(form, search, start, end);
    if (test < 0)
        return -1;
    if (form->endless != NULL) {
        PyObject *tail = run(form->endless, search, end, -1);
        Py_ssize_t first;
        if (tail == NULL || (tail != Py_None && span_of(self, tail, 0, &first, &end) < 0))
            return -1;
        if (tail == Py_None)
            Py_DECREF(tail);
    }
    PyObject *arguments[5] = {form->entity, PyLong_FromSsize_t(start), PyLong_FromSsize_t(end),
                              PyFloat_FromDouble(score < 1.0 ? score : 1.0), test ? Py_True : Py_False};
    PyObject *hit = NULL;
    if (arguments[1] != NULL && arguments[2] != NULL && arguments[3] != NULL)
        hit = PyObject_Vectorcall(self->hit, arguments, 5, NULL);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    Py_XDECREF(arguments[3]);
    if (hit == NULL)
        return -1;
    Found *more = more_room(search->found, search->count, &search->room, sizeof *more);
    if (more == NULL) {
        Py_DECREF(hit);
        return -1;
    }
    search->found = more;
    more[search->count] = (Found){start, end, (Py_ssize_t)search->count, score < 1.0 ? score : 1.0, form->id, hit};
    search->count++;
    search->overlap |= start < search->last_end;
    if (end > search->last_end)
        search->last_end = end;
    return 1;
}

/* One reading of a candidate: 1 if it is a hit, 0 if not, -1 with an exception. */
static int try_reading(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    if (start < 0 || end < start || end > search->text.size) { /* a group that took no part in the match */
        return 0;
    }
    if (end <= search->floor)
        return 0;
    int fresh = note_judged(search, form - self->forms, start, end);
    if (fresh <= 0)
        return fresh;
    if (stand_before(search, start) < 0)
        return -1;
    if (form->numeric && continues(&search->text, start, end, form->regroups))
        return 0;
    int hit = judge(self, form, search, start, end);
    if (hit > 0 && note_end(search, end) < 0)
        return -1;
    return hit;
}

/* readings._shorter, each run tried at once. */
static int try_shorter(Judge *self, Form *form, Search *search, Py_ssize_t start, Py_ssize_t end)
{
    const uint8_t *at = search->text.at;
    if (end > search->text.size)
        end = search->text.size;
    Py_ssize_t cuts[MOST_CUTS + 2], count = 1;
    cuts[0] = -1;
    for (Py_ssize_t i = start; i < end && count <= MOST_CUTS; i++)
        if (at[i] == ' ' || at[i] == '-')
            cuts[count++] = i - start;
    if (count == 1)
        return 0;
    cuts[count] = end - start;
    for (Py_ssize_t first = 0; first < count; first++)
        for (Py_ssize_t last = count; last > 0; last--) {
            if (cuts[last] - cuts[first] <= 6 || (first == 0 && last == count))
                continue;
            Py_ssize_t upto = start + cuts[last], low, high;
            PyObject *match = run(form->match, search, start + cuts[first] + 1, upto);
            if (match == NULL)
                return -1;
            if (match == Py_None) {
                Py_DECREF(match);
                continue;
            }
            Py_INCREF(match);
            if (span_of(self, match, 0, &low, &high) < 0) {
                Py_DECREF(match);
                return -1;
            }
            if (high == upto) {
                PyObject *behind = run(form->after, search, high, -1);
                if (behind == NULL) {
                    Py_DECREF(match);
                    return -1;
                }
                Py_DECREF(behind);
                if (behind != Py_None) {
                    if (span_of(self, match, form->group, &low, &high) < 0)
                        return -1;
                    search->retries++;
                    int hit = try_reading(self, form, search, low, high);
                    if (hit != 0)
                        return hit;
                    continue;
                }
            }
            Py_DECREF(match);
        }
    return 0;
}

/* readings.form_spans, each span tried at once. */
static int try_candidate(Judge *self, Form *form, Search *search, Py_ssize_t place)
{
    int again = form->regroups && search->retries < MOST_RETRIES && !follows_group(&search->text, place);
    Py_ssize_t start, end;
    if (form->led) {
        PyObject *matches = run(form->iterate, search, place > LED_REACH ? place - LED_REACH : 0, place + LED_REACH);
        if (matches == NULL)
            return -1;
        PyObject *match;
        while ((match = PyIter_Next(matches)) != NULL) {
            if (span_of(self, match, form->group, &start, &end) < 0) {
                Py_DECREF(matches);
                return -1;
            }
            if (start < place && place <= end) {
                Py_DECREF(matches);
                int hit = try_reading(self, form, search, start, end);
                return hit != 0 || !again ? hit : try_shorter(self, form, search, start, end);
            }
        }
        Py_DECREF(matches);
        return PyErr_Occurred() ? -1 : 0;
    }
    if (form->before != NULL) {
        PyObject *left = run(form->before, search, place > 64 ? place - 64 : 0, place);
        if (left == NULL)
            return -1;
        if (left == Py_None)
            Py_DECREF(left);
        else {
            if (span_of(self, left, 0, &start, &end) < 0)
                return -1;
            place = start;
        }
    }
    PyObject *match = run(form->match, search, place, -1);
    if (match == NULL)
        return -1;
    if (match == Py_None) {
        Py_DECREF(match);
        start = end = place;
    }
    else {
        if (span_of(self, match, form->group, &start, &end) < 0)
            return -1;
        int hit = try_reading(self, form, search, start, end);
        if (hit != 0)
            return hit;
    }
    return again ? try_shorter(self, form, search, place, end > place + SHORTER ? end : place + SHORTER) : 0;
}

static int by_start(const void *one, const void *other)
{
    const Found *a = one, *b = other;
    if (a->start != b->start)
        return (a->start > b->start) - (a->start < b->start);
    return (a->order > b->order) - (a->order < b->order);
}

/* The surer first, then the longer, the earlier, by id. */
static int by_worth(const void *one, const void *other)
{
    const Found *a = one, *b = other;
    if (a->score != b->score)
        return (a->score < b->score) - (a->score > b->score);
    Py_ssize_t size_a = a->end - a->start, size_b = b->end - b->start;
    if (size_a != size_b)
        return (size_a < size_b) - (size_a > size_b);
    if (a->start != b->start)
        return (a->start > b->start) - (a->start < b->start);
    int ids = strcmp(a->id, b->id);
    return ids != 0 ? ids : (a->order > b->order) - (a->order < b->order);
}

/* find._surest: of hits that overlap, those that stay, in order, at the beginning of `cluster`. The others lose their hit. */
static void surest(Found *cluster, size_t size, Found *kept)
{
    if (size < 2)
        return;
    for (size_t i = 0; i < size; i++)
        cluster[i].order = (Py_ssize_t)i;
    qsort(cluster, size, sizeof *cluster, by_worth);
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        size_t low = 0, high = count;
        while (low < high) { /* the first that begins at or behind the end of this one */
            size_t middle = (low + high) / 2;
            if (kept[middle].start < cluster[i].end)
                low = middle + 1;
            else
                high = middle;
        }
        if (low > 0 && kept[low - 1].end > cluster[i].start) {
            Py_CLEAR(cluster[i].hit);
            continue;
        }
        memmove(kept + low + 1, kept + low, (count - low) * sizeof *kept);
        kept[low] = cluster[i];
        count++;
    }
    memcpy(cluster, kept, count * sizeof *kept);
    for (size_t i = count; i < size; i++)
        cluster[i].hit = NULL; /* moved to the front, or gone */
}

/* find.apart: the hits as a list, in order and without overlaps; NULL with an exception. */
static PyObject *apart(Search *search)
{
    Found *found = search->found;
    if (search->overlap) {
        Found *kept = PyMem_Malloc(search->count * sizeof *kept);
        if (kept == NULL)
            return PyErr_NoMemory();
        qsort(found, search->count, sizeof *found, by_start);
        for (size_t first = 0, next; first < search->count; first = next) {
            Py_ssize_t reach = found[first].end;
            for (next = first + 1; next < search->count && found[next].start < reach; next++)
                if (found[next].end > reach)
                    reach = found[next].end;
            surest(found + first, next - first, kept);
        }
        PyMem_Free(kept);
    }
    Py_ssize_t count = 0;
    for (size_t i = 0; i < search->count; i++)
        count += found[i].hit != NULL;
    PyObject *hits = PyList_New(count);
    count = 0;
    for (size_t i = 0; hits != NULL && i < search->count; i++)
        if (found[i].hit != NULL)
            PyList_SET_ITEM(hits, count++, Py_NewRef(found[i].hit));
    return hits;
}

PyDoc_STRVAR(find_doc,
             "find(text, floor, ceiling, field_at, found) -> list\n\n"
             "`Finder.find` for candidates `found`, which are in order; `floor` and `ceiling` as there, `ceiling` negative "
             "for none. `field_at` may be the labels of a table's columns and its separator.");

static PyObject *judge_find(Judge *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5 || !PyBytes_Check(args[0]) || !PyList_Check(args[4])) {
        PyErr_SetString(PyExc_TypeError, "find(text, floor, ceiling, field_at, found)");
        return NULL;
    }
    Search search = {.text = {(const uint8_t *)PyBytes_AS_STRING(args[0]), PyBytes_GET_SIZE(args[0]), args[0], NULL},
                     .field_at = args[3], .around = -1, .decisive = -1, .last_end = -1};
    search.floor = PyLong_AsSsize_t(args[1]);
    Py_ssize_t high = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred() || (PyTuple_Check(args[3]) && read_columns(args[3], &search.columns) < 0))
        return NULL;
    Py_ssize_t low = search.floor - LEAD_IN;
    if (high < 0)
        high = search.text.size;
    int failed = 0;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(args[4]); i++) {
        long long found = PyLong_AsLongLong(PyList_GET_ITEM(args[4], i));
        if (found < 0) {
            failed = 1;
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "not a candidate");
            break;
        }
        Py_ssize_t place = (Py_ssize_t)(found >> 16), number = (Py_ssize_t)(found & 0xffff);
        if (place < low || place > high || place > search.text.size || number >= self->count ||
            self->forms[number].entity == NULL)
            continue;
        failed = try_candidate(self, &self->forms[number], &search, place) < 0;
    }
    PyMem_Free(search.judged);
    PyMem_Free(search.text.ends);
    Py_XDECREF(search.label);
    Py_XDECREF(search.near);
    PyObject *hits = failed ? NULL : apart(&search);
    for (size_t i = 0; i < search.count; i++)
        Py_XDECREF(search.found[i].hit);
    PyMem_Free(search.found);
    return hits;
}

/* ------------------------------------------------------------------------------------------------------ sketches */

static const uint64_t blake_iv[8] = {0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
                                     0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u};
static const uint8_t blake_sigma[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

/* Keyed BLAKE2b with 8 bytes of digest (RFC 7693). */
typedef struct {
    uint64_t h[8], length;
    uint8_t block[128];
    size_t filled;
} Blake;

static inline uint64_t turned(uint64_t word, int by)
{
    return word >> by | word << (64 - by);
}

static inline void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y)
{
    *a += *b + x;
    *d = turned(*d ^ *a, 32);
    *c += *d;
    *b = turned(*b ^ *c, 24);
    *a += *b + y;
    *d = turned(*d ^ *a, 16);
    *c += *d;
    *b = turned(*b ^ *c, 63);
}

static void blake_block(Blake *blake, int last)
{
    uint64_t v[16], m[16];
    for (int i = 0; i < 16; i++) {
        m[i] = 0;
        for (int byte = 7; byte >= 0; byte--)
            m[i] = m[i] << 8 | blake->block[8 * i + byte];
    }
    memcpy(v, blake->h, 64);
    memcpy(v + 8, blake_iv, 64);
    v[12] ^= blake->length;
    if (last)
        v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = blake_sigma[round];
        mix(v + 0, v + 4, v + 8, v + 12, m[s[0]], m[s[1]]);
        mix(v + 1, v + 5, v + 9, v + 13, m[s[2]], m[s[3]]);
        mix(v + 2, v + 6, v + 10, v + 14, m[s[4]], m[s[5]]);
        mix(v + 3, v + 7, v + 11, v + 15, m[s[6]], m[s[7]]);
        mix(v + 0, v + 5, v + 10, v + 15, m[s[8]], m[s[9]]);
        mix(v + 1, v + 6, v + 11, v + 12, m[s[10]], m[s[11]]);
        mix(v + 2, v + 7, v + 8, v + 13, m[s[12]], m[s[13]]);
        mix(v + 3, v + 4, v + 9, v + 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++)
        blake->h[i] ^= v[i] ^ v[i + 8];
}

static void blake_put(Blake *blake, uint8_t byte)
{
    if (blake->filled == 128) {
        blake->length += 128;
        blake_block(blake, 0);
        blake->filled = 0;
    }
    blake->block[blake->filled++] = byte;
}

/* mask.Key.sketch_hash into the registers of sketch.Sketch. */
static void sketch_add(uint8_t *registers, const uint8_t *key, const char *id, const uint8_t *value, Py_ssize_t size)
{
    Blake blake;
    memcpy(blake.h, blake_iv, 64);
    blake.h[0] ^= 0x01010000u ^ (32u << 8) ^ 8u;
    blake.length = 0;
    memcpy(blake.block, key, 32);
    memset(blake.block + 32, 0, 96);
    blake.filled = 128;
    do
        blake_put(&blake, (uint8_t)*id);
    while (*id++ != 0);
    for (Py_ssize_t i = 0; i < size; i++) {
        uint8_t byte = value[i];
        if (memchr(" -./()\t\r\n", byte, 9) == NULL)
            blake_put(&blake, byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
    }
    blake.length += blake.filled;
    memset(blake.block + blake.filled, 0, 128 - blake.filled);
    blake_block(&blake, 1);
    uint64_t hash = 0; /* the digest is little-endian, the number is read big-endian */
    for (int i = 0; i < 8; i++)
        hash = hash << 8 | (blake.h[0] >> (8 * i) & 0xff);
    unsigned place = hash & 63;
    uint64_t rest = hash >> 6;
    uint8_t rank = 59;
    for (; rest; rest >>= 1)
        rank--;
    if (rank > registers[place])
        registers[place] = rank;
}

/* ----------------------------------------------------------------------------------------- where in a JSON body */

enum { MOST_DEPTH = 64, MOST_OPEN = 4096 };

typedef struct {
    PyObject *stack, *key; /* as of places.JsonPath */
    int in_string;
    Py_ssize_t from; /* what stands before it needs no second look */
} Path;

static inline int is_json_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Behind the quote that ends the string whose inside begins at `at`; -1 where it has not ended. */
static Py_ssize_t string_end(const uint8_t *text, Py_ssize_t at, Py_ssize_t end)
{
    while (at < end) {
        if (text[at] == '"')
            return at + 1;
        at += text[at] == '\\' ? 2 : 1;
    }
    return -1;
}

/* Behind what follows a string that says nothing of where we are, places._PASSED; -1 where it may say something. */
static Py_ssize_t passed_string(const uint8_t *text, Py_ssize_t at, Py_ssize_t end)
{
    while (at < end && is_json_blank(text[at]))
        at++;
    if (at == end)
        return -1;
    if (text[at] == ',' || text[at] == ']' || text[at] == '}')
        return at;
    if (text[at] != ':')
        return -1;
    for (at++; at < end && is_json_blank(text[at]); at++)
        ;
    if (at < end && text[at] == '"')
        at = string_end(text, at + 1, end);
    else {
        Py_ssize_t first = at;
        while (at < end && memchr("\"{}[],", text[at], 6) == NULL && !is(text[at], SPACE))
            at++;
        if (at == first)
            return -1;
    }
    if (at < 0)
        return -1;
    while (at < end && is_json_blank(text[at]))
        at++;
    return at < end && (text[at] == ',' || text[at] == '}') ? at : -1;
}

/* places.JsonPath.follow over text[path->from:end]; -1 with an exception. */
static int follow(Path *path, const uint8_t *text, Py_ssize_t end)
{
    Py_ssize_t at = path->from;
    if (at >= end)
        return 0;
    if (path->in_string) {
        Py_ssize_t behind = string_end(text, at, end);
        if (behind < 0) {
            path->from = text[end - 1] == '\\' ? end - 1 : end;
            return 0;
        }
        path->in_string = 0;
        at = behind;
    }
    while (at < end) {
        uint8_t byte = text[at];
        if (byte == '"') {
            Py_ssize_t behind = string_end(text, at + 1, end);
            if (behind < 0) {
                path->in_string = end - at > MOST_OPEN;
                path->from = path->in_string ? end : at;
                return 0;
            }
            Py_ssize_t next = passed_string(text, behind, end);
            if (next >= 0) {
                at = next;
                continue;
            }
            next = behind;
            while (next < end && is_json_blank(text[next]))
                next++;
            if (next < end && text[next] == ':') {
                Py_ssize_t size = behind - 1 - (at + 1);
                PyObject *name = PyUnicode_DecodeUTF8((const char *)text + at + 1, size > 64 ? 64 : size, "replace");
                PyObject *key = name == NULL ? NULL : PyUnicode_FromFormat(".%U", name);
                Py_XDECREF(name);
                if (key == NULL)
                    return -1;
                Py_SETREF(path->key, key);
                at = next + 1;
            }
            else if (behind == end) { /* its colon may be about to come */
                path->from = at;
                return 0;
            }
            else
                at = behind;
            continue;
        }
        if (byte == '{' || byte == '[') {
            if (PyList_GET_SIZE(path->stack) < MOST_DEPTH) {
                PyObject *step = byte == '[' ? PyUnicode_FromFormat("%U[]", path->key) : Py_NewRef(path->key);
                int failed = step == NULL || PyList_Append(path->stack, step) < 0;
                Py_XDECREF(step);
                if (failed)
                    return -1;
            }
        }
        else if (byte == '}' || byte == ']') {
            Py_ssize_t depth = PyList_GET_SIZE(path->stack);
            if (depth > 0 && PyList_SetSlice(path->stack, depth - 1, depth, NULL) < 0)
                return -1;
        }
        else {
            at++;
            continue;
        }
        PyObject *empty = PyUnicode_FromStringAndSize("", 0);
        if (empty == NULL)
            return -1;
        Py_SETREF(path->key, empty);
        at++;
    }
    path->from = end;
    return 0;
}

PyDoc_STRVAR(follow_doc, "json_path(stack, key, text, in_string) -> (key, from, in_string)\n\nWhat `JsonPath.follow` does "
                         "with a text: changes `stack`, gives the key, where the text is to be read again from, whether "
                         "a string is open.");

static PyObject *module_follow(PyObject *unused, PyObject *args)
{
    PyObject *stack, *key, *text;
    int in_string;
    if (!PyArg_ParseTuple(args, "O!USp", &PyList_Type, &stack, &key, &text, &in_string))
        return NULL;
    Path path = {stack, Py_NewRef(key), in_string, 0};
    PyObject *given = NULL;
    if (follow(&path, (const uint8_t *)PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)) == 0)
        given = Py_BuildValue("OnO", path.key, path.from, path.in_string ? Py_True : Py_False);
    Py_DECREF(path.key);
    return given;
}

/* -------------------------------------------------------------------------------------------------------- masks */

enum { BY_PLACES, EVERYTHING, EMAIL };

static inline int hides(uint8_t byte)
{
    return is(byte, DIGIT | UPPER | LOWER) || byte == '*';
}

static void hide(uint8_t *at, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size; i++)
        if (is(at[i], DIGIT | UPPER | LOWER))
            at[i] = '*';
}

static void hide_beyond_first(uint8_t *at, Py_ssize_t size)
{
    if (size > 1)
        hide(at + 1, size - 1);
    else
        hide(at, size);
}

/* mask.masked, in place. */
static void mask(uint8_t *at, Py_ssize_t size, int format, Py_ssize_t first, Py_ssize_t last)
{
    if (format == EVERYTHING) {
        memset(at, '*', (size_t)size);
        return;
    }
    if (format == EMAIL) {
        Py_ssize_t sign = last_of(at, size, '@');
        uint8_t *domain = at + sign + 1;
        Py_ssize_t dot = last_of(domain, size - sign - 1, '.');
        hide_beyond_first(at, sign < 0 ? 0 : sign);
        hide_beyond_first(domain, dot < 0 ? 0 : dot);
        return;
    }
    Py_ssize_t places = 0, from = 0, upto = size;
    for (Py_ssize_t i = 0; i < size; i++)
        places += hides(at[i]);
    if (places - first - last < 4) {
        first = 0;
        if (places - last < 4)
            last = 0;
    }
    if (places == 0)
        return;
    for (Py_ssize_t seen = 0; from < size; from++)
        if (hides(at[from]) && seen++ == first)
            break;
    for (Py_ssize_t seen = 0; upto > from; upto--)
        if (hides(at[upto - 1]) && seen++ == last)
            break;
    hide(at + from, upto - from);
}

/* ------------------------------------------------------------------------------------------ what becomes of hits */

enum { ONE_NAME, BY_LABEL, BY_PATH, BY_COLUMN };  /* how fields are named */
enum { NO_RULE, JSON_RULE, MEMBER_RULE, HTML_RULE, ASK }; /* where bare numbers may stand, containers._BARE */

typedef struct {
    PyObject *entity, *address, *action; /* borrowed, new, new */
    Py_ssize_t count, test;
    int sure;
    uint8_t registers[64];
} Place;

typedef struct {
    Py_ssize_t start, end;
    PyObject *text; /* NULL: masked in place */
    Form *form;
} Change;

typedef struct {
    Place *places;
    size_t places_count, places_room;
    Change *changes;
    size_t changes_count, changes_room;
    Path path;
    Columns columns;
    PyObject *elsewhere; /* the address of what stands in no column; borrowed */
} Settled;

static Form *form_of(Judge *self, PyObject *entity)
{
    for (Py_ssize_t i = 0; i < self->count; i++)
        if (self->entities[i] == entity)
            return &self->forms[i];
    PyErr_SetString(PyExc_ValueError, "a hit of an entity that is not looked for");
    return NULL;
}

/* Whether digits may stand bare there, so that the reference has to look: containers.is_bare_number, erring towards yes. */
static int may_be_bare(int rule, const uint8_t *text, Py_ssize_t size, Py_ssize_t start, Py_ssize_t end)
{
    if (rule == NO_RULE || !all_digits(text + start, end - start))
        return 0;
    if (start > 0 && memchr("\"'`", text[start - 1], 3) != NULL)
        return 0;
    if (rule == ASK)
        return 1;
    if (rule == HTML_RULE && !(start > 0 && text[start - 1] == '>' && end < size && text[end] == '<'))
        return 1; /* it may stand in a script */
    Py_ssize_t low = start > 40 ? start - 40 : 0, at = start;
    if (at > low && text[at - 1] == '-')
        at--;
    for (; at > low && is_json_blank(text[at - 1]); at--)
        if (rule == JSON_RULE && text[at - 1] == '\n')
            return 1;
    if (at == low)
        return 1;
    return rule == JSON_RULE ? memchr(":[,{", text[at - 1], 4) != NULL : text[at - 1] == ':';
}

static Place *place_of(Settled *settled, PyObject *entity, PyObject *address, PyObject *action)
{
    for (size_t i = settled->places_count; i-- > 0;) {
        Place *place = &settled->places[i];
        if (place->entity == entity && (place->action == action || PyUnicode_Compare(place->action, action) == 0) &&
            (place->address == address || PyUnicode_Compare(place->address, address) == 0))
            return place;
    }
    return NULL;
}

/* tally.Tally.add for a fresh tally; -1 with an exception. */
static int count_hit(Judge *self, Settled *settled, Form *form, PyObject *address, PyObject *action, const uint8_t *value,
                     Py_ssize_t size, int sure, int test, const uint8_t *key, size_t most)
{
    Place *place = place_of(settled, form->entity, address, action);
    if (place == NULL && settled->places_count >= most) {
        address = self->elsewhere;
        place = place_of(settled, form->entity, address, action);
    }
    if (place == NULL) {
        Place *places = more_room(settled->places, settled->places_count, &settled->places_room, sizeof *places);
        if (places == NULL)
            return -1;
        settled->places = places;
        place = &places[settled->places_count++];
        memset(place, 0, sizeof *place);
        place->entity = form->entity;
        place->address = Py_NewRef(address);
        place->action = Py_NewRef(action);
    }
    place->count++;
    place->test += test;
    place->sure |= sure;
    sketch_add(place->registers, key, form->id, value, size);
    return 0;
}

/* The address of the value at `start`: a new reference, or NULL with an exception. */
static PyObject *address_of(Settled *settled, int named, PyObject *names, PyObject *bytes, const uint8_t *raw,
                            Py_ssize_t start)
{
    PyObject *key, *address;
    if (named == ONE_NAME)
        return Py_NewRef(names);
    if (named == BY_COLUMN) {
        Columns *columns = &settled->columns;
        go_to(columns, (const uint8_t *)PyBytes_AS_STRING(bytes), start);
        address = Py_NewRef(columns->now.column < PyTuple_GET_SIZE(columns->labels)
                                ? PyTuple_GET_ITEM(columns->labels, columns->now.column)
                                : settled->elsewhere);
    }
    else {
        if (named == BY_LABEL) {
            Run run = label_before((const uint8_t *)PyBytes_AS_STRING(bytes), start);
            key = PyBytes_FromStringAndSize((const char *)run.at, run.size);
        }
        else {
            if (follow(&settled->path, raw, start) < 0)
                return NULL;
            PyObject *empty = PyUnicode_FromStringAndSize("", 0);
            PyObject *above = empty == NULL ? NULL : PyUnicode_Join(empty, settled->path.stack);
            Py_XDECREF(empty);
            PyObject *path = above == NULL ? NULL : PyUnicode_Concat(above, settled->path.key);
            Py_XDECREF(above);
            key = path == NULL ? NULL : PyUnicode_AsUTF8String(path);
            Py_XDECREF(path);
        }
        if (key == NULL)
            return NULL;
        address = PyObject_GetItem(names, key);
        Py_DECREF(key);
    }
    if (address != NULL && !PyUnicode_Check(address)) {
        PyErr_SetString(PyExc_TypeError, "an address is a str");
        Py_CLEAR(address);
    }
    return address;
}

static int number_at(PyObject *object, PyObject *name, Py_ssize_t *number)
{
    PyObject *value = PyObject_GetAttr(object, name);
    if (value == NULL)
        return -1;
    *number = PyLong_AsSsize_t(value);
    Py_DECREF(value);
    return *number == -1 && PyErr_Occurred() ? -1 : 0;
}

static int note_change(Settled *settled, Change change)
{
    Change *changes = more_room(settled->changes, settled->changes_count, &settled->changes_room, sizeof *changes);
    if (changes == NULL)
        return -1;
    settled->changes = changes;
    changes[settled->changes_count++] = change;
    return 0;
}

/* edits.applied; takes nothing. */
static PyObject *changed(Settled *settled, PyObject *raw)
{
    const char *old = PyBytes_AS_STRING(raw);
    Py_ssize_t size = PyBytes_GET_SIZE(raw), made = 0, done = 0;
    if (settled->changes_count == 0)
        return Py_NewRef(raw);
    for (size_t i = 0; i < settled->changes_count; i++) {
        Change *change = &settled->changes[i];
        if (change->start > done)
            made += change->start - done;
        made += change->text == NULL ? change->end - change->start : PyBytes_GET_SIZE(change->text);
        done = change->end;
    }
    made += size > done ? size - done : 0;
    PyObject *out = PyBytes_FromStringAndSize(NULL, made);
    if (out == NULL)
        return NULL;
    char *at = PyBytes_AS_STRING(out);
    done = 0;
    for (size_t i = 0; i < settled->changes_count; i++) {
        Change *change = &settled->changes[i];
        if (change->start > done) {
            memcpy(at, old + done, (size_t)(change->start - done));
            at += change->start - done;
        }
        if (change->text == NULL) {
            Py_ssize_t length = change->end - change->start;
            memcpy(at, old + change->start, (size_t)length);
            mask((uint8_t *)at, length, change->form->mask, change->form->first, change->form->last);
            at += length;
        }
        else {
            memcpy(at, PyBytes_AS_STRING(change->text), (size_t)PyBytes_GET_SIZE(change->text));
            at += PyBytes_GET_SIZE(change->text);
        }
        done = change->end;
    }
    if (size > done)
        memcpy(at, old + done, (size_t)(size - done));
    return out;
}

/* What `edit(hit, start, end, action)` gives; -1 with an exception. */
static int ask_edit(Judge *self, Settled *settled, PyObject *edit, PyObject *hit, Py_ssize_t start, Py_ssize_t end,
                    PyObject *action, Py_ssize_t size)
{
    PyObject *arguments[] = {hit, PyLong_FromSsize_t(start), PyLong_FromSsize_t(end), action};
    PyObject *given = NULL;
    Change change = {0};
    if (arguments[1] != NULL && arguments[2] != NULL)
        given = PyObject_Vectorcall(edit, arguments, 4, NULL);
    Py_XDECREF(arguments[1]);
    Py_XDECREF(arguments[2]);
    if (given == NULL)
        return -1;
    int failed = number_at(given, self->start, &change.start) < 0 || number_at(given, self->end, &change.end) < 0;
    change.text = failed ? NULL : PyObject_GetAttr(given, self->text);
    Py_DECREF(given);
    if (change.text == NULL)
        return -1;
    if (!PyBytes_Check(change.text) || change.start < 0 || change.end < change.start || change.end > size) {
        PyErr_SetString(PyExc_ValueError, "not an edit of this body");
        Py_DECREF(change.text);
        return -1;
    }
    if (note_change(settled, change) < 0) {
        Py_DECREF(change.text);
        return -1;
    }
    return 0;
}

static void forget_settled(Settled *settled)
{
    for (size_t i = 0; i < settled->places_count; i++) {
        Py_DECREF(settled->places[i].address);
        Py_DECREF(settled->places[i].action);
    }
    for (size_t i = 0; i < settled->changes_count; i++)
        Py_XDECREF(settled->changes[i].text);
    PyMem_Free(settled->places);
    PyMem_Free(settled->changes);
    Py_XDECREF(settled->path.stack);
    Py_XDECREF(settled->path.key);
}

static int says(PyObject *action, const char *word)
{
    return PyUnicode_CompareWithASCIIString(action, word) == 0;
}

PyDoc_STRVAR(settle_doc,
             "settle(text, raw, span, hits, named, names, action, rule, enforce, edit, key, most, put) -> (bytes, bool)\n\n"
             "The body `raw` as policy lets it go on, and whether policy wants it changed. `text` is its view; where their "
             "lengths differ, `span(start, end)` tells what spells a part of it. `action(entity, address)` decides; `edit` gives what is not masked in place; `put` takes the counts.");

static PyObject *judge_settle(Judge *self, PyObject *args)
{
    PyObject *bytes, *raw_bytes, *span, *hits, *names, *action, *edit, *put;
    int named, rule, enforce;
    const char *key;
    Py_ssize_t key_size, most;
    if (!PyArg_ParseTuple(args, "SSOO!iOOipOy#nO", &bytes, &raw_bytes, &span, &PyList_Type, &hits, &named, &names, &action, &rule,
                          &enforce, &edit, &key, &key_size, &most, &put))
        return NULL;
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(bytes), *raw = (const uint8_t *)PyBytes_AS_STRING(raw_bytes);
    Py_ssize_t size = PyBytes_GET_SIZE(bytes), raw_size = PyBytes_GET_SIZE(raw_bytes);
    if (key_size != 32 || (named == ONE_NAME && !PyUnicode_Check(names)) || (named == BY_COLUMN && !PyTuple_Check(names))) {
        PyErr_SetString(PyExc_ValueError, "a key of 32 bytes, and names as they are named");
        return NULL;
    }
    Settled settled = {0};
    if (named == BY_COLUMN) {
        PyObject *pair = PyTuple_GetSlice(names, 0, 2);
        int bad = pair == NULL || read_columns(pair, &settled.columns) < 0;
        Py_XDECREF(pair); /* `names` holds what is in it */
        if (bad)
            return NULL;
        if (PyTuple_GET_SIZE(names) != 3) {
            PyErr_SetString(PyExc_ValueError, "addresses, a separator, and the address of all else");
            return NULL;
        }
        settled.elsewhere = PyTuple_GET_ITEM(names, 2);
    }
    settled.path.stack = PyList_New(0);
    settled.path.key = PyUnicode_FromStringAndSize("", 0);
    int failed = settled.path.stack == NULL || settled.path.key == NULL, would = 0;
    Py_ssize_t begin = 0;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(hits); i++) {
        PyObject *hit = Py_NewRef(PyList_GET_ITEM(hits, i));
        PyObject *entity = PyObject_GetAttr(hit, self->entity), *score = NULL, *tested = NULL, *address = NULL;
        PyObject *wanted = NULL;
        Py_ssize_t start, end, from, upto; /* in the text, and in the body */
        failed = 1;
        if (entity == NULL || number_at(hit, self->start, &start) < 0 || number_at(hit, self->end, &end) < 0)
            goto next;
        Form *form = form_of(self, entity);
        if (form == NULL)
            goto next;
        if (start < 0 || end < start || end > size) {
            PyErr_SetString(PyExc_ValueError, "a hit outside of the text");
            goto next;
        }
        from = start;
        upto = end;
        if (span != Py_None) {
            PyObject *pair = PyObject_CallFunction(span, "nn", start, end);
            if (pair == NULL)
                goto next;
            int bad = !PyTuple_Check(pair) || !PyArg_ParseTuple(pair, "nn", &from, &upto);
            Py_DECREF(pair);
            if (bad) {
                if (!PyErr_Occurred())
                    PyErr_SetString(PyExc_TypeError, "a span is a pair");
                goto next;
            }
        }
        if (from < 0 || upto < from || upto > raw_size) {
            PyErr_SetString(PyExc_ValueError, "a hit outside of the body");
            goto next;
        }
        if (upto <= begin) {
            failed = 0;
            goto next;
        }
        score = PyObject_GetAttr(hit, self->score);
        tested = score == NULL ? NULL : PyObject_GetAttr(hit, self->test);
        if (tested == NULL)
            goto next;
        Py_ssize_t first = from > begin ? from : begin;
        int acts = PyFloat_AsDouble(score) >= ACT - 1e-9, test = PyObject_IsTrue(tested);
        if (PyErr_Occurred())
            goto next;
        /* As in the reference: by the place of the value, even where an edit before it reaches into it. */
        address = address_of(&settled, named, names, bytes, raw, named == BY_PATH ? first : start);
        if (address == NULL)
            goto next;
        PyObject *arguments[] = {entity, address};
        wanted = PyObject_Vectorcall(action, arguments, 2, NULL);
        if (wanted == NULL)
            goto next;
        if (!PyUnicode_Check(wanted) || says(wanted, "block")) {
            PyErr_SetString(PyExc_ValueError, "an action that is not for whole bodies");
            goto next;
        }
        failed = 0;
        if (!says(wanted, "ignore")) {
            if (!acts)
                Py_SETREF(wanted, Py_NewRef(self->report));
            failed = count_hit(self, &settled, form, address, wanted, text + start, end - start, acts, test,
                               (const uint8_t *)key, (size_t)most) < 0;
            int masks = says(wanted, "mask");
            if (!failed && !says(wanted, "report")) {
                would = 1;
                if (enforce) {
                    if (masks && first == from && upto - from == end - start &&
                        memcmp(text + start, raw + from, (size_t)(end - start)) == 0 &&
                        !may_be_bare(rule, text, size, start, end))
                        failed = note_change(&settled, (Change){from, upto, NULL, form}) < 0;
                    else
                        failed = ask_edit(self, &settled, edit, hit, first, upto, wanted, raw_size) < 0;
                }
            }
        }
        if (upto > begin)
            begin = upto;
        if (!failed && settled.changes_count > 0 && settled.changes[settled.changes_count - 1].end > begin)
            begin = settled.changes[settled.changes_count - 1].end;
    next:
        Py_DECREF(hit);
        Py_XDECREF(entity);
        Py_XDECREF(score);
        Py_XDECREF(tested);
        Py_XDECREF(address);
        Py_XDECREF(wanted);
    }
    for (size_t i = 0; !failed && i < settled.places_count; i++) {
        Place *place = &settled.places[i];
        PyObject *done = PyObject_CallFunction(put, "OOOnnOy#", place->entity, place->address, place->action, place->count,
                                               place->test, place->sure ? Py_True : Py_False, place->registers,
                                               (Py_ssize_t)64);
        failed = done == NULL;
        Py_XDECREF(done);
    }
    PyObject *out = failed ? NULL : changed(&settled, raw_bytes);
    PyObject *given = out == NULL ? NULL : PyTuple_Pack(2, out, would ? Py_True : Py_False);
    Py_XDECREF(out);
    forget_settled(&settled);
    return given;
}

/* -------------------------------------------------------------------------------------------------- the type */

static int traverse_form(Form *form, visitproc visit, void *arg)
{
    Py_VISIT(form->entity);
    Py_VISIT(form->form);
    Py_VISIT(form->match);
    Py_VISIT(form->iterate);
    Py_VISIT(form->before);
    Py_VISIT(form->after);
    Py_VISIT(form->endless);
    Py_VISIT(form->validate);
    Py_VISIT(form->context);
    Py_VISIT(form->denied);
    Py_VISIT(form->said);
    Py_VISIT(form->tests);
    return 0;
}

static int judge_traverse(Judge *self, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < self->count; i++) {
        int stopped = traverse_form(&self->forms[i], visit, arg);
        if (stopped)
            return stopped;
    }
    Py_VISIT(self->hit);
    Py_VISIT(self->say);
    Py_VISIT(self->quiet);
    Py_VISIT(self->elements);
    return 0;
}

static int judge_clear(Judge *self)
{
    Py_ssize_t count = self->count;
    self->count = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Form *form = &self->forms[i];
        Py_CLEAR(form->entity);
        Py_CLEAR(form->form);
        Py_CLEAR(form->match);
        Py_CLEAR(form->iterate);
        Py_CLEAR(form->before);
        Py_CLEAR(form->after);
        Py_CLEAR(form->endless);
        Py_CLEAR(form->validate);
        Py_CLEAR(form->context);
        Py_CLEAR(form->denied);
        Py_CLEAR(form->said);
        Py_CLEAR(form->tests);
    }
    Py_CLEAR(self->hit);
    Py_CLEAR(self->say);
    Py_CLEAR(self->quiet);
    Py_CLEAR(self->elements);
    return 0;
}

static void judge_dealloc(Judge *self)
{
    PyObject_GC_UnTrack(self);
    judge_clear(self);
    Py_XDECREF(self->span);
    Py_XDECREF(self->entity);
    Py_XDECREF(self->start);
    Py_XDECREF(self->end);
    Py_XDECREF(self->score);
    Py_XDECREF(self->test);
    Py_XDECREF(self->text);
    Py_XDECREF(self->report);
    Py_XDECREF(self->elsewhere);
    PyMem_Free(self->forms);
    PyMem_Free(self->entities);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* `object.name`, or NULL without an exception where it is None. */
static PyObject *taken(PyObject *object, const char *name, int *failed)
{
    PyObject *value = *failed ? NULL : PyObject_GetAttrString(object, name);
    if (value == NULL) {
        *failed = 1;
        return NULL;
    }
    if (value == Py_None)
        Py_CLEAR(value);
    return value;
}

/* A bound method of the pattern `object.name`; NULL without an exception where there is no pattern. */
static PyObject *method(PyObject *object, const char *name, const char *of, int *failed)
{
    PyObject *pattern = taken(object, name, failed);
    if (pattern == NULL)
        return NULL;
    PyObject *bound = PyObject_GetAttrString(pattern, of);
    Py_DECREF(pattern);
    *failed |= bound == NULL;
    return bound;
}

static int number_of(PyObject *object, const char *name, int *failed)
{
    PyObject *value = taken(object, name, failed);
    long number = value == NULL ? 0 : PyLong_AsLong(value);
    if (number == -1 && PyErr_Occurred())
        *failed = 1;
    Py_XDECREF(value);
    return (int)number;
}

/* `Form.hides` is (mask as a number, first, last); the entity keeps its id for us. */
static int read_mask(PyObject *object, PyObject *entity, Form *form)
{
    PyObject *hidden = PyObject_GetAttrString(object, "hides"), *id = PyObject_GetAttrString(entity, "id");
    int failed = hidden == NULL || id == NULL || !PyTuple_Check(hidden) ||
                 !PyArg_ParseTuple(hidden, "inn", &form->mask, &form->first, &form->last);
    if (!failed) {
        form->id = PyUnicode_AsUTF8(id); /* kept within the str */
        failed = form->id == NULL;
    }
    if (!failed && (form->first < 0 || form->last < 0)) {
        PyErr_SetString(PyExc_ValueError, "not a mask");
        failed = 1;
    }
    Py_XDECREF(hidden);
    Py_XDECREF(id);
    if (failed && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "not a mask");
    return failed ? -1 : 0;
}

static int read_form(PyObject *object, PyObject *natives, Form *form)
{
    int failed = 0;
    form->form = Py_NewRef(object);
    PyObject *entity = taken(object, "entity", &failed);
    form->match = method(object, "shape", "match", &failed);
    form->iterate = method(object, "shape", "finditer", &failed);
    form->before = method(object, "before", "search", &failed);
    form->after = method(object, "after", "match", &failed);
    form->endless = method(object, "endless", "match", &failed);
    form->context = method(object, "context", "search", &failed);
    form->denied = method(object, "denied", "search", &failed);
    form->validate = taken(object, "validate", &failed);
    form->said = taken(object, "said", &failed);
    form->led = number_of(object, "led", &failed);
    form->group = number_of(object, "group", &failed);
    form->numeric = number_of(object, "numeric", &failed);
    form->regroups = number_of(object, "regroups", &failed);
    PyObject *context_words = failed ? NULL : PyObject_GetAttrString(object, "context_words");
    PyObject *denied_words = context_words == NULL ? NULL : PyObject_GetAttrString(object, "denied_words");
    if (denied_words == NULL || read_beginnings(context_words, &form->context_words) < 0 ||
        read_beginnings(denied_words, &form->denied_words) < 0)
        failed = 1;
    Py_XDECREF(context_words);
    Py_XDECREF(denied_words);
    if (!failed && entity != NULL) {
        form->labelled = number_of(entity, "labelled", &failed);
        form->tests = taken(entity, "tests", &failed);
        PyObject *confidence = taken(entity, "confidence", &failed);
        form->confidence = confidence == NULL ? 0 : PyFloat_AsDouble(confidence);
        Py_XDECREF(confidence);
        failed |= PyErr_Occurred() != NULL;
    }
    if (!failed && entity != NULL)
        failed = read_mask(object, entity, form) < 0;
    if (!failed && form->validate != NULL) {
        PyObject *twin = PyDict_GetItemWithError(natives, form->validate); /* borrowed */
        form->validator = twin == NULL ? ANY : (int)PyLong_AsLong(twin);
        failed |= PyErr_Occurred() != NULL;
    }
    if (!failed && (entity == NULL || form->match == NULL || form->after == NULL || form->said == NULL ||
                    !PyDict_Check(form->said) || form->tests == NULL || !PyAnySet_Check(form->tests))) {
        PyErr_SetString(PyExc_TypeError, "not a form");
        failed = 1;
    }
    form->entity = entity;
    return failed ? -1 : 0;
}

static int judge_init(Judge *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"forms", "hit", "say", "quiet", "elements", "natives", "strict", NULL};
    PyObject *forms, *hit, *say, *quiet, *elements, *natives;
    int strict;
    if (self->forms != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!OOO!O!O!p", names, &PyTuple_Type, &forms, &hit, &say,
                                     &PyFrozenSet_Type, &quiet, &PyFrozenSet_Type, &elements, &PyDict_Type, &natives,
                                     &strict))
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(forms);
    self->forms = PyMem_Calloc((size_t)count + 1, sizeof *self->forms);
    self->entities = PyMem_Calloc((size_t)count + 1, sizeof *self->entities);
    if (self->forms == NULL || self->entities == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    struct {
        PyObject **word;
        const char *text;
    } words[] = {{&self->span, "span"},   {&self->entity, "entity"}, {&self->start, "start"},
                 {&self->end, "end"},     {&self->score, "score"},   {&self->test, "test"},
                 {&self->text, "text"},   {&self->report, "report"}, {&self->elsewhere, "*"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((*words[i].word = PyUnicode_InternFromString(words[i].text)) == NULL)
            return -1;
    self->hit = Py_NewRef(hit);
    self->say = Py_NewRef(say);
    self->quiet = Py_NewRef(quiet);
    self->elements = Py_NewRef(elements);
    self->strict = strict;
    for (Py_ssize_t i = 0; i < count; i++) {
        self->count = i + 1;
        PyObject *form = PyTuple_GET_ITEM(forms, i);
        if (form != Py_None && read_form(form, natives, &self->forms[i]) < 0)
            return -1;
        self->entities[i] = self->forms[i].entity;
    }
    return 0;
}

static PyMethodDef judge_methods[] = {
    {"find", (PyCFunction)(void (*)(void))judge_find, METH_FASTCALL, find_doc},
    {"settle", (PyCFunction)judge_settle, METH_VARARGS, settle_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject JudgeType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.Judge",
    .tp_doc = PyDoc_STR("Judges candidates by forms; see waf/sensitive/find.py."),
    .tp_basicsize = sizeof(Judge),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)judge_init,
    .tp_dealloc = (destructor)judge_dealloc,
    .tp_traverse = (traverseproc)judge_traverse,
    .tp_clear = (inquiry)judge_clear,
    .tp_methods = judge_methods,
};

/* -------------------------------------------------------------------------------------- what Hyperscan reports */

typedef struct {
    PyObject_HEAD
    uint8_t *led; /* by form: the end of a match is its place, else its start */
    Py_ssize_t forms;
    uint64_t base, *found;
    size_t count, room;
} Notices;

static PyObject *notices_call(Notices *self, PyObject *args, PyObject *kwargs)
{
    if (PyTuple_GET_SIZE(args) < 3) {
        PyErr_SetString(PyExc_TypeError, "a match has an id, a start and an end");
        return NULL;
    }
    unsigned long long form = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args, 0));
    unsigned long long from = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args, 1));
    unsigned long long upto = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args, 2));
    if (PyErr_Occurred())
        return NULL;
    if (form >= (unsigned long long)self->forms) {
        PyErr_SetString(PyExc_ValueError, "no such form");
        return NULL;
    }
    uint64_t found = (self->base + (self->led[form] ? upto : from)) << 16 | form;
    if (self->count > 0 && self->found[self->count - 1] == found)
        Py_RETURN_NONE; /* one more end of the same match */
    if (self->count == self->room) {
        size_t room = self->room ? self->room * 2 : 64;
        uint64_t *more = PyMem_Realloc(self->found, room * sizeof *more);
        if (more == NULL)
            return PyErr_NoMemory();
        self->found = more;
        self->room = room;
    }
    self->found[self->count++] = found;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(begin_doc, "begin(base)\n\nPlaces of the matches to come count from `base`.");

static PyObject *notices_begin(Notices *self, PyObject *base)
{
    unsigned long long place = PyLong_AsUnsignedLongLong(base);
    if (PyErr_Occurred())
        return NULL;
    self->base = place;
    Py_RETURN_NONE;
}

static int by_place(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

PyDoc_STRVAR(take_doc, "take() -> list[int]\n\nThe candidates noticed since the last call, in order, each once.");

static PyObject *notices_take(Notices *self, PyObject *unused)
{
    size_t count = self->count, kept = 0;
    self->count = 0;
    if (count > 1)
        qsort(self->found, count, sizeof *self->found, by_place);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || self->found[kept - 1] != self->found[i])
            self->found[kept++] = self->found[i];
    PyObject *list = PyList_New((Py_ssize_t)kept);
    for (size_t i = 0; list != NULL && i < kept; i++) {
        PyObject *number = PyLong_FromUnsignedLongLong(self->found[i]);
        if (number == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, number);
    }
    if (self->room > 4096) { /* a dense body must not hold its memory for ever */
        PyMem_Free(self->found);
        self->found = NULL;
        self->room = 0;
    }
    return list;
}

static int notices_init(Notices *self, PyObject *args, PyObject *kwargs)
{
    const char *led;
    Py_ssize_t size;
    if (self->led != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "y#", &led, &size))
        return -1;
    self->led = PyMem_Malloc((size_t)size + 1);
    if (self->led == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->led, led, (size_t)size);
    self->forms = size;
    return 0;
}

static void notices_dealloc(Notices *self)
{
    PyMem_Free(self->led);
    PyMem_Free(self->found);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef notices_methods[] = {
    {"begin", (PyCFunction)notices_begin, METH_O, begin_doc},
    {"take", (PyCFunction)notices_take, METH_NOARGS, take_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject NoticesType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.Notices",
    .tp_doc = PyDoc_STR("Notices(led): called with each match that Hyperscan reports; `led` says of each form, by a byte, "
                        "whether its candidates are named by their ends."),
    .tp_basicsize = sizeof(Notices),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)notices_init,
    .tp_dealloc = (destructor)notices_dealloc,
    .tp_call = (ternaryfunc)notices_call,
    .tp_methods = notices_methods,
};

/* ------------------------------------------------------------------------------------------------------- signs */

typedef struct {
    PyObject_HEAD
    uint8_t *wide; /* by sign: it is not enough to look around it */
    Py_ssize_t signs;
    uint64_t reach, *ends;
    size_t count, room, most;
} Signs;

static PyObject *signs_call(Signs *self, PyObject *args, PyObject *kwargs)
{
    if (PyTuple_GET_SIZE(args) < 3) {
        PyErr_SetString(PyExc_TypeError, "a match has an id, a start and an end");
        return NULL;
    }
    unsigned long long sign = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args, 0));
    unsigned long long end = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args, 2));
    if (PyErr_Occurred())
        return NULL;
    if (sign >= (unsigned long long)self->signs) {
        PyErr_SetString(PyExc_ValueError, "no such sign");
        return NULL;
    }
    if (self->count == self->room) {
        size_t room = self->room ? self->room * 2 : 64;
        uint64_t *more = PyMem_Realloc(self->ends, room * sizeof *more);
        if (more == NULL)
            return PyErr_NoMemory();
        self->ends = more;
        self->room = room;
    }
    self->ends[self->count++] = end;
    if (self->count > self->most || self->wide[sign])
        Py_RETURN_TRUE;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(signs_begin_doc, "begin(most)\n\nA new text, in which more than `most` signs are too many.");

static PyObject *signs_begin(Signs *self, PyObject *number)
{
    unsigned long long most = PyLong_AsUnsignedLongLong(number);
    if (PyErr_Occurred())
        return NULL;
    self->most = (size_t)most;
    self->count = 0;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(signs_windows_doc, "windows(first) -> list[tuple[int, int]]\n\nWhat is within reach of the signs, in order and "
                                "apart; `first`: the beginning of the text counts as one.");

static PyObject *signs_windows(Signs *self, PyObject *first)
{
    int begins = PyObject_IsTrue(first);
    if (begins < 0)
        return NULL;
    PyObject *windows = PyList_New(0);
    if (windows == NULL || (self->count == 0 && !begins))
        return windows;
    if (self->count > 1)
        qsort(self->ends, self->count, sizeof *self->ends, by_place);
    uint64_t reach = self->reach, end = begins ? 0 : self->ends[0];
    uint64_t low = end > reach ? end - reach : 0, high = end + reach;
    for (size_t i = 0; i <= self->count; i++) {
        int last = i == self->count;
        end = last ? 0 : self->ends[i];
        if (last || end > high + reach) {
            PyObject *window = Py_BuildValue("KK", (unsigned long long)low, (unsigned long long)high);
            int failed = window == NULL || PyList_Append(windows, window) < 0;
            Py_XDECREF(window);
            if (failed) {
                Py_DECREF(windows);
                return NULL;
            }
            low = end > reach ? end - reach : 0;
        }
        high = end + reach;
    }
    return windows;
}

static int signs_init(Signs *self, PyObject *args, PyObject *kwargs)
{
    const char *wide;
    Py_ssize_t size, reach;
    if (self->wide != NULL) {
        PyErr_SetString(PyExc_TypeError, "made once");
        return -1;
    }
    if (!PyArg_ParseTuple(args, "y#n", &wide, &size, &reach))
        return -1;
    if (reach < 0) {
        PyErr_SetString(PyExc_ValueError, "a reach is no less than nothing");
        return -1;
    }
    self->wide = PyMem_Malloc((size_t)size + 1);
    if (self->wide == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(self->wide, wide, (size_t)size);
    self->signs = size;
    self->reach = (uint64_t)reach;
    return 0;
}

static void signs_dealloc(Signs *self)
{
    PyMem_Free(self->wide);
    PyMem_Free(self->ends);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef signs_methods[] = {
    {"begin", (PyCFunction)signs_begin, METH_O, signs_begin_doc},
    {"windows", (PyCFunction)signs_windows, METH_O, signs_windows_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject SignsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "waf._finder.Signs",
    .tp_doc = PyDoc_STR("Signs(wide, reach): called with each sign that Hyperscan reports; `wide` says of each, by a byte, "
                        "whether it ends the search."),
    .tp_basicsize = sizeof(Signs),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)signs_init,
    .tp_dealloc = (destructor)signs_dealloc,
    .tp_call = (ternaryfunc)signs_call,
    .tp_methods = signs_methods,
};

/* ------------------------------------------------------------------------------------------------- the module */

PyDoc_STRVAR(label_doc, "label_before(text, start) -> bytes\n\nAs `context.label_before`.");

static PyObject *module_label(PyObject *unused, PyObject *args)
{
    const char *text;
    Py_ssize_t size, start;
    if (!PyArg_ParseTuple(args, "y#n", &text, &size, &start))
        return NULL;
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_IndexError, "outside of the text");
        return NULL;
    }
    Run run = label_before((const uint8_t *)text, start);
    return PyBytes_FromStringAndSize((const char *)run.at, run.size);
}

PyDoc_STRVAR(near_doc, "near(text, start, floor, labelled) -> bytes\n\nAs `context.Surroundings.near`.");

static PyObject *module_near(PyObject *unused, PyObject *args)
{
    const char *text;
    Py_ssize_t size, start, floor;
    int labelled;
    if (!PyArg_ParseTuple(args, "y#nnp", &text, &size, &start, &floor, &labelled))
        return NULL;
    if (start < 0 || start > size) {
        PyErr_SetString(PyExc_IndexError, "outside of the text");
        return NULL;
    }
    uint8_t out[2 * (NEAR + 8)];
    return PyBytes_FromStringAndSize((const char *)out, words_near((const uint8_t *)text, start, floor, labelled, out));
}

static PyObject *as_number(PyObject *value, double (*of)(const uint8_t *, Py_ssize_t))
{
    if (!PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "a value is bytes");
        return NULL;
    }
    return PyFloat_FromDouble(of((const uint8_t *)PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)));
}

PyDoc_STRVAR(sketch_doc, "sketch(registers, key, id, value) -> bytes\n\nThe registers of a sketch that has seen a value more.");

static PyObject *module_sketch(PyObject *unused, PyObject *args)
{
    const char *registers, *key, *id, *value;
    Py_ssize_t registers_size, key_size, size;
    if (!PyArg_ParseTuple(args, "y#y#sy#", &registers, &registers_size, &key, &key_size, &id, &value, &size))
        return NULL;
    if (registers_size != 64 || key_size != 32) {
        PyErr_SetString(PyExc_ValueError, "64 registers and a key of 32 bytes");
        return NULL;
    }
    uint8_t room[64];
    memcpy(room, registers, 64);
    sketch_add(room, (const uint8_t *)key, id, (const uint8_t *)value, size);
    return PyBytes_FromStringAndSize((const char *)room, 64);
}

PyDoc_STRVAR(masked_doc, "masked(value, mask, first, last) -> bytes\n\nAs `mask.masked`, the format as `mask.hidden` gives it.");

static PyObject *module_masked(PyObject *unused, PyObject *args)
{
    const char *value;
    Py_ssize_t size, first, last;
    int format;
    if (!PyArg_ParseTuple(args, "y#inn", &value, &size, &format, &first, &last))
        return NULL;
    if (first < 0 || last < 0) {
        PyErr_SetString(PyExc_ValueError, "not a mask");
        return NULL;
    }
    PyObject *out = PyBytes_FromStringAndSize(NULL, size);
    if (out != NULL && size > 0) { /* none at all is a shared object */
        memcpy(PyBytes_AS_STRING(out), value, (size_t)size);
        mask((uint8_t *)PyBytes_AS_STRING(out), size, format, first, last);
    }
    return out;
}

static PyObject *module_card(PyObject *unused, PyObject *value)
{
    return as_number(value, card);
}

static PyObject *module_maestro(PyObject *unused, PyObject *value)
{
    return as_number(value, maestro);
}

static PyObject *module_token(PyObject *unused, PyObject *value)
{
    return as_number(value, token);
}

static PyMethodDef module_methods[] = {
    {"label_before", module_label, METH_VARARGS, label_doc},
    {"near", module_near, METH_VARARGS, near_doc},
    {"json_path", module_follow, METH_VARARGS, follow_doc},
    {"sketch", module_sketch, METH_VARARGS, sketch_doc},
    {"masked", module_masked, METH_VARARGS, masked_doc},
    {"card", module_card, METH_O, PyDoc_STR("card(value) -> float\n\nAs `validate.cards.card`.")},
    {"token", module_token, METH_O, PyDoc_STR("token(value) -> float\n\nAs `validate.secrets.token`.")},
    {"maestro", module_maestro, METH_O, PyDoc_STR("maestro(value) -> float\n\nAs `validate.cards.maestro`.")},
    {NULL, NULL, 0, NULL},
};

static void fill_kinds(void)
{
    for (int c = 0; c < 256; c++) {
        kind[c] = 0;
        if (c >= '0' && c <= '9')
            kind[c] |= DIGIT | NAME | PAIRED;
        if (c >= 'A' && c <= 'Z')
            kind[c] |= UPPER | NAME | PAIRED;
        if (c >= 'a' && c <= 'z')
            kind[c] |= LOWER | NAME | PAIRED;
        if (c >= 0x80)
            kind[c] |= WIDE;
        if (c && strchr("_-.[]$:", c) != NULL)
            kind[c] |= NAME;
        if (c && strchr("_.%[]-", c) != NULL)
            kind[c] |= PAIRED;
        if (c && strchr(" \t\n\r\v\f", c) != NULL)
            kind[c] |= SPACE;
        if (c && strchr(" \t\r\n\"'[(", c) != NULL)
            kind[c] |= TRIMMED;
    }
}

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._finder",
                                    PyDoc_STR("Candidates judged in C; the reference is waf/sensitive."), -1,
                                    module_methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__finder(void)
{
    fill_kinds();
    if (PyType_Ready(&JudgeType) < 0 || PyType_Ready(&NoticesType) < 0 || PyType_Ready(&SignsType) < 0)
        return NULL;
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || PyModule_AddObjectRef(made, "Judge", (PyObject *)&JudgeType) < 0 ||
        PyModule_AddObjectRef(made, "Notices", (PyObject *)&NoticesType) < 0 ||
        PyModule_AddObjectRef(made, "Signs", (PyObject *)&SignsType) < 0 ||
        PyModule_AddIntConstant(made, "NEAR", NEAR) < 0 ||
        PyModule_AddIntConstant(made, "LOOK_BEHIND", LOOK_BEHIND) < 0 ||
        PyModule_AddIntConstant(made, "LED_REACH", LED_REACH) < 0 ||
        PyModule_AddIntConstant(made, "LEAD_IN", LEAD_IN) < 0 ||
        PyModule_AddIntConstant(made, "MOST_RETRIES", MOST_RETRIES) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
