"""The console command lutloom, one command a file."""
