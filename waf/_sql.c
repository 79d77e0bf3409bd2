/* Text to the tokens of SQL, and to the letters of a shape, at the speed of C.
 *
 * The references are waf/inspect/confirm/sql_tokens.py, whose expression is read here alternative by alternative, sql_letters.py
 * and sql_reduction.py beside it; tests hold them together for any bytes. What a word means is told by Python: a table of words,
 * and a function for the rest. Linear in the text, and ends after LIMIT tokens.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { LIMIT = 160 };
enum { WHITE = 1, DIGIT = 2, WORD = 4, STARTS = 8, GOES_ON = 16, HEX = 32 };

static uint8_t kind[256];

typedef struct {
    char kind; /* that of sql_tokens.Token */
    const uint8_t *start, *end;
} Token;

#include "_kinds.h"

/* Behind digits and ".e" that stand before one of these characters; NULL where they do not. */
static const uint8_t *dotted(const uint8_t *at, const uint8_t *end, const char *before, int or_white)
{
    const uint8_t *last = run(at, end, DIGIT);
    if (last == at || end - last < 3 || last[0] != '.' || last[1] != 'e')
        return NULL;
    last += 2;
    return (or_white && (kind[*last] & WHITE)) || (*last && strchr(before, *last) != NULL) ? last : NULL;
}

/* The end of a comment, behind it; NULL where nothing closes it. */
static const uint8_t *closed(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 2; at++) {
        at = memchr(at, '*', (size_t)(end - at) - 1);
        if (at == NULL)
            return NULL;
        if (at[1] == '/')
            return at + 2;
    }
    return NULL;
}

/* Behind one blank; NULL where there is none. */
static const uint8_t *blank(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *behind;
    switch (*at) {
    case 0xa0:
        return at + 1;
    case 0xc2:
        return at_is(at + 1, end, 0xa0) ? at + 2 : NULL;
    case 0xe2:
        return end - at >= 3 && at[1] == 0x80 && at[2] >= 0x80 && at[2] <= 0xaf ? at + 3 : NULL;
    case 0xe3:
        return end - at >= 3 && at[1] == 0x80 && at[2] == 0x80 ? at + 3 : NULL;
    case '/':
        if (!at_is(at + 1, end, '*'))
            return NULL;
        if (!at_is(at + 2, end, '!'))
            return closed(at + 2, end);
        behind = at + 3;
        for (int digits = 0; digits < 6 && is(behind, end, DIGIT); digits++)
            behind++;
        return behind;
    case '*':
        return at_is(at + 1, end, '/') ? at + 2 : NULL;
    case '\\':
        return end - at >= 2 && (at[1] == 'n' || at[1] == 't' || at[1] == 'r') ? at + 2 : NULL;
    default:
        if (kind[*at] & DIGIT)
            return dotted(at, end, "(.,)", 1);
        return *at == 0 || (kind[*at] & WHITE) ? at + 1 : NULL;
    }
}

static const uint8_t *comment(const uint8_t *at, const uint8_t *end)
{
    if (*at == '#' || (*at == '-' && at_is(at + 1, end, '-'))) {
        const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
        return line != NULL ? line : end;
    }
    return (*at == '/' && at_is(at + 1, end, '*')) || (*at == ';' && at_is(at + 1, end, 0)) ? end : NULL;
}

static const uint8_t *exponent(const uint8_t *at, const uint8_t *end)
{
    if (!at_is(at, end, 'e'))
        return at;
    const uint8_t *digits = at + 1;
    if (at_is(digits, end, '+') || at_is(digits, end, '-'))
        digits++;
    return is(digits, end, DIGIT) ? run(digits, end, DIGIT) : at;
}

static const uint8_t *number(const uint8_t *at, const uint8_t *end)
{
    if (*at == '.')
        return is(at + 1, end, DIGIT) ? exponent(run(at + 1, end, DIGIT), end) : NULL;
    if (!(kind[*at] & DIGIT))
        return NULL;
    if (*at == '0' && at_is(at + 1, end, 'x'))
        return run(at + 2, end, HEX);
    const uint8_t *last = dotted(at, end, "=<>", 0);
    if (last != NULL)
        return last;
    if (*at == '0' && at_is(at + 1, end, 'b')) {
        for (last = at + 2; at_is(last, end, '0') || at_is(last, end, '1');)
            last++;
        if (last > at + 2)
            return last;
    }
    last = run(at, end, DIGIT);
    if (at_is(last, end, '.'))
        last = run(last + 1, end, DIGIT);
    return exponent(last, end);
}

