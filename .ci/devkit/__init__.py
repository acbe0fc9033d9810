"""The implementation of `./dev`. Standard library only, because it runs before anything is installed.

`console`: messages to the user; `state`: values kept in `.dev/`; `planted`: the folder of the second demo;
`processes`: start, recognise and stop processes; `environment`: the virtual environment; `locks`: its lock files;
`binaries`: the servers' programs; `servers`: PostgreSQL and Valkey; `services`: both, lasting or throw-away;
`supervise`: web, stream, workers and beat; `checks`: linters and other static checks; `commands`: one function per
command.
"""
