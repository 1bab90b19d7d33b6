"""What people read: tables in the terminal and pictures. No torch."""