/* Behind the string whose quote is at `at`; `open`: it is not closed. */
static const uint8_t *quoted(const uint8_t *at, const uint8_t *end, int *open)
{
    uint8_t quote = *at++;
    *open = 0;
    while (at < end) {
        if (*at == '\\') {
            if (end - at < 2)
                break;
            at += 2;
        }
        else if (*at != quote)
            at++;
        else if (at_is(at + 1, end, quote))
            at += 2;
        else
            return at + 1;
    }
    *open = 1;
    return end;
}

static int is_quote(const uint8_t *at, const uint8_t *end)
{
    return at_is(at, end, '\'') || at_is(at, end, '"');
}

static const uint8_t *string(const uint8_t *at, const uint8_t *end, int *open)
{
    const uint8_t *from = at;
    *open = 0;
    switch (*at) {
    case '\'':
    case '"':
        return quoted(at, end, open);
    case '_':
        from = run(at + 1, end, WORD);
        if (from - at < 4 || from - at > 13)
            return NULL;
        if (is(from, end, WHITE) && !is_quote(from, end))
            from++;
        return is_quote(from, end) ? quoted(from, end, open) : NULL;
    case 'u':
        if (at_is(at + 1, end, '&') && is_quote(at + 2, end))
            return quoted(at + 2, end, open);
        return is_quote(at + 1, end) ? quoted(at + 1, end, open) : NULL;
    case 'n':
    case 'x':
    case 'b':
    case 'e':
        return is_quote(at + 1, end) ? quoted(at + 1, end, open) : NULL;
    case 'q':
        if (end - at < 3 || at[1] != '\'' || at[2] != '[')
            return NULL;
        from = memchr(at + 3, ']', (size_t)(end - at) - 3);
        return from != NULL && at_is(from + 1, end, '\'') ? from + 2 : NULL;
    case '$': {
        const uint8_t *tag = at + 1;
        from = run(tag, end, WORD);
        Py_ssize_t length = from - tag;
        if (length > 8 || !at_is(from, end, '$'))
            return NULL;
        from = memchr(from + 1, '$', (size_t)(end - from) - 1);
        if (from == NULL || end - from < length + 2 || memcmp(from + 1, tag, (size_t)length) != 0
            || from[length + 1] != '$')
            return NULL;
        return from + length + 2;
    }
    default:
        return NULL;
    }
}

static const uint8_t *variable(const uint8_t *at, const uint8_t *end)
{
    if (*at == ':')
        return is(at + 1, end, WORD) ? run(at + 1, end, WORD) : NULL;
    if (*at != '@')
        return NULL;
    const uint8_t *from = at + 1 + at_is(at + 1, end, '@'), *last = from;
    while (last < end && ((kind[*last] & WORD) || *last == '$' || *last == '.' || *last == '`'))
        last++;
    return last > from ? last : NULL;
}

static const uint8_t *word(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *last = at + 1;
    if (*at == '`') {
        while (last < end && last - at <= 128 && *last != '`')
            last++;
        if (at_is(last, end, '`'))
            return last + 1;
        return last == end || (last == end - 1 && *last == '\n') ? last : NULL;
    }
    if (*at == '[') {
        if (!is(last, end, STARTS) || *last >= 0x80)
            return NULL;
        for (last++; last < end && last - at <= 65 && ((kind[*last] & WORD) || *last == ' ');)
            last++;
        return at_is(last, end, ']') ? last + 1 : NULL;
    }
    if (!(kind[*at] & STARTS))
        return NULL;
    while (last < end && last - at <= 200 && (kind[*last] & GOES_ON))
        last++;
    return last;
}

static const uint8_t *operator_(const uint8_t *at, const uint8_t *end)
{
    static const char *const longer[] = {"||", "&&", "<=>", "<>", "!=", ">=", "<=", ":=", "::", "==", "<<",
                                         ">>", "!~*", "!~", "~*", "@>", "<@", "->>", "->"};
    if (*at == 0 || strchr("|&<!>:=~@-+*/%^?", *at) == NULL)
        return NULL;
    int single = end - at < 2 || at[1] == 0 || strchr("|&=<>:~*@", at[1]) == NULL;
    for (size_t i = 0; !single && i < sizeof longer / sizeof *longer; i++) {
        if (longer[i][0] != *at)
            continue;
        size_t length = strlen(longer[i]);
        if ((size_t)(end - at) >= length && memcmp(at, longer[i], length) == 0)
            return at + length;
    }
    return *at == '@' ? NULL : at + 1;
}

