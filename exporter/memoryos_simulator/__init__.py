"""A practice MemoryOS: a deterministic model of what its operators meet, and the stories of its life."""
