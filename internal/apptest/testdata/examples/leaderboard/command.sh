curl "$INCENT_URL/v1/incentives/leaderboard" \
  -H "x-api-key: $INCENTA_API_KEY"
