"""The parts of `./dev bench attack`: a furnished world, a judge that knows no trigger, and the statements tried."""
