cimport cython

from waf.proxy.stream cimport Flow, Stream
from waf.proxy.turn cimport Turn
from waf.http1.serialize cimport Hop, request_head
from waf.messages cimport Response
from waf.permission cimport Admitted


cdef class Link(Stream):
    cdef public Pool _pool
    cdef bint _counted
    cdef int _fd
    cdef Admitted _permission
    cdef object _left
    cdef public bint reused
    cdef public double idle_since, deadline, fires

    @cython.locals(body=bytes)
    cpdef send(self, Admitted permission, Hop hop, object length=*)
    cpdef bint stirs(self) except -1


cdef class Pool:
    cdef public object stats
    cdef public Flow flow
    cdef public long open
    cdef object _dial, _wheel, _clock, _loop, _queue
    cdef list _idle
    cdef bint _closed
    cdef long _most, _most_idle
    cdef double _idle_timeout, _patience

    @cython.locals(link=Link)
    cpdef Link ready(self, Turn turn, bint repeatable)
    @cython.locals(now=double, timeout=double)
    cpdef give(self, Link link, Response response=*)
