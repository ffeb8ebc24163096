"""The stories, one YAML file each."""
