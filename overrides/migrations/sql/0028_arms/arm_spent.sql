-- What the positions of a week have spent of the budget of a lever's arm, in R: each with the alternative counts with
-- what was reserved for it, or with what it lost by the replays where that is more. Gains pay nothing back. Decimal,
-- because sums of floats would let a budget of ten tenths pass nine positions or eleven.
CREATE OR REPLACE FUNCTION arm_spent(of_module text, of_lever text, of_week date) RETURNS numeric
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(greatest(position.reserved::numeric, coalesce(outcome.lost, 0)::numeric)), 0)
    FROM overrides_armposition AS position
    LEFT JOIN overrides_armoutcome AS outcome ON outcome.position_id = position.id
    WHERE position.module = of_module AND position.lever = of_lever AND position.week = of_week
    AND position.is_alternative
$$;
