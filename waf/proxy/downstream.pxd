from waf.proxy.commons cimport Commons
from waf.proxy.stream cimport Stream
from waf.proxy.turn cimport Turn
from waf.proxy.upstream cimport Link
from waf.exchange cimport Peer


cdef class ClientStream(Stream):
    cdef public Conversation conversation
    cdef Commons _commons
    cdef object _address
    cdef bint _secure


cdef class Conversation(Turn):
    cdef public ClientStream client
    cdef public Commons commons
    cdef public Link link
    cdef public object ahead
    cdef public Peer peer
    cdef public long held, served
    cdef public bint parting, resting, trusted, unread
