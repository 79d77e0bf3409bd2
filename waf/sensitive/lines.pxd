cimport cython


cdef class Lines:
    cdef readonly bytes text
    cdef bytes _own
    cdef object _fields, _told, _table, _begin, _starts, _rows
    cdef Py_ssize_t _size

    cpdef tuple at(self, Py_ssize_t place)

    @cython.locals(row=Py_ssize_t)
    cpdef Py_ssize_t spoken(self, Py_ssize_t number) except? -1

    cpdef str address(self, Py_ssize_t number)