/* Whether "(" follows, behind blanks within eight bytes. */
static int is_call(const uint8_t *at, const uint8_t *end)
{
    if (end - at > 8)
        end = at + 8;
    at = run(at, end, WHITE);
    return at_is(at, end, '(');
}

/* The next token from `at` on; 0 at the end of the text. */
static int next(const uint8_t *at, const uint8_t *end, Token *token)
{
    const uint8_t *last;
    int open;
    while (at < end && (last = blank(at, end)) != NULL)
        at = last;
    if (at == end)
        return 0;
    token->start = at;
    if ((last = comment(at, end)) != NULL)
        token->kind = 'C';
    else if ((last = number(at, end)) != NULL)
        token->kind = 'N';
    else if ((last = string(at, end, &open)) != NULL)
        token->kind = open ? 'O' : 'S';
    else if ((last = variable(at, end)) != NULL)
        token->kind = 'V';
    else if ((last = word(at, end)) != NULL)
        token->kind = is_call(last, end) ? 'F' : 'W';
    else if ((last = operator_(at, end)) != NULL)
        token->kind = 'P';
    else {
        last = at + 1;
        token->kind = *at && strchr("(),;.{}[]", *at) != NULL ? (char)*at : 'Q';
    }
    token->end = last;
    return 1;
}

/* What the token says: a name without what quotes it. */
static void said(const Token *token, const uint8_t **start, const uint8_t **end)
{
    *start = token->start;
    *end = token->end;
    if (token->kind != 'W' && token->kind != 'F')
        return;
    while (*start < *end && strchr("`[]", **start) != NULL && **start)
        (*start)++;
    while (*start < *end && strchr("`[]", (*end)[-1]) != NULL && (*end)[-1])
        (*end)--;
}

static PyObject *said_bytes(const Token *token)
{
    const uint8_t *start, *end;
    said(token, &start, &end);
    return PyBytes_FromStringAndSize((const char *)start, end - start);
}

static int read_all(const uint8_t *at, const uint8_t *end, Token *tokens, int most)
{
    int count = 0;
    while (count < most && next(at, end, &tokens[count])) {
        at = tokens[count].end;
        count++;
    }
    return count;
}

PyDoc_STRVAR(tokens_doc,
             "tokens(text, start, most) -> list[tuple[str, bytes, int, int]]\n\n"
             "(kind, text, start, end) of the tokens of a text in lower case from `start` on, at most `most` of them.");

static PyObject *tokens(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    Token found[LIMIT];
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyLong_Check(arguments[1]) || !PyLong_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "tokens takes bytes and two numbers");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]), start = PyLong_AsSsize_t(arguments[1]);
    Py_ssize_t most = PyLong_AsSsize_t(arguments[2]);
    if (PyErr_Occurred())
        return NULL;
    if (start < 0 || most < 1 || most > LIMIT) {
        PyErr_SetString(PyExc_ValueError, "out of bounds");
        return NULL;
    }
    int tokens_found = start >= size ? 0 : read_all(text + start, text + size, found, (int)most);
    PyObject *list = PyList_New(tokens_found);
    for (int i = 0; list != NULL && i < tokens_found; i++) {
        const Token *token = &found[i];
        PyObject *entry
            = Py_BuildValue("(CNnn)", token->kind, said_bytes(token), token->start - text, token->end - text);
        if (entry == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, entry);
    }
    return list;
}

/* ------------------------------------------------------------------------------------------------------- letters */

enum { STATEMENTS_MOST = 16 };

typedef struct {
    char *at, *end;
    int statements; /* words that may begin one of which that was asked */
} Letters;

static int add(Letters *letters, const char *more)
{
    for (; *more; more++) {
        if (letters->at == letters->end) {
            PyErr_SetString(PyExc_ValueError, "a word has too many letters");
            return -1;
        }
        *letters->at++ = *more;
    }
    return 0;
}

