"""The whole stack on this machine, from a story of MemoryOS to the on-call person's inbox."""
