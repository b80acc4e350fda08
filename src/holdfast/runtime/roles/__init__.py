"""What a child process does: a file for each role, with what that role alone has to import.

process    what every role works with
gateway    accepts and keeps
worker     carries and works
console    shows, and does what operators ask
"""
