cimport cython


cpdef Py_ssize_t given(Py_ssize_t length)


cdef class Effort:
    cdef public Py_ssize_t left
    cdef Py_ssize_t _ample, _density, _expected, _folds, _most, _reserve

    cpdef allow(self, Py_ssize_t length)
    cpdef step(self, Py_ssize_t length, bint aside)
    @cython.locals(expected=Py_ssize_t, units=Py_ssize_t)
    cpdef bint text(self, Py_ssize_t length, bint fold, bint aside)
    cpdef carried(self, Py_ssize_t length, bint aside)
    cdef _pay(self, Py_ssize_t units, bint aside)
    cpdef read(self, Py_ssize_t fields)
    cpdef first_look(self, Py_ssize_t count, Py_ssize_t length)
    cpdef first_matches(self, Py_ssize_t found, Py_ssize_t kept, Py_ssize_t length)
    @cython.locals(units=Py_ssize_t, paid=Py_ssize_t)
    cpdef matches(self, Py_ssize_t found, Py_ssize_t kept)
    cpdef doubts(self, Py_ssize_t count)
    cpdef begin_questions(self)
    cpdef judge(self, Py_ssize_t groups)
    cpdef ask(self, Py_ssize_t units)
