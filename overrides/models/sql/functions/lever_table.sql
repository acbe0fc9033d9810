-- The registry of levers as the database needs it: the one copy of core.engine.definitions.levers (a test compares).
-- reversed_on is the category on which a higher value means less exposure instead of more, or the other way round.
CREATE OR REPLACE FUNCTION lever_table() RETURNS TABLE (
    name text, blend text, neutral numeric, low numeric, high numeric, step numeric, exposure integer, reversed_on text
) LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    VALUES
        ('alloc_mult', 'log', 1.0, 0.7, 1.3, 0.02, 1, NULL),
        ('size_mult', 'log', 1.0, 0.7, 1.3, 0.02, 1, 'trim'),
        ('entry_aggression_mult', 'log', 1.0, 0.8, 1.2, 0.02, 1, NULL),
        ('exit_aggression_mult', 'log', 1.0, 0.8, 1.2, 0.02, -1, NULL),
        ('phase1_frac_mult', 'log', 1.0, 0.5, 1.5, 0.02, 1, NULL),
        ('trim_delay_mult', 'log', 1.0, 0.5, 2.0, 0.02, 1, NULL),
        ('trail_mult', 'log', 1.0, 0.5, 2.0, 0.02, 1, NULL),
        ('entry_delay_bars', 'linear', 0.0, 0.0, 5.0, 0.2, 0, NULL),
        ('min_ts_for_add', 'linear', 0.60, 0.0, 1.0, 0.05, 0, NULL),
        ('min_ox_for_trim', 'linear', 0.65, 0.0, 1.0, 0.05, 0, NULL),
        ('min_dx_for_add', 'linear', 0.60, 0.0, 1.0, 0.05, 0, NULL),
        ('max_edx_for_add', 'linear', 0.70, 0.0, 1.0, 0.05, 0, NULL),
        ('panic_trigger_mult', 'log', 1.0, 0.5, 2.0, 0.02, 1, NULL),
        ('wait_n_bars_after_trim', 'linear', 0.0, 0.0, 12.0, 0.2, 0, NULL),
        ('phase_scaling_s1', 'log', 1.0, 0.5, 1.5, 0.02, 1, NULL),
        ('phase_scaling_s2', 'log', 1.0, 0.5, 1.5, 0.02, 1, NULL),
        ('phase_scaling_s3', 'log', 1.0, 0.5, 1.5, 0.02, 1, NULL)
$$;
