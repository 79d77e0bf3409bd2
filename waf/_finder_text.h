/* What stands before a value: labels and words, as waf/sensitive/context.py reads them; kinds of bytes. */
#ifndef WAF_FINDER_TEXT_H
#define WAF_FINDER_TEXT_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { NEAR = 30, LOOK_BEHIND = 200, LED_REACH = 96, LEAD_IN = 128, MOST_RETRIES = 2000, RETRY_BYTES = 16, MOST_CUTS = 8, SHORTER = 28 };
enum { DIGIT = 1, UPPER = 2, LOWER = 4, WIDE = 8, NAME = 16, SPACE = 32, TRIMMED = 64, PAIRED = 128 };

static uint8_t kind[256];

static inline int is(uint8_t byte, int kinds)
{
    return kind[byte] & kinds;
}

static inline uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

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

/* Room for one item more: the items, moved perhaps; NULL with an exception. */
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

#endif
