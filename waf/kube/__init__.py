"""In Kubernetes: the injector, its webhook and certificates, capture of traffic, the fleet's learned state."""
