"""Who judges: this process, a pool of processes, or Ray. All of them do the same to each batch."""
