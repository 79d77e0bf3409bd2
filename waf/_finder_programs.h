/* Patterns as waf/sensitive/programs.py compiles them, run as `re` runs them: the leftmost match, by backtracking.
 *
 * A program is checked once when it is read; whatever it says then, nothing outside of it or of the text is touched. Depth and
 * steps are bounded by what `programs.py` compiles at all: loops of more than one byte are short and counted.
 */
#ifndef WAF_FINDER_PROGRAMS_H
#define WAF_FINDER_PROGRAMS_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { PROGRAM_MAGIC = 0x57504631, PROGRAM_HEAD = 6, MOST_LOOPS = 8, MOST_SLOTS = 4, MOST_CALLS = 2000, MOST_ROUNDS = 32,
       FAILED_ROUNDS = 8, FAILED_BYTES = 64 };
enum {
    OP_ACCEPT, OP_BYTE, OP_SET, OP_GREEDY, OP_LAZY, OP_POSSESSIVE, OP_BRANCH, OP_JUMP, OP_SAVE, OP_AHEAD, OP_BEHIND,
    OP_BOUNDARY, OP_START, OP_END, OP_LOOP, OP_AGAIN, OPS
};

typedef struct { /* all borrowed from the bytes that `bytes` keeps; `code` NULL: there is none */
    PyObject *bytes;
    const int32_t *code;
    const uint32_t *sets; /* of 256 bits */
    int32_t size, set_count, loops, first, least;
} Program;

typedef struct {
    const uint8_t *text;
    Py_ssize_t end; /* what is behind does not exist, as with `endpos` of `re` */
    const Program *program;
    Py_ssize_t slots[MOST_SLOTS];
    int32_t counts[MOST_LOOPS];
    int depth;
    /* Where nothing comes of one more round or of none, by the rounds that are done: one run of digits is groups in a thousand ways, all of
     * which end in the same places. For the first bytes from `origin` on, and programs with one loop. */
    Py_ssize_t origin;
    int fails; /* `failed` is set up */
    uint64_t failed[FAILED_ROUNDS];
} Running;

static inline int in_set(const Program *program, int32_t set, uint8_t byte)
{
    return program->sets[8 * set + (byte >> 5)] >> (byte & 31) & 1;
}

/* Words of an instruction; 0 for what is none. */
static int32_t op_size(const Program *program, int32_t at)
{
    static const int32_t sizes[OPS] = {1, 2, 2, 4, 4, 4, 2, 2, 2, 3, 4, 1, 1, 1, 6, 2};
    int32_t op = program->code[at];
    if (op < 0 || op >= OPS)
        return 0;
    int32_t size = sizes[op];
    if (op == OP_BRANCH) {
        if (at + 1 >= program->size || program->code[at + 1] < 1 || program->code[at + 1] > program->size)
            return 0;
        size += program->code[at + 1];
    }
    return at + size <= program->size ? size : 0;
}

static int op_is_right(const Program *program, int32_t at, const uint8_t *begins)
{
    const int32_t *code = program->code + at;
#define FORWARD(target) ((target) > at && (target) < program->size && begins[target])
    switch (code[0]) {
    case OP_SET:
        return code[1] >= 0 && code[1] < program->set_count;
    case OP_GREEDY:
    case OP_LAZY:
    case OP_POSSESSIVE:
        return code[1] >= 0 && code[1] < program->set_count && code[2] >= 0 && code[3] >= code[2];
    case OP_BRANCH:
        for (int32_t i = 0; i < code[1]; i++)
            if (!FORWARD(code[2 + i]))
                return 0;
        return 1;
    case OP_JUMP:
        return FORWARD(code[1]);
    case OP_SAVE:
        return code[1] >= 0 && code[1] < MOST_SLOTS;
    case OP_AHEAD:
        return FORWARD(code[2]);
    case OP_BEHIND:
        return code[2] >= 0 && FORWARD(code[3]);
    case OP_LOOP: /* loop, least, most, where it ends, greedy */
        return code[1] >= 0 && code[1] < program->loops && code[2] >= 0 && code[3] >= code[2] && FORWARD(code[4]);
    case OP_AGAIN:
        return code[1] >= 0 && code[1] < at && begins[code[1]] && program->code[code[1]] == OP_LOOP;
    default:
        return 1;
    }
#undef FORWARD
}

