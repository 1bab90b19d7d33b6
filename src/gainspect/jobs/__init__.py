"""Complete user tasks: each command of the command line calls one job, which calls the other packages."""
