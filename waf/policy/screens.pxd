cimport cython

from waf.messages cimport Headers, Request, Response


cdef class BodyScreen:
    cdef object _rules, _data, _depth
    cdef Py_ssize_t _fields, _longest, _pairs
    cdef public object _json, _form, _xml, _parts  # tests take them away

    @cython.locals(request=Request, headers=Headers, index=dict)
    cpdef int read(self, object reading, bytes body) except -1


cdef class AnswerScreen:
    cdef object _programs, _memory

    @cython.locals(index=dict, programs=tuple)
    cpdef bint clears(self, Response response, bytes body) except -1
