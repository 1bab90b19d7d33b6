"""What a user asks for, whole: each job calls the rooms below, and the command line calls the job."""
