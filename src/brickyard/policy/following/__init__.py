"""Following Python without running it: the parts of the language, one file each."""
