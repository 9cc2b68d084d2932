"""What variables are used for, one file per kind: how it is found, what it becomes elsewhere, what is lost."""
