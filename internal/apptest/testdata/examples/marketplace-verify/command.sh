curl "$INCENT_URL/v1/incentives/marketplace/verify/user_123" \
  -H "x-api-key: $INCENTA_API_KEY"