/* -1 with an exception; None is no program. Takes a reference. */
static int read_program(PyObject *bytes, Program *out)
{
    memset(out, 0, sizeof *out);
    if (bytes == Py_None)
        return 0;
    Py_ssize_t words = PyBytes_Check(bytes) ? PyBytes_GET_SIZE(bytes) / 4 : 0;
    const int32_t *head = words ? (const void *)PyBytes_AS_STRING(bytes) : NULL;
    int right = words > PROGRAM_HEAD && head[0] == PROGRAM_MAGIC && head[1] > 0 && head[1] < 1 << 20 && head[2] >= 0 &&
                head[2] < 1 << 16 && words == PROGRAM_HEAD + head[1] + 8 * (Py_ssize_t)head[2] && head[3] >= 0 &&
                head[3] <= MOST_LOOPS && head[4] >= 0 && head[4] < head[2] && PyBytes_GET_SIZE(bytes) % 4 == 0;
    if (right) {
        out->size = head[1];
        out->set_count = head[2];
        out->loops = head[3];
        out->first = head[4];
        out->least = head[5];
        out->code = head + PROGRAM_HEAD;
        out->sets = (const uint32_t *)(out->code + out->size);
        uint8_t *begins = PyMem_Calloc((size_t)out->size, 1);
        if (begins == NULL) {
            PyErr_NoMemory();
            out->code = NULL;
            return -1;
        }
        int32_t last = OP_SET;
        for (int32_t at = 0, size; right && at < out->size; at += size) {
            begins[at] = 1;
            last = out->code[at];
            size = op_size(out, at);
            right = size > 0;
        }
        right = right && last == OP_ACCEPT; /* nothing runs off the end */
        for (int32_t at = 0; right && at < out->size; at += op_size(out, at))
            right = op_is_right(out, at, begins);
        PyMem_Free(begins);
    }
    if (!right) {
        out->code = NULL;
        PyErr_SetString(PyExc_ValueError, "not a program of waf.sensitive.programs");
        return -1;
    }
    out->bytes = Py_NewRef(bytes);
    return 0;
}

static inline int is_word_byte(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_';
}

static Py_ssize_t steps(Running *run, int32_t pc, Py_ssize_t at);

static inline int is_noted(const Running *run, int32_t round, Py_ssize_t at)
{
    return run->program->loops == 1 && round < FAILED_ROUNDS && at >= run->origin && at - run->origin < FAILED_BYTES;
}

static inline int has_failed(const Running *run, int32_t round, Py_ssize_t at)
{
    return run->fails && is_noted(run, round, at) && (run->failed[round] >> (at - run->origin) & 1);
}

static inline void note_failed(Running *run, int32_t round, Py_ssize_t at)
{
    if (!is_noted(run, round, at))
        return;
    if (!run->fails)
        memset(run->failed, 0, sizeof run->failed);
    run->fails = 1;
    run->failed[round] |= (uint64_t)1 << (at - run->origin);
}

/* Up to so many bytes of one kind, and nothing else. */
static int is_run(const Program *program)
{
    const int32_t *code = program->code;
    return code != NULL && program->size == 5 && code[0] == OP_GREEDY && code[2] == 0 && code[4] == OP_ACCEPT;
}

/* Where the longest such run begins that ends at `place`, which is no longer than it may be and not before `low`. */
static Py_ssize_t run_before(const Program *program, const uint8_t *text, Py_ssize_t place, Py_ssize_t low)
{
    Py_ssize_t start = place;
    while (start > low && place - start < program->code[3] && in_set(program, program->code[1], text[start - 1]))
        start--;
    return start;
}

