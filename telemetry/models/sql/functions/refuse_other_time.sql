-- A time that grants or proves something is the database's own, to five seconds around the transaction.
CREATE OR REPLACE FUNCTION refuse_other_time(at timestamptz, what text) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF at IS NOT NULL AND NOT (
        at BETWEEN transaction_timestamp() - interval '5 seconds' AND clock_timestamp() + interval '5 seconds'
    ) AND NOT is_time_simulated() THEN
        RAISE EXCEPTION '% is %, which is not the time of the database (%)', what, at, clock_timestamp()
            USING ERRCODE = 'integrity_constraint_violation',
            HINT = 'set the clock of the process, or read it when the transaction begins';
    END IF;
END $$;