static const char *symbol(const Token *token)
{
    static const char *const of[][2] = {{"&&", "&"},  {"||", "|"},  {"=", "="},  {"==", "="}, {"<", "="},   {">", "="},
                                        {"<=", "="},  {">=", "="},  {"<>", "="}, {"!=", "="}, {"<=>", "="}, {"!", ""},
                                        {"~", ""},    {"!~", "="},  {"!~*", "="}, {"~*", "="}, {"@>", "="}, {"<@", "="},
                                        {"?", "?"},   {":=", "="}};
    size_t length = (size_t)(token->end - token->start);
    if (length == 1 && *token->start && strchr("-+*/%^:|&", *token->start) != NULL)
        return "o";
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (of[i][0][0] == *token->start && strlen(of[i][0]) == length && memcmp(of[i][0], token->start, length) == 0)
            return of[i][1];
    return "o";
}

/* What a name has that CATALOGUE in sql_words.py finds, which alone says whether it does. */
static const char *const CATALOGUE[] = {"sys", "information_schema", "performance_schema", "pg_", "sqlite_", "all_",
                                        "user_", "dba_", "xp_", "sp_", "v$", "rdb$", "innodb_table_stats", "dbms_",
                                        "utl_", "mysql.", "domain.", ".."};
enum { CATALOGUE_ALL = sizeof CATALOGUE / sizeof *CATALOGUE };
static uint32_t catalogue_by_first[256]; /* those that begin with a byte */

/* Whether the name may be one of a system table or package. */
static int is_telling(const uint8_t *at, const uint8_t *end)
{
    if (end - at == 4 && memcmp(at, "dual", 4) == 0)
        return 1;
    for (; at < end; at++)
        for (uint32_t bits = catalogue_by_first[*at]; bits; bits &= bits - 1) {
            const char *wanted = CATALOGUE[__builtin_ctz(bits)];
            size_t length = strlen(wanted);
            if ((size_t)(end - at) >= length && memcmp(at, wanted, length) == 0)
                return 1;
        }
    return 0;
}

/* Whether what stands behind the last dot of a name is a known word: as a call that counts. -1 with an error. */
static int ends_in_known(PyObject *name, PyObject *known)
{
    const char *start = PyBytes_AS_STRING(name), *end = start + PyBytes_GET_SIZE(name), *last = end;
    while (last > start && last[-1] != '.')
        last--;
    PyObject *word = PyBytes_FromStringAndSize(last, end - last);
    if (word == NULL)
        return -1;
    int answer = PyDict_Contains(known, word);
    Py_DECREF(word);
    return answer;
}

/* The letter of a name of `count` tokens, every other one a dot. */
static int add_word(Letters *letters, const Token *found, int count, int call, const uint8_t *text, PyObject *known,
                    PyObject *told)
{
    PyObject *name = said_bytes(found), *answer = NULL;
    for (int i = 2; i < count && name != NULL; i += 2) {
        PyBytes_ConcatAndDel(&name, PyBytes_FromString("."));
        if (name != NULL)
            PyBytes_ConcatAndDel(&name, said_bytes(&found[i]));
    }
    if (name == NULL)
        return -1;
    int failed = -1, asked = 0;
    PyObject *entry = PyDict_GetItemWithError(known, name);
    if (entry != NULL) {
        if (!PyTuple_Check(entry) || PyTuple_GET_SIZE(entry) != 3 || !PyUnicode_Check(PyTuple_GET_ITEM(entry, 0))
            || !PyUnicode_Check(PyTuple_GET_ITEM(entry, 1)))
            PyErr_SetString(PyExc_TypeError, "of each word there are two letters, and whether it may begin a statement");
        else {
            asked = PyTuple_GET_ITEM(entry, 2) == Py_True && letters->statements++ < STATEMENTS_MOST;
            if (!asked)
                answer = Py_NewRef(PyTuple_GET_ITEM(entry, call));
        }
    }
    else if (!PyErr_Occurred()) {
        const uint8_t *start = (const uint8_t *)PyBytes_AS_STRING(name);
        asked = is_telling(start, start + PyBytes_GET_SIZE(name));
        if (!asked && call && count > 1)
            asked = ends_in_known(name, known);
        if (!asked)
            failed = add(letters, call ? "f" : "n");
    }
    if (asked > 0)
        answer = PyObject_CallFunction(told, "OnO", name, (Py_ssize_t)(found->start - text),
                                       call ? Py_True : Py_False);
    const char *shown = answer == NULL ? NULL : PyUnicode_AsUTF8(answer);
    if (shown != NULL)
        failed = add(letters, shown);
    Py_XDECREF(answer);
    Py_DECREF(name);
    return failed;
}

