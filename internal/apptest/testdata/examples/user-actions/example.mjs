export async function trackUserAction(userId, actionKey) {
  await fetch(`${process.env.INCENT_URL}/v1/incentives/events`, {
    method: 'POST',
    headers: {
      'x-api-key': process.env.INCENTA_API_KEY,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({
      userId,
      actionKey,
      idempotencyKey: `${userId}_${actionKey}`,
    }),
  })
}
