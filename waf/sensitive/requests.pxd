cimport cython

from waf.sensitive.lines cimport Lines
from waf.sensitive.tally cimport Tally


cdef class RequestCheck:
    cdef object _finder, _key, _by_field
    cdef public object _clean  # tests take it away

    @cython.locals(
        text=bytes, hits=list, tally=Tally, places=dict, names=dict, first=Py_ssize_t, behind=Py_ssize_t, number=Py_ssize_t,
        spots=dict, spot=tuple, known=tuple, shown=str, address=str, actions=dict, seen_here=dict, start=Py_ssize_t,
        end=Py_ssize_t,
    )
    cpdef object _look(self, Lines lines, object make_orders)