static int add_all(Letters *letters, const Token *found, int count, const uint8_t *text, PyObject *known, PyObject *told)
{
    for (int i = 0; i < count; i++) {
        const Token *token = &found[i];
        const char *letter = "?";
        switch (token->kind) {
        case 'W':
        case 'F': {
            int last = i;
            while (last + 2 < count && found[last + 1].kind == '.' && strchr("WFP.", found[last + 2].kind) != NULL)
                last += 2;
            if (add_word(letters, token, last - i + 1, found[last].kind == 'F', text, known, told) < 0)
                return -1;
            i = last;
            continue;
        }
        case 'P':
            letter = symbol(token);
            break;
        case 'O':
            letter = token->end - token->start == 1 ? "z" : "q";
            break;
        case 'V':
            letter = token->end - token->start >= 2 && token->start[1] == '@' ? "X" : "v";
            break;
        case 'N':
            letter = "1";
            break;
        case 'S':
            letter = "s";
            break;
        case 'C':
            return add(letters, "c");
        case '{':
            if (i + 1 < count && (found[i + 1].kind == 'W' || found[i + 1].kind == 'F')) {
                letter = "(";
                i++;
            }
            break;
        case '(':
            letter = "(";
            break;
        case ')':
        case '}':
            letter = ")";
            break;
        case ',':
            letter = ",";
            break;
        case ';':
            letter = ";";
            break;
        default:
            break;
        }
        if (add(letters, letter) < 0)
            return -1;
    }
    return 0;
}

/* --------------------------------------------------------------------------------------------------------- shapes */

static int any_of(const char *at, const char *end, const char *wanted)
{
    for (; at < end; at++)
        if (strchr(wanted, *at) != NULL)
            return 1;
    return 0;
}

/* Two names beside each other, or a name before a constant; `constant_first`: or behind one. */
static int are_beside(const char *at, const char *end, int constant_first)
{
    for (; end - at > 1; at++)
        if ((at[0] == 'n' && (at[1] == 'n' || at[1] == '1')) || (constant_first && at[0] == '1' && at[1] == 'n'))
            return 1;
    return 0;
}

static const char DANGER[] = "DHeETX";

/* Where the alias of the table is in `select max(a) from b c`, which is left out; NULL where there is none. */
static const char *aliased(const char *at, const char *end)
{
    if (end - at < 5 || (at[1] != 'g' && at[1] != 'G'))
        return NULL;
    for (at += 2; end - at > 1 && at[0] == ',' && strchr("gG1ns", at[1]) != NULL;)
        at += 2;
    return end - at > 2 && at[0] == 'k' && at[1] == 'n' && at[2] == 'n' ? at + 2 : NULL;
}

/* What a call, 0 for none, or a group becomes; see `_fold` in sql_reduction.py. */
static char fold(char call, const char *at, const char *end)
{
    if (call == 'D')
        return are_beside(at, end, 1) ? 'g' : at < end ? 'H' : 'G';
    if (at < end && *at == 'E') {
        const char *names = at + 1;
        while (names < end && *names == 'n')
            names++;
        const char *alias = aliased(at, end);
        int said = alias ? are_beside(at, alias, 0) || are_beside(alias, end, 0) : are_beside(at, end, 0);
        return names == end || said ? 'n' : call ? 'H' : 'e';
    }
    if (at < end && *at == 'a' && end[-1] == 'a')
        return 'e';
    if (any_of(at, end, DANGER))
        return call == 'F' ? 'e' : 'H';
    if (call)
        return call == 'F' || (any_of(at, end, "G") && !are_beside(at, end, 1)) ? 'G' : 'g';
    if (at == end)
        return '?';
    if (any_of(at, end, "ngk?U"))
        return 'n';
    return any_of(at, end, "G=") ? 'G' : '1';
}

/* Innermost calls and groups to letters, in place; gives the new end. */
static char *fold_all(char *at, char *end, int *count)
{
    char *start = at, *last = at, *open = NULL;
    for (; at < end; at++) {
        if (*at == '(')
            open = last;
        if (*at != ')' || open == NULL) {
            *last++ = *at;
            if (*at == ')')
                open = NULL;
            continue;
        }
        int called = open > start && (open[-1] == 'f' || open[-1] == 'F' || open[-1] == 'D');
        char letter = fold(called ? open[-1] : 0, open + 1, last);
        last = open - called;
        *last++ = letter;
        open = NULL;
        (*count)++;
    }
    return last;
}