/* Where the match of what begins with instruction `pc` ends; -1 for none. No program of `programs.py` gets as deep as the bound. */
static Py_ssize_t runs(Running *run, int32_t pc, Py_ssize_t at)
{
    if (run->depth >= MOST_CALLS)
        return -1;
    run->depth++;
    Py_ssize_t end = steps(run, pc, at);
    run->depth--;
    return end;
}

/* Whether what begins with instruction `pc` is worth a call: its first byte is told at once. */
static inline int may_go(const Running *run, int32_t pc, Py_ssize_t at)
{
    const int32_t *code = run->program->code + pc;
    if (code[0] == OP_BYTE)
        return at < run->end && run->text[at] == code[1];
    if (code[0] == OP_SET)
        return at < run->end && in_set(run->program, code[1], run->text[at]);
    return 1;
}

/* A loop over one byte that may have another before it, as the digits of a number in groups, and what comes behind it, without a call for
 * each round: where the match ends, -1 for none; -2 where it is another loop, or both bytes could be the same. Not a part of `steps`, which
 * is within itself often and must not take more of the stack. */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static Py_ssize_t grouped(Running *run, const int32_t *loop, Py_ssize_t at)
{
    const Program *program = run->program;
    const int32_t *body = loop + 6;
    Py_ssize_t places[MOST_ROUNDS + 1]; /* where each round ends; before the first is the beginning */
    int count = 0;
    if (!loop[5] || loop[3] > MOST_ROUNDS || body[0] != OP_GREEDY || body[2] != 0 || body[3] != 1 || body[4] != OP_SET ||
        body[6] != OP_AGAIN)
        return -2;
    places[0] = at;
    while (count < loop[3] && at < run->end) {
        int may = in_set(program, body[1], run->text[at]), must = in_set(program, body[5], run->text[at]);
        if (may && must)
            return -2;
        if (!must && (!may || at + 1 >= run->end || !in_set(program, body[5], run->text[at + 1])))
            break;
        at += must ? 1 : 2;
        places[++count] = at;
    }
    for (; count >= loop[2]; count--) {
        Py_ssize_t end = may_go(run, loop[4], places[count]) ? runs(run, loop[4], places[count]) : -1;
        if (end >= 0)
            return end;
    }
    return -1;
}

