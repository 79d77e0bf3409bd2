cimport cython

from waf.proxy.turn cimport Turn


cdef class Flow:
    cdef public object _call_soon
    cdef list _streams
    cdef public long held, under_way

    cpdef add(self, Stream stream)
    @cython.locals(stream=Stream)
    cpdef flush(self)


cdef class Stream:
    cdef public Turn owner
    cdef public object transport
    cdef public bytes inbox
    cdef public bint wanted, paused, blocked, ended, lost
    cdef Flow _flow
    cdef bytes _outbox

    cpdef data_received(self, bytes data)
    cpdef want(self)
    cpdef take(self)
    cpdef write(self, bytes data)
    cpdef write_parts(self, bytes head, bytes body, bytes tail=*)
    cpdef write_whole(self, bytes head, bytes body)
    cpdef flush(self)
