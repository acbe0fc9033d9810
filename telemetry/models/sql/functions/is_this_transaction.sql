-- Whether a row says that it was written by the transaction that asks, in this cluster.
CREATE OR REPLACE FUNCTION is_this_transaction(written bigint, of_epoch bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT written = pg_current_xact_id()::text::bigint AND of_epoch = current_epoch()
$$;