static char *without_unary(char *at, char *end)
{
    char *last = at, before = 0;
    for (; at < end; before = *at++) {
        char c = *at;
        if (before && ((c == 'o' && strchr("&|=o(,", before) != NULL)
                       || ((c == '&' || c == '|') && (before == '&' || before == '|')) || (c == '=' && before == '=')))
            continue;
        *last++ = c;
    }
    return last;
}

static char *without_cases(char *at, char *end)
{
    char *last = at;
    while (at < end) {
        char *close = NULL;
        if (*at == 'a')
            for (char *next = at + 1; next < end && strchr(";c(", *next) == NULL; next++)
                if (*next == 'a')
                    close = next;
        if (close == NULL) {
            *last++ = *at++;
            continue;
        }
        *last++ = any_of(at, close, DANGER) ? 'e' : 'G';
        at = close + 1;
    }
    return last;
}

enum { DEPTH = 12 };

static char *reduced(char *at, char *end)
{
    for (int i = 0, count = 1; i < DEPTH && count > 0; i++) {
        count = 0;
        end = fold_all(at, end, &count);
    }
    end = without_unary(at, end);
    return without_cases(at, end);
}

PyDoc_STRVAR(shape_doc,
             "shape(text, known, told) -> tuple[str, str, str, int, int]\n\n"
             "The letters of a text in lower case, reduced; the kinds of its first and last token (empty where there is\n"
             "none), and where the last begins and ends. `known` has words with the letters of each as a name and as a call,\n"
             "and whether it may begin a statement: then `told(name, start, call)` is asked, as it is about what may be a system name.");

static PyObject *shape(PyObject *unused, PyObject *const *arguments, Py_ssize_t count)
{
    Token found[LIMIT];
    char room[LIMIT * 2];
    Letters all = {room, room + sizeof room, 0};
    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyDict_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "shape takes bytes, a table and a function");
        return NULL;
    }
    const uint8_t *text = (const uint8_t *)PyBytes_AS_STRING(arguments[0]);
    int tokens_found = read_all(text, text + PyBytes_GET_SIZE(arguments[0]), found, LIMIT);
    if (add_all(&all, found, tokens_found, text, arguments[1], arguments[2]) < 0)
        return NULL;
    all.at = reduced(room, all.at);
    const Token *last = tokens_found ? &found[tokens_found - 1] : NULL;
    return Py_BuildValue("(s#s#s#nn)", room, (Py_ssize_t)(all.at - room), tokens_found ? &found->kind : "",
                         (Py_ssize_t)(tokens_found > 0), last ? &last->kind : "", (Py_ssize_t)(last != NULL),
                         last ? last->start - text : 0, last ? last->end - text : 0);
}

#include "_sql_plain.h"

static PyMethodDef methods[] = {
    {"cast", cast, METH_O, cast_doc},
    {"compared", compared, METH_O, compared_doc},
    {"money", money, METH_O, money_doc},
    {"signs", signs, METH_O, signs_doc},
    {"typed", typed, METH_O, typed_doc},
    {"shape", (PyCFunction)(void (*)(void))shape, METH_FASTCALL, shape_doc},
    {"tokens", (PyCFunction)(void (*)(void))tokens, METH_FASTCALL, tokens_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "waf._sql",
                                    PyDoc_STR("Tokens of SQL in C; the reference is Python."), -1,
                                    methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__sql(void)
{
    for (int i = 0; i < SIGNS_ALL; i++) {
        signs_by_first[(uint8_t)*SIGNS[i]] |= 1u << i;
        for (int c = 0; c < 256; c++)
            if (SIGNS[i][1] == 0 || SIGNS[i][1] == c)
                signs_by_second[c] |= 1u << i;
    }
    for (int i = 0; i < CATALOGUE_ALL; i++)
        catalogue_by_first[(uint8_t)*CATALOGUE[i]] |= 1u << i;
    for (int c = 0; c < 256; c++) {
        int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), digit = c >= '0' && c <= '9';
        int word = letter || digit || c == '_';
        kind[c] = (uint8_t)((c == ' ' || (c >= 9 && c <= 13) ? WHITE : 0) | (digit ? DIGIT : 0) | (word ? WORD : 0)
                            | ((c >= 'a' && c <= 'z') || c == '_' || c >= 0x80 ? STARTS : 0)
                            | (word || c == '$' || c >= 0x80 ? GOES_ON : 0)
                            | (digit || (c >= 'a' && c <= 'f') ? HEX : 0));
    }
    return PyModule_Create(&module);
}
