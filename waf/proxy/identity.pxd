cimport cython


cdef class Ids:
    cdef str _digits
    cdef Py_ssize_t _at
    cdef object _random

    @cython.locals(end=Py_ssize_t)
    cpdef str draw(self)
