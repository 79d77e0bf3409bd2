cdef class Repeats:
    cdef readonly dict _young, _old  # tests see how many they are
    cdef double _ends

    cpdef long long count(self, object what, double wall) except -1
    cdef long long _first(self, object what, double wall) except -1


cdef class Pace:
    cdef public double learned
    cdef public long long passed, skip

    cpdef bint wants(self, double mature, object chance=*) except -1
    cpdef double take(self) except -1


cdef class Budget:
    cdef double _rate, _burst, _tokens, _at

    cpdef bint has(self, double now) except -1
    cpdef bint spend(self, double now) except -1
    cpdef charge(self, long long lessons, double seconds)
