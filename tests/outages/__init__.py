"""What happens when things break: servers and processes as deployed, stopped, killed and frozen one by one.

They take about two minutes; `./dev test --ignore tests/outages` leaves them out.
"""
