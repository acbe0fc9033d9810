#!/usr/bin/env bash
# Ask for levers and record a closed trade with curl alone.
#
#   ./dev manage issue_key curl --role record --owner YOU      # prints the key once
#   COUNTERWEIGHT_KEY=cw_... bash docs/examples/curl.sh
set -euo pipefail

url=${COUNTERWEIGHT_URL:-http://127.0.0.1:8000}
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
position="curl BTC/USDT $now" # names the position in every question about it

post() { # path, body
    curl --silent --show-error --fail-with-body --max-time 10 \
        --header "Authorization: Bearer ${COUNTERWEIGHT_KEY:?is not set}" --header 'Content-Type: application/json' \
        --data "$2" "$url/api/v1$1"
    echo
}

answer=$(post '/levers/resolve/?explain=none&durable=true' '{
    "module": "pm", "pattern_key": "donchian.long.breakout", "action_category": "entry",
    "scope": {"macro_phase": "Good", "timeframe": "4h"},
    "current": {"size_mult": 1.0}, "rollout_key": "'"$position"'", "position_key": "'"$position"'"}')
echo "$answer"
decision=$(sed -n 's/.*"decision_id": *"\([^"]*\)".*/\1/p' <<<"$answer")

# The trade names the decision. Sending it again changes nothing, because its external_id is the same.
post /trades/ "{
    \"external_id\": \"curl:$decision\", \"symbol\": \"BTC/USDT\", \"side\": \"long\", \"rr\": 1.35, \"book\": \"example\",
    \"opened_at\": \"$now\", \"closed_at\": \"$now\",
    \"actions\": [{
        \"module\": \"pm\", \"pattern_key\": \"donchian.long.breakout\", \"action_category\": \"entry\", \"at\": \"$now\",
        \"scope\": {\"macro_phase\": \"Good\", \"timeframe\": \"4h\"}, \"decision_ids\": [\"$decision\"]}]}"

# In an address a + stands for a blank: end times with Z, or write the offset as %2B00:00.
curl --silent --show-error --fail-with-body --max-time 10 \
    --header "Authorization: Bearer $COUNTERWEIGHT_KEY" "$url/api/v1/modes/"
echo
