cdef class Turn:
    cdef public object wheel
    cdef public double deadline, fires
    cdef public bint expired
    cdef bint _awake
    cdef object _coroutine, _send
