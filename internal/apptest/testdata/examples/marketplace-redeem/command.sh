curl -X POST "$INCENT_URL/v1/incentives/marketplace/redeem" \
  -H "x-api-key: $INCENTA_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{ "listingId": "listing_456", "userId": "user_123" }'
