"""What `./dev` is made of. Standard library only: it runs before anything is installed.

`console` what people read · `state` what is remembered in `.dev/` · `processes` start, recognise, stop ·
`environment` the virtual environment · `locks` what it is filled from · `binaries` where the servers' programs are ·
`servers` PostgreSQL and Valkey · `services` both, lasting or throw-away · `supervise` web, worker, beat ·
`checks` the tools that read the code · `commands` one function per command.
"""
