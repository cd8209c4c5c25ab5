export async function createReferral(customerId, campaignId) {
  const res = await fetch(`${process.env.INCENT_URL}/v1/referrals`, {
    method: 'POST',
    headers: {
      'x-api-key': process.env.INCENTA_API_KEY,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({
      campaignId,
      referrerId: customerId,
    }),
  })
  const data = await res.json()
  return data.referralCode
}

export async function trackPurchase(referralCode, newUserId, orderTotal) {
  const res = await fetch(`${process.env.INCENT_URL}/v1/conversions`, {
    method: 'POST',
    headers: {
      'x-api-key': process.env.INCENTA_API_KEY,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({
      referralCode,
      refereeId: newUserId,
      amount: orderTotal,
      metadata: { source: 'ecommerce_checkout' },
    }),
  })
  return res.json()
}
