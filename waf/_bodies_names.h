/* A client's name for something, as people see it. The reference is `spelled_name` in waf/inspect/fields.py. */

PyDoc_STRVAR(name_text_doc, "name_text(name) -> str\n\n"
                            "The first characters of a name, as many as are kept; bytes that are no UTF-8 become \\xNN.");

static PyObject *name_text(PyObject *unused, PyObject *name)
{
    static const char digits[] = "0123456789abcdef";
    if (!PyBytes_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "a name is bytes");
        return NULL;
    }
    const uint8_t *at = (const uint8_t *)PyBytes_AS_STRING(name), *const end = at + PyBytes_GET_SIZE(name);
    Py_UCS4 shown[LONGEST + 4];
    Py_ssize_t length = 0;
    while (at < end && length < LONGEST) {
        if (*at < 0x80) {
            shown[length++] = *at++;
            continue;
        }
        const uint8_t *behind = wide(at, end);
        if (behind == NULL) {
            shown[length++] = '\\';
            shown[length++] = 'x';
            shown[length++] = (uint8_t)digits[*at >> 4];
            shown[length++] = (uint8_t)digits[*at++ & 15];
            continue;
        }
        Py_UCS4 point = *at & (0x3f >> (behind - at - 1));
        while (++at < behind)
            point = point << 6 | (*at & 0x3f);
        shown[length++] = point;
    }
    return PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, shown, length < LONGEST ? length : LONGEST);
}
