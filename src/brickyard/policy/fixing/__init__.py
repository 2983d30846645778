"""The parts of `policy fix`: what is changed in which kind of file."""
