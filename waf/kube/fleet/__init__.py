"""Learning across replicas: sidecars push what they learned, one aggregator merges it, all pull the result.

terms      the words of the exchange, and the engine of merging as this room sees it (bytes in, bytes out)
lease      who is the aggregator now
shards     a blob as ConfigMaps that are never seen half written
senders    which deltas were already merged
aggregator the merged states, compiled and stored at a bounded rate
identity   whose token it is
server     the aggregator's port
run        the whole of it, put together
client     the sidecar's half
engine     the profiles' engine behind the words of `terms`
spread     ConfigMaps that every opted-in namespace gets a copy of
"""