static Py_ssize_t steps(Running *run, int32_t pc, Py_ssize_t at)
{
    const Program *program = run->program;
    const uint8_t *text = run->text;
    for (;;) {
        const int32_t *code = program->code + pc;
        switch (code[0]) {
        case OP_ACCEPT:
            return at;
        case OP_BYTE:
            if (at >= run->end || text[at] != code[1])
                return -1;
            at++;
            pc += 2;
            continue;
        case OP_SET:
            if (at >= run->end || !in_set(program, code[1], text[at]))
                return -1;
            at++;
            pc += 2;
            continue;
        case OP_GREEDY:
        case OP_POSSESSIVE: {
            Py_ssize_t most = run->end - at > code[3] ? code[3] : run->end - at, count = 0;
            while (count < most && in_set(program, code[1], text[at + count]))
                count++;
            if (count < code[2])
                return -1;
            pc += 4;
            if (code[0] == OP_GREEDY)
                for (; count > code[2]; count--) {
                    Py_ssize_t place = at + count;
                    if (!may_go(run, pc, place))
                        continue;
                    Py_ssize_t end = runs(run, pc, place);
                    if (end >= 0)
                        return end;
                }
            at += count;
            continue;
        }
        case OP_LAZY: {
            Py_ssize_t count = 0;
            for (; count < code[3]; count++) {
                if (count >= code[2]) {
                    Py_ssize_t end = runs(run, pc + 4, at + count);
                    if (end >= 0)
                        return end;
                }
                if (at + count >= run->end || !in_set(program, code[1], text[at + count]))
                    return -1;
            }
            at += count;
            pc += 4;
            continue;
        }
        case OP_BRANCH:
            for (int32_t i = 0; i + 1 < code[1]; i++) {
                Py_ssize_t end = may_go(run, code[2 + i], at) ? runs(run, code[2 + i], at) : -1;
                if (end >= 0)
                    return end;
            }
            pc = code[2 + code[1] - 1];
            continue;
        case OP_JUMP:
            pc = code[1];
            continue;
        case OP_SAVE: {
            Py_ssize_t before = run->slots[code[1]];
            run->slots[code[1]] = at;
            Py_ssize_t end = runs(run, pc + 2, at);
            if (end < 0)
                run->slots[code[1]] = before;
            return end;
        }
        case OP_AHEAD:
            if ((may_go(run, pc + 3, at) && runs(run, pc + 3, at) >= 0) == code[1])
                return -1;
            pc = code[2];
            continue;
        case OP_BEHIND:
            if ((at >= code[2] && may_go(run, pc + 4, at - code[2]) && runs(run, pc + 4, at - code[2]) >= 0) == code[1])
                return -1;
            pc = code[3];
            continue;
        case OP_BOUNDARY: {
            int before = at > 0 && is_word_byte(text[at - 1]), behind = at < run->end && is_word_byte(text[at]);
            if (before == behind)
                return -1;
            pc += 1;
            continue;
        }
        case OP_START:
            if (at != 0)
                return -1;
            pc += 1;
            continue;
        case OP_END:
            if (at != run->end)
                return -1;
            pc += 1;
            continue;
        case OP_LOOP:
        case OP_AGAIN: {
            const int32_t *loop = code[0] == OP_LOOP ? code : program->code + code[1];
            if (code[0] == OP_LOOP) {
                Py_ssize_t end = grouped(run, loop, at);
                if (end != -2)
                    return end;
            }
            int32_t *count = &run->counts[loop[1]], before = *count;
            int32_t body = (int32_t)(loop - program->code) + 6;
            *count = code[0] == OP_LOOP ? 0 : before + 1;
            int32_t done = *count;
            Py_ssize_t end = -1;
            if (has_failed(run, done, at)) {
                *count = before;
                return -1;
            }
            int goes = done < loop[3] && may_go(run, body, at);
            if (done < loop[2])
                end = goes ? runs(run, body, at) : -1;
            else if (loop[5]) {
                end = goes ? runs(run, body, at) : -1;
                if (end < 0)
                    end = may_go(run, loop[4], at) ? runs(run, loop[4], at) : -1;
            }
            else {
                end = may_go(run, loop[4], at) ? runs(run, loop[4], at) : -1;
                if (end < 0 && goes)
                    end = runs(run, body, at);
            }
            if (end < 0) {
                *count = before;
                note_failed(run, done, at);
            }
            return end;
        }
        default:
            return -1;
        }
    }
}

/* Where the match at `at` ends, its slots set; -1 for none. */
static Py_ssize_t run_at(const Program *program, Running *run, const uint8_t *text, Py_ssize_t end, Py_ssize_t at)
{
    run->text = text;
    run->end = end;
    run->program = program;
    run->depth = 0;
    run->origin = at;
    run->fails = 0;
    for (int i = 0; i < MOST_SLOTS; i++)
        run->slots[i] = -1;
    return runs(run, 0, at);
}

/* Whether there is room for a match at `at`, and a byte that one may begin with. */
static inline int may_begin(const Program *program, const uint8_t *text, Py_ssize_t end, Py_ssize_t at)
{
    return at + program->least <= end && (program->least == 0 || in_set(program, program->first, text[at]));
}

/* The first match that begins from `from` on: where it begins, its end in `*upto`; -1 for none. For programs whose matches are
 * not empty. */
static Py_ssize_t run_from(const Program *program, Running *run, const uint8_t *text, Py_ssize_t end, Py_ssize_t from,
                           Py_ssize_t *upto)
{
    for (Py_ssize_t at = from; at + program->least <= end; at++) {
        if (!in_set(program, program->first, text[at]))
            continue;
        *upto = run_at(program, run, text, end, at);
        if (*upto >= 0)
            return at;
    }
    return -1;
}

#endif
